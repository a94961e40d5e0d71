//! `backfill`: the past days as the daemon would have served them.

mod rest;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::chosen::{client, configuration, find_app};
use super::demo;
use super::moment::Moment;
use super::run::shutdown;
use super::share;
use crate::backfill::answers::Answers;
use crate::backfill::ask::{Event, collect};
use crate::backfill::bounds::{check_ends, check_kept, check_size, check_span, longest};
use crate::backfill::destination::{Destination, DestinationError};
use crate::backfill::journal::{self, Damage, Journal, JournalError};
use crate::backfill::label::{Label, repeated};
use crate::backfill::plan::{Backfill, Span};
use crate::backfill::progress::{Bar, announcement, summary};
use crate::backfill::samples;
use crate::clock::{self, Now};
use crate::config::target::{Target, expand};
use crate::config::{Config, duration};
use crate::failure::Failure;
use crate::model::window::{DayOffset, UnixSeconds};
use crate::push_api::Client;
use crate::shell;
use rest::Rest;

#[derive(Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of a command line are independent"
)]
pub struct BackfillArgs {
    /// The configuration; without it timpush.yml is looked for in the working directory, then in
    /// /etc/timpush-exporter
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Instead of a configuration, the apps of `demo` and their simulated service
    #[arg(long, conflicts_with_all = ["config", "resume"])]
    demo: bool,
    /// One app's name in the configuration; without it, all apps are filled
    #[arg(long)]
    app: Option<String>,
    /// Time of the first samples: -3d, 2026-11-25, '2026-11-25 14:00' by the app's `day_offset`,
    /// RFC 3339 or Unix seconds; the service keeps 7 days. With --demo it can be left out: as
    /// early as possible
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        required_unless_present = "demo"
    )]
    from: Option<Moment>,
    /// Time of the last samples, as --from. With --demo it can be left out: as late as possible
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        required_unless_present = "demo"
    )]
    to: Option<Moment>,
    /// Time between samples, such as 1m or 1h; divides a day. The shorter, the more calls
    #[arg(long, value_parser = duration::parse)]
    step: Duration,
    /// The file to write, which must not exist unless --overwrite is given; without it, standard output
    #[arg(long)]
    output: Option<PathBuf>,
    /// Replace the file if it exists, as a whole
    #[arg(long, requires = "output")]
    overwrite: bool,
    /// Continue what was interrupted: with the same arguments, the same file comes out
    #[arg(long, requires = "output")]
    resume: bool,
    /// Take all of the app's call limit; without it, what the daemon needs is left to it
    #[arg(long)]
    whole_limit: bool,
    /// A label for every series, as the scrape configuration adds them; repeatable
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<Label>,
}

/// Queries everything needed and writes it.
pub async fn run(args: BackfillArgs, out: &mut dyn Write) -> Result<(), Failure> {
    if args.demo {
        return demo::without_limits(async |config| fill(&config, None, args, out).await).await;
    }
    let mut config = configuration(args.config.as_deref())?;
    let share = (!args.whole_limit).then(|| share::leave_to_daemon(&mut config));
    fill(&config, share.flatten(), args, out).await
}

/// `share` describes what is left to the daemon.
async fn fill(
    config: &Config,
    share: Option<String>,
    args: BackfillArgs,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if let Some(name) = repeated(&args.labels) {
        return Err(Failure::usage(format!("--label: {name} is given twice")));
    }
    let destination = args
        .output
        .map(|file| Destination::new(file, args.overwrite))
        .transpose()
        .map_err(Failure::usage)?;
    let targets = targets(config, args.app.as_deref())?;
    let now = clock::now();
    let span = span(args.from, args.to, args.step, &targets, now)?;
    let client = Arc::new(client(config, &targets)?);
    check_ends(&targets, span, now.unix())
        .and_then(|()| check_size(span, targets.len()))
        .map_err(Failure::usage)?;
    let job = Job {
        plan: Arc::new(Backfill::new(targets, span)),
        labels: args.labels,
        destination,
        rest: if args.demo {
            Rest::Demo
        } else {
            Rest::Kept(resumption(args.from, args.to, span))
        },
    };
    let answers = job.ask(client, args.resume, share, now).await?;
    job.write(answers, now, out)
}

/// What to write, and where.
struct Job {
    plan: Arc<Backfill>,
    labels: Vec<Label>,
    destination: Option<Destination>,
    rest: Rest,
}

impl Job {
    /// Everything that the output depends on.
    fn facts(&self) -> BTreeMap<String, String> {
        let labels = self.labels.iter();
        let labels = labels.map(|label| {
            let name = format!("--label {}", label.name);
            (name, label.value.clone())
        });
        self.plan.facts().into_iter().chain(labels).collect()
    }

