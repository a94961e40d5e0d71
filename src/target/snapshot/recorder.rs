//! Records the results of one target's loops: of its polls, and of its tasks. Each loop has one
//! recorder.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::{Good, LastError, Remembered, SetBack, Slot, Snapshot, TargetState};
use crate::clock::Now;
use crate::config::target::Target;
use crate::model::outcome::FetchError;
use crate::model::reading::{Api, CountKey, Funnel, FunnelStep, Loss, LossKey, Measure, Reading};
use crate::model::window::{Range, UnixSeconds};
use crate::self_metrics::{AppCalls, CallCounts};
use crate::target::counters::{Question, Rules};
use crate::target::series_limit::{Budget, fold};
use crate::target::tasks::TaskBoard;

/// The writer of one target's slot. What it records is published when the poll is finished,
/// all at once.
pub struct Recorder {
    state: TargetState,
    /// Loss series and descriptions of the window, before and after the limit.
    wanted: usize,
    window: usize,
    slot: Arc<Slot>,
    snapshot: Arc<Snapshot>,
}

impl Recorder {
    /// Continues from the target's state in the snapshot.
    pub fn new(target: &Target, snapshot: Arc<Snapshot>) -> Self {
        let slot = snapshot.slot_of(target);
        let state = slot.load().continued(target);
        slot.store(Arc::new(state.clone()));
        snapshot.has_changed();
        Self {
            state,
            wanted: 0,
            window: 0,
            slot,
            snapshot,
        }
    }

    /// Continues from the state of an earlier process. Its last successes show at once, so
    /// that an outage keeps its age over a restart; no count shows before the first response.
    pub fn restore(&mut self, remembered: Remembered, now: Now) {
        remembered.restore(&mut self.state, now);
        self.publish();
    }

    /// Records when the target is polled next.
    pub fn next_poll(&self, due: Instant) {
        self.state.page.facts().next_poll = Some(due);
    }

    /// Records that the clock, which shows `now`, would show `ahead` had it not been set back.
    pub fn set_back(&self, ahead: UnixSeconds, now: Now) {
        let at = now.unix();
        let seconds = ahead.0.saturating_sub(at.0);
        self.state.page.facts().set_back = Some(SetBack { at, seconds });
    }

    /// Records the outcomes of the target's calls, and those of its app if this is the app's
    /// first target. Published with the outcome of a poll.
    pub fn calls(&mut self, calls: CallCounts, app: Option<AppCalls>) {
        self.state.calls = calls;
        self.state.app_calls = app;
    }

    /// The queries for the day in a poll that ends at `end`; none without counters.
    pub fn questions(&mut self, api: Api, end: UnixSeconds, now: Now) -> Vec<Question> {
        let rules = Rules::of(&self.state.target);
        let counters = self.state.has_counters();
        match self.state.apis.get_mut(&api) {
            Some(state) if counters => {
                let ledger = Arc::make_mut(&mut state.ledger);
                let questions = ledger.questions(end, now, &rules);
                if questions.is_empty() {
                    ledger.nothing_to_ask(now);
                }
                questions
            }
            _ => Vec::new(),
        }
    }

    /// Records the response about the rolling window.
    pub fn window(&mut self, api: Api, range: Range, reading: Reading, now: Now) {
        let is_zero = reading.is_zero();
        let mut folded = 0;
        let reading = match self.state.apart.place_all(reading) {
            Reading::Loss(mut rows) => {
                let series = |rows: &BTreeMap<LossKey, Loss>| {
                    let described = rows.values().filter(|loss| !loss.description.is_empty());
                    rows.len() + described.count()
                };
                let named = rows.len();
                let codes = Arc::make_mut(&mut self.state.codes);
                let is_new = |key: &LossKey| codes.is_new(key, now.steady);
                let page = &self.state.page;
                page.facts().history.losses(range.end, &rows, is_new);
                codes.fill(&mut rows, now.steady, Loss::default);
                self.wanted = series(&rows);
                self.window = self.wanted;
                let limit = self.budget().for_window(named);
                if self.window > limit {
                    folded = fold(&mut rows, limit / 2);
                    self.window = series(&rows);
                    let codes = Arc::make_mut(&mut self.state.codes);
                    codes.keep(&rows, now.steady);
                    for (key, sum) in &rows {
                        if key.code.is_other() && sum.count > 0 {
                            codes.note(key.clone(), now.steady);
                        }
                    }
                }
                Reading::Loss(rows)
            }
            Reading::Statistics {
                overall,
                mut platforms,
            } => {
                let page = &self.state.page;
                page.facts().history.pushes(range.end, &overall);
                let known = Arc::make_mut(&mut self.state.platforms);
                known.fill(&mut platforms, now.steady, Funnel::default);
                Reading::Statistics { overall, platforms }
            }
        };
        let Some(state) = self.state.apis.get_mut(&api) else {
            return;
        };
        // A clock that was ahead may have left a later one.
        state.last_nonzero = if is_zero {
            state.last_nonzero.map(|end| end.min(range.end))
        } else {
            Some(range.end)
        };
        state.good = Some(Arc::new(Good {
            at: now.steady,
            range,
            reading,
            folded,
        }));
    }

