//! The losses of a target, those first that somebody can do something about.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::recently::Recently;
use super::trend::{Counted, Trend, is_rising};
use super::{Clock, Moment, Runbook};
use crate::clock::Now;
use crate::model::catalogue::{CodeClass, Meaning, loss_code, reason};
use crate::model::reading::{ErrCode, Funnel, Loss, LossKey, Platform, Reading, Stage};
use crate::model::window::UnixSeconds;
use crate::target::snapshot::{Courses, Good, History, Point, TargetState};

/// The most rows of a target: what is beyond is smaller, and in the metrics.
const MAX_ROWS: usize = 40;

/// Pushes lost at one stage, on one platform or overall, for one code.
#[derive(Clone, Debug, Serialize)]
pub struct LossStatus {
    pub stage: &'static str,
    /// `all` for the overall rows, which are another measurement than the platforms'.
    pub platform: String,
    pub err_code: String,
    pub description: String,
    pub class: &'static str,
    pub count: u64,
    /// Of all losses of the same stage and platform, 0 to 1.
    pub share: f64,
    /// Of the pushes that could have been lost so: sendable or sent, on the same platform.
    /// Absent where statistics do not say.
    pub share_of_pushes: Option<f64>,
    pub concern: Concern,
    /// How many are lost now; absent without counters, which alone can say.
    pub now: Option<Recently>,
    /// When it began, as far as it was watched.
    pub since: Option<Moment>,
    /// Whether it goes on; absent where only the window is known.
    pub ongoing: Option<bool>,
    /// Up to when it went on (at the latest, if it never grew while it was watched: then it is
    /// `now.watched_since`), and when that leaves the window; absent while it goes on.
    pub over_since: Option<Moment>,
    pub leaves_window: Option<Moment>,
    pub trend: Option<Trend>,
    pub meaning: String,
    pub advice: String,
    /// The page that helps next; absent for what is nobody's concern.
    pub runbook: Option<Runbook>,
    #[serde(skip)]
    pub clock: Clock,
    #[serde(skip)]
    pub key: LossKey,
    #[serde(skip)]
    pub code_class: CodeClass,
}

/// What makes a loss more than a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// Large, and of a class that needs an operator.
    Repair,
    /// Twice the part of all pushes that it was before, or more.
    Rising,
    /// One of the above, but nothing was lost of late: only the window still holds it.
    Over,
    Steady,
}

/// Fewer lost pushes than this are nobody's night.
const FEW: u64 = 10;

/// A loss is worth a look from this part of the pushes on.
const NOTABLE_OF_PUSHES: f64 = 0.01;

/// Some devices always report no token, and some messages are always too long.
const NOTABLE_OF_PUSHES_STEADILY: f64 = 0.05;

/// In place of the above where only losses are known.
const NOTABLE_OF_LOSSES: f64 = 0.05;

impl LossStatus {
    /// Whether this is a row of the overall arrays.
    pub fn is_overall(&self) -> bool {
        self.key.platform.is_none()
    }

    /// With what the day's counters say beyond the window of `good`.
    fn with_course(mut self, courses: &Courses, good: &Good) -> Self {
        let Some(recent) = courses.of(&self.key) else {
            return self;
        };
        let pushes = courses.pushes_a_second(self.key.stage, self.key.platform);
        self.now = Some(Recently::of(&recent, pushes));
        self.since = recent.since.map(Moment);
        self.ongoing = Some(recent.over.is_none());
        if let Some(over) = recent.over {
            let window = good.range.end.0.saturating_sub(good.range.start.0);
            self.over_since = Some(Moment(over));
            self.leaves_window = Some(Moment(UnixSeconds(over.0.saturating_add(window))));
            if self.concern != Concern::Steady {
                self.concern = Concern::Over;
            }
        }
        self
    }

    fn urgency(&self) -> (Concern, Reverse<u64>) {
        (self.concern, Reverse(weighted(self.code_class, self.count)))
    }
}

/// Of two losses of the same size, the one comes first that an operator can end.
fn weighted(class: CodeClass, count: u64) -> u64 {
    let weight = match class {
        CodeClass::Credential | CodeClass::Permission => 5,
        CodeClass::Config | CodeClass::Content => 4,
        CodeClass::Quota => 3,
        CodeClass::VendorTransient | CodeClass::Unknown => 2,
        CodeClass::TokenInvalid | CodeClass::DeviceState => 1,
    };
    count.saturating_mul(weight)
}

