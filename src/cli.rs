//! The command line: its commands, and how a command's result becomes an exit code.

mod help;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use tokio::runtime::Runtime;
use tracing::{Level, error};

use crate::commands;
use crate::config::{Secrets, find, listen, variables};
use crate::failure::Failure;
use crate::logging::{self, LogFormat};
use crate::model::outcome::chain;

/// Exit code for wrong usage and wrong configuration (`EX_USAGE` of sysexits).
pub const EXIT_USAGE: u8 = 64;

#[derive(Parser)]
#[command(
    name = "timpush-exporter",
    version,
    about = "Prometheus exporter for offline push loss of Tencent Cloud Chat",
    after_help = help::PROGRAM,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: commands::run::RunArgs,
    /// How log lines look
    #[arg(long, global = true, value_enum, default_value = "text")]
    log_format: LogFormat,
    /// What is logged. error: what ends the program or a reload; warn: failing polls and odd
    /// settings, too; info: start, reloads and recoveries, too; debug: each repeated failure and
    /// each connection that ends early, too; trace: nothing more
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info")]
    log_level: Level,
}

#[derive(Subcommand)]
enum Command {
    /// Poll the service and serve metrics
    #[command(after_help = help::RUN)]
    Run(commands::run::RunArgs),
    /// Show the whole thing without credentials, on a simulated service
    #[command(after_help = help::DEMO)]
    Demo {
        /// Where to serve
        #[arg(long, value_name = "ADDRESS", value_parser = listen::parse, default_value = "127.0.0.1:10898")]
        listen: SocketAddr,
    },
    /// Run the service's simulator alone, for drills and tests
    #[command(after_help = help::SIMULATE)]
    Simulate {
        /// Where to serve
        #[arg(long, value_name = "ADDRESS", value_parser = listen::parse)]
        listen: SocketAddr,
        /// Take apps and keys from this configuration; without it they are made up
        #[arg(long)]
        config: Option<PathBuf>,
        /// Faults and incidents to begin with
        #[arg(long)]
        scenario: Option<PathBuf>,
    },
    /// Check a configuration and show how many calls it needs
    #[command(after_help = help::CHECK_CONFIG)]
    CheckConfig {
        /// The configuration; without it, the one that `run` would find
        file: Option<PathBuf>,
        /// The same, as the other commands name it
        #[arg(long, value_name = "FILE", conflicts_with = "file")]
        config: Option<PathBuf>,
        /// Do not look for secret files and variables
        #[arg(long)]
        without_secrets: bool,
    },
    /// Send the service one query and show the response in a form for people
    #[command(after_help = help::QUERY)]
    Query(commands::query::QueryArgs),
    /// Show what became of one push, step by step
    #[command(after_help = help::TRACE)]
    Trace(commands::trace::TraceArgs),
    /// Measure what the service does not document, and show the settings to use
    #[command(after_help = help::PROBE)]
    Probe(commands::probe::ProbeArgs),
    /// Write what the daemon would have served in the last 7 days, to load it into Prometheus
    #[command(after_help = help::BACKFILL)]
    Backfill(commands::backfill::BackfillArgs),
    /// Fail unless a daemon responds, for containers without a shell
    #[command(after_help = help::HEALTHCHECK)]
    Healthcheck(commands::healthcheck::HealthcheckArgs),
    /// Print a signature and its expiry, to try the service by hand
    #[command(after_help = help::USERSIG)]
    Usersig(commands::Choice),
}

/// The definition of the command line, for man pages and completions.
pub fn definition() -> clap::Command {
    Cli::command()
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            if !error.use_stderr() {
                // If standard output is closed, there is no way to report it.
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            if wants_json(env::args_os()) {
                logging::init(LogFormat::Json, Level::ERROR);
                complain(LogFormat::Json, error.to_string().trim_end());
            } else {
                // As above.
                let _ = error.print();
            }
            return ExitCode::from(EXIT_USAGE);
        }
    };
    logging::init(cli.log_format, cli.log_level);
    let command = cli.command.unwrap_or(Command::Run(cli.run));
    let mut out = Pipe::new(io::stdout());
    let (code, error) = match execute(command, &mut out) {
        Ok(()) => return ExitCode::SUCCESS,
        // The reader closed the pipe, so it needs no more output.
        Err(_) if out.is_closed => return ExitCode::SUCCESS,
        Err(Failure::Usage(error)) => (EXIT_USAGE, error),
        Err(Failure::Failed(error)) => (1, error),
    };
    complain(cli.log_format, &chain(error.as_ref()));
    ExitCode::from(code)
}