    /// Records the response about the day.
    pub fn day(&mut self, api: Api, question: Question, reading: &Reading, now: Now) {
        let rules = Rules {
            loss_series: Some(self.budget().for_counters()),
            ..Rules::of(&self.state.target)
        };
        let counts = self.state.apart.place_counts(reading.counts());
        if let Some(state) = self.state.apis.get_mut(&api) {
            if let Question::Today(range) = question {
                let before = |key: &CountKey| state.ledger.counted(range.start, key);
                let courses = &mut self.state.page.facts().courses;
                match api.measure() {
                    Measure::Losses => courses.losses(range, &counts, before),
                    Measure::Funnel => courses.pushes(range, &counts, before),
                }
            }
            Arc::make_mut(&mut state.ledger).answer(question, &counts, now, &rules);
        }
    }

    /// Publishes the outcome of an API's poll.
    pub fn finish(&mut self, api: Api, result: Result<(), FetchError>, now: Now) {
        let Some(state) = self.state.apis.get_mut(&api) else {
            return;
        };
        match result {
            Ok(()) => {
                state.up = true;
                state.consecutive_failures = 0;
                state.failing_since = None;
                state.last_success = Some(now.unix());
            }
            Err(error) => {
                state.up = false;
                state.consecutive_failures = state.consecutive_failures.saturating_add(1);
                state.failing_since.get_or_insert(now.unix());
                state.last_error = Some(LastError {
                    at: now.unix(),
                    error,
                });
            }
        }
        self.publish();
    }

    /// Whether the service's counts add up, as far as observed.
    pub fn is_additive(&self) -> Option<bool> {
        self.state.additive
    }

    /// Whether the service resolves ranges shorter than a day, as far as observed.
    pub fn is_resolved(&self) -> Option<bool> {
        self.state.resolved
    }

    /// Records whether the service's counts add up. If not, no counters are served from now
    /// on.
    pub fn additive(&mut self, additive: bool) {
        self.state.additive = Some(additive);
        self.publish();
    }

    /// Records whether the service resolves ranges shorter than a day.
    pub fn resolved(&mut self, resolved: bool) {
        self.state.resolved = Some(resolved);
        self.publish();
    }

    /// The target's series and their limit.
    fn budget(&self) -> Budget {
        let counters = self.state.has_counters();
        let apis = &self.state.apis;
        let funnels = if apis.contains_key(&Api::statistics(self.state.target.push)) {
            FunnelStep::ALL.len() * (1 + self.state.platforms.len())
        } else {
            0
        };
        let edges = 2 * apis.len();
        // The anchor, and what was late or revised by stage.
        let about_counters = if counters { funnels + 5 } else { 0 };
        let losses = apis.get(&Api::losses(self.state.target.push));
        Budget {
            limit: self.state.target.app.polling.series_limit,
            fixed: funnels + edges + about_counters,
            wanted: self.wanted,
            window: self.window,
            counters: counters.then(|| losses.map_or(0, |state| state.ledger.losses())),
        }
    }

    fn publish(&self) {
        // The loop over the target's tasks publishes its part of the state by itself.
        self.slot.rcu(|published| TargetState {
            tasks: published.tasks.clone(),
            ..self.state.clone()
        });
        self.snapshot.has_changed();
    }
}

/// The writer of the tasks in one target's slot.
pub struct TaskRecorder {
    slot: Arc<Slot>,
    snapshot: Arc<Snapshot>,
}

impl TaskRecorder {
    /// Continues from the target's state in the snapshot, which its
    /// [`Recorder`] has brought into line with the target before.
    pub fn new(target: &Target, snapshot: Arc<Snapshot>) -> Self {
        Self {
            slot: snapshot.slot_of(target),
            snapshot,
        }
    }

    /// The latest publication.
    pub fn board(&self) -> TaskBoard {
        let state = self.slot.load();
        state.tasks.as_deref().cloned().unwrap_or_default()
    }

    /// Publishes, unless the target's tasks are no longer watched.
    pub fn publish(&self, board: TaskBoard) {
        let board = Arc::new(board);
        self.slot.rcu(|state| TargetState {
            tasks: state.tasks.is_some().then(|| Arc::clone(&board)),
            ..TargetState::clone(state)
        });
        self.snapshot.has_changed();
    }
}