/// The losses of a target's current window.
#[derive(Default)]
pub(super) struct Ranked {
    /// The platforms' rows of a code follow its overall row.
    pub(super) rows: Vec<LossStatus>,
    pub(super) left_out: usize,
    /// By stage, of the overall rows.
    pub(super) lost: BTreeMap<Stage, u64>,
    /// What these are a part of; empty without statistics.
    pub(super) pushes: BTreeMap<Stage, u64>,
}

/// Without a good answer that is young enough there are none.
pub(super) fn ranked(target: &TargetState, now: Now, clock: Clock) -> Ranked {
    let Some(good) = target.losses(now.steady) else {
        return Ranked::default();
    };
    let Reading::Loss(losses) = &good.reading else {
        return Ranked::default();
    };
    let pushes = Pushes::new(target, good, now);
    let (history, courses) = (target.page.history(), target.page.courses());
    let row = |key: &LossKey, loss: &Loss, total| {
        let row = status(key, loss, total, &pushes, &history, clock);
        if target.has_counters() {
            row.with_course(&courses, good)
        } else {
            row
        }
    };
    let mut totals: BTreeMap<(Stage, Option<Platform>), u64> = BTreeMap::new();
    for (key, loss) in losses {
        let total = totals.entry((key.stage, key.platform)).or_default();
        *total = total.saturating_add(loss.count);
    }
    let mut groups: BTreeMap<(Stage, &ErrCode), Vec<LossStatus>> = BTreeMap::new();
    for (key, loss) in losses.iter().filter(|(_, loss)| loss.count > 0) {
        let total = totals.get(&(key.stage, key.platform)).copied();
        let row = row(key, loss, total.unwrap_or(0));
        groups.entry((key.stage, &key.code)).or_default().push(row);
    }
    let mut groups: Vec<Vec<LossStatus>> = groups.into_values().collect();
    for rows in &mut groups {
        rows.sort_by_key(|row| (!row.is_overall(), row.urgency(), row.key.clone()));
    }
    groups.sort_by_cached_key(|rows| rows.iter().map(LossStatus::urgency).min());
    let mut rows: Vec<LossStatus> = groups.into_iter().flatten().collect();
    let left_out = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    let lost = |stage| (stage, totals.get(&(stage, None)).copied().unwrap_or(0));
    Ranked {
        rows,
        left_out,
        lost: Stage::ALL.into_iter().map(lost).collect(),
        pushes: Stage::ALL
            .into_iter()
            .filter_map(|stage| Some((stage, pushes.of(stage, None)?)))
            .collect(),
    }
}

fn status(
    key: &LossKey,
    loss: &Loss,
    total: u64,
    pushes: &Pushes<'_>,
    history: &History,
    clock: Clock,
) -> LossStatus {
    let Meaning { class, .. } = loss_code(key.stage, key.platform, &key.code, &loss.description);
    let Meaning {
        meaning, advice, ..
    } = reason(key.stage, key.platform, &key.code, &loss.description);
    let row = history.row(key);
    let share = share(loss.count, total).unwrap_or(0.0);
    let all = pushes.of(key.stage, key.platform);
    let share_of_pushes = all.and_then(|all| self::share(loss.count, all));
    let concern = concern(*class, loss.count, share, share_of_pushes, is_rising(&row));
    LossStatus {
        stage: key.stage.as_str(),
        platform: key
            .platform
            .map_or_else(|| "all".to_owned(), |platform| platform.to_string()),
        err_code: key.code.to_string(),
        description: loss.description.clone(),
        class: class.as_str(),
        count: loss.count,
        share,
        share_of_pushes,
        concern,
        now: None,
        since: None,
        ongoing: None,
        over_since: None,
        leaves_window: None,
        trend: Trend::of(counted(&row, key, all), clock.words()),
        meaning: (clock.words().told)(meaning),
        advice: (clock.words().told)(advice),
        runbook: (concern != Concern::Steady).then(|| Runbook::of_loss(*class)),
        clock,
        key: key.clone(),
        code_class: *class,
    }
}

