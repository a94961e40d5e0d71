//! The losses of a target, those that someone can fix first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::loss::{concern, share, weighted};
use super::recently::Recently;
use super::trend::{Counted, Trend, is_rising};
use super::{Clock, Concern, LossStatus, Moment, Runbook};
use crate::clock::Now;
use crate::model::catalogue::{CodeClass, Meaning, loss_code, reason};
use crate::model::reading::{ErrCode, Funnel, Loss, LossKey, Platform, Reading, Stage};
use crate::model::window::{Range, UnixSeconds};
use crate::target::snapshot::{Courses, Good, History, Point, Recent, TargetState};

/// The maximum number of rows per target: the rest is smaller, and in the metrics.
const MAX_ROWS: usize = 40;

/// The losses of a target's current window.
#[derive(Default)]
pub(super) struct Ranked {
    /// The overall row of a code comes first, then its platforms' rows.
    pub(super) rows: Vec<LossStatus>,
    pub(super) left_out: usize,
    /// By stage, from the overall rows.
    pub(super) lost: BTreeMap<Stage, u64>,
    /// The pushes that these are a part of; empty without statistics.
    pub(super) pushes: BTreeMap<Stage, u64>,
}

/// Which losses of a target are included: a page names thousands of targets, and shows few of them
/// completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Losses that deserve attention.
    Concerns,
    All,
}

/// The facts about a row that determine its rank.
struct Assessed<'a> {
    key: &'a LossKey,
    loss: &'a Loss,
    class: CodeClass,
    concern: Concern,
    /// Fraction of all losses of the same stage and platform.
    share: f64,
    /// The pushes that it is a part of.
    pushes: Option<u64>,
    history: Vec<(&'a Point, u64)>,
    recent: Option<Recent>,
}

impl Assessed<'_> {
    fn urgency(&self) -> (Concern, Reverse<u64>) {
        (self.concern, Reverse(weighted(self.class, self.loss.count)))
    }
}

/// A target's current window, and other known facts.
struct Facts<'a> {
    good: &'a Good,
    pushes: Pushes<'a>,
    history: &'a History,
    /// Absent without counters.
    courses: Option<&'a Courses>,
    clock: Clock,
}

/// Empty without a fresh successful response.
pub(super) fn ranked(target: &TargetState, now: Now, clock: Clock, depth: Depth) -> Ranked {
    let Some(good) = target.losses(now.steady) else {
        return Ranked::default();
    };
    let Reading::Loss(losses) = &good.reading else {
        return Ranked::default();
    };
    let (history, courses) = (target.page.history(), target.page.courses());
    let facts = Facts {
        good,
        pushes: Pushes::new(target, good, now),
        history: &history,
        courses: target.has_counters().then_some(&courses),
        clock,
    };
    let mut totals: BTreeMap<(Stage, Option<Platform>), u64> = BTreeMap::new();
    for (key, loss) in losses {
        let total = totals.entry((key.stage, key.platform)).or_default();
        *total = total.saturating_add(loss.count);
    }
    let mut groups: BTreeMap<(Stage, &ErrCode), Vec<Assessed>> = BTreeMap::new();
    for (key, loss) in losses.iter().filter(|(_, loss)| loss.count > 0) {
        let total = totals.get(&(key.stage, key.platform)).copied();
        let row = facts.assess(key, loss, total.unwrap_or(0));
        groups.entry((key.stage, &key.code)).or_default().push(row);
    }
    let mut groups: Vec<Vec<Assessed>> = groups.into_values().collect();
    for rows in &mut groups {
        rows.sort_by_key(|row| (row.key.platform.is_some(), row.urgency(), row.key.clone()));
    }
    groups.sort_by_cached_key(|rows| rows.iter().map(Assessed::urgency).min());
    let mut rows: Vec<Assessed> = groups.into_iter().flatten().collect();
    let left_out = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    let is_told = |row: &&Assessed| depth == Depth::All || row.concern != Concern::Steady;
    let lost = |stage| (stage, totals.get(&(stage, None)).copied().unwrap_or(0));
    Ranked {
        rows: rows
            .iter()
            .filter(is_told)
            .map(|row| facts.tell(row))
            .collect(),
        left_out,
        lost: Stage::ALL.into_iter().map(lost).collect(),
        pushes: Stage::ALL
            .into_iter()
            .filter_map(|stage| Some((stage, facts.pushes.of(stage, None)?)))
            .collect(),
    }
}

