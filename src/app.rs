//! The running program: bind, poll and serve, stop. The one room that knows all others.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::api::Client;
use crate::api::transport::TransportError;
use crate::clock;
use crate::config::Config;
use crate::schedule::{self, Shared};
use crate::self_metrics::SelfMetrics;
use crate::snapshot::{Recorder, Snapshot};
use crate::state;
use crate::target::expand;
use crate::web::{self, Served};

/// How long requests may go on after the program was told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Why the program could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen on {address}; is another process using it?")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("cannot call the service")]
    Transport(#[from] TransportError),
    #[error("cannot register the process's own metrics")]
    Metrics(#[from] prometheus::Error),
}

/// Why the program stopped without being told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("the HTTP server ended")]
    Server(#[source] io::Error),
    #[error("a task ended that must run for ever; this is a bug, please report it")]
    Task,
}

/// A program that holds its address and has not begun to work.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    config: Config,
    replica_index: u32,
}

/// Takes the address, so that a second instance fails before it calls the service.
pub async fn bind(config: Config, replica_index: u32) -> Result<Bound, StartError> {
    let address = config.listen;
    let listen = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    Ok(Bound {
        listener,
        address,
        config,
        replica_index,
    })
}

impl Bound {
    /// The address with the port that the system chose for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Polls and serves until `shutdown` is ready, then stops polling at once and lets
    /// requests end.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), StopError> {
        let targets = expand(&self.config);
        let metrics =
            Arc::new(SelfMetrics::new(&targets, self.config.holds.zero).map_err(StartError::from)?);
        let snapshot = Arc::new(Snapshot::new(&targets));
        let shared = Arc::new(Shared {
            fetch: Client::new(&self.config, Arc::clone(&metrics)).map_err(StartError::from)?,
            metrics: Arc::clone(&metrics),
            clock: Box::new(clock::now),
            replica_index: self.replica_index,
        });
        info!(address = %self.address, targets = targets.len(), "serving on http://{}", self.address);
        let mut pollers = JoinSet::new();
        let state_file = self.config.state_file.clone();
        let mut remembered = state_file.as_deref().map(state::load).unwrap_or_default();
        for target in targets {
            let mut recorder = Recorder::new(target.clone(), Arc::clone(&snapshot));
            if let Some(remembered) = remembered.remove(&target.id()) {
                recorder.restore(remembered, clock::now());
            }
            pollers.spawn(schedule::poll(target, Arc::clone(&shared), recorder));
        }
        pollers.spawn(clock::watch());
        if let Some(path) = state_file.clone() {
            pollers.spawn(state::keep(path, Arc::clone(&snapshot)));
        }
        let created = self.config.web.openmetrics_created;
        let state = Served::new(Arc::clone(&snapshot), metrics, created);
        let router = web::router(Arc::new(state));
        let (drain, drained) = oneshot::channel::<()>();
        let mut server = JoinSet::new();
        server.spawn(
            axum::serve(self.listener, router)
                .with_graceful_shutdown(async move {
                    // A sender that is gone asks for the same.
                    let _ = drained.await;
                })
                .into_future(),
        );
        tokio::select! {
            () = shutdown => {}
            ended = server.join_next() => {
                let cause = ended.and_then(Result::ok).and_then(Result::err);
                return Err(cause.map_or(RunError::Task, RunError::Server).into());
            }
            Some(_) = pollers.join_next() => return Err(RunError::Task.into()),
        }
        info!("stopping");
        pollers.shutdown().await;
        if let Some(path) = &state_file
            && let Err(error) = state::save(path, &snapshot.load(), clock::now())
        {
            warn!(path = %path.display(), "cannot write the state file: {error}");
        }
        drop(drain);
        if timeout(DRAIN, server.join_next()).await.is_err() {
            warn!(
                "some requests did not end within {} s and are cut off",
                DRAIN.as_secs()
            );
        }
        Ok(())
    }
}

/// Why [`Bound::run`] failed.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Run(#[from] RunError),
}
