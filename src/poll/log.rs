//! Log messages of polls. A failing target is logged when it begins to fail, occasionally
//! after that, and when it recovers; many targets with one cause share one line.
//!
//! The first three targets of a cause have lines of their own. Others are counted and logged
//! together after a minute, or, if they keep failing, after an hour. The omitted lines are
//! logged at level `debug`.

mod tally;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::clock::Now;
use crate::model::outcome::FetchError;
use crate::model::reading::Api;
use crate::model::target_id::TargetId;
use crate::model::window::UnixSeconds;
pub use tally::{About, News};
use tally::{Cause, Counted, Summary, Tally, Topic};

/// A persistent cause is logged again after this time, however many failures that is.
const AGAIN: Duration = Duration::from_secs(3600);

/// The messages that the polls of a process share. It holds about 80 causes at most, and logs
/// the rest when it is dropped.
#[derive(Debug, Default)]
pub struct PollLog(Mutex<Tally>);

/// The consecutive failures of one target's API.
#[derive(Debug, Default)]
pub struct Streak {
    failures: u32,
    failing: Option<Failing>,
    counted: Counted,
}

#[derive(Debug)]
struct Failing {
    since: UnixSeconds,
    cause: Cause,
    told: Instant,
}

impl Streak {
    /// The message for one more failure, if any: at the first failure, at another cause, at
    /// every doubling, and once an hour.
    fn fail(&mut self, error: &FetchError, now: Now) -> Option<News> {
        self.failures = self.failures.saturating_add(1);
        let cause = Cause::from(error);
        let kind = match &self.failing {
            Some(failing) if failing.cause == cause => {
                let is_time = now.steady.duration_since(failing.told) >= AGAIN;
                (is_time || self.failures.is_power_of_two()).then_some(News::StillFails)
            }
            _ => Some(News::Fails),
        };
        if kind.is_some() {
            let since = self.since().unwrap_or_else(|| now.unix());
            self.failing = Some(Failing {
                since,
                cause,
                told: now.steady,
            });
        }
        kind
    }

    pub fn failures(&self) -> u32 {
        self.failures
    }

    fn since(&self) -> Option<UnixSeconds> {
        self.failing.as_ref().map(|failing| failing.since)
    }
}

impl PollLog {
    /// Records the outcome of a poll whose ranges ended at `end`.
    pub fn polled(
        &self,
        streak: &mut Streak,
        id: &TargetId,
        api: About,
        end: UnixSeconds,
        result: &Result<(), FetchError>,
        now: Now,
    ) {
        match result {
            Ok(()) => self.responded(streak, id, api, end, now),
            Err(error) => self.failed(streak, id, api, error, now),
        }
    }

    fn responded(
        &self,
        streak: &mut Streak,
        id: &TargetId,
        api: About,
        end: UnixSeconds,
        now: Now,
    ) {
        let TargetId { app, region, .. } = id;
        let (push, name, end) = (id.push_field(), api.as_str(), end.0);
        let failures = std::mem::take(&mut streak.failures);
        let kind = streak.failing.take().map(|_| News::Responds);
        if self.is_told(kind, api, id, None, &mut streak.counted, now) {
            info!(
                app,
                region,
                push,
                api = name,
                failures,
                "{id} {api}: responds again"
            );
        }
        debug!(app, region, push, api = name, end, "{id} {api}: polled");
    }

