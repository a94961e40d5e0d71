//! `backfill`: the past days as the daemon would have served them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::moment::Moment;
use super::run::shutdown;
use super::usersig::find_app;
use crate::additivity;
use crate::api::{Client, FetchError};
use crate::backfill::ask::{AskError, collect};
use crate::backfill::bounds::{check_ends, check_kept, check_span};
use crate::backfill::destination::{Destination, DestinationError};
use crate::backfill::journal::{self, Found, Journal, JournalError};
use crate::backfill::label::{Label, repeated};
use crate::backfill::plan::{Plan, Span};
use crate::backfill::progress::{Bar, announcement};
use crate::backfill::text;
use crate::clock;
use crate::config::{Config, Secrets, duration, find, variables};
use crate::failure::Failure;
use crate::reading::Api;
use crate::self_metrics::SelfMetrics;
use crate::target::{Target, expand};
use crate::window::{DAY, UnixSeconds};

#[derive(Args)]
pub struct BackfillArgs {
    #[arg(long)]
    config: Option<PathBuf>,
    /// One app's name in the configuration; without it, all apps are filled
    #[arg(long)]
    app: Option<String>,
    /// Time of the first samples, RFC 3339 or Unix seconds; the service keeps 7 days
    #[arg(long)]
    from: Moment,
    /// Time of the last samples, RFC 3339 or Unix seconds
    #[arg(long)]
    to: Moment,
    /// Time between samples, such as 1m or 1h; divides a day. The shorter, the more calls
    #[arg(long, value_parser = duration::parse)]
    step: Duration,
    /// The file to write, which must not exist; without it, standard output
    #[arg(long)]
    output: Option<PathBuf>,
    /// Continue what was interrupted: with the same arguments, the same file comes out
    #[arg(long, requires = "output")]
    resume: bool,
    /// A label for every series, as the scrape configuration adds them; repeatable
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<Label>,
}

/// Asks for all that is needed and writes it.
pub async fn run(args: BackfillArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let span = Span {
        from: args.from.0,
        to: args.to.0,
        step: args.step,
    };
    check_span(span).map_err(Failure::usage)?;
    if let Some(name) = repeated(&args.labels) {
        return Err(Failure::usage(format!("--label: {name} is given twice")));
    }
    let destination = args.output.map(Destination::new).transpose();
    let destination = destination.map_err(Failure::usage)?;
    let path = find(args.config.as_deref()).map_err(Failure::usage)?;
    let config = Config::load(&path, &variables(), Secrets::Skip).map_err(Failure::usage)?;
    let targets = targets(&config, args.app.as_deref())?;
    let metrics = Arc::new(SelfMetrics::new(&targets, config.holds.zero).map_err(Failure::failed)?);
    let client = Arc::new(Client::new(&config, metrics).map_err(Failure::usage)?);

    let now = clock::now();
    check_ends(&targets, span, now.unix(), now.steady).map_err(Failure::usage)?;
    let plan = Plan::new(targets, span, now.steady);
    let mut facts = plan.facts();
    for label in &args.labels {
        facts.insert(
            format!("--label {}", label.name()),
            label.value().to_owned(),
        );
    }
    let found = match &destination {
        Some(destination) => left(destination, &facts, args.resume)?,
        None => Found::default(),
    };
    let length = found.length;
    let mut answers = plan.known(found);
    let questions = plan.questions(&answers);
    check_kept(&plan, &questions, now.unix()).map_err(Failure::usage)?;
    if !questions.is_empty() {
        for planned in &plan.targets {
            prove(client.as_ref(), &planned.target, now.unix()).await?;
        }
    }
    let journal = match &destination {
        Some(destination) => Some(
            Journal::open(&destination.journal(), &facts, length)
                .map_err(|error| advised(error, destination))?,
        ),
        None => None,
    };

    // Standard error that is gone is no reason to stop.
    let _ = writeln!(io::stderr(), "{}", announcement(&plan, &questions));
    let mut bar = Bar::new(questions.len());
    let interrupted = shutdown()?;
    let told = || bar.advance();
    let asked = tokio::select! {
        asked = collect(client, &plan, questions, &mut answers, journal, told) => asked.map_err(Some),
        () = interrupted => Err(None),
    };
    drop(bar);
    asked.map_err(|error| stopped(error, destination.as_ref()))?;

    let samples = plan.samples(&answers);
    let write = |out: &mut dyn Write| text::write(out, &samples, &args.labels);
    let Some(destination) = &destination else {
        let mut out = io::BufWriter::new(out);
        write(&mut out)?;
        return Ok(out.flush()?);
    };
    destination.publish(write).map_err(|error| match error {
        error @ DestinationError::Exists(_) => Failure::usage(error),
        error => advised(error, destination),
    })?;
    let _ = writeln!(
        io::stderr(),
        "{} is written; load it with\n  promtool tsdb create-blocks-from openmetrics {0} DATA-DIRECTORY-OF-PROMETHEUS",
        destination.file().display()
    );
    Ok(())
}

