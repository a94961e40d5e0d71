//! The latest state of every target, each in a slot of its own: written by the target's loop,
//! read without a lock by the server. A publication touches one slot, however many targets
//! exist; the set of slots changes only at a reload.

mod course;
mod history;
mod page;
mod recorder;
mod remembered;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use tokio::time::Instant;

pub use course::{Courses, Recent, Slope};
pub use history::{History, Point};
pub use page::{Page, SetBack};
pub use recorder::{Recorder, TaskRecorder};
pub use remembered::Remembered;

use crate::clock::{Now, Validity};
use crate::config::target::Target;
use crate::model::outcome::FetchError;
use crate::model::reading::{Api, LossKey, Platform, Reading};
use crate::model::target_id::TargetId;
use crate::model::window::{Range, UnixSeconds};
use crate::self_metrics::{AppCalls, CallCounts};
use crate::target::counters::{Ledger, Rules, Served};
use crate::target::memory::Memory;
use crate::target::series_limit::Platforms;
use crate::target::tasks::TaskBoard;

/// All targets by name, each as of its own latest publication.
pub type Targets = BTreeMap<Arc<TargetId>, Arc<TargetState>>;

type Slots = BTreeMap<Arc<TargetId>, Arc<Slot>>;

/// Where one target's loop publishes.
type Slot = ArcSwap<TargetState>;

/// Shared between the loops that write and the requests that read.
pub struct Snapshot {
    slots: ArcSwap<Slots>,
    publications: AtomicU64,
}

impl Snapshot {
    /// The targets exist, but nothing is known about them yet.
    pub fn new(targets: &[Target]) -> Self {
        let snapshot = Self {
            slots: ArcSwap::default(),
            publications: AtomicU64::new(0),
        };
        snapshot.set_targets(targets);
        snapshot
    }

    /// Drops the targets that are not among these, and adds the new ones.
    pub fn set_targets(&self, targets: &[Target]) {
        let known = self.slots.load();
        let slot = |target: &Target| {
            let id = target.id();
            if let Some((id, slot)) = known.get_key_value(&id) {
                return (Arc::clone(id), Arc::clone(slot));
            }
            let state = TargetState::new(target.clone());
            (Arc::new(id), Arc::new(Slot::from_pointee(state)))
        };
        self.slots
            .store(Arc::new(targets.iter().map(slot).collect()));
        self.has_changed();
    }

    /// Every target's latest state.
    pub fn load(&self) -> Targets {
        let slots = self.slots.load();
        slots
            .iter()
            .map(|(id, slot)| (Arc::clone(id), slot.load_full()))
            .collect()
    }

    /// The number of publications. While it does not change, a result of [`Self::load`]
    /// obtained after reading it is current.
    pub fn version(&self) -> u64 {
        self.publications.load(Ordering::Acquire)
    }

    /// Whether every target has had an outcome, good or bad, for each of its APIs.
    pub fn is_known(&self) -> bool {
        self.slots
            .load()
            .values()
            .all(|slot| slot.load().is_known())
    }

    /// Where the target's loops publish.
    fn slot_of(&self, target: &Target) -> Arc<Slot> {
        let slot = self.slots.load().get(&target.id()).cloned();
        // The target was removed meanwhile: a publication here has no reader.
        slot.unwrap_or_else(|| Arc::new(Slot::from_pointee(TargetState::new(target.clone()))))
    }

    fn has_changed(&self) {
        self.publications.fetch_add(1, Ordering::Release);
    }
}

/// The latest state of one target.
#[derive(Clone)]
pub struct TargetState {
    pub target: Target,
    /// One entry for each polled API.
    pub apis: BTreeMap<Api, ApiState>,
    /// The facts that the status page shows in addition to the served values.
    pub page: Arc<Page>,
    /// Outcomes and costs of the target's calls.
    pub calls: CallCounts,
    /// The calls of the whole app; only in the state of its first target.
    pub app_calls: Option<AppCalls>,
    /// Whether the service's counts add up, as far as observed.
    pub additive: Option<bool>,
    /// Whether the service resolves ranges shorter than a day, as far as observed.
    pub resolved: Option<bool>,
    /// Absent where no tasks are watched. Published by a loop of its own.
    pub tasks: Option<Arc<TaskBoard>>,
    codes: Arc<Memory<LossKey>>,
    platforms: Arc<Memory<Platform>>,
    apart: Platforms,
}

