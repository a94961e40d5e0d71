//! How long the counts of a range that has just closed keep changing.

use std::time::Duration;

use tokio::time::sleep;

use super::finding::Finding;
use super::ground::Ground;
use super::resolution::Resolution;
use super::{Pair, Probe, QUIET, text};
use crate::model::outcome::FetchError;
use crate::model::window::{Range, UnixSeconds};
use crate::poll::additivity::AnswerCounts;

/// Seconds after the range's end at which it is read.
const READ_AT: [u64; 13] = [
    0, 15, 30, 60, 120, 180, 300, 450, 600, 900, 1200, 1500, 1800,
];

/// Length of the range in seconds: long enough to hold pushes.
const LENGTH: u64 = 3600;

/// The minimum time without a change that counts as settled, in seconds. It is half the time
/// for which counts changed, if that is longer.
const STILL: u64 = 120;

/// Lengths of the range's end, in seconds. The shortest one with pushes shows how late the
/// latest push may have been.
const TAILS: [u64; 4] = [15, 60, 300, 900];

/// The coarsest resolution at which the end of a range is awaited, in seconds.
const COARSEST: u64 = 300;

/// If counts do not settle at all, readings of at least this percentage of the last one are
/// near enough: single devices report for days.
const NEARLY: u64 = 99;

/// The verdict where counts still changed at the end.
pub(super) const MOVING: &str = "still_moving";

/// A push is counted at most the finding's seconds after it happened, if it has any.
pub(super) async fn measure<F: Pair>(
    probe: &Probe<'_, F>,
    ground: &Ground,
    resolution: &Resolution,
    freshness: &Finding,
) -> Result<Finding, FetchError> {
    let step = resolution.step.unwrap_or(60);
    if let Some(why) = why_not(step, freshness.seconds) {
        return Ok(probe.finding("unknown", why));
    }
    let end = (probe.clock)().0.next_multiple_of(step);
    let readings = watch(probe, ground, end).await?;
    let Some(settled) = settled_at(&readings, end, 100) else {
        return Ok(probe.finding("unknown", QUIET));
    };
    let Some(tail) = tail(probe, ground, step, end).await? else {
        return Ok(probe.finding("unknown", QUIET));
    };
    let is_still = is_still(&readings, end);
    let age = if is_still {
        Some(settled)
    } else {
        // That the last reading equals itself shows nothing about later ones.
        nearly_settled_at(&readings, end)
    };
    let after = age.map(|age| age.saturating_add(tail));
    let (verdict, explanation) = match after.map(text) {
        Some(after) if is_still => (
            "settled",
            format!("a push is counted at most {after} after it happened"),
        ),
        Some(after) => (
            MOVING,
            format!(
                "the counts still change half an hour after the range's end; {NEARLY} % of what there was then was there after at most {after}"
            ),
        ),
        None => (MOVING, how_it_moved(&readings, end)),
    };
    Ok(Finding {
        seconds: after,
        ..probe.finding(verdict, explanation)
    })
}

/// Why there is nothing to watch, if that is the case.
fn why_not(step: u64, newest: Option<u64>) -> Option<&'static str> {
    match newest {
        None => Some(QUIET),
        Some(_) if step > COARSEST => {
            Some("unknown: ranges of minutes are not told apart, so none can be watched")
        }
        Some(newest) if newest > LENGTH => {
            Some("unknown: the newest data is more than an hour old, so there is nothing to watch")
        }
        Some(_) => None,
    }
}

/// The shortest of [`TAILS`] with pushes.
async fn tail<F: Pair>(
    probe: &Probe<'_, F>,
    ground: &Ground,
    step: u64,
    end: u64,
) -> Result<Option<u64>, FetchError> {
    for length in TAILS.into_iter().filter(|length| *length >= step.min(60)) {
        let asked = Range::new(end.saturating_sub(length), end);
        if !probe.ask(ground.api, asked).await?.is_zero() {
            return Ok(Some(length));
        }
    }
    Ok(None)
}

struct Reading {
    at: UnixSeconds,
    counts: AnswerCounts,
}

/// Reads the range that ends at `end` until its counts settle. A failure ends the watch, and
/// is an error only if nothing was read yet.
async fn watch<F: Pair>(
    probe: &Probe<'_, F>,
    ground: &Ground,
    end: u64,
) -> Result<Vec<Reading>, FetchError> {
    let watched = Range::new(end.saturating_sub(LENGTH), end);
    let mut readings: Vec<Reading> = Vec::new();
    for age in READ_AT {
        let due = end.saturating_add(age);
        probe.tell(&format!(
            "reading the last hour {age} s after its end, at {}",
            UnixSeconds(due)
        ));
        let wait = due.saturating_sub((probe.clock)().0);
        sleep(Duration::from_secs(wait)).await;
        match probe.ask(ground.api, watched).await {
            Ok(counts) => readings.push(Reading {
                at: (probe.clock)(),
                counts,
            }),
            Err(error) if readings.is_empty() => return Err(error),
            Err(_) => break,
        }
        if is_still(&readings, end) {
            break;
        }
    }
    Ok(readings)
}

/// Whether the last change is long enough ago.
fn is_still(readings: &[Reading], end: u64) -> bool {
    let Some(settled) = settled_at(readings, end, 100) else {
        return false;
    };
    readings.last().is_some_and(|last| {
        let age = last.at.0.saturating_sub(end);
        age.saturating_sub(settled) >= (settled / 2).max(STILL)
    })
}

/// The age in seconds of the first reading with at least [`NEARLY`] percent of the last one's
/// counts, unless it is the last one.
fn nearly_settled_at(readings: &[Reading], end: u64) -> Option<u64> {
    let last = readings.last()?.at.0.saturating_sub(end);
    settled_at(readings, end, NEARLY).filter(|nearly| *nearly < last)
}

/// How much the last two readings differ.
fn how_it_moved(readings: &[Reading], end: u64) -> String {
    let [.., before, last] = readings else {
        return QUIET.to_owned();
    };
    let text = |reading: &Reading| text(reading.at.0.saturating_sub(end));
    let percent = before.counts.total().saturating_mul(100) / last.counts.total().max(1);
    format!(
        "the counts still change {} after the range's end: {} after it there were {percent} % of them",
        text(last),
        text(before)
    )
}

/// The age in seconds of the first reading from which on all readings equal the last one;
/// with fewer counts too, if `percent` is below 100, down to that percentage. `None` without
/// counts.
fn settled_at(readings: &[Reading], end: u64, percent: u64) -> Option<u64> {
    let last = readings.last().filter(|last| !last.counts.is_zero())?;
    let enough = last.counts.total().saturating_mul(percent) / 100;
    let is_like_last = |reading: &&Reading| {
        reading.counts == last.counts || (percent < 100 && reading.counts.total() >= enough)
    };
    readings
        .iter()
        .rev()
        .take_while(is_like_last)
        .last()
        .map(|reading| reading.at.0.saturating_sub(end))
}
