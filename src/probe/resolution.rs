//! The shortest ranges that the service resolves.

use super::finding::Finding;
use super::ground::Ground;
use super::{Pair, Probe, QUIET, text};
use crate::model::outcome::FetchError;
use crate::model::window::{DAY, Range};
use crate::poll::additivity::{Split, SplitCheck};

/// Lengths to try, in seconds, each in four adjacent ranges inside the busiest range of the
/// length before it.
const LENGTHS: [u64; 4] = [6 * 3600, 3600, 300, 60];
const PARTS: u64 = 4;

/// The result about the resolution.
pub(super) struct Resolution {
    /// The shortest resolved length in seconds; [`DAY`] if no shorter one was resolved but
    /// whole days were seen; `None` while unknown.
    pub(super) step: Option<u64>,
    /// Whether a shorter length was seen not to be resolved, rather than not tried.
    pub(super) is_finest: bool,
    /// The busiest range of each resolved length, longest first.
    busiest: Vec<(u64, Range)>,
    pub(super) finding: Finding,
}

impl Resolution {
    /// The busiest range found of this length in seconds.
    pub(super) fn busiest(&self, length: u64) -> Option<Range> {
        let of_length = |(found, _): &&(u64, Range)| *found == length;
        self.busiest.iter().find(of_length).map(|(_, range)| *range)
    }

    /// The shortest busy range.
    pub(super) fn shortest(&self) -> Option<Range> {
        self.busiest.last().map(|(_, range)| *range)
    }
}

pub(super) async fn measure<F: Pair>(
    probe: &Probe<'_, F>,
    ground: &Ground,
) -> Result<Resolution, FetchError> {
    let mut busiest: Vec<(u64, Range)> = Vec::new();
    let mut start = ground.day.start.0;
    let mut end_of_search = None;
    for length in LENGTHS {
        let asked = Range::new(start, start.saturating_add(PARTS * length));
        let mut check = SplitCheck::new(asked, PARTS);
        while let Some(range) = check.next_question() {
            check.answered(probe.ask(ground.api, range).await?);
        }
        let is_proof = match check.verdict() {
            // A day has quiet quarters, and no bucket is longer than a day; within a day,
            // buckets of twice the length could look like quiet parts.
            Split::Respected { all } => all || length == LENGTHS[0],
            Split::Ignored => {
                end_of_search = Some((length, true));
                break;
            }
            Split::Unclear => false,
        };
        match check.busiest() {
            Some(part) if is_proof => {
                busiest.push((length, part));
                start = part.start.0;
            }
            _ => {
                end_of_search = Some((length, false));
                break;
            }
        }
    }
    let is_finest = end_of_search.is_some_and(|(_, is_disproved)| is_disproved);
    let step = match busiest.last() {
        Some((length, _)) => Some(*length),
        None => is_finest.then_some(DAY),
    };
    Ok(Resolution {
        finding: finding(probe, step, end_of_search),
        step,
        is_finest,
        busiest,
    })
}

fn finding<F: Pair>(
    probe: &Probe<'_, F>,
    step: Option<u64>,
    end_of_search: Option<(u64, bool)>,
) -> Finding {
    let verdict = match step {
        Some(60) => "1m",
        Some(300) => "5m",
        Some(3600) => "1h",
        Some(DAY) => "1d",
        Some(_) => "6h",
        None => "unknown",
    };
    let explanation = match (step, end_of_search) {
        (None, _) => QUIET.to_owned(),
        (Some(DAY), _) => {
            "ranges inside a day are answered with the whole day: gauges of a rolling window show days, not hours".to_owned()
        }
        (Some(step), None) => format!("ranges of {} are told apart; shorter ones were not tried", text(step)),
        (Some(step), Some((length, true))) => format!(
            "ranges of {} are told apart, and of {} they are not",
            text(step),
            text(length)
        ),
        (Some(step), Some((length, false))) => format!(
            "ranges of {} are told apart; for {} too few pushes were found to tell",
            text(step),
            text(length)
        ),
    };
    Finding {
        seconds: step,
        ..probe.finding(verdict, explanation)
    }
}