/// The targets to fill. Their keys can be read.
fn targets(config: &Config, app: Option<&str>) -> Result<Vec<Target>, Failure> {
    if let Some(name) = app {
        find_app(config, name)?;
    }
    let targets: Vec<Target> = expand(config)
        .into_iter()
        .filter(|target| app.is_none_or(|name| target.app.name == name))
        .collect();
    for target in &targets {
        target.app.key.read().map_err(Failure::usage)?;
    }
    Ok(targets)
}

/// Everything here is added up from parts, so parts must add up, and be told apart.
async fn prove(client: &Client, target: &Target, now: UnixSeconds) -> Result<(), Failure> {
    let (id, api) = (target.id(), Api::NormalPushLoss);
    let failed = |error: FetchError| Failure::failed(format!("{id}: {error}; {}", error.advice));
    let verdict = additivity::check(client, target, api, now)
        .await
        .map_err(failed)?;
    if verdict.passes() == Some(false) {
        return Err(Failure::failed(format!(
            "{id}: {verdict}; the past cannot be put together from such parts, `timpush-exporter probe` shows more"
        )));
    }
    let resolved = additivity::resolved(client, target, api, now)
        .await
        .map_err(failed)?;
    let whole_days = [target.app.polling.window, target.app.polling.step]
        .iter()
        .all(|length| length.as_secs().is_multiple_of(DAY));
    if resolved == Some(false) && !whole_days {
        return Err(Failure::failed(format!(
            "{id}: the service does not tell ranges inside a day apart; set `window` and `step` to 1d for this app"
        )));
    }
    Ok(())
}

/// What an earlier run has left.
fn left(
    destination: &Destination,
    facts: &BTreeMap<String, String>,
    resume: bool,
) -> Result<Found, Failure> {
    let path = destination.journal();
    if !resume {
        // A link that leads nowhere is in the way, too.
        return match path.symlink_metadata() {
            Ok(_) => Err(Failure::usage(JournalError::Unfinished(path))),
            Err(_) => Ok(Found::default()),
        };
    }
    journal::find(&path, facts).map_err(|error| match error {
        error @ JournalError::Other { .. } => Failure::usage(error),
        error => Failure::failed(error),
    })
}

/// Why the answers are not complete, and the way on; without an error it was a signal.
fn stopped(error: Option<AskError>, destination: Option<&Destination>) -> Failure {
    let go_on = match destination {
        Some(destination) => format!(
            "what was answered is kept in {}: continue with the same command and --resume",
            destination.journal().display()
        ),
        None => "nothing was written; with --output, it could be continued".to_owned(),
    };
    match (error, destination) {
        (None, _) => Failure::failed(format!("interrupted; {go_on}")),
        (Some(AskError::Keep(error)), Some(destination)) => advised(error, destination),
        (Some(error), _) => Failure::failed(format!("{error}\n{go_on}")),
    }
}

/// A file that could not be written, with the way on.
fn advised(error: impl std::error::Error + 'static, destination: &Destination) -> Failure {
    let cause = error
        .source()
        .map(|source| format!(": {source}"))
        .unwrap_or_default();
    Failure::failed(format!(
        "{error}{cause}\nmake sure that there is space and that the folder can be written to, then continue with the same command and --resume; nothing is at {}",
        destination.file().display()
    ))
}
