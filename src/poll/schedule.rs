//! One loop per target: wait until due, query, record. Polls of a target never overlap, and no
//! target waits for another, except for the rate limit that the calls of one app share.

mod proof;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::clock::{Guard, Now};
use crate::config::target::Target;
use crate::fetch::Fetch;
use crate::model::cadence::Cadence;
use crate::model::outcome::FetchError;
use crate::model::reading::{Api, Reading};
use crate::model::target_id::TargetId;
use crate::model::window::{Range, UnixSeconds, aligned_end};
use crate::poll::log::{About, PollLog, Streak};
use crate::self_metrics::SelfMetrics;
use crate::target::counters::Rules;
use crate::target::snapshot::Recorder;
use proof::Proof;

/// The maximum number of targets that check at the same time whether counts add up, which
/// takes about ten calls each: with many targets, all windows come before any counters.
const PROOFS_AT_ONCE: usize = 2048;

/// How often an app's query is repeated while the service does not offer it such pushes, or
/// does not know a task: until that changes, each such query takes a call from the useful
/// ones.
pub const RARELY: Duration = Duration::from_secs(3600);

/// Returns the current time.
pub type Timepiece = Arc<dyn Fn() -> Now + Send + Sync>;

/// The state shared by all loops of a process.
pub struct Shared<F> {
    pub fetch: F,
    pub metrics: Arc<SelfMetrics>,
    pub clock: Timepiece,
    pub log: Arc<PollLog>,
    /// Differs between replicas, so that they do not poll in step.
    replica_index: u32,
    /// One permit per concurrent call, over all apps.
    places: Arc<Semaphore>,
    /// One permit per target that may search for a proof at the same time.
    proofs: Arc<Semaphore>,
}

impl<F> Shared<F> {
    /// `places` are those of `fetch`: one per concurrent call.
    pub fn new(
        fetch: F,
        metrics: Arc<SelfMetrics>,
        clock: Timepiece,
        replica_index: u32,
        places: Arc<Semaphore>,
    ) -> Self {
        Self {
            fetch,
            metrics,
            clock,
            log: Arc::default(),
            replica_index,
            places,
            proofs: Arc::new(Semaphore::new(PROOFS_AT_ONCE)),
        }
    }

    /// A target's place among those that are polled at one pace. Differs by `salt`, and between
    /// replicas.
    pub fn fraction(&self, id: &TargetId, salt: &str) -> f64 {
        id.fraction(&format!("{salt}replica {}", self.replica_index))
    }

    /// The same with another connection to the service that uses the same places.
    #[must_use]
    pub fn successor(&self, fetch: F) -> Self {
        Self {
            fetch,
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
            log: Arc::clone(&self.log),
            replica_index: self.replica_index,
            places: Arc::clone(&self.places),
            proofs: Arc::clone(&self.proofs),
        }
    }
}

/// Polls one target for ever. Dropping the future ends it at once, even within a call.
pub async fn poll<F: Fetch>(target: Target, shared: Arc<Shared<F>>, recorder: Recorder) {
    Polling::new(&target, &shared, recorder).run().await;
}

/// One target's loop.
struct Polling<'a, F> {
    target: &'a Target,
    id: TargetId,
    shared: &'a Shared<F>,
    recorder: Recorder,
    cadence: Cadence,
    subjects: Vec<Subject>,
    proof: Proof,
    clock: Guard,
}

impl<'a, F: Fetch> Polling<'a, F> {
    fn new(target: &'a Target, shared: &'a Shared<F>, recorder: Recorder) -> Self {
        let id = target.id();
        let fraction = shared.fraction(&id, "");
        let started = (shared.clock)().steady;
        let cadence = Cadence::new(target.app.polling.interval, started, fraction);
        Self {
            target,
            id,
            shared,
            subjects: target
                .apis()
                .map(|api| Subject::new(api, cadence.first()))
                .collect(),
            proof: Proof::new(target, &recorder, started),
            recorder,
            cadence,
            clock: Guard::default(),
        }
    }

    async fn run(mut self) {
        while let Some(due) = self.subjects.iter().map(|subject| subject.due).min() {
            let began = self.wait(due).await;
            self.ask(began).await;
            self.schedule(began);
        }
    }

    /// Waits until a poll begins.
    async fn wait(&mut self, due: Instant) -> Now {
        self.recorder.next_poll(due);
        sleep_until(due).await;
        // If calls already queue for places, a poll begins when its turn comes: late, which
        // is measured, and with a window that ends then.
        drop(self.shared.places.acquire().await);
        let began = (self.shared.clock)();
        let late_by = began.steady.duration_since(due);
        self.shared.metrics.poll_began(late_by);
        // A window moves back only if the clock turns out to have been ahead.
        if let Some(ahead) = self.clock.follow(began) {
            self.recorder.set_back(ahead, began);
        }
        began
    }