    fn failed(&self, streak: &mut Streak, id: &TargetId, api: About, error: &FetchError, now: Now) {
        let TargetId { app, region, .. } = id;
        let (push, name) = (id.push_field(), api.as_str());
        let kind = streak.fail(error, now);
        // A feature that is not offered stays so until it is bought, so it is logged once.
        let kind = kind.filter(|kind| *kind == News::Fails || !api.lacks(error.outcome));
        let (failures, since) = (streak.failures, streak.since());
        let cause = Some(Cause::from(error));
        let is_told = self.is_told(kind, api, id, cause, &mut streak.counted, now);
        let (outcome, code) = (error.outcome.as_str(), error.code);
        let advice = &error.advice;
        let history = match (kind, since) {
            (Some(News::StillFails), Some(since)) => {
                format!("still failing, {failures} in a row since {since}: ")
            }
            _ => String::new(),
        };
        if is_told {
            warn!(
                app,
                region,
                push,
                api = name,
                outcome,
                code,
                failures,
                advice,
                "{id} {api}: {history}{error}"
            );
        } else {
            debug!(
                app,
                region,
                push,
                api = name,
                failures,
                "{id} {api}: {error}"
            );
        }
    }

    /// Whether the proof about a target, which comes at most once a day, gets a line of its
    /// own.
    pub fn is_proof_told(&self, kind: News, id: &TargetId, now: Now) -> bool {
        let counted = &mut Counted::default();
        let about = About::Api(Api::losses(id.push));
        self.is_told(Some(kind), about, id, None, counted, now)
    }

    /// Logs what is due, and returns whether the target gets a line of its own.
    fn is_told(
        &self,
        kind: Option<News>,
        api: About,
        id: &TargetId,
        cause: Option<Cause>,
        counted: &mut Counted,
        now: Now,
    ) -> bool {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = tally.due(now.steady);
        let is_told = kind.is_some_and(|kind| {
            let topic = Topic {
                kind,
                api,
                region: Some(id.region.clone()),
                cause,
            };
            tally.is_told(topic, id, counted, now.steady)
        });
        drop(tally);
        due.iter().for_each(tell);
        is_told
    }
}

impl Drop for PollLog {
    fn drop(&mut self) {
        let tally = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        tally.rest().iter().for_each(tell);
    }
}

/// One line for many targets.
fn tell(summary: &Summary) {
    let (topic, targets) = (&summary.topic, summary.targets);
    let (kind, api, name) = (topic.kind, topic.api, topic.api.as_str());
    let (region, cause) = (topic.region.as_deref(), topic.cause.as_ref());
    let outcome = cause.map(|cause| cause.outcome.as_str());
    let code = cause.and_then(|cause| cause.code);
    let advice = cause.map(|cause| cause.advice.as_str());
    let names: Vec<String> = summary.first.iter().map(TargetId::to_string).collect();
    let mut first = format!("first: {}", names.join(", "));
    if targets > names.len() as u64 {
        first.push_str(", ...");
    }
    let of = match (region, outcome, code) {
        (Some(region), Some(outcome), Some(code)) => {
            format!("the same cause, {outcome} {code} in {region}")
        }
        (Some(region), Some(outcome), None) => format!("the same cause, {outcome} in {region}"),
        _ => "other causes".to_owned(),
    };
    let count = match targets {
        1 => "1 more target".to_owned(),
        _ => format!("{targets} more targets"),
    };
    let line = match kind {
        News::Fails => format!("{api}: {count} failed for {of} ({first})"),
        News::StillFails => format!("{api}: still failing, {count} for {of} ({first})"),
        News::Responds => format!("{api}: {count} responded again ({first})"),
        News::AddsUp => format!("{count} with reliable counters ({first})"),
        News::DoesNotAddUp => {
            format!("{count} will have no counters, since their counts do not add up ({first})")
        }
        News::Unproved => {
            format!(
                "{count} whose counts are not known to add up; checked again in a day ({first})"
            )
        }
        News::WholeDays => {
            format!(
                "{count} for which the service does not distinguish ranges within a day ({first})"
            )
        }
    };
    match kind {
        News::Fails | News::StillFails => {
            warn!(api = name, region, outcome, code, targets, advice, "{line}");
        }
        News::DoesNotAddUp | News::WholeDays => warn!(region, targets, "{line}"),
        News::Responds => info!(api = name, region, targets, "{line}"),
        News::AddsUp | News::Unproved => info!(region, targets, "{line}"),
    }
}

#[cfg(test)]
pub(crate) mod tests;
