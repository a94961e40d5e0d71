//! Searches for proof that the service's counts add up, before and while counters rely on it:
//! once per target, and again a day later as long as zeros prove nothing.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::Poll;
use crate::config::target::Target;
use crate::fetch::Fetch;
use crate::model::outcome::FetchError;
use crate::model::reading::Api;
use crate::model::window::DAY;
use crate::poll::additivity;
use crate::poll::log::News;
use crate::target::snapshot::Recorder;

/// When to check again after the service refused a query.
const AFTER_FAILURE: Duration = Duration::from_secs(600);

const AFTER_NOTHING: Duration = Duration::from_secs(DAY);

/// In an app with several regions, all of them get their first outcome before any region
/// spends calls on a proof.
const OTHERS_FIRST: Duration = Duration::from_secs(15);

/// What remains to be proved about one target.
pub(super) struct Proof {
    /// Absent once everything is proved.
    due: Option<Instant>,
    not_before: Instant,
    /// Nothing has been checked yet, so no counters are served.
    is_new: bool,
}

impl Proof {
    /// Counts that added up in an earlier process need no second check. Counts that did not
    /// may add up now.
    pub(super) fn new(target: &Target, recorder: &Recorder, started: Instant) -> Self {
        let adds_up = recorder.is_additive() == Some(true);
        let resolved = recorder.is_resolved().is_some();
        let wait = if target.app.regions.len() > 1 {
            OTHERS_FIRST
        } else {
            Duration::ZERO
        };
        Self {
            due: (target.app.polling.counters && !(adds_up && resolved)).then_some(started),
            not_before: started + wait,
            is_new: !adds_up,
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Sends the queries for what is not proved yet. Without counters there is nothing to
    /// prove.
    pub(super) async fn look_for<F: Fetch>(&mut self, poll: &mut Poll<'_, F>) {
        sleep_until(self.not_before).await;
        self.is_new = false;
        self.due = Self::look(poll).await.map(|wait| {
            let now = (poll.shared.clock)().steady;
            now + wait
        });
    }

    /// When to check again, if ever.
    async fn look<F: Fetch>(poll: &mut Poll<'_, F>) -> Option<Duration> {
        if poll.recorder.is_additive() != Some(true) {
            Self::look_at_sums(poll).await
        } else if poll.recorder.is_resolved().is_none() {
            Self::look_at_resolution(poll).await
        } else {
            None
        }
    }

    async fn look_at_sums<F: Fetch>(poll: &mut Poll<'_, F>) -> Option<Duration> {
        let (fetch, now) = (&poll.shared.fetch, (poll.shared.clock)().unix());
        let api = Api::losses(poll.target.push);
        let verdict = match additivity::check(fetch, poll.target, api, now).await {
            Ok(verdict) => verdict,
            Err(error) => return Some(unseen("whether counts add up", &error, poll)),
        };
        let adds_up = verdict.passes();
        let (news, text, again) = match adds_up {
            Some(true) => (
                News::AddsUp,
                format!("counters are reliable: {verdict}"),
                // The rest can wait for the next poll; this poll's counters cannot.
                Some(Duration::ZERO),
            ),
            Some(false) => (
                News::DoesNotAddUp,
                format!("counters are disabled: {verdict}"),
                None,
            ),
            None => (
                News::Unproved,
                format!("whether counts add up is {verdict}; checked again in a day"),
                Some(AFTER_NOTHING),
            ),
        };
        tell(news, &text, poll);
        if let Some(adds_up) = adds_up {
            poll.recorder.additive(adds_up);
        }
        again
    }

    async fn look_at_resolution<F: Fetch>(poll: &mut Poll<'_, F>) -> Option<Duration> {
        let (fetch, now) = (&poll.shared.fetch, (poll.shared.clock)().unix());
        let api = Api::losses(poll.target.push);
        let resolved = match additivity::resolved(fetch, poll.target, api, now).await {
            Ok(Some(resolved)) => resolved,
            Ok(None) => return Some(AFTER_NOTHING),
            Err(error) => return Some(unseen("the service's resolution", &error, poll)),
        };
        poll.recorder.resolved(resolved);
        if !resolved {
            let text = "the service does not distinguish ranges within a day";
            tell(News::WholeDays, text, poll);
        }
        None
    }
}

/// Logs what is known now about how the service counts, unless it is logged for many targets
/// together.
fn tell<F>(news: News, text: &str, poll: &Poll<'_, F>) {
    let (shared, id) = (poll.shared, poll.target.id());
    if !shared.log.is_proof_told(news, &id, (shared.clock)()) {
        return;
    }
    let (app, region, push) = (&id.app, &id.region, id.push_field());
    let advice = match news {
        News::DoesNotAddUp => "use the window gauges; `timpush-exporter probe` shows the evidence",
        News::WholeDays => {
            "set `window` and `step` to 1d for this app: shorter windows show whole days or nothing"
        }
        _ => return info!(app, region, push, "{id}: {text}"),
    };
    warn!(app, region, push, advice, "{id}: {text}");
}

/// When to check again after a refusal.
fn unseen<F>(what: &str, error: &FetchError, poll: &Poll<'_, F>) -> Duration {
    let id = poll.target.id();
    debug!(
        app = id.app,
        region = id.region,
        push = id.push_field(),
        "{id}: cannot determine {what}: {error}"
    );
    AFTER_FAILURE
}
