//! `query`: one question to the service, answered for a person.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::chosen::Chosen;
use super::moment::Moment;
use crate::clock;
use crate::config::target::Target;
use crate::failure::Failure;
use crate::fetch::Fetch;
use crate::model::catalogue::loss_code;
use crate::model::reading::{Api, Loss, LossKey, Reading};
use crate::model::window::{LOOK_BACK, Range, TO_PASTE, UnixSeconds};

#[derive(Args)]
pub struct QueryArgs {
    #[arg(long)]
    config: Option<PathBuf>,
    /// The app's name in the configuration
    #[arg(long)]
    app: String,
    /// One of the app's regions; without it, all of them are asked
    #[arg(long)]
    region: Option<String>,
    /// Start of the range, RFC 3339 or Unix seconds
    #[arg(long)]
    from: Moment,
    /// End of the range, RFC 3339 or Unix seconds
    #[arg(long)]
    to: Moment,
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Table,
    Json,
}

/// Asks for the losses of a range and prints them.
pub async fn run(args: QueryArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let chosen = Chosen::load(args.config.as_deref(), &args.app)?;
    let range =
        checked_range(args.from.0, args.to.0, clock::now().unix()).map_err(Failure::usage)?;
    let (targets, client) = chosen.targets(args.region.as_deref())?;
    let mut answers = Vec::new();
    for target in &targets {
        let reading = client
            .fetch(target, Api::NormalPushLoss, range)
            .await
            .map_err(|error| {
                Failure::failed(format!("{}: {error}; {}", target.id(), error.advice))
            })?;
        if let Reading::Loss(losses) = reading {
            answers.push(AnswerOut::new(target, range, &losses));
        }
    }
    match args.output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut *out, &answers).map_err(Failure::failed)?;
            writeln!(out)?;
        }
        Output::Table => {
            for answer in &answers {
                write_table(answer, out)?;
            }
        }
    }
    Ok(())
}

/// A range that the service may answer.
fn checked_range(start: UnixSeconds, end: UnixSeconds, now: UnixSeconds) -> Result<Range, String> {
    let earliest = UnixSeconds(now.0.saturating_sub(LOOK_BACK.as_secs()));
    if start >= end {
        return Err(format!("--from {start} is not before --to {end}"));
    }
    if start < earliest {
        let named = UnixSeconds((earliest.0 + TO_PASTE).next_multiple_of(60));
        return Err(format!(
            "--from: the service keeps losses for 7 days; the earliest time to ask from is {named}"
        ));
    }
    Ok(Range { start, end })
}

/// One target's losses, as JSON shows them.
#[derive(Serialize)]
struct AnswerOut {
    app: String,
    region: String,
    from: String,
    to: String,
    losses: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    stage: &'static str,
    /// `all` for the overall rows.
    platform: String,
    err_code: String,
    description: String,
    count: u64,
    /// Part of all losses of the same stage and platform, 0 to 1.
    share: f64,
    class: &'static str,
    advice: String,
}

impl AnswerOut {
    fn new(target: &Target, range: Range, losses: &BTreeMap<LossKey, Loss>) -> Self {
        let mut totals = BTreeMap::new();
        for (key, loss) in losses {
            *totals.entry((key.stage, key.platform)).or_insert(0_u64) += loss.count;
        }
        let mut rows: Vec<(&LossKey, &Loss)> = losses.iter().collect();
        rows.sort_by_key(|(key, loss)| (key.stage, key.platform, std::cmp::Reverse(loss.count)));
        Self {
            app: target.app.name.clone(),
            region: target.region.name.clone(),
            from: range.start.to_string(),
            to: range.end.to_string(),
            losses: rows
                .into_iter()
                .map(|(key, loss)| {
                    let total = totals.get(&(key.stage, key.platform)).copied().unwrap_or(0);
                    let meaning = loss_code(key.stage, key.platform, &key.code);
                    Row {
                        stage: key.stage.as_str(),
                        platform: key
                            .platform
                            .map_or_else(|| "all".to_owned(), |platform| platform.to_string()),
                        err_code: key.code.to_string(),
                        description: loss.description.clone(),
                        count: loss.count,
                        share: share(loss.count, total),
                        class: meaning.class.as_str(),
                        advice: meaning.advice.clone(),
                    }
                })
                .collect(),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share is shown with one digit"
)]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

fn write_table(answer: &AnswerOut, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(
        out,
        "{} in {}, {} to {}",
        answer.app, answer.region, answer.from, answer.to
    )?;
    if answer.losses.is_empty() {
        writeln!(out, "nothing was lost, or nothing was sent")?;
        return Ok(());
    }
    let header = [
        "STAGE",
        "PLATFORM",
        "CODE",
        "COUNT",
        "SHARE",
        "CLASS",
        "DESCRIPTION",
    ]
    .map(str::to_owned);
    let cells: Vec<[String; 7]> = answer
        .losses
        .iter()
        .map(|row| {
            [
                row.stage.to_owned(),
                row.platform.clone(),
                row.err_code.clone(),
                row.count.to_string(),
                format!("{:.1}%", row.share * 100.0),
                row.class.to_owned(),
                row.description.clone(),
            ]
        })
        .collect();
    let widths: Vec<usize> = (0..header.len())
        .map(|column| {
            std::iter::once(&header)
                .chain(&cells)
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    for row in std::iter::once(&header).chain(&cells) {
        let line: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        writeln!(out, "{}", line.join("  ").trim_end())?;
    }
    writeln!(out, "\nWhat to do:")?;
    let mut told = std::collections::BTreeSet::new();
    for row in &answer.losses {
        if told.insert((row.platform.as_str(), row.err_code.as_str(), row.stage)) {
            writeln!(
                out,
                "- {} {} at {}: {}",
                row.platform, row.err_code, row.stage, row.advice
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_cannot_be_answered_are_refused_before_a_call() {
        let day = 86_400;
        let range = |start, end| {
            checked_range(UnixSeconds(start), UnixSeconds(end), UnixSeconds(100 * day))
        };
        assert!(range(93 * day, 100 * day).is_ok());
        for (second, named) in [(0, "1970-04-04T00:02:00Z"), (1, "1970-04-04T00:03:00Z")] {
            let now = UnixSeconds(100 * day + second);
            let refusal = checked_range(UnixSeconds(0), now, now).unwrap_err();
            assert!(refusal.ends_with(named), "{refusal}");
            // It is pasted a while later.
            let start = named.parse::<jiff::Timestamp>().unwrap().as_second();
            let start = UnixSeconds(u64::try_from(start).unwrap());
            let later = UnixSeconds(now.0 + 100);
            assert!(checked_range(start, later, later).is_ok());
        }
        assert!(range(95 * day, 95 * day).is_err());
    }
}
