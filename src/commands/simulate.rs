//! `simulate`: the service's simulator alone, for drills.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use super::run::shutdown;
use crate::config::{Config, Secrets, variables};
use crate::failure::Failure;
use crate::simulator::{SimulateError, configured_apps, simulate};

/// Serves until SIGTERM or SIGINT, with the apps of `config` if given.
pub async fn run(
    listen: SocketAddr,
    config: Option<&Path>,
    scenario: Option<&Path>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let apps = match config {
        Some(path) => {
            let config =
                Config::load(path, &variables(), Secrets::Check).map_err(Failure::usage)?;
            configured_apps(&config).map_err(Failure::usage)?
        }
        None => Vec::new(),
    };
    simulate(listen, apps, scenario, shutdown()?, out)
        .await
        .map_err(|error| match error {
            SimulateError::Scenario(_) => Failure::usage(error),
            _ => Failure::failed(error),
        })
}
