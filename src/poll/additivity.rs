//! Whether the service's counts add up, `API(A) + API(B) = API(AB)` for two adjacent ranges,
//! and whether the service resolves ranges shorter than a day at all.
//!
//! Documents 71898 and 71897 state neither, and counters since the start of the day are right
//! only if the first holds for days.
//!
//! ```text
//! counts   a Reading as numbers by key, absent = 0
//! verdict  what can be proved of two adjacent ranges, with evidence
//! sum      SumCheck: which ranges to query in which order, and what the responses prove
//! split    SplitCheck: the same for a range and its parts
//! ```
//!
//! The checks do no I/O: they name the next range and receive its counts, so that the daemon
//! and `probe` query in their own ways and judge alike. No check accepts zeros as proof, or
//! counts that still change as a contradiction.

mod counts;
mod split;
mod sum;
#[cfg(test)]
pub(crate) mod tests;
mod verdict;

use std::time::Duration;

pub use counts::AnswerCounts;
pub use split::{Split, SplitCheck};
pub use sum::SumCheck;
pub use verdict::{Additivity, Edges, Evidence, Moved, Why};

use crate::config::target::Target;
use crate::fetch::Fetch;
use crate::model::outcome::FetchError;
use crate::model::reading::Api;
use crate::model::window::{DAY, DayOffset, Range, UnixSeconds, day_anchor};

/// How long a day must be over before it counts as settled. Receipts of single devices come
/// even later, so changing counts are not a contradiction.
pub const SETTLED_AFTER: Duration = Duration::from_secs(6 * 3600);

/// Parts of a day that [`resolved`] compares. Three would be enough to meet every bucket of a
/// day twice, wherever the service's day begins; four make familiar quarters.
const PARTS: u64 = 4;

/// Calls that [`check`] and [`resolved`] make together: without repeated queries, and at most.
pub const USUAL_CALLS: u32 = 9;
pub const MOST_CALLS: u32 = 17;

/// Whether two adjacent days add up, per code: the two latest that ended at least
/// [`SETTLED_AFTER`] ago, by the target's `day_offset`. They reach back less than 3.3 days.
///
/// Takes three queries, or up to ten when something does not add up at first.
pub async fn check<F: Fetch>(
    fetch: &F,
    target: &Target,
    api: Api,
    now: UnixSeconds,
) -> Result<Additivity, FetchError> {
    let last = closed_day(now, target.app.day_offset);
    let first = last.start.0.saturating_sub(DAY);
    let mut check = SumCheck::new(UnixSeconds(first), last.start, last.end);
    while let Some(range) = check.next_question() {
        check.answered(&fetch.fetch(target, api, range).await?);
    }
    Ok(check.verdict())
}

/// Whether the service resolves ranges shorter than a day, judged by the latest day that ended
/// at least [`SETTLED_AFTER`] ago: `Some(false)` if its data looks like whole days, `None` if
/// the data is inconclusive, for example after a day with a single burst of losses.
///
/// Takes six or seven queries.
pub async fn resolved<F: Fetch>(
    fetch: &F,
    target: &Target,
    api: Api,
    now: UnixSeconds,
) -> Result<Option<bool>, FetchError> {
    let mut check = SplitCheck::new(closed_day(now, target.app.day_offset), PARTS);
    while let Some(range) = check.next_question() {
        check.answered(&fetch.fetch(target, api, range).await?);
    }
    Ok(check.verdict().resolved())
}

/// The latest day that ended at least [`SETTLED_AFTER`] ago.
pub fn closed_day(now: UnixSeconds, offset: DayOffset) -> Range {
    let settled = UnixSeconds(now.0.saturating_sub(SETTLED_AFTER.as_secs()));
    Range::ending(day_anchor(settled, offset), Duration::from_secs(DAY))
}
