//! The results of the calls for one target, and of those for its app. They are kept per target and
//! published with it, so that a scrape encodes them again only after a poll has added to them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::catalogue::rest_code;
use crate::model::outcome::Outcome;
use crate::model::reading::Api;
use crate::model::window::UnixSeconds;

/// The number of times an event occurred, and the time of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    total: u64,
    first: Instant,
}

impl Count {
    fn shown(self, now: Instant, zero_hold: Duration) -> u64 {
        if now.saturating_duration_since(self.first) < zero_hold {
            0
        } else {
            self.total
        }
    }
}

/// Calls for one target since the process started. Bounded by the closed sets of APIs, outcomes and
/// catalogued codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    outcomes: BTreeMap<(Api, Outcome), Count>,
    /// By the service's code; all codes that are not catalogued share one entry.
    codes: BTreeMap<(Api, Option<i64>), Count>,
    retries: BTreeMap<Api, u64>,
    backup_in_use: bool,
}

impl CallCounts {
    /// Calls by outcome, as served at `now`. The good outcome exists from the start. Any other
    /// outcome appears when it first occurs and is 0 for `zero_hold`, since `increase()` loses the
    /// first value of a series that starts above 0.
    pub fn outcomes(
        &self,
        api: Api,
        now: Instant,
        zero_hold: Duration,
    ) -> impl Iterator<Item = (Outcome, u64)> {
        let good = self.outcomes.get(&(api, Outcome::Ok));
        let others = Outcome::ALL
            .into_iter()
            .filter(|outcome| *outcome != Outcome::Ok)
            .filter_map(move |outcome| {
                let count = self.outcomes.get(&(api, outcome))?;
                Some((outcome, count.shown(now, zero_hold)))
            });
        std::iter::once((Outcome::Ok, good.map_or(0, |count| count.total))).chain(others)
    }

    /// Refusals by the label `code`, each 0 for `zero_hold` after it first occurs.
    pub fn codes(
        &self,
        api: Api,
        now: Instant,
        zero_hold: Duration,
    ) -> impl Iterator<Item = (String, u64)> {
        let of_api = (api, None)..=(api, Some(i64::MAX));
        self.codes.range(of_api).map(move |((_, code), count)| {
            let label = code.map_or_else(|| "other".to_owned(), |code| code.to_string());
            (label, count.shown(now, zero_hold))
        })
    }

    /// Calls that repeated a query within the same poll.
    pub fn retries(&self, api: Api) -> u64 {
        self.retries.get(&api).copied().unwrap_or(0)
    }

    /// Whether the backup host responds in place of the main host.
    pub fn is_backup_in_use(&self) -> bool {
        self.backup_in_use
    }

    /// When the served values next change without another count.
    pub fn until(&self, now: Instant, zero_hold: Duration) -> Option<Instant> {
        let bad = self
            .outcomes
            .iter()
            .filter(|((_, outcome), _)| *outcome != Outcome::Ok)
            .map(|(_, count)| count);
        bad.chain(self.codes.values())
            .map(|count| count.first + zero_hold)
            .filter(|end| *end > now)
            .min()
    }
}

/// Counts calls for one target, from the tasks that make them.
#[derive(Default)]
pub(super) struct Calls(Mutex<CallCounts>);

impl Calls {
    pub(super) fn counts(&self) -> CallCounts {
        self.lock().clone()
    }

    pub(super) fn outcome(&self, api: Api, outcome: Outcome) {
        add(&mut self.lock().outcomes, (api, outcome));
    }

    pub(super) fn code(&self, api: Api, code: i64) {
        let known = rest_code(code).map(|known| known.code);
        add(&mut self.lock().codes, (api, known));
    }

    pub(super) fn retry(&self, api: Api) {
        *self.lock().retries.entry(api).or_default() += 1;
    }

    pub(super) fn set_backup_in_use(&self, in_use: bool) {
        self.lock().backup_in_use = in_use;
    }

    fn lock(&self) -> MutexGuard<'_, CallCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, Count>, key: K) {
    let count = counts.entry(key).or_insert_with(|| Count {
        total: 0,
        first: Instant::now(),
    });
    count.total += 1;
}

/// Values shared by all calls of one app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppCalls {
    /// How long calls waited for the limit of calls per second.
    pub throttled: Duration,
    /// When the signature in use expires; absent before the first.
    pub usersig_expiry: Option<UnixSeconds>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(150);

    fn outcomes(counts: &CallCounts, now: Instant) -> Vec<(&'static str, u64)> {
        counts
            .outcomes(Api::NormalPushLoss, now, HOLD)
            .map(|(outcome, count)| (outcome.as_str(), count))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_outcome_appears_with_its_first_occurrence_as_zero_and_ok_is_there_before() {
        let calls = Calls::default();
        assert_eq!(outcomes(&calls.counts(), Instant::now()), [("ok", 0)]);
        calls.outcome(Api::NormalPushLoss, Outcome::Timeout);
        calls.outcome(Api::NormalPushLoss, Outcome::Ok);
        calls.outcome(Api::NormalPushStatistics, Outcome::Auth);
        let (counts, now) = (calls.counts(), Instant::now());
        let (before, after) = ([("ok", 1), ("timeout", 0)], [("ok", 1), ("timeout", 1)]);
        assert_eq!(outcomes(&counts, now), before);
        assert_eq!(counts.until(now, HOLD), Some(now + HOLD));
        assert_eq!(outcomes(&counts, now + HOLD), after);
        assert_eq!(counts.until(now + HOLD, HOLD), None);
    }

    #[tokio::test(start_paused = true)]
    async fn codes_are_zero_at_first_and_those_that_nobody_knows_share_one() {
        let calls = Calls::default();
        for code in [70_009, 123_456, 654_321, 70_009] {
            calls.code(Api::NormalPushLoss, code);
        }
        let codes = |now| -> Vec<(String, u64)> {
            calls
                .counts()
                .codes(Api::NormalPushLoss, now, HOLD)
                .collect()
        };
        let row = |label: &str, count| (label.to_owned(), count);
        let now = Instant::now();
        assert_eq!(codes(now), [row("other", 0), row("70009", 0)]);
        assert_eq!(codes(now + HOLD), [row("other", 2), row("70009", 2)]);
        let counts = calls.counts();
        assert_eq!(
            counts.codes(Api::NormalPushStatistics, now, HOLD).count(),
            0
        );
    }
}
