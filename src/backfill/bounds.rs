//! The limits of a span: data that the service no longer keeps, and data not settled yet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ask::AT_ONCE;
use super::plan::{Backfill, Span, Work};
use super::replay::{DaemonSettings, needed};
use super::timeline::stops;
use crate::config::duration::text;
use crate::config::target::Target;
use crate::model::target_id::TargetId;
use crate::model::window::{
    DAY, DayOffset, LOOK_BACK, TO_PASTE, UnixSeconds, aligned_end, day_anchor,
};
use crate::poll::additivity;

/// Time allowed for the first call, and for a call to be repeated.
const MARGIN: Duration = Duration::from_secs(10);

/// The maximum number of planned moments of all targets together: a week of hours for 20,000
/// targets, or of seconds for six. A moment and its queries take about 250 bytes.
const MAX_MOMENTS: u64 = 4_000_000;

/// Why a span cannot be filled, and which argument to change.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoundsError {
    #[error("--step: {} does not divide a day; 1s to 1d without a rest are possible, such as 1m, 5m, 30m, 1h or 6h", text(*.0))]
    Step(Duration),
    #[error("--from {} is not before --to {}", .0.from, .0.to)]
    Empty(Span),
    #[error("--to: the counts of {id} settle for {} (`lag`); the latest time to ask for is {latest}", text(*lag))]
    Unsettled {
        id: TargetId,
        lag: Duration,
        latest: UnixSeconds,
    },
    #[error(
        "--step: {moments} moments of {targets} targets are more than {MAX_MOMENTS}; use a larger --step, a later --from, or fill one app at a time (--app)"
    )]
    TooMany { moments: u64, targets: usize },
    #[error("--step: {} asks for so many calls that {id} forgets what comes first before its turn; use a larger step or a later --from", text(*step))]
    TooSlow { step: Duration, id: TargetId },
    #[error("there is nothing to fill")]
    Nothing,
    #[error(
        "--from: the service keeps 7 days, and a sample needs its whole window{}; the earliest --from is {from} ({id}, window {}, day_offset {day_offset})",
        if *counters { " and its day from the start" } else { "" },
        text(*window),
    )]
    Forgotten {
        counters: bool,
        from: UnixSeconds,
        id: TargetId,
        window: Duration,
        day_offset: DayOffset,
    },
}

/// Whether a span and its step can be queried at all.
pub fn check_span(span: Span) -> Result<(), BoundsError> {
    let step = span.step.as_secs();
    if step == 0 || !DAY.is_multiple_of(step) {
        return Err(BoundsError::Step(span.step));
    }
    if span.from >= span.to {
        return Err(BoundsError::Empty(span));
    }
    Ok(())
}

/// Whether a span ends in settled data and is short enough to plan. A resumed run may begin
/// with data that the service has deleted since, but not with more than a week of it.
pub fn check_ends(targets: &[Target], span: Span, now: UnixSeconds) -> Result<(), BoundsError> {
    if let Some((latest, last)) = latest(targets, now)
        && span.to > latest
    {
        return Err(BoundsError::Unsettled {
            id: last.id(),
            lag: last.app.polling.lag,
            latest,
        });
    }
    if span.from.0 < now.0.saturating_sub(2 * LOOK_BACK.as_secs()) {
        return Err(refusal(&targets.iter().collect::<Vec<_>>(), now));
    }
    Ok(())
}

/// The longest span of samples that [`check_ends`] and [`check_kept`] accept, unless the step
/// requires too many calls; `None` if there is nothing to fill.
pub fn longest(targets: &[Target], now: UnixSeconds) -> Option<(UnixSeconds, UnixSeconds)> {
    let (from, _) = first(&targets.iter().collect::<Vec<_>>(), now)?;
    let (to, _) = latest(targets, now)?;
    Some((from, to))
}

/// The latest time with settled counts for all targets, and the target that settles last.
fn latest(targets: &[Target], now: UnixSeconds) -> Option<(UnixSeconds, &Target)> {
    let last = targets.iter().max_by_key(|t| t.app.polling.lag)?;
    let lag = last.app.polling.lag.as_secs();
    Some((UnixSeconds(now.0.saturating_sub(lag)), last))
}

/// Whether a plan for this many targets is small enough.
pub fn check_size(span: Span, targets: usize) -> Result<(), BoundsError> {
    let step = span.step.as_secs().max(1);
    let moments = (span.to.0.saturating_sub(span.from.0) / step).saturating_add(1);
    if moments.saturating_mul(targets as u64) > MAX_MOMENTS {
        return Err(BoundsError::TooMany { moments, targets });
    }
    Ok(())
}

