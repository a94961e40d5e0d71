//! `probe`: measures on the user's own account what the service does not document.

use std::io::{IsTerminal, Write, stderr};

use clap::Args;

use super::chosen::{Choice, Chosen};
use super::output::Output;
use super::share;
use crate::clock;
use crate::failure::Failure;
use crate::probe::{Probe, Report};

#[derive(Args)]
pub struct ProbeArgs {
    #[command(flatten)]
    choice: Choice,
    /// One of the app's regions; without it, all of them are measured
    #[arg(long)]
    region: Option<String>,
    /// Leave out how long counts take to settle, which takes up to half an hour
    #[arg(long)]
    quick: bool,
    /// Take all of the app's call limit; without it, what the daemon needs is left to it
    #[arg(long)]
    whole_limit: bool,
    /// A table for people, or JSON for programs
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

/// Measures and prints; progress goes to standard error if that is a terminal.
pub async fn run(args: ProbeArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let chosen = Chosen::load_as(&args.choice, |config| {
        if !args.whole_limit
            && let Some(told) = share::leave_to_daemon(config)
        {
            // A closed standard error is no reason to stop.
            let _ = writeln!(stderr(), "{told}");
        }
    })?;
    let (targets, client) = chosen.targets(args.region.as_deref())?;
    let shows_progress = stderr().is_terminal();
    let mut reports: Vec<Report> = Vec::new();
    for target in &targets {
        let id = target.id();
        let progress = |what: &str| {
            if shows_progress {
                // A closed terminal must not end the measurement.
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
    args.output.print(&reports, out, Report::write)
}
