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
use crate::poll::additivity::{self, Additivity};
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
    adds_up: bool,
    resolved: bool,
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
            adds_up,
            resolved,
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
        self.due = self.look(poll).await.map(|wait| {
            let now = (poll.shared.clock)().steady;
            now + wait
        });
    }

    /// When to check again, if ever.
    async fn look<F: Fetch>(&mut self, poll: &mut Poll<'_, F>) -> Option<Duration> {
        match (self.adds_up, self.resolved) {
            (false, _) => self.look_at_sums(poll).await,
            (true, false) => self.look_at_resolution(poll).await,
            (true, true) => None,
        }
    }

    async fn look_at_sums<F: Fetch>(&mut self, poll: &mut Poll<'_, F>) -> Option<Duration> {
        let (fetch, now) = (&poll.shared.fetch, (poll.shared.clock)().unix());
        let api = Api::losses(poll.target.push);
        let verdict = match additivity::check(fetch, poll.target, api, now).await {
            Ok(verdict) => verdict,
            Err(error) => return Some(unseen("whether counts add up", &error, poll)),
        };
        tell(&verdict, poll);
        let adds_up = verdict.passes();
        if let Some(adds_up) = adds_up {
            self.adds_up = adds_up;
            poll.recorder.additive(adds_up);
        }
        match adds_up {
            // The rest can wait for the next poll; this poll's counters cannot.
            Some(true) => Some(Duration::ZERO),
            Some(false) => None,
            None => Some(AFTER_NOTHING),
        }
    }

    async fn look_at_resolution<F: Fetch>(&mut self, poll: &mut Poll<'_, F>) -> Option<Duration> {
        let (fetch, now) = (&poll.shared.fetch, (poll.shared.clock)().unix());
        let api = Api::losses(poll.target.push);
        let resolved = match additivity::resolved(fetch, poll.target, api, now).await {
            Ok(Some(resolved)) => resolved,
            Ok(None) => return Some(AFTER_NOTHING),
            Err(error) => return Some(unseen("the service's resolution", &error, poll)),
        };
        self.resolved = true;
        poll.recorder.resolved(resolved);
        if !resolved && is_told(News::WholeDays, poll) {
            let id = poll.target.id();
            warn!(
                app = id.app,
                region = id.region,
                push = id.push_field(),
                advice = "set `window` and `step` to 1d for this app: shorter windows show whole days or nothing",
                "{id}: the service does not distinguish ranges within a day"
            );
        }
        None
    }
}

/// Logs what a verdict means for the counters.
fn tell<F>(verdict: &Additivity, poll: &Poll<'_, F>) {
    let id = poll.target.id();
    let (app, region, push) = (&id.app, &id.region, id.push_field());
    let kind = match verdict.passes() {
        Some(true) => News::AddsUp,
        Some(false) => News::DoesNotAddUp,
        None => News::Unproved,
    };
    if !is_told(kind, poll) {
        return;
    }
    match verdict.passes() {
        Some(true) => info!(app, region, push, "{id}: counters are reliable: {verdict}"),
        Some(false) => warn!(
            app,
            region,
            push,
            advice = "use the window gauges; `timpush-exporter probe` shows the evidence",
            "{id}: counters are disabled: {verdict}"
        ),
        None => info!(
            app,
            region, push, "{id}: whether counts add up is {verdict}; checked again in a day"
        ),
    }
}

fn is_told<F>(kind: News, poll: &Poll<'_, F>) -> bool {
    let (shared, id) = (poll.shared, poll.target.id());
    shared.log.is_proof_told(kind, &id, (shared.clock)())
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
