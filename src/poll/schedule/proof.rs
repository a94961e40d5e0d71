//! Looks for the proof that the service's counts add up, before and while counters rely on
//! it. Once per target; again a day later as long as zeros prove nothing.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::Poll;
use crate::config::target::Target;
use crate::fetch::Fetch;
use crate::model::reading::Api;
use crate::model::window::DAY;
use crate::poll::additivity;
use crate::poll::log::Kind;
use crate::target::snapshot::Recorder;

/// When to look again after the service refused a question.
const AFTER_FAILURE: Duration = Duration::from_secs(600);

const AFTER_NOTHING: Duration = Duration::from_secs(DAY);

/// Where an app has several regions, all of them get their first outcome before any of
/// them spends calls on a proof.
const OTHERS_FIRST: Duration = Duration::from_secs(15);

/// What is still to be proved of one target.
pub(super) struct Proof {
    /// Absent once nothing is left to prove.
    due: Option<Instant>,
    not_before: Instant,
    /// Nothing was looked at yet, so there are no counters.
    is_new: bool,
    adds_up: bool,
    resolved: bool,
}

impl Proof {
    /// What an earlier process saw to add up needs no second look. What it saw not to may
    /// have changed.
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

    /// Asks what is not proved yet. Without counters nothing is left to prove.
    pub(super) async fn look_for<F: Fetch>(&mut self, poll: &mut Poll<'_, F>) {
        sleep_until(self.not_before).await;
        self.is_new = false;
        self.due = self.look(poll).await.map(|wait| {
            let now = (poll.shared.clock)().steady;
            now + wait
        });
    }

    /// When to look again, if ever.
    async fn look<F: Fetch>(&mut self, poll: &mut Poll<'_, F>) -> Option<Duration> {
        let (id, api) = (poll.target.id(), Api::NormalPushLoss);
        let (app, region) = (&id.app, &id.region);
        let shared = poll.shared;
        let fetch = &shared.fetch;
        let is_told = |kind| shared.log.is_proof_told(kind, &id, (shared.clock)());
        if !self.adds_up {
            let now = (poll.shared.clock)().unix();
            match additivity::check(fetch, poll.target, api, now).await {
                Ok(verdict) => match verdict.passes() {
                    Some(true) => {
                        if is_told(Kind::AddsUp) {
                            info!(app, region, "{id}: counters can be relied on: {verdict}");
                        }
                        self.adds_up = true;
                        poll.recorder.additive(true);
                        // The rest can wait for the next poll, and this one's counters cannot.
                        return Some(Duration::ZERO);
                    }
                    Some(false) => {
                        if is_told(Kind::DoesNotAddUp) {
                            warn!(
                                app,
                                region,
                                advice = "use the window gauges; `timpush-exporter probe` shows the evidence",
                                "{id}: there will be no counters: {verdict}"
                            );
                        }
                        poll.recorder.additive(false);
                        return None;
                    }
                    None => {
                        if is_told(Kind::Unproved) {
                            info!(
                                app,
                                region,
                                "{id}: whether counts add up is {verdict}; looking again in a day"
                            );
                        }
                        return Some(AFTER_NOTHING);
                    }
                },
                Err(error) => {
                    debug!(
                        app,
                        region, "{id}: cannot see whether counts add up: {error}"
                    );
                    return Some(AFTER_FAILURE);
                }
            }
        }
        if !self.resolved {
            let now = (poll.shared.clock)().unix();
            match additivity::resolved(fetch, poll.target, api, now).await {
                Ok(Some(resolved)) => {
                    self.resolved = true;
                    poll.recorder.resolved(resolved);
                    if !resolved && is_told(Kind::WholeDays) {
                        warn!(
                            app,
                            region,
                            advice = "set `window` and `step` to 1d for this app: shorter windows show whole days or nothing",
                            "{id}: the service does not tell ranges inside a day apart"
                        );
                    }
                }
                Ok(None) => return Some(AFTER_NOTHING),
                Err(error) => {
                    debug!(
                        app,
                        region, "{id}: cannot see the service's resolution: {error}"
                    );
                    return Some(AFTER_FAILURE);
                }
            }
        }
        None
    }
}
