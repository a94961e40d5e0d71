//! What is remembered of earlier answers, and what of it outlives the process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::TargetState;
use crate::clock::Now;
use crate::model::reading::{Api, LossKey, Platform};
use crate::model::window::UnixSeconds;
use crate::target::counters::Ledger;
use crate::target::series_limit::MAX_PLATFORMS;

/// How long a code that is no longer in the answers is served as 0. A code that vanishes
/// at once would leave the last count standing in graphs and hide that it ended.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// When each key that is served was last in an answer. No more is kept than is served.
#[derive(Clone)]
pub(super) struct Memory<K> {
    seen: BTreeMap<K, Instant>,
    /// When a key was last left out.
    cut: Option<Instant>,
}

impl<K> Default for Memory<K> {
    fn default() -> Self {
        Self {
            seen: BTreeMap::new(),
            cut: None,
        }
    }
}

impl<K: Clone + Ord> Memory<K> {
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether the key was certainly in no answer for as long as keys are remembered.
    pub(super) fn is_new(&self, key: &K, now: Instant) -> bool {
        let whole = |cut| now.duration_since(cut) >= REMEMBERED;
        !self.seen.contains_key(key) && self.cut.is_none_or(whole)
    }

    /// Keeps the keys of what is served, and no others.
    pub(super) fn keep<V>(&mut self, served: &BTreeMap<K, V>, now: Instant) {
        let before = self.seen.len();
        self.seen.retain(|key, _| served.contains_key(key));
        if self.seen.len() < before {
            self.cut = Some(now);
        }
    }

    /// Notes that a sum of keys is served.
    pub(super) fn note(&mut self, key: K, now: Instant) {
        self.seen.insert(key, now);
    }

    /// Notes the keys of `rows`, and adds the ones remembered from earlier answers.
    pub(super) fn fill<V>(
        &mut self,
        rows: &mut BTreeMap<K, V>,
        now: Instant,
        zero: impl Fn() -> V,
    ) {
        for key in rows.keys() {
            self.seen.insert(key.clone(), now);
        }
        self.seen
            .retain(|_, seen| now.duration_since(*seen) < REMEMBERED);
        for key in self.seen.keys() {
            rows.entry(key.clone()).or_insert_with(&zero);
        }
    }

    /// Each key with its age in seconds.
    fn ages(&self, now: Instant) -> Vec<(K, u64)> {
        self.seen
            .iter()
            .map(|(key, seen)| (key.clone(), now.duration_since(*seen).as_secs()))
            .collect()
    }

    /// Of more than `limit` keys, those that were seen last.
    fn from_ages(mut ages: Vec<(K, u64)>, passed: u64, limit: usize, now: Instant) -> Self {
        let seen = |age: u64| {
            // A steady clock may not reach back to before this machine's start.
            let age = Duration::from_secs(age.saturating_add(passed));
            now.checked_sub(age).unwrap_or(now)
        };
        ages.sort_unstable_by_key(|(_, age)| *age);
        let cut = (ages.len() > limit).then_some(now);
        ages.truncate(limit);
        Self {
            seen: ages
                .into_iter()
                .map(|(key, age)| (key, seen(age)))
                .collect(),
            cut,
        }
    }
}

/// What one target's counters and gauges need to go on in another process. Times are wall
/// time, since steady time ends with the process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Remembered {
    pub app: String,
    pub region: String,
    sdk_app_id: u32,
    /// When this was taken, in seconds since 1970.
    at: u64,
    /// Of which moment the counters were that were served then: an earlier one if this
    /// machine had just slept.
    #[serde(default)]
    shown: Option<u64>,
    additive: Option<bool>,
    resolved: Option<bool>,
    /// Seconds since each was last in an answer.
    codes: Vec<(LossKey, u64)>,
    platforms: Vec<(Platform, u64)>,
    losses: Arc<Ledger>,
    statistics: Arc<Ledger>,
    /// Absent in files of earlier programs.
    #[serde(default)]
    outcomes: Vec<Outcomes>,
}

/// When an API last had something to say, in seconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Outcomes {
    api: Api,
    success: Option<u64>,
    nonzero: Option<u64>,
}

impl Remembered {
    pub fn of(state: &TargetState, now: Now) -> Self {
        let id = state.target.id();
        let ledger = |api| {
            let state = state.apis.get(&api);
            state.map_or_else(Arc::default, |state| Arc::clone(&state.ledger))
        };
        let losses = ledger(Api::NormalPushLoss);
        Self {
            app: id.app,
            region: id.region,
            sdk_app_id: state.target.app.sdk_app_id,
            at: now.unix().0,
            shown: Some(losses.shown(now).0),
            additive: state.additive,
            resolved: state.resolved,
            codes: state.codes.ages(now.steady),
            platforms: state.platforms.ages(now.steady),
            losses,
            statistics: ledger(Api::NormalPushStatistics),
            outcomes: state
                .apis
                .iter()
                .map(|(api, state)| Outcomes {
                    api: *api,
                    success: state.last_success.map(|at| at.0),
                    nonzero: state.last_nonzero.map(|end| end.0),
                })
                .collect(),
        }
    }

    /// When the APIs last had something to say; only for the same app, as [`Self::restore`].
    pub(super) fn restore_outcomes(&self, state: &mut TargetState, now: Now) {
        if self.sdk_app_id != state.target.app.sdk_app_id {
            return;
        }
        // A clock that was ahead may have left later ones.
        let past = |at: u64| UnixSeconds(at.min(now.unix().0));
        for outcomes in &self.outcomes {
            if let Some(state) = state.apis.get_mut(&outcomes.api) {
                state.last_success = outcomes.success.map(past);
                state.last_nonzero = outcomes.nonzero.map(past);
            }
        }
    }

    /// Only for the same app: a name may have been given to another. What is more than the
    /// target may have now is cut, in the counters under `other`.
    pub(super) fn restore(self, state: &mut TargetState, now: Now) {
        if self.sdk_app_id != state.target.app.sdk_app_id {
            return;
        }
        let passed = now.unix().0.saturating_sub(self.at);
        let limit = state.target.app.polling.series_limit;
        state.additive = self.additive;
        state.resolved = self.resolved;
        let apart = &mut state.apart;
        let mut codes = self.codes;
        codes.retain(|(key, _)| key.platform.is_none_or(|own| apart.place(own) == own));
        let mut platforms = self.platforms;
        platforms.retain(|(platform, _)| apart.place(*platform) == *platform);
        state.codes = Arc::new(Memory::from_ages(codes, passed, limit, now.steady));
        state.platforms = Arc::new(Memory::from_ages(
            platforms,
            passed,
            MAX_PLATFORMS,
            now.steady,
        ));
        for (api, mut ledger) in [
            (Api::NormalPushLoss, self.losses),
            (Api::NormalPushStatistics, self.statistics),
        ] {
            if let Some(state) = state.apis.get_mut(&api) {
                let at = UnixSeconds(self.shown.unwrap_or(self.at));
                Arc::make_mut(&mut ledger).restore(at, limit, apart);
                state.ledger = ledger;
            }
        }
    }
}
