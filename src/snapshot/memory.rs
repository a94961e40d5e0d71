//! What is remembered of earlier answers, and what of it outlives the process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::TargetState;
use crate::clock::Now;
use crate::counters::Ledger;
use crate::reading::{Api, LossKey, Platform};

/// How long a code that is no longer in the answers is served as 0. A code that vanishes
/// at once would leave the last count standing in graphs and hide that it ended.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// When each key was last in an answer.
#[derive(Clone)]
pub(super) struct Memory<K>(BTreeMap<K, Instant>);

impl<K> Default for Memory<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Clone + Ord> Memory<K> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn holds(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// Notes the keys of `rows`, and adds the ones remembered from earlier answers.
    pub(super) fn fill<V>(
        &mut self,
        rows: &mut BTreeMap<K, V>,
        now: Instant,
        zero: impl Fn() -> V,
    ) {
        for key in rows.keys() {
            self.0.insert(key.clone(), now);
        }
        self.0
            .retain(|_, seen| now.duration_since(*seen) < REMEMBERED);
        for key in self.0.keys() {
            rows.entry(key.clone()).or_insert_with(&zero);
        }
    }

    /// Each key with its age in seconds.
    fn ages(&self, now: Instant) -> Vec<(K, u64)> {
        self.0
            .iter()
            .map(|(key, seen)| (key.clone(), now.duration_since(*seen).as_secs()))
            .collect()
    }

    fn from_ages(ages: Vec<(K, u64)>, passed: u64, now: Instant) -> Self {
        let seen = |age: u64| {
            // A steady clock may not reach back to before this machine's start.
            let age = Duration::from_secs(age.saturating_add(passed));
            now.checked_sub(age).unwrap_or(now)
        };
        Self(
            ages.into_iter()
                .map(|(key, age)| (key, seen(age)))
                .collect(),
        )
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
    additive: Option<bool>,
    resolved: Option<bool>,
    /// Seconds since each was last in an answer.
    codes: Vec<(LossKey, u64)>,
    platforms: Vec<(Platform, u64)>,
    losses: Arc<Ledger>,
    statistics: Arc<Ledger>,
}

impl Remembered {
    pub fn of(state: &TargetState, now: Now) -> Self {
        let id = state.target.id();
        let ledger = |api| {
            let state = state.apis.get(&api);
            state.map_or_else(Arc::default, |state| Arc::clone(&state.ledger))
        };
        Self {
            app: id.app,
            region: id.region,
            sdk_app_id: state.target.app.sdk_app_id,
            at: now.unix().0,
            additive: state.additive,
            resolved: state.resolved,
            codes: state.codes.ages(now.steady),
            platforms: state.platforms.ages(now.steady),
            losses: ledger(Api::NormalPushLoss),
            statistics: ledger(Api::NormalPushStatistics),
        }
    }

    /// Only for the same app: a name may have been given to another.
    pub(super) fn restore(self, state: &mut TargetState, now: Now) {
        if self.sdk_app_id != state.target.app.sdk_app_id {
            return;
        }
        let passed = now.unix().0.saturating_sub(self.at);
        state.additive = self.additive;
        state.resolved = self.resolved;
        state.codes = Arc::new(Memory::from_ages(self.codes, passed, now.steady));
        state.platforms = Arc::new(Memory::from_ages(self.platforms, passed, now.steady));
        for (api, ledger) in [
            (Api::NormalPushLoss, self.losses),
            (Api::NormalPushStatistics, self.statistics),
        ] {
            if let Some(state) = state.apis.get_mut(&api) {
                state.ledger = ledger;
            }
        }
    }
}