    /// Sends all queries that are due, and searches for a proof.
    async fn ask(&mut self, began: Now) {
        let (target, clock) = (self.target, self.clock.time());
        let polling = &target.app.polling;
        let mut poll = Poll {
            target,
            shared: self.shared,
            recorder: &mut self.recorder,
            end: aligned_end(clock, polling.lag, polling.step, target.app.day_offset),
            day_end: Rules::of(target).end(clock),
        };
        let is_due = |subject: &&mut Subject| subject.due <= began.steady;
        // If many targets want a proof at once, this one waits for the next poll.
        let proving = if self.proof.is_due(began.steady) {
            self.shared.proofs.try_acquire().ok()
        } else {
            None
        };
        // The first outcome does not wait for the proof, and the first counters do. Later,
        // all that a scrape sees of a target ends at the same moment.
        let is_new = self.proof.is_new();
        let first = if is_new {
            &[Part::Window][..]
        } else {
            &[Part::Window, Part::Day]
        };
        for subject in self.subjects.iter_mut().filter(is_due) {
            poll.ask(subject, first).await;
        }
        if proving.is_none() {
            return;
        }
        if self.subjects.iter().all(Subject::works) {
            self.proof.look_for(&mut poll).await;
        }
        if is_new {
            // An API that has just failed is not queried again.
            let works = |subject: &&mut Subject| subject.works();
            for subject in self.subjects.iter_mut().filter(is_due).filter(works) {
                poll.ask(subject, &[Part::Day]).await;
            }
        }
    }

    /// Schedules the next polls of the APIs that were due at `began`.
    fn schedule(&mut self, began: Now) {
        let began = began.steady;
        let now = (self.shared.clock)().steady;
        let is_due = |subject: &&mut Subject| subject.due <= began;
        for subject in self.subjects.iter_mut().filter(is_due) {
            let failures = subject.streak.failures();
            let jitter = self.id.fraction(&format!("failure {failures}"));
            let due = self.cadence.after_failures(failures, began, now, jitter);
            subject.due = due.max(now + subject.asks_for.unwrap_or_default());
        }
        self.shared.metrics.poll_ended(now.duration_since(began));
    }
}

/// The queries of a poll to one API.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Window,
    Day,
}

/// One poll of a target. All its ranges end together, except that the day's range ends at most
/// a minute before the newest settled data, however long the windows' `step` is.
struct Poll<'a, F> {
    target: &'a Target,
    shared: &'a Shared<F>,
    recorder: &'a mut Recorder,
    end: UnixSeconds,
    day_end: UnixSeconds,
}

impl<F: Fetch> Poll<'_, F> {
    /// Queries one API and publishes the outcome. The first failure ends the poll.
    async fn ask(&mut self, subject: &mut Subject, parts: &[Part]) {
        let api = subject.api;
        let mut result = Ok(());
        if parts.contains(&Part::Window) {
            let range = Range::ending(self.end, self.target.app.polling.window);
            result = self.fetch(api, range).await.map(|reading| {
                let now = (self.shared.clock)();
                self.recorder.window(api, range, reading, now);
            });
        }
        if parts.contains(&Part::Day) && result.is_ok() {
            let questions = self
                .recorder
                .questions(api, self.day_end, (self.shared.clock)());
            if questions.is_empty() && !parts.contains(&Part::Window) {
                return;
            }
            for question in questions {
                result = self.fetch(api, question.range()).await.map(|reading| {
                    let now = (self.shared.clock)();
                    self.recorder.day(api, question, &reading, now);
                });
                if result.is_err() {
                    break;
                }
            }
        }
        let id = self.target.id();
        let now = (self.shared.clock)();
        subject.asks_for = result.as_ref().err().and_then(|error| {
            let rarely = api.lacks(error.outcome).then_some(RARELY);
            rarely.max(error.retry_after)
        });
        let log = &self.shared.log;
        let about = About::Api(api);
        log.polled(&mut subject.streak, &id, about, self.end, &result, now);
        let (calls, app) = self.shared.metrics.calls(&id);
        self.recorder.calls(calls, app);
        self.recorder.finish(api, result, now);
    }

    async fn fetch(&self, api: Api, range: Range) -> Result<Reading, FetchError> {
        self.shared.fetch.fetch(self.target, api, range).await
    }
}

/// One API of a target, with a back-off of its own: an API that is not enabled for an app must
/// not slow down polls of the other.
struct Subject {
    api: Api,
    due: Instant,
    /// The minimum wait before the next poll that the service requires. It is bounded where
    /// it is read.
    asks_for: Option<Duration>,
    streak: Streak,
}

impl Subject {
    fn new(api: Api, due: Instant) -> Self {
        Self {
            api,
            due,
            asks_for: None,
            streak: Streak::default(),
        }
    }

    fn works(&self) -> bool {
        self.streak.failures() == 0
    }
}

#[cfg(test)]
mod tests;