impl TargetState {
    fn new(target: Target) -> Self {
        let apis = target
            .apis()
            .map(|api| (api, ApiState::default()))
            .collect();
        Self {
            tasks: target.tasks().map(|_| Arc::default()),
            target,
            apis,
            page: Arc::default(),
            calls: CallCounts::default(),
            app_calls: None,
            additive: None,
            resolved: None,
            codes: Arc::default(),
            platforms: Arc::default(),
            apart: Platforms::default(),
        }
    }

    /// The same state under another configuration, if that still describes the same target.
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
            next.page = Arc::clone(&self.page);
            if next.tasks.is_some() && self.tasks.is_some() {
                next.tasks.clone_from(&self.tasks);
            }
            next.codes = Arc::clone(&self.codes);
            next.platforms = Arc::clone(&self.platforms);
            next.apart = self.apart.clone();
        }
        next
    }

    /// Whether counters are served: enabled, and not proved impossible.
    pub fn has_counters(&self) -> bool {
        self.target.app.polling.counters && self.additive != Some(false)
    }

    /// Whether every API has had an outcome, good or bad, in this process.
    pub fn is_known(&self) -> bool {
        self.apis
            .values()
            .all(|api| api.up || api.consecutive_failures > 0)
    }

    /// The last successful response of an API, while it is fresh enough to serve.
    pub fn current(&self, api: Api, now: Instant) -> Option<&Good> {
        let good = self.apis.get(&api)?.good.as_ref()?;
        (now.duration_since(good.at) < self.target.app.polling.stale_after).then_some(good)
    }

    /// The losses that are fresh enough to serve.
    pub fn losses(&self, now: Instant) -> Option<&Good> {
        self.current(Api::losses(self.target.push), now)
    }

    /// The funnel that is fresh enough to serve.
    pub fn statistics(&self, now: Instant) -> Option<&Good> {
        self.current(Api::statistics(self.target.push), now)
    }

    /// How long the results of [`Self::current`] and [`Self::counted`] stay unchanged.
    pub fn validity(&self, now: Now) -> Validity {
        let rules = Rules::of(&self.target);
        let mut validity =
            Validity::from(now).until_steady(self.calls.until(now.steady, rules.zero_hold));
        for (api, state) in &self.apis {
            if let Some(good) = self.current(*api, now.steady) {
                validity = validity.until_steady(Some(good.at + rules.stale_after));
            }
            if self.has_counters() {
                validity = validity.and(state.ledger.validity(now, &rules));
            }
        }
        let stale_at = |tasks: &Arc<TaskBoard>| tasks.stale_at(&self.target, now.steady);
        validity.until_steady(self.tasks.as_ref().and_then(stale_at))
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

/// The latest state of one API of a target.
#[derive(Clone, Default)]
pub struct ApiState {
    /// Whether the latest poll succeeded; false before the first.
    pub up: bool,
    pub consecutive_failures: u32,
    /// When the first of these failures occurred, in this process.
    pub failing_since: Option<UnixSeconds>,
    /// With a state file, also from an earlier process.
    pub last_success: Option<UnixSeconds>,
    /// End of the latest window with any count.
    pub last_nonzero: Option<UnixSeconds>,
    /// Kept after a success, for operators who investigate intermittent failures.
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

/// The last successful response, with a 0 for each code of earlier responses.
#[derive(Debug)]
pub struct Good {
    at: Instant,
    pub range: Range,
    pub reading: Reading,
    /// Codes summed under `other` in `reading`.
    pub folded: usize,
}

#[cfg(test)]
mod tests;
