//! The running program: bind, poll and serve, reload, stop. The only room that depends on all
//! others.

mod daemon;
mod difference;
mod pulse;

use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::config::{Config, Problems};
use crate::files::Stuck;
use crate::http::content::{self, Content, Lifecycle};
use crate::http::guard::auth;
use crate::http::guard::front::{Front, Watch};
use crate::http::server::Server;
use crate::model::shard::Shard;
use crate::notify::Manager;
use crate::push_api::transport::TransportError;
use crate::reload::{self, Reloader, Reloads, Request};
use daemon::Daemon;

/// How long open requests may continue once the program stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Why the program could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen on {address}; is another process using it?")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("the web configuration is not usable:\n{0}")]
    WebFile(Problems),
    #[error(transparent)]
    Stuck(#[from] Stuck),
    #[error("cannot call the service")]
    Transport(#[from] TransportError),
    #[error("cannot register the process's own metrics")]
    Metrics(#[from] prometheus::Error),
    #[error("cannot start the HTTP server")]
    Server(#[source] io::Error),
}

/// A program that has bound its address but has not started to work.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    config: Config,
    replica_index: u32,
    shard: Shard,
    front: Arc<Front>,
    web_file: Option<Watch>,
}

/// Binds the address, so that a second instance fails before it calls the service. Only the apps of
/// `shard` are polled.
pub async fn bind(config: Config, replica_index: u32, shard: Shard) -> Result<Bound, StartError> {
    let address = config.global.listen;
    let listen = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let (front, web_file) = match &config.web.config_file {
        None => (Front::open(), None),
        Some(path) => {
            let (front, watch) = Front::load(path).await?.map_err(StartError::WebFile)?;
            (front, Some(watch))
        }
    };
    Ok(Bound {
        listener,
        address,
        config,
        replica_index,
        shard,
        front: Arc::new(front),
        web_file,
    })
}

impl Bound {
    /// The address, with the port that the system chose for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the pages.
    pub fn url(&self) -> String {
        let scheme = if self.front.is_tls() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Polls and serves until `shutdown` is ready, then stops polling at once and lets requests
    /// end. Reloads on request, if there is a configuration to reload. Reports each step to the
    /// manager.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()>,
        reloading: Option<(Reloader, Reloads)>,
        manager: Manager,
    ) -> Result<(), StopError> {
        let (reloader, mut reloads) = reloading.unzip();
        let (url, web) = (self.url(), self.config.web.clone());
        let language = self.config.global.language;
        let mut daemon = Daemon::start(self.config, self.replica_index, self.shard).await?;
        info!("serving on {url}");
        if let Some(watch) = self.web_file {
            daemon.also(Arc::clone(&self.front).follow(watch));
        }
        let lifecycle = Arc::new(Lifecycle::new(reloader, daemon.is_open()));
        let state = Content::new(
            Arc::clone(&daemon.snapshot),
            Arc::clone(&daemon.metrics),
            &web,
            Arc::clone(&lifecycle),
        );
        let router = content::router(Arc::new(state.speaking(language)));
        let router = auth::guarded(router, Arc::clone(&self.front));
        let counts = daemon.connections.clone();
        let server = Server::start(self.listener, router, self.front, counts);
        let mut server = server.map_err(StartError::Server)?;
        let watch = Arc::new(pulse::Watch {
            manager,
            snapshot: Arc::clone(&daemon.snapshot),
            metrics: Arc::clone(&daemon.metrics),
            server: server.pulse(),
            url,
        });
        let manager = &watch.manager;
        manager.ready(&watch.status()).await;
        if manager.listens() {
            daemon.also(Arc::clone(&watch).run());
        }
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                () = server.ended() => return Err(StopError::Task),
                () = daemon.ended() => return Err(StopError::Task),
                (request, loaded) = asked(&mut reloads, manager) => {
                    let result = daemon.reload(loaded).await;
                    lifecycle.set_open(daemon.is_open());
                    manager.ready(&watch.status()).await;
                    // The requester may have stopped waiting.
                    let _ = request.send(result);
                }
            }
        }
        info!("stopping");
        manager.stopping().await;
        let ((), all_ended) = tokio::join!(daemon.stop(), server.stop(DRAIN));
        if !all_ended {
            warn!("some requests did not finish within {DRAIN:?} and were aborted");
        }
        Ok(())
    }
}

/// The next reload request with the configuration loaded for it; never ready if there is nothing to
/// load. Abandoned at once when the program stops, however slow the files are.
async fn asked(
    reloads: &mut Option<Reloads>,
    manager: &Manager,
) -> (Request, Result<Config, reload::Rejection>) {
    match reloads {
        Some(reloads) => {
            let request = reloads.next().await;
            manager.reloading().await;
            (request, reloads.load().await)
        }
        None => pending().await,
    }
}

/// Why [`Bound::run`] failed.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("a task ended that must run for ever; this is a bug, please report it")]
    Task,
}
