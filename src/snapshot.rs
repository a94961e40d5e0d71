//! The latest state of every target: written by the target's own loop, read by whoever
//! serves. A reader gets all targets of one moment, without a lock.

mod history;
mod memory;
mod recorder;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::time::Instant;

pub use history::{History, Point};
pub use memory::Remembered;
pub use recorder::Recorder;

use crate::api::FetchError;
use crate::clock::{Now, Validity};
use crate::counters::{Ledger, Rules, Served};
use crate::reading::{Api, LossKey, Platform, Reading};
use crate::target::{Target, TargetId};
use crate::window::{Range, UnixSeconds};
use memory::Memory;

/// All targets as they are at one moment.
pub type Targets = BTreeMap<TargetId, Arc<TargetState>>;

/// Shared between the loops that write and the requests that read.
pub struct Snapshot {
    targets: ArcSwap<Targets>,
}

impl Snapshot {
    /// Nothing is known of the targets yet, but that they are there.
    pub fn new(targets: &[Target]) -> Self {
        let states = targets
            .iter()
            .map(|target| (target.id(), Arc::new(TargetState::new(target.clone()))));
        Self {
            targets: ArcSwap::from_pointee(states.collect()),
        }
    }

    /// Drops the targets that are not among these, and takes up the ones that are new.
    pub fn set_targets(&self, targets: &[Target]) {
        self.targets.rcu(|known| {
            let states = targets.iter().map(|target| {
                let id = target.id();
                let state = known.get(&id).cloned();
                let state = state.unwrap_or_else(|| Arc::new(TargetState::new(target.clone())));
                (id, state)
            });
            states.collect::<Targets>()
        });
    }

    /// The state of all targets now.
    pub fn load(&self) -> Arc<Targets> {
        self.targets.load_full()
    }

    fn replace(&self, id: &TargetId, state: &Arc<TargetState>) {
        self.targets.rcu(|targets| {
            let mut targets = Targets::clone(targets);
            targets.insert(id.clone(), Arc::clone(state));
            targets
        });
    }
}

/// What is known of one target.
#[derive(Clone)]
pub struct TargetState {
    pub target: Target,
    /// One for each API that is polled.
    pub apis: BTreeMap<Api, ApiState>,
    /// Absent until the target's loop has started.
    pub next_poll: Option<Instant>,
    /// Whether the service's counts were seen to add up.
    pub additive: Option<bool>,
    /// Whether the service was seen to tell ranges inside a day apart.
    pub resolved: Option<bool>,
    /// Of this process alone.
    pub history: Arc<History>,
    codes: Arc<Memory<LossKey>>,
    platforms: Arc<Memory<Platform>>,
}

impl TargetState {
    fn new(target: Target) -> Self {
        let apis = target
            .apis()
            .iter()
            .map(|api| (*api, ApiState::default()))
            .collect();
        Self {
            target,
            apis,
            next_poll: None,
            additive: None,
            resolved: None,
            history: Arc::default(),
            codes: Arc::default(),
            platforms: Arc::default(),
        }
    }

    /// The same with another configuration, if it is still about the same thing.
    fn continued(&self, target: &Target) -> Self {
        let mut next = Self::new(target.clone());
        let (old, new) = (&self.target, target);
        if old.app.sdk_app_id == new.app.sdk_app_id && old.region == new.region {
            for (api, state) in &mut next.apis {
                if let Some(known) = self.apis.get(api) {
                    *state = known.clone();
                }
            }
            next.additive = self.additive;
            next.resolved = self.resolved;
            next.history = Arc::clone(&self.history);
            next.codes = Arc::clone(&self.codes);
            next.platforms = Arc::clone(&self.platforms);
        }
        next
    }

    /// Whether there are counters: switched on, and not proved impossible.
    pub fn has_counters(&self) -> bool {
        self.target.app.polling.counters && self.additive != Some(false)
    }

    /// Whether every API had an outcome, good or bad.
    pub fn is_known(&self) -> bool {
        self.apis
            .values()
            .all(|api| api.last_success.is_some() || api.last_error.is_some())
    }

    /// What is still worth serving of an API's last good answer.
    pub fn current(&self, api: Api, now: Instant) -> Option<&Good> {
        let good = self.apis.get(&api)?.good.as_ref()?;
        (now.duration_since(good.at) < self.target.app.polling.stale_after).then_some(good)
    }

    /// How long [`Self::current`] and [`Self::counted`] stay as they are now.
    pub fn validity(&self, now: Now) -> Validity {
        let rules = Rules::of(&self.target);
        let mut validity = Validity::from(now);
        for (api, state) in &self.apis {
            if let Some(good) = self.current(*api, now.steady) {
                validity = validity.until_steady(Some(good.at + rules.stale_after));
            }
            if self.has_counters() {
                validity = validity.and(state.ledger.validity(now, &rules));
            }
        }
        validity
    }

    /// The counters of an API as a scrape sees them now.
    pub fn counted(&self, api: Api, now: Now) -> Option<Served> {
        if !self.has_counters() {
            return None;
        }
        let ledger = &self.apis.get(&api)?.ledger;
        ledger.served(now, &Rules::of(&self.target))
    }
}

/// What is known of one API of a target.
#[derive(Clone, Default)]
pub struct ApiState {
    /// Whether the latest poll succeeded; false before the first.
    pub up: bool,
    pub consecutive_failures: u32,
    pub last_success: Option<UnixSeconds>,
    /// End of the latest window that held any count.
    pub last_nonzero: Option<UnixSeconds>,
    /// Kept after a success, for those who look at a target that fails now and then.
    pub last_error: Option<LastError>,
    /// Empty while there are no counters.
    pub ledger: Arc<Ledger>,
    good: Option<Arc<Good>>,
}

#[derive(Clone, Debug)]
pub struct LastError {
    pub at: UnixSeconds,
    pub error: FetchError,
}

/// The last good answer, with a 0 for each code that earlier answers held.
#[derive(Debug)]
pub struct Good {
    at: Instant,
    pub range: Range,
    pub reading: Reading,
    /// Codes that are summed up under `other` in `reading`.
    pub folded: usize,
}

#[cfg(test)]
mod tests;