/// Whether the service will still keep all queried data when each query's turn comes.
pub fn check_kept(plan: &Backfill, work: &Work, now: UnixSeconds) -> Result<(), BoundsError> {
    let targets: Vec<&Target> = plan.targets.iter().map(|planned| &planned.target).collect();
    let slowness = slowness(&targets);
    let mut turns: BTreeMap<u32, u32> = BTreeMap::new();
    for index in &work.proofs {
        *turns.entry(targets[*index].app.sdk_app_id).or_default() += additivity::MOST_CALLS;
    }
    let first = first_calls(&targets);
    for question in &work.questions {
        let target = targets[question.target];
        let turn = turns.entry(target.app.sdk_app_id).or_default();
        if question.range.start < forgotten(target, *turn, slowness, now) {
            let calls = first.get(&target.app.sdk_app_id).copied().unwrap_or(0);
            return Err(
                if question.range.start < forgotten(target, calls, slowness, now) {
                    refusal(&targets, now)
                } else {
                    BoundsError::TooSlow {
                        step: plan.span.step,
                        id: target.id(),
                    }
                },
            );
        }
        *turn += 1;
    }
    Ok(())
}

/// The latest time of which the service may have deleted data when the app's call number
/// `turn` is made.
fn forgotten(target: &Target, turn: u32, slowness: f64, now: UnixSeconds) -> UnixSeconds {
    let gap = slowness / target.app.calls_per_second;
    let waited = Duration::from_secs_f64(gap * f64::from(turn)) + MARGIN;
    UnixSeconds((now.0 + waited.as_secs()).saturating_sub(LOOK_BACK.as_secs()))
}

/// How many times slower than its limit an app runs: if there are more apps than may run at
/// once, they take turns.
fn slowness(targets: &[&Target]) -> f64 {
    let apps: BTreeSet<u32> = targets.iter().map(|t| t.app.sdk_app_id).collect();
    let apps = u32::try_from(apps.len()).unwrap_or(u32::MAX);
    (f64::from(apps) / f64::from(AT_ONCE)).max(1.0)
}

/// How many calls each app needs, by SDKAppID, until it has queried the first piece of time:
/// for the proof, and for the piece.
fn first_calls(targets: &[&Target]) -> BTreeMap<u32, u32> {
    let mut calls: BTreeMap<u32, u32> = BTreeMap::new();
    for target in targets {
        let apis = u32::try_from(target.apis().count()).unwrap_or(u32::MAX);
        *calls.entry(target.app.sdk_app_id).or_default() += additivity::MOST_CALLS + apis;
    }
    calls
}

/// Names an earliest time that stays valid for a while, so that it can be pasted later.
fn refusal(targets: &[&Target], now: UnixSeconds) -> BoundsError {
    match first(targets, UnixSeconds(now.0 + TO_PASTE)) {
        None => BoundsError::Nothing,
        Some((from, target)) => BoundsError::Forgotten {
            counters: target.app.polling.counters,
            from,
            id: target.id(),
            window: target.app.polling.window,
            day_offset: target.app.day_offset,
        },
    }
}

/// The first moment whose samples need no data that the service has deleted for any target,
/// and the target whose data it deletes first.
fn first<'a>(targets: &[&'a Target], now: UnixSeconds) -> Option<(UnixSeconds, &'a Target)> {
    let (calls, slowness) = (first_calls(targets), slowness(targets));
    let of_each = targets.iter().map(|target| {
        let turn = calls.get(&target.app.sdk_app_id).copied().unwrap_or(0);
        let limit = forgotten(target, turn, slowness, now);
        (earliest(&DaemonSettings::of(target), limit), *target)
    });
    of_each.max_by_key(|(from, _)| *from)
}

/// The first moment whose samples need no data from before `limit`.
fn earliest(settings: &DaemonSettings, limit: UnixSeconds) -> UnixSeconds {
    let rules = &settings.rules;
    let wanted = UnixSeconds(limit.0 + settings.window.as_secs());
    let before = aligned_end(wanted, Duration::ZERO, rules.step, rules.day_offset);
    let end = if before < wanted {
        before.0 + rules.step.as_secs()
    } else {
        before.0
    };
    let first = UnixSeconds(end + rules.lag.as_secs());
    if !settings.counters || oldest(settings, first) >= limit {
        return first;
    }
    // From then on nothing is shown of the day before.
    let shown = rules.hold_end(UnixSeconds(0));
    let mut anchor = day_anchor(limit, rules.day_offset).0;
    while UnixSeconds(anchor) < limit || UnixSeconds(anchor + shown) < first {
        anchor += DAY;
    }
    UnixSeconds(anchor + shown)
}

/// The start of the oldest range that the samples of one moment need.
fn oldest(settings: &DaemonSettings, at: UnixSeconds) -> UnixSeconds {
    let stop = stops(at, at, settings.rules.step, settings.counters());
    needed(settings, &stop)
        .into_iter()
        .map(|range| range.start)
        .min()
        .unwrap_or(at)
}