/// Reports on standard error why the program ends.
fn complain(format: LogFormat, text: &str) {
    match format {
        LogFormat::Json => error!("{text}"),
        // If standard error is closed, there is no way to report it.
        LogFormat::Text => drop(writeln!(io::stderr(), "{text}")),
    }
}

/// Whether arguments that cannot be parsed as a whole request a log in JSON.
fn wants_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let arguments: Vec<OsString> = arguments.collect();
    let pair = |pair: &[OsString]| pair[0] == "--log-format" && pair[1] == "json";
    arguments.windows(2).any(pair) || arguments.iter().any(|one| one == "--log-format=json")
}

/// Standard output that records whether its reader has closed it.
struct Pipe<W> {
    inner: W,
    is_closed: bool,
}

impl<W> Pipe<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            is_closed: false,
        }
    }

    fn noted<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        let broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        self.is_closed |= result.as_ref().is_err_and(broken);
        result
    }
}

impl<W: Write> Write for Pipe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(bytes);
        self.noted(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.noted(result)
    }
}

fn execute(command: Command, out: &mut dyn Write) -> Result<(), Failure> {
    let runtime = || Runtime::new().map_err(Failure::failed);
    match command {
        Command::Run(args) => runtime()?.block_on(commands::run::run(args)),
        Command::Demo { listen } => runtime()?.block_on(commands::demo::run(listen, out)),
        Command::Simulate {
            listen,
            config,
            scenario,
        } => runtime()?.block_on(commands::simulate::run(
            listen,
            config.as_deref(),
            scenario.as_deref(),
            out,
        )),
        Command::CheckConfig {
            file,
            config,
            without_secrets,
        } => {
            let file = find(file.or(config).as_deref()).map_err(Failure::usage)?;
            let secrets = if without_secrets {
                Secrets::Skip
            } else {
                Secrets::Check
            };
            let check = commands::check_config::run(&file, secrets, variables(), out);
            runtime()?.block_on(check)
        }
        Command::Query(args) => runtime()?.block_on(commands::query::run(args, out)),
        Command::Trace(args) => runtime()?.block_on(commands::trace::run(args, out)),
        Command::Probe(args) => runtime()?.block_on(commands::probe::run(args, out)),
        Command::Backfill(args) => runtime()?.block_on(commands::backfill::run(args, out)),
        Command::Healthcheck(args) => runtime()?.block_on(commands::healthcheck::run(args)),
        Command::Usersig(choice) => commands::usersig::run(&choice, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    use crate::model::region::Region;
    use crate::simulator::Scenario;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_is_the_default_command() {
        let cli = Cli::try_parse_from(["timpush-exporter", "--config", "x.yml"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.run.config, Some(PathBuf::from("x.yml")));
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Cli::command()
            .get_subcommands()
            .filter(|command| command.get_name() != "help")
        {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                help.contains(&format!("timpush-exporter {}", command.get_name())),
                "{}",
                command.get_name()
            );
            // Lines of 100 columns or more are wrapped, and so would be an example.
            for line in help.lines() {
                assert!(line.len() < 100, "{line}");
            }
        }
    }

    #[test]
    fn every_option_says_what_it_is_for() {
        for command in Cli::command().get_subcommands() {
            for option in command.get_arguments() {
                let name = format!("{} --{}", command.get_name(), option.get_id());
                assert!(option.get_help().is_some(), "{name}");
            }
        }
    }

    #[test]
    fn the_hosts_in_the_help_are_those_that_are_called() {
        for name in Region::names() {
            let host = Region::known(name).unwrap().main.to_string();
            let host = host.trim_start_matches("https://");
            let is_named = |line: &str| line.contains(name) && line.contains(host);
            assert!(help::USERSIG.lines().any(is_named), "{name} {host}");
        }
    }

    #[test]
    fn the_scenario_that_the_help_shows_can_be_used() {
        let lines = help::SIMULATE.lines();
        let lines = lines.skip_while(|line| !line.starts_with("  # Losses"));
        let example: Vec<&str> = lines
            .take_while(|line| line.starts_with("  "))
            .filter_map(|line| line.strip_prefix("  "))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drill.yml");
        std::fs::write(&path, example.join("\n")).unwrap();
        let scenario = Scenario::read(&path).unwrap();
        assert_eq!(scenario.incidents.len(), 1);
        assert_eq!(scenario.rules.len(), 3);
    }
}