/// The counts of a row; of the pushes on a platform, only those of now are known.
fn counted(row: &[(&Point, u64)], key: &LossKey, all: Option<u64>) -> Vec<Counted> {
    let is_overall = key.platform.is_none();
    let counted = row.iter().map(|(point, count)| Counted {
        at: point.end,
        count: *count,
        of: point.pushes(key.stage).filter(|_| is_overall),
    });
    let mut counted: Vec<Counted> = counted.collect();
    if let Some(now) = counted.last_mut() {
        now.of = all;
    }
    counted
}

/// A credential that is refused is acute as soon as it is more than noise. Settings and
/// contents that some pushes always stumble over are not, unless they are many or rise.
fn concern(
    class: CodeClass,
    count: u64,
    share: f64,
    share_of_pushes: Option<f64>,
    rising: bool,
) -> Concern {
    let acute = matches!(class, CodeClass::Credential | CodeClass::Permission);
    let is_notable = match share_of_pushes {
        Some(share) => share >= NOTABLE_OF_PUSHES,
        None => acute && share >= NOTABLE_OF_LOSSES,
    };
    let much = share_of_pushes.is_some_and(|share| share >= NOTABLE_OF_PUSHES_STEADILY);
    if count < FEW || !is_notable {
        Concern::Steady
    } else if acute || class.needs_operator() && (rising || much) {
        Concern::Repair
    } else if rising {
        Concern::Rising
    } else {
        Concern::Steady
    }
}

/// The pushes that could have been lost, where statistics of about the same window say.
struct Pushes<'a>(Option<(&'a Funnel, &'a BTreeMap<Platform, Funnel>)>);

impl<'a> Pushes<'a> {
    fn new(target: &'a TargetState, losses: &Good, now: Now) -> Self {
        let statistics = target.statistics(now.steady);
        // The two are asked one after the other, so one may be a poll ahead.
        let apart = 2 * target.target.app.polling.interval.as_secs();
        Self(statistics.and_then(|good| match &good.reading {
            Reading::Statistics { overall, platforms }
                if good.range.end.0.abs_diff(losses.range.end.0) <= apart =>
            {
                Some((overall, platforms))
            }
            _ => None,
        }))
    }

    fn of(&self, stage: Stage, platform: Option<Platform>) -> Option<u64> {
        let (overall, platforms) = self.0?;
        let funnel = match platform {
            Some(platform) => platforms.get(&platform)?,
            None => overall,
        };
        Some(funnel.get(stage.step()))
    }
}

/// Absent if there is no whole.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share is shown with two digits"
)]
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn of_two_losses_of_the_same_size_the_one_comes_first_that_somebody_can_end(
            count in 1_u64..1_000_000_000, share in 0.0_f64..=1.0, pushes in prop::option::of(0.0_f64..=1.0), rising: bool,
        ) {
            let urgency = |class| (concern(class, count, share, pushes, rising), Reverse(weighted(class, count)));
            for class in CodeClass::ALL.into_iter().filter(|class| class.needs_operator()) {
                for other in [CodeClass::TokenInvalid, CodeClass::DeviceState, CodeClass::Unknown] {
                    prop_assert!(urgency(class) < urgency(other), "{class:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn concerns_table() {
        use CodeClass::{Config, Credential, Quota, TokenInvalid};
        use Concern::{Repair, Rising, Steady};
        for (class, count, share, pushes, rising, expected) in [
            (Credential, 340, 0.9, Some(0.1), false, Repair),
            (Credential, 340, 0.01, Some(0.001), false, Steady),
            (Credential, 9, 1.0, Some(1.0), true, Steady),
            (Credential, 340, 0.9, None, false, Repair),
            (Config, 340, 0.9, Some(0.01), false, Steady),
            (Config, 340, 0.9, Some(0.01), true, Repair),
            (Config, 340, 0.9, Some(0.06), false, Repair),
            (Config, 340, 0.9, None, false, Steady),
            (TokenInvalid, 9000, 0.9, Some(0.2), false, Steady),
            (TokenInvalid, 9000, 0.9, Some(0.2), true, Rising),
            (Quota, 9000, 0.9, Some(0.2), true, Rising),
        ] {
            let got = concern(class, count, share, pushes, rising);
            assert_eq!(
                got, expected,
                "{class:?} {count} {share} {pushes:?} {rising}"
            );
        }
    }
}
