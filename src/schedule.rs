//! One loop per target: wait until due, ask, record. A target never overlaps itself, and
//! no target waits for another one, but for the limit that calls of one app share.

use std::future::Future;
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use crate::api::FetchError;
use crate::cadence::Cadence;
use crate::clock::Now;
use crate::reading::{Api, Reading};
use crate::self_metrics::SelfMetrics;
use crate::snapshot::Recorder;
use crate::target::{Target, TargetId};
use crate::window::{Range, UnixSeconds, aligned_end};

/// Asks the service one question; all retries and their pauses are the answerer's own.
pub trait Fetch: Send + Sync + 'static {
    fn fetch(
        &self,
        target: &Target,
        api: Api,
        range: Range,
    ) -> impl Future<Output = Result<Reading, FetchError>> + Send;
}

/// What all loops of a process share.
pub struct Shared<F> {
    pub fetch: F,
    pub metrics: Arc<SelfMetrics>,
    pub clock: Box<dyn Fn() -> Now + Send + Sync>,
    /// Tells replicas apart, so that they do not poll in step.
    pub replica_index: u32,
}

/// Polls one target for ever. Dropping the future ends it at once, also within a call.
pub async fn poll<F: Fetch>(target: Target, shared: Arc<Shared<F>>, mut recorder: Recorder) {
    let id = target.id();
    let polling = &target.app.polling;
    let fraction = id.fraction(&format!("replica {}", shared.replica_index));
    let cadence = Cadence::new(polling.interval, (shared.clock)().steady, fraction);
    let mut questions: Vec<Question> = target
        .apis()
        .iter()
        .map(|api| Question {
            api: *api,
            due: cadence.first(),
            failures: 0,
        })
        .collect();
    let mut last_end = UnixSeconds(0);
    loop {
        let Some(due) = questions.iter().map(|question| question.due).min() else {
            return;
        };
        recorder.next_poll(due);
        sleep_until(due).await;
        let began = (shared.clock)();
        shared.metrics.poll_began(began.steady.duration_since(due));
        // A clock that is set back must not make a window move back.
        let end = aligned_end(
            began.unix(),
            polling.lag,
            polling.step,
            target.app.day_offset,
        )
        .max(last_end);
        last_end = end;
        let range = Range::ending(end, polling.window);
        for question in questions
            .iter_mut()
            .filter(|question| question.due <= began.steady)
        {
            let result = shared.fetch.fetch(&target, question.api, range).await;
            question.note(&id, range, &result);
            recorder.record(question.api, range, result, (shared.clock)());
        }
        let now = (shared.clock)().steady;
        for question in questions
            .iter_mut()
            .filter(|question| question.due <= began.steady)
        {
            let jitter = id.fraction(&format!("failure {}", question.failures));
            question.due = cadence.after_failures(question.failures, began.steady, now, jitter);
        }
        shared.metrics.poll_ended(now.duration_since(began.steady));
    }
}

/// One API of a target, with a back-off of its own: a service that is not enabled for an
/// app must not thin out what the other API has to say.
struct Question {
    api: Api,
    due: Instant,
    failures: u32,
}

impl Question {
    fn note(&mut self, id: &TargetId, range: Range, result: &Result<Reading, FetchError>) {
        let TargetId { app, region } = id;
        let api = self.api.as_str();
        match result {
            Ok(_) => {
                if self.failures > 0 {
                    info!(
                        app,
                        region,
                        api,
                        failures = self.failures,
                        "{id} {api}: answers again"
                    );
                }
                debug!(
                    app,
                    region,
                    api,
                    start = range.start.0,
                    end = range.end.0,
                    "{id} {api}: polled"
                );
                self.failures = 0;
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                warn!(
                    app,
                    region,
                    api,
                    outcome = error.outcome.as_str(),
                    code = error.code,
                    failures = self.failures,
                    advice = error.advice,
                    "{id} {api}: {error}"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
