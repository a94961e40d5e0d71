//! `query`: one query to the service, and its response for people.

mod answer;
mod table;

use std::io::Write;
use std::time::Duration;

use clap::Args;

use super::chosen::{Choice, Chosen};
use super::moment::{Moment, MomentError};
use super::output::Output;
use crate::clock;
use crate::config::{App, duration};
use crate::failure::Failure;
use crate::fetch::Fetch;
use crate::model::outcome::FetchError;
use crate::model::push::Push;
use crate::model::reading::{Api, Reading};
use crate::model::window::{LOOK_BACK, Range, TO_PASTE, UnixSeconds, aligned_end};
use crate::status::words;
use answer::{Answer, Sent};

#[derive(Args)]
pub struct QueryArgs {
    #[command(flatten)]
    choice: Choice,
    /// One of the app's regions; without it, all of them
    #[arg(long)]
    region: Option<String>,
    /// How long the range is, such as 1h or 2h30m; without it, as long as the app's window
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "from")]
    since: Option<Duration>,
    /// Start of the range: -2h, 2026-11-25, '2026-11-25 14:00' by the app's `day_offset`,
    /// RFC 3339 or Unix seconds
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<Moment>,
    /// End of the range, as --from, or now; without it, the newest time that has settled
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<Moment>,
    /// Show every row: churn, rows under 1 % and the overall counts, too
    #[arg(long)]
    all: bool,
    /// A table for people, or JSON for programs
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

/// Queries the losses of a range and prints them.
pub async fn run(args: QueryArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let chosen = Chosen::load(&args.choice)?;
    let words = words::of(chosen.language());
    let range = range(&args, &chosen.app, clock::now().unix())
        .map_err(|error| Failure::usage(words.told(&error.to_string())))?;
    let (targets, client) = chosen.targets(args.region.as_deref())?;
    let mut answers = Vec::new();
    for target in &targets {
        let named = |error: &FetchError| format!("{}: {}", target.id(), words.failure(error));
        let losses = match client.fetch(target, Api::losses(target.push), range).await {
            Ok(Reading::Loss(losses)) => losses,
            Ok(Reading::Statistics { .. }) => continue,
            // One population is better than none.
            Err(error) if target.push == Push::AllMember => {
                tracing::warn!("{}", named(&error));
                continue;
            }
            Err(error) => return Err(Failure::failed(named(&error))),
        };
        let mut sent = Sent::default();
        if target.app.polling.statistics {
            match client
                .fetch(target, Api::statistics(target.push), range)
                .await
            {
                Ok(reading) => sent = Sent::of(reading),
                // Losses without shares are better than nothing while one API is down.
                Err(error) => {
                    let text = words.told("no shares of what was sent: ");
                    tracing::warn!("{text}{}", named(&error));
                }
            }
        }
        answers.push(Answer::new(target, range, &losses, &sent));
    }
    args.output.print(&answers, out, |answer, out| {
        table::write(answer, args.all, words, out)
    })
}

/// Why a range cannot be queried.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum RangeError {
    #[error(transparent)]
    Moment(#[from] MomentError),
    #[error("--from {0} is not before --to {1}")]
    Empty(UnixSeconds, UnixSeconds),
    #[error(
        "--from: the service keeps losses for 7 days; the earliest time to ask from is {earliest}"
    )]
    TooOld { earliest: UnixSeconds },
}

/// The range to query; omitted parts are as in a poll at `now`.
fn range(args: &QueryArgs, app: &App, now: UnixSeconds) -> Result<Range, RangeError> {
    let polling = &app.polling;
    let at = |moment: Moment| moment.at(now, app.day_offset);
    let settled = aligned_end(now, polling.lag, polling.step, app.day_offset);
    let end = args.to.map(at).transpose()?.unwrap_or(settled);
    let length = args.since.unwrap_or(polling.window);
    let start = match args.from {
        Some(from) => at(from)?,
        None => Range::ending(end, length).start,
    };
    checked(start, end, now)
}

/// A range for which the service can respond.
fn checked(start: UnixSeconds, end: UnixSeconds, now: UnixSeconds) -> Result<Range, RangeError> {
    let earliest = UnixSeconds(now.0.saturating_sub(LOOK_BACK.as_secs()));
    if start >= end {
        return Err(RangeError::Empty(start, end));
    }
    if start < earliest {
        let earliest = UnixSeconds((earliest.0 + TO_PASTE).next_multiple_of(60));
        return Err(RangeError::TooOld { earliest });
    }
    Ok(Range { start, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_cannot_be_answered_are_refused_before_a_call() {
        let day = 86_400;
        let range =
            |start, end| checked(UnixSeconds(start), UnixSeconds(end), UnixSeconds(100 * day));
        assert!(range(93 * day, 100 * day).is_ok());
        for (second, named) in [(0, "1970-04-04T00:02:00Z"), (1, "1970-04-04T00:03:00Z")] {
            let now = UnixSeconds(100 * day + second);
            let refusal = checked(UnixSeconds(0), now, now).unwrap_err().to_string();
            assert!(refusal.ends_with(named), "{refusal}");
            // The text is pasted a little later.
            let start = named.parse::<jiff::Timestamp>().unwrap().as_second();
            let start = UnixSeconds(u64::try_from(start).unwrap());
            let later = UnixSeconds(now.0 + 100);
            assert!(checked(start, later, later).is_ok());
        }
        assert!(range(95 * day, 95 * day).is_err());
    }
}
