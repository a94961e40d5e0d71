//! `probe`: what the service does not document, measured on the user's own account.

use std::io::{IsTerminal, Write, stderr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::query::{Output, targets_of};
use super::usersig::find_app;
use crate::api::Client;
use crate::clock;
use crate::config::{Config, Secrets, find, variables};
use crate::failure::Failure;
use crate::probe::{Probe, Report};
use crate::self_metrics::SelfMetrics;

#[derive(Args)]
pub struct ProbeArgs {
    #[arg(long)]
    config: Option<PathBuf>,
    /// The app's name in the configuration
    #[arg(long)]
    app: String,
    /// One of the app's regions; without it, all of them are measured
    #[arg(long)]
    region: Option<String>,
    /// Leave out how long counts take to settle, which takes up to half an hour
    #[arg(long)]
    quick: bool,
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

/// Measures and prints; what is going on goes to standard error if that is a terminal.
pub async fn run(args: ProbeArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let path = find(args.config.as_deref()).map_err(Failure::usage)?;
    let config = Config::load(&path, &variables(), Secrets::Skip).map_err(Failure::usage)?;
    let app = Arc::clone(find_app(&config, &args.app)?);
    app.key.read().map_err(Failure::usage)?;
    let targets = targets_of(&config, &app, args.region.as_deref())?;
    let metrics = Arc::new(SelfMetrics::new(&targets, config.holds.zero).map_err(Failure::failed)?);
    let client = Client::new(&config, metrics).map_err(Failure::usage)?;
    let shows_progress = stderr().is_terminal();
    let mut reports: Vec<Report> = Vec::new();
    for target in &targets {
        let id = target.id();
        let progress = |what: &str| {
            if shows_progress {
                // A terminal that went away must not end the measurement.
                let _ = writeln!(stderr(), "{id}: {what}");
            }
        };
        let clock = || clock::now().unix();
        let report = Probe::new(&client, target, &clock, &progress)
            .run(args.quick)
            .await
            .map_err(|error| Failure::failed(format!("{id}: {error}; {}", error.advice)))?;
        reports.push(report);
    }
    match args.output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut *out, &reports).map_err(Failure::failed)?;
            writeln!(out)?;
        }
        Output::Table => {
            for (n, report) in reports.iter().enumerate() {
                if n > 0 {
                    writeln!(out)?;
                }
                report.write(out)?;
            }
        }
    }
    Ok(())
}
