//! Is a push at exactly `StartTime`, or at exactly `EndTime`, part of a range?
//!
//! Two adjacent ranges show it only if something happened in the very second that they share.
//! So a range's end is first moved, by bisection, to where one more second makes a
//! difference: the pushes behind it happened in the second before that end if ends are
//! exclusive, and in the second of the end if they are inclusive. Two ranges can then
//! share that second, whichever it is. Whether times are truncated or rounded to whole
//! seconds cannot be seen from outside.

use super::finding::Finding;
use super::ground::Ground;
use super::resolution::Resolution;
use super::sums::{Sums, compare};
use super::{Pair, Probe, QUIET};
use crate::model::outcome::FetchError;
use crate::model::window::{DAY, Range, UnixSeconds};
use crate::poll::additivity::{Additivity, Edges, Why};

/// How far the compared ranges reach on either side of the edge, in seconds: more than any
/// bucket that is distinguished, except hours.
const REACH: u64 = 3600;

pub(super) async fn measure<F: Pair>(
    probe: &Probe<'_, F>,
    ground: &Ground,
    resolution: &Resolution,
    days: &Sums,
) -> Result<Finding, FetchError> {
    if resolution.step == Some(DAY) {
        let explanation = format!(
            "a range inside a day is answered with the whole day; of days: {}",
            days.verdict
        );
        return Ok(probe.finding("buckets", explanation));
    }
    let busy = resolution.shortest().filter(|_| ground.is_busy);
    let edge = match busy {
        Some(busy) => jump(probe, ground, busy).await?,
        None => None,
    };
    let Some(edge) = edge else {
        return Ok(probe.finding("unknown", QUIET));
    };
    let mut verdict = Additivity::Additive;
    for middle in [edge.0.saturating_add(1), edge.0] {
        verdict = compare(probe, ground.api, UnixSeconds(middle), REACH).await?;
        // A second with pushes that two ranges share shows as a difference.
        let is_seen = match &verdict {
            Additivity::Additive | Additivity::Unknown(Why::Quiet) => false,
            Additivity::Edges { .. }
            | Additivity::NotAdditive { .. }
            | Additivity::Unknown(Why::Moving) => true,
        };
        if is_seen {
            break;
        }
    }
    let (name, explanation) = match &verdict {
        Additivity::Additive | Additivity::Unknown(Why::Quiet) => (
            "half_open",
            "every second belongs to exactly one of two adjacent ranges".to_owned(),
        ),
        Additivity::Edges {
            edges: Edges::Inclusive,
            ..
        } => ("inclusive", verdict.to_string()),
        Additivity::Edges {
            edges: Edges::Exclusive,
            ..
        } => ("exclusive", verdict.to_string()),
        Additivity::NotAdditive { .. } => (
            "buckets",
            format!("edges inside a bucket count it whole: {verdict}"),
        ),
        Additivity::Unknown(Why::Moving) => ("unknown", verdict.to_string()),
    };
    Ok(probe.finding(name, explanation))
}

/// An end for which one second more makes a difference, if there is one in `busy`.
async fn jump<F: Pair>(
    probe: &Probe<'_, F>,
    ground: &Ground,
    busy: Range,
) -> Result<Option<UnixSeconds>, FetchError> {
    let start = UnixSeconds(busy.start.0.saturating_sub(REACH));
    let until = |end: u64| Range {
        start,
        end: UnixSeconds(end),
    };
    let (mut low, mut high) = (busy.start.0, busy.end.0);
    let before = probe.ask(ground.api, until(low)).await?;
    if probe.ask(ground.api, until(high)).await? == before {
        return Ok(None);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if probe.ask(ground.api, until(middle)).await? == before {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(Some(UnixSeconds(low)))
}
