//! Is there anything of today, and how old is the newest data?

use super::finding::Finding;
use super::ground::Ground;
use super::resolution::Resolution;
use super::{Pair, Probe, QUIET, text};
use crate::model::outcome::FetchError;
use crate::model::window::{DAY, DayOffset, Range, day_anchor};

/// How far to look back for the newest data, in seconds; never to the end of the service's
/// 7 days, which moves on during the queries.
const LOOKS: [u64; 8] = [60, 300, 900, 3600, 6 * 3600, DAY, 2 * DAY, 6 * DAY];

/// The minimum number of pushes that yesterday must have had by this time of the day before
/// their lack today means something.
const ENOUGH: u64 = 10;

/// The shortest part of a day after which the lack of today's data means something, in
/// seconds. Where only whole days are resolved, yesterday's part is unknown.
const EARLY: u64 = 3600;
const EARLY_OF_WHOLE_DAYS: u64 = 6 * 3600;

/// The verdict where today's data is missing although it should be there.
pub(super) const NOT_TODAY: &str = "not_today";

/// Looks for counts of the day that began last at `offset`, then for the newest: it is at most
/// as old as the finding's seconds, if there is any.
pub(super) async fn measure<F: Pair>(
    probe: &Probe<'_, F>,
    ground: &Ground,
    resolution: &Resolution,
    offset: DayOffset,
) -> Result<Finding, FetchError> {
    let now = (probe.clock)();
    let today = day_anchor(now, offset);
    let elapsed = now.0.saturating_sub(today.0);
    let mut is_of_today = None;
    if elapsed > 0 {
        let so_far = probe.ask(ground.api, Range::new(today.0, now.0)).await?;
        if !so_far.is_zero() {
            is_of_today = Some(true);
        } else if ground.is_busy {
            let early = if resolution.step == Some(DAY) {
                EARLY_OF_WHOLE_DAYS
            } else {
                EARLY
            };
            let yesterday = today.0.saturating_sub(DAY);
            let usual = Range::new(yesterday, yesterday.saturating_add(elapsed));
            let usual = probe.ask(ground.api, usual).await?;
            if elapsed >= early && usual.total() >= ENOUGH {
                is_of_today = Some(false);
            }
        }
    }
    let mut newest = None;
    for look in LOOKS {
        let now = (probe.clock)();
        let asked = Range::new(now.0.saturating_sub(look), now.0);
        if !probe.ask(ground.api, asked).await?.is_zero() {
            newest = Some(look.max(resolution.step.unwrap_or(0)));
            break;
        }
    }
    let (verdict, mut explanation) = match is_of_today {
        Some(true) => ("today", "today's data is there".to_owned()),
        Some(false) => (
            NOT_TODAY,
            "today has no data yet, though yesterday had by this time of the day: the service publishes later".to_owned(),
        ),
        None => ("unknown", QUIET.to_owned()),
    };
    if let Some(newest) = newest {
        let age = text(newest);
        explanation = format!("{explanation}; the newest is at most {age} old");
    }
    Ok(Finding {
        seconds: newest,
        ..probe.finding(verdict, explanation)
    })
}
