//! `run`: the daemon.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Once;

use clap::Args;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::shard::ShardArgs;
use crate::app::{self, StopError};
use crate::config::target::expand;
use crate::config::{Config, Secrets, find, listen, variables};
use crate::failure::Failure;
use crate::notify::Manager;
use crate::reload;

#[derive(Args)]
pub struct RunArgs {
    /// The configuration; without it timpush.yml is looked for in the working directory,
    /// then in /etc/timpush-exporter
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// Where to serve, in place of the configuration's `listen`
    #[arg(long, value_name = "ADDRESS", value_parser = listen::parse)]
    listen: Option<SocketAddr>,
    /// This replica's number, so that replicas do not poll in step
    #[arg(long, default_value_t = 0)]
    replica_index: u32,
    #[command(flatten)]
    shard: ShardArgs,
}

/// Polls and serves until SIGTERM or SIGINT.
pub async fn run(args: RunArgs) -> Result<(), Failure> {
    // Before anything else: reading many keys takes time, and a signal without a handler ends the
    // process.
    let mut shutdown = pin!(shutdown()?);
    let mut hangup = signal(SignalKind::hangup())?;
    let shard = args.shard.shard(&variables()).map_err(Failure::usage)?;
    let path = find(args.config.as_deref()).map_err(Failure::usage)?;
    let (listen, first) = (args.listen, Once::new());
    let (reloader, reloads) = reload::channel(move || load(&path, listen, &first));
    let start = async {
        let config = reloads.load().await.map_err(Failure::usage)?;
        app::bind(config, args.replica_index, shard)
            .await
            .map_err(|error| match error {
                app::StartError::WebFile(_) => Failure::usage(error),
                error => Failure::failed(error),
            })
    };
    let bound = tokio::select! {
        bound = start => bound?,
        () = &mut shutdown => return Ok(()),
    };
    let on_signal = async {
        let reloader = reloader.clone();
        while hangup.recv().await.is_some() {
            // The log reports the result.
            let _ = reloader.reload().await;
        }
        std::future::pending::<()>().await;
    };
    let run = bound.run(
        shutdown,
        Some((reloader.clone(), reloads)),
        Manager::from_environment(),
    );
    let result = tokio::select! {
        result = run => result,
        () = on_signal => return Ok(()),
    };
    result.map_err(|error| match error {
        // An unusable CA file or proxy is a configuration error.
        StopError::Start(error @ app::StartError::Transport(_)) => Failure::usage(error),
        error => Failure::failed(error),
    })
}

fn load(
    path: &Path,
    listen: Option<SocketAddr>,
    first: &Once,
) -> Result<Config, reload::Rejection> {
    let config = Config::load(path, &variables(), Secrets::Check);
    let mut config = config.map_err(|error| error.to_string())?;
    config.global.listen = listen.unwrap_or(config.global.listen);
    first.call_once(|| {
        info!(
            version = env!("CARGO_PKG_VERSION"),
            revision = env!("TIMPUSH_REVISION"),
            config = %path.display(),
            apps = config.apps.len(),
            targets = expand(&config).len(),
            "timpush-exporter starts"
        );
    });
    for notice in &config.notices {
        warn!("{}: {notice}", path.display());
    }
    if let Some(proxy) = &config.global.proxy_url {
        info!("https calls go through the proxy {proxy}");
    }
    Ok(config)
}

/// Ready once SIGTERM or SIGINT requests the end of the process.
pub(super) fn shutdown() -> Result<impl Future<Output = ()>, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
