//! The state of a target that outlives the process.

use std::sync::Arc;

use super::TargetState;
use crate::clock::Now;
use crate::model::push::Push;
use crate::model::reading::{Api, LossKey, Platform};
use crate::model::window::UnixSeconds;
use crate::target::counters::Ledger;
use crate::target::memory::Memory;
use crate::target::series_limit::MAX_PLATFORMS;
use serde::{Deserialize, Serialize};

/// What one target's counters and gauges need to continue in another process. Times are wall
/// time, because steady time ends with the process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Remembered {
    pub app: String,
    pub region: String,
    /// Absent in files of earlier versions.
    #[serde(default)]
    pub push: Push,
    sdk_app_id: u32,
    /// When this was taken.
    at: UnixSeconds,
    /// The moment whose counters were served then: an earlier one if this machine had just
    /// been suspended.
    #[serde(default)]
    shown: Option<UnixSeconds>,
    additive: Option<bool>,
    resolved: Option<bool>,
    /// Seconds since each key was last in a response.
    codes: Vec<(LossKey, u64)>,
    platforms: Vec<(Platform, u64)>,
    losses: Arc<Ledger>,
    statistics: Arc<Ledger>,
    /// Absent in files of earlier versions.
    #[serde(default)]
    outcomes: Vec<Outcomes>,
}

/// When an API last succeeded and last counted anything.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Outcomes {
    api: Api,
    success: Option<UnixSeconds>,
    nonzero: Option<UnixSeconds>,
}

impl Remembered {
    pub fn of(state: &TargetState, now: Now) -> Self {
        let id = state.target.id();
        let ledger = |api| {
            let state = state.apis.get(&api);
            state.map_or_else(Arc::default, |state| Arc::clone(&state.ledger))
        };
        let losses = ledger(Api::losses(id.push));
        Self {
            app: id.app,
            region: id.region,
            push: id.push,
            sdk_app_id: state.target.app.sdk_app_id,
            at: now.unix(),
            shown: Some(losses.shown(now)),
            additive: state.additive,
            resolved: state.resolved,
            codes: state.codes.ages(now.steady),
            platforms: state.platforms.ages(now.steady),
            losses,
            statistics: ledger(Api::statistics(id.push)),
            outcomes: state
                .apis
                .iter()
                .map(|(api, state)| Outcomes {
                    api: *api,
                    success: state.last_success,
                    nonzero: state.last_nonzero,
                })
                .collect(),
        }
    }

    /// Only for the same app: its name may now belong to another. Series beyond the target's
    /// current limit are dropped; those of counters are summed under `other`.
    pub(super) fn restore(self, state: &mut TargetState, now: Now) {
        if self.sdk_app_id != state.target.app.sdk_app_id {
            return;
        }
        // A clock that was ahead may have left later ones.
        let past = |at: UnixSeconds| at.min(now.unix());
        for outcomes in self.outcomes {
            if let Some(state) = state.apis.get_mut(&outcomes.api) {
                state.last_success = outcomes.success.map(past);
                state.last_nonzero = outcomes.nonzero.map(past);
            }
        }
        let passed = now.unix().0.saturating_sub(self.at.0);
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
            (Api::losses(self.push), self.losses),
            (Api::statistics(self.push), self.statistics),
        ] {
            if let Some(state) = state.apis.get_mut(&api) {
                let at = self.shown.unwrap_or(self.at);
                Arc::make_mut(&mut ledger).restore(at, limit, apart);
                state.ledger = ledger;
            }
        }
    }
}