impl<'a> Facts<'a> {
    fn assess(&self, key: &'a LossKey, loss: &'a Loss, total: u64) -> Assessed<'a> {
        let class = loss_code(key.stage, key.platform, &key.code, &loss.description).class;
        let share = share(loss.count, total).unwrap_or(0.0);
        let pushes = self.pushes.of(key.stage, key.platform);
        let share_of_pushes = pushes.and_then(|all| self::share(loss.count, all));
        let history = self.history.row(key);
        let rising = is_rising(&history);
        let recent = self.courses.and_then(|courses| courses.of(key));
        let concern = match concern(class, loss.count, share, share_of_pushes, rising) {
            Concern::Steady => Concern::Steady,
            _ if recent.is_some_and(|recent| recent.over.is_some()) => Concern::Over,
            concern => concern,
        };
        Assessed {
            key,
            loss,
            class,
            concern,
            share,
            pushes,
            history,
            recent,
        }
    }

    fn tell(&self, row: &Assessed) -> LossStatus {
        let (key, loss, words) = (row.key, row.loss, self.clock.words());
        let Meaning {
            meaning, advice, ..
        } = reason(key.stage, key.platform, &key.code, &loss.description);
        let platform = key.platform.map(|platform| platform.to_string());
        let over = row.recent.and_then(|recent| recent.over);
        let Range { start, end } = self.good.range;
        let window = end.0.saturating_sub(start.0);
        let now = row.recent.zip(self.courses).map(|(recent, courses)| {
            let pushes = courses.pushes_a_second(key.stage, key.platform);
            Recently::of(&recent, pushes)
        });
        LossStatus {
            stage: key.stage.as_str(),
            platform: platform.unwrap_or_else(|| "all".to_owned()),
            err_code: key.code.to_string(),
            description: loss.description.clone(),
            class: row.class.as_str(),
            count: loss.count,
            share: row.share,
            share_of_pushes: row.pushes.and_then(|all| share(loss.count, all)),
            concern: row.concern,
            now,
            since: row.recent.and_then(|recent| recent.since).map(Moment),
            ongoing: row.recent.map(|recent| recent.over.is_none()),
            over_since: over.map(Moment),
            leaves_window: over.map(|over| Moment(UnixSeconds(over.0.saturating_add(window)))),
            trend: Trend::of(counted(row), words),
            meaning: words.told(meaning),
            advice: words.told(advice),
            runbook: (row.concern != Concern::Steady).then(|| Runbook::of_loss(row.class)),
            clock: self.clock,
            key: key.clone(),
            code_class: row.class,
        }
    }
}

/// The counts of a row; of the pushes on a platform, only the current number is known.
fn counted(row: &Assessed) -> Vec<Counted> {
    let is_overall = row.key.platform.is_none();
    let counted = row.history.iter().map(|(point, count)| Counted {
        at: point.end,
        count: *count,
        of: point.pushes(row.key.stage).filter(|_| is_overall),
    });
    let mut counted: Vec<Counted> = counted.collect();
    if let Some(now) = counted.last_mut() {
        now.of = row.pushes;
    }
    counted
}

/// The pushes that could have been lost, if there are statistics for about the same window.
struct Pushes<'a>(Option<(&'a Funnel, &'a BTreeMap<Platform, Funnel>)>);

impl<'a> Pushes<'a> {
    fn new(target: &'a TargetState, losses: &Good, now: Now) -> Self {
        let statistics = target.statistics(now.steady);
        // The two APIs are queried one after the other, so one may be a poll ahead.
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
