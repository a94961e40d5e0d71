//! One loop per target: wait until due, ask, record. A target never overlaps itself, and
//! no target waits for another one, but for the limit that calls of one app share.

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
use crate::poll::log::{PollLog, Streak};
use crate::self_metrics::SelfMetrics;
use crate::target::counters::Rules;
use crate::target::snapshot::Recorder;
use proof::Proof;

/// What all loops of a process share.
pub struct Shared<F> {
    pub fetch: F,
    pub metrics: Arc<SelfMetrics>,
    pub clock: Box<dyn Fn() -> Now + Send + Sync>,
    pub log: Arc<PollLog>,
    /// Tells replicas apart, so that they do not poll in step.
    pub replica_index: u32,
    /// One for each call that may be under way, over all apps.
    pub places: Arc<Semaphore>,
    /// One for each target that may be looked at for a proof at the same time.
    pub proofs: Arc<Semaphore>,
}

/// Polls one target for ever. Dropping the future ends it at once, also within a call.
pub async fn poll<F: Fetch>(target: Target, shared: Arc<Shared<F>>, mut recorder: Recorder) {
    let id = target.id();
    let polling = &target.app.polling;
    let fraction = id.fraction(&format!("replica {}", shared.replica_index));
    let started = (shared.clock)().steady;
    let cadence = Cadence::new(polling.interval, started, fraction);
    let mut subjects: Vec<Subject> = target
        .apis()
        .iter()
        .map(|api| Subject::new(*api, cadence.first()))
        .collect();
    let mut proof = Proof::new(&target, &recorder, started);
    let mut clock = Guard::default();
    loop {
        let Some(due) = subjects.iter().map(|subject| subject.due).min() else {
            return;
        };
        recorder.next_poll(due);
        sleep_until(due).await;
        // Where calls already queue for places, a poll begins when its turn comes: late,
        // which is measured, and with a window that ends then.
        drop(shared.places.acquire().await);
        let began = (shared.clock)();
        shared.metrics.poll_began(began.steady.duration_since(due));
        // A window moves back only if the clock turns out to have been ahead.
        if let Some(ahead) = clock.follow(began) {
            recorder.set_back(ahead, began);
        }
        let end = aligned_end(
            clock.time(),
            polling.lag,
            polling.step,
            target.app.day_offset,
        );
        let mut poll = Poll {
            target: &target,
            shared: &shared,
            recorder: &mut recorder,
            end,
            day_end: Rules::of(&target).end(clock.time()),
        };
        let is_due = |subject: &&mut Subject| subject.due <= began.steady;
        // Where many want a proof at once, this one waits for the next poll.
        let proving = if proof.is_due(began.steady) {
            shared.proofs.try_acquire().ok()
        } else {
            None
        };
        // The first outcome does not wait for the proof, and the first counters do. Later,
        // all that a scrape sees of a target ends at the same moment.
        let is_new = proof.is_new();
        let first = if is_new {
            &[Part::Window][..]
        } else {
            &[Part::Window, Part::Day]
        };
        for subject in subjects.iter_mut().filter(is_due) {
            poll.ask(subject, first).await;
        }
        if proving.is_some() && subjects.iter().all(|subject| subject.failures == 0) {
            proof.look_for(&mut poll).await;
        }
        if is_new && proving.is_some() {
            // What has just failed is not asked more.
            let works = |subject: &&mut Subject| subject.failures == 0;
            for subject in subjects.iter_mut().filter(is_due).filter(works) {
                poll.ask(subject, &[Part::Day]).await;
            }
        }
        drop(proving);
        let now = (shared.clock)().steady;
        for subject in subjects.iter_mut().filter(is_due) {
            let jitter = id.fraction(&format!("failure {}", subject.failures));
            let due = cadence.after_failures(subject.failures, began.steady, now, jitter);
            subject.due = due.max(now + subject.asks_for.unwrap_or_default());
        }
        shared.metrics.poll_ended(now.duration_since(began.steady));
    }
}

/// The questions of a poll about one API.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Window,
    Day,
}

/// One poll of a target: all its ranges end together, but that the day's end no more than a
/// minute before the newest settled data, however long the windows' `step` is.
struct Poll<'a, F> {
    target: &'a Target,
    shared: &'a Shared<F>,
    recorder: &'a mut Recorder,
    end: UnixSeconds,
    day_end: UnixSeconds,
}

impl<F: Fetch> Poll<'_, F> {
    /// Asks about one API and publishes the outcome. The first failure ends it.
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
        subject.asks_for = result.as_ref().err().and_then(|error| error.retry_after);
        subject.note(&self.shared.log, &id, self.end, &result, now);
        let (calls, app) = self.shared.metrics.calls(&id);
        self.recorder.calls(calls, app);
        self.recorder.finish(api, result, now);
    }

    async fn fetch(&self, api: Api, range: Range) -> Result<Reading, FetchError> {
        self.shared.fetch.fetch(self.target, api, range).await
    }
}

/// One API of a target, with a back-off of its own: a service that is not enabled for an
/// app must not thin out what the other API has to say.
struct Subject {
    api: Api,
    due: Instant,
    failures: u32,
    /// How long the service wants to be left alone; bounded where it is read.
    asks_for: Option<Duration>,
    streak: Streak,
}

impl Subject {
    fn new(api: Api, due: Instant) -> Self {
        Self {
            api,
            due,
            failures: 0,
            asks_for: None,
            streak: Streak::default(),
        }
    }

    fn note(
        &mut self,
        log: &PollLog,
        id: &TargetId,
        end: UnixSeconds,
        result: &Result<(), FetchError>,
        now: Now,
    ) {
        self.failures = log.polled(&mut self.streak, id, self.api, end, result, now);
    }
}

#[cfg(test)]
mod tests;
