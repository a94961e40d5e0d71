//! The latest state of every target: written by the target's own loop, read by whoever
//! serves. A reader gets all targets of one moment, without a lock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use crate::api::FetchError;
use crate::clock::Now;
use crate::reading::{Api, Funnel, Loss, LossKey, Platform, Reading};
use crate::target::{Target, TargetId};
use crate::window::{Range, UnixSeconds};

/// How long a code that is no longer in the answers is served as 0. A code that vanishes
/// at once would leave the last count standing in graphs and hide that it ended.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

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
        }
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
}

/// Records what one target's loop learns. There is one for each target.
pub struct Recorder {
    id: TargetId,
    state: TargetState,
    losses: Memory<LossKey>,
    platforms: Memory<Platform>,
    snapshot: Arc<Snapshot>,
}

impl Recorder {
    pub fn new(target: Target, snapshot: Arc<Snapshot>) -> Self {
        Self {
            id: target.id(),
            state: TargetState::new(target),
            losses: Memory::default(),
            platforms: Memory::default(),
            snapshot,
        }
    }

    /// Says when the target is polled next.
    pub fn next_poll(&mut self, due: Instant) {
        self.state.next_poll = Some(due);
        self.publish();
    }

    /// Publishes how one question ended.
    pub fn record(
        &mut self,
        api: Api,
        range: Range,
        result: Result<Reading, FetchError>,
        now: Now,
    ) {
        let Some(state) = self.state.apis.get_mut(&api) else {
            return;
        };
        match result {
            Ok(reading) => {
                if !reading.is_zero() {
                    state.last_nonzero = state.last_nonzero.max(Some(range.end));
                }
                let reading = match reading {
                    Reading::Loss(mut rows) => {
                        self.losses.fill(&mut rows, now.steady, Loss::default);
                        Reading::Loss(rows)
                    }
                    Reading::Statistics {
                        overall,
                        mut platforms,
                    } => {
                        self.platforms
                            .fill(&mut platforms, now.steady, Funnel::default);
                        Reading::Statistics { overall, platforms }
                    }
                };
                state.up = true;
                state.consecutive_failures = 0;
                state.last_success = Some(now.unix());
                state.good = Some(Arc::new(Good {
                    at: now.steady,
                    range,
                    reading,
                }));
            }
            Err(error) => {
                state.up = false;
                state.consecutive_failures = state.consecutive_failures.saturating_add(1);
                state.last_error = Some(LastError {
                    at: now.unix(),
                    error,
                });
            }
        }
        self.publish();
    }

    fn publish(&self) {
        self.snapshot
            .replace(&self.id, &Arc::new(self.state.clone()));
    }
}

/// When each key was last in an answer.
struct Memory<K>(BTreeMap<K, Instant>);

impl<K> Default for Memory<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Clone + Ord> Memory<K> {
    /// Notes the keys of `rows`, and adds the ones remembered from earlier answers.
    fn fill<V>(&mut self, rows: &mut BTreeMap<K, V>, now: Instant, zero: impl Fn() -> V) {
        for key in rows.keys() {
            self.0.insert(key.clone(), now);
        }
        self.0
            .retain(|_, seen| now.duration_since(*seen) < REMEMBERED);
        for key in self.0.keys() {
            rows.entry(key.clone()).or_insert_with(&zero);
        }
    }
}

#[cfg(test)]
mod tests;
