//! `run`: the daemon.

use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};
use tracing::warn;

use crate::app::{self, StopError};
use crate::cli::Failure;
use crate::config::{Config, Secrets, find, variables};

/// Polls and serves until SIGTERM or SIGINT.
pub async fn run(config: Option<&Path>, replica_index: u32) -> Result<(), Failure> {
    let path = find(config).map_err(Failure::usage)?;
    let config = Config::load(&path, &variables(), Secrets::Check).map_err(Failure::usage)?;
    for notice in &config.notices {
        warn!("{}: {notice}", path.display());
    }
    let bound = app::bind(config, replica_index)
        .await
        .map_err(|error| match error {
            app::StartError::WebFile(_) => Failure::usage(error),
            error => Failure::failed(error),
        })?;
    let shutdown = shutdown()?;
    bound.run(shutdown).await.map_err(|error| match error {
        // An unusable CA file or proxy is a matter of the configuration.
        StopError::Start(error @ app::StartError::Transport(_)) => Failure::usage(error),
        error => Failure::failed(error),
    })
}

/// Ready once the process is asked to end, by SIGTERM or SIGINT.
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