    /// Reads the responses that an earlier run left, then queries the service.
    async fn ask(
        &self,
        client: Arc<Client>,
        resume: bool,
        share: Option<String>,
        now: Now,
    ) -> Result<Answers, Failure> {
        let (plan, facts) = (&self.plan, self.facts());
        let mut answers = plan.no_answers();
        let length = match &self.destination {
            Some(destination) => left(destination, &facts, resume, &mut answers)?,
            None => 0,
        };
        let work = plan.work(&answers);
        check_kept(plan, &work, now.unix()).map_err(Failure::usage)?;
        let journal = match (&self.destination, &self.rest) {
            (Some(destination), Rest::Kept(_)) => Some(
                Journal::open(&destination.journal(), &facts, length)
                    .map_err(|error| self.rest.unwritten(error, destination))?,
            ),
            _ => None,
        };

        let share = share.map(|share| format!("; {share}")).unwrap_or_default();
        tell(&format!("{}{share}", announcement(plan, &work)));
        let mut bar = Bar::new(plan, &work);
        let interrupted = shutdown()?;
        let told = |event: &Event| bar.advance(event);
        let asked = tokio::select! {
            asked = collect(client, plan, work, now.unix(), &mut answers, journal, told) => asked.map_err(Some),
            () = interrupted => Err(None),
        };
        drop(bar);
        asked.map_err(|error| self.rest.stopped(error, self.destination.as_ref()))?;
        Ok(answers)
    }

    fn write(self, answers: Answers, began: Now, out: &mut dyn Write) -> Result<(), Failure> {
        let samples = self.plan.samples(answers);
        let labels = self.labels.iter();
        let labels: Vec<_> = labels
            .map(|label| (label.name.as_str(), label.value.as_str()))
            .collect();
        let write = |out: &mut dyn Write| samples::write(out, &samples, &labels);
        let summary = |written| {
            let took = clock::now().steady.duration_since(began.steady);
            summary(written, took)
        };
        let Some(destination) = &self.destination else {
            let written = write(out)?;
            out.flush()?;
            tell(&summary(written));
            return Ok(());
        };
        let written = destination.publish(write).map_err(|error| match error {
            error @ (DestinationError::Exists(_) | DestinationError::NotFile(_)) => {
                Failure::usage(error)
            }
            error => self.rest.unwritten(error, destination),
        })?;
        tell(&format!(
            "{} is written: {}; load it with\n  promtool tsdb create-blocks-from openmetrics {} DATA-DIRECTORY-OF-PROMETHEUS",
            destination.file().display(),
            summary(written),
            shell::file(destination.file())
        ));
        Ok(())
    }
}

/// Prints the text on standard error. A closed standard error is no reason to stop.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// The time span to query; an omitted end is as far out as possible.
fn span(
    from: Option<Moment>,
    to: Option<Moment>,
    step: Duration,
    targets: &[Target],
    now: Now,
) -> Result<Span, Failure> {
    let longest = longest(targets, now.unix());
    let end = |given: Option<Moment>, longest: Option<UnixSeconds>| match given {
        Some(moment) => at(moment, targets, now.unix()),
        None => longest.ok_or_else(|| Failure::usage("there is nothing to fill")),
    };
    let span = Span {
        from: end(from, longest.map(|(from, _)| from))?,
        to: end(to, longest.map(|(_, to)| to))?,
        step,
    };
    check_span(span).map_err(Failure::usage)?;
    Ok(span)
}

/// The same time for all targets.
fn at(moment: Moment, targets: &[Target], now: UnixSeconds) -> Result<UnixSeconds, Failure> {
    let mut offsets = targets.iter().map(|target| target.app.day_offset);
    let offset = offsets.next().unwrap_or(DayOffset::DEFAULT);
    if moment.is_local() && offsets.any(|other| other != offset) {
        return Err(Failure::usage(
            "the apps differ in `day_offset`, so give --app, or times with an offset as in 2026-01-02T15:04:05+08:00",
        ));
    }
    moment.at(now, offset).map_err(Failure::usage)
}

/// The command that continues this run: a relative time would mean a different one then.
fn resumption(from: Option<Moment>, to: Option<Moment>, span: Span) -> String {
    let is_relative = |moment: Option<Moment>| moment.is_some_and(Moment::is_relative);
    if is_relative(from) || is_relative(to) {
        format!(
            "the same command with --from {} --to {} and --resume",
            span.from, span.to
        )
    } else {
        "the same command and --resume".to_owned()
    }
}

/// The targets to fill, all with readable keys.
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

/// Reads the responses of an earlier run into `answers`, as far as its journal is intact.
fn left(
    destination: &Destination,
    facts: &BTreeMap<String, String>,
    resume: bool,
    answers: &mut Answers,
) -> Result<u64, Failure> {
    let path = destination.journal();
    if !resume {
        return if journal::exists(&path).map_err(Failure::usage)? {
            Err(Failure::usage(JournalError::Unfinished(path)))
        } else {
            Ok(0)
        };
    }
    journal::find(&path, facts, |entry| answers.add(entry)).map_err(|error| match error {
        JournalError::NotFile(_)
        | JournalError::Unusable {
            problem: Damage::Other(_),
            ..
        } => Failure::usage(error),
        error => Failure::failed(error),
    })
}
