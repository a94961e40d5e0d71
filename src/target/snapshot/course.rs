//! Which losses continue, and since when: a few numbers per code, from the day's counters. A
//! window of an hour looks the same during an incident and for a long time after it; the
//! growth of the day's counts from response to response distinguishes the two.

mod one;
mod period;

use std::collections::BTreeMap;

pub use one::Slope;

use one::{Course, rate};
use period::{HALF, Period};

use super::history::weight;
use crate::model::reading::{CountKey, Counts, LossKey, Platform, Stage};
use crate::model::window::{Range, UnixSeconds};

/// The maximum number of losses followed: about 150 bytes each, so at most 10 KiB per target.
/// Some 16 codes, overall and by platform, are 40.
const MAX_ROWS: usize = 64;

/// The recent course of a target's losses and pushes.
#[derive(Clone, Debug, Default)]
pub struct Courses {
    losses: Option<Period>,
    rows: BTreeMap<LossKey, Course>,
    /// When a growing loss found no room.
    cut: Option<UnixSeconds>,
    pushed: Option<Period>,
    /// As many as there are stages and platforms, whose number is bounded before.
    pushes: BTreeMap<(Stage, Option<Platform>), [u64; 2]>,
}

/// The course of one loss, beyond its count in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recent {
    /// Pushes lost in the last `seconds`, up to `end`.
    pub lost: u64,
    pub seconds: u64,
    pub end: UnixSeconds,
    /// When it began; absent if it began before monitoring did.
    pub since: Option<UnixSeconds>,
    /// The time since which it has been followed.
    pub watched: UnixSeconds,
    /// When it ended, if it is over.
    pub over: Option<UnixSeconds>,
    pub slope: Slope,
}

impl Courses {
    /// Records the losses of the day so far. `before` returns the count of a key in the
    /// previous response about the day, if known.
    pub(super) fn losses(
        &mut self,
        range: Range,
        counts: &Counts,
        before: impl Fn(&CountKey) -> Option<u64>,
    ) {
        let Some((was, turns)) = Period::follow(&mut self.losses, range) else {
            self.rows.clear();
            return;
        };
        if range.end == was.end {
            return;
        }
        let Some(now) = self.losses else { return };
        if turns {
            self.rows.values_mut().for_each(|row| row.turn(&was));
        }
        let mut found = Vec::new();
        for (key, count) in counts {
            let CountKey::Loss(loss) = key else { continue };
            let Some(earlier) = before(key) else { continue };
            let grown = count.saturating_sub(earlier);
            if let Some(row) = self.rows.get_mut(loss) {
                row.grow(grown, &was, &now);
            } else if grown > 0 {
                found.push((loss, grown, earlier));
            }
        }
        for (loss, grown, earlier) in found {
            if self.make_room(loss, grown, range.end) {
                // Right after the start, a loss counted earlier may have been continuing all the
                // time.
                let is_known = earlier == 0
                    || was.end.0.saturating_sub(was.began.0) >= 2 * HALF
                        && self
                            .cut
                            .is_none_or(|cut| was.end.0.saturating_sub(cut.0) >= 2 * HALF);
                let mut row = Course::new(is_known.then_some(was.end), was.end);
                row.grow(grown, &was, &now);
                self.rows.insert(loss.clone(), row);
            }
        }
    }

    /// Records the pushes of the day so far.
    pub(super) fn pushes(
        &mut self,
        range: Range,
        counts: &Counts,
        before: impl Fn(&CountKey) -> Option<u64>,
    ) {
        let Some((was, turns)) = Period::follow(&mut self.pushed, range) else {
            self.pushes.clear();
            return;
        };
        if range.end == was.end {
            return;
        }
        if turns {
            for sums in self.pushes.values_mut() {
                *sums = [sums[1], 0];
            }
            self.pushes.retain(|_, sums| sums[0] > 0);
        }
        for (key, count) in counts {
            let CountKey::Funnel(step, platform) = key else {
                continue;
            };
            let Some(stage) = Stage::ALL.into_iter().find(|stage| stage.step() == *step) else {
                continue;
            };
            let grown = before(key).map_or(0, |earlier| count.saturating_sub(earlier));
            let place = (stage, *platform);
            if grown > 0 {
                let sums = self.pushes.entry(place).or_default();
                sums[1] = sums[1].saturating_add(grown);
            }
        }
    }

    /// Whether anything is known beyond the window.
    pub fn is_known(&self) -> bool {
        self.losses.is_some_and(|period| period.seconds() > 0)
    }

    /// The course of a loss. A loss that did not grow while it was followed for long enough
    /// had ended before. Absent for a loss that may have found no room.
    pub fn of(&self, key: &LossKey) -> Option<Recent> {
        let period = self.losses.filter(|period| period.seconds() > 0)?;
        let Some(row) = self.rows.get(key) else {
            let watched = period.end.0.saturating_sub(period.began.0);
            return (watched >= HALF && self.cut.is_none()).then_some(Recent {
                lost: 0,
                seconds: period.seconds(),
                end: period.end,
                since: None,
                watched: period.began,
                over: Some(period.began),
                slope: Slope::Steady,
            });
        };
        Some(Recent {
            lost: row.lost(),
            seconds: period.seconds(),
            end: period.end,
            since: row.since,
            watched: period.began,
            over: row.is_over(&period).then_some(row.last),
            slope: row.slope_now(&period),
        })
    }

    /// The current rate of pushes, per second, among which a loss occurs.
    pub fn pushes_a_second(&self, stage: Stage, platform: Option<Platform>) -> Option<f64> {
        let period = self.pushed.filter(|period| period.seconds() > 0)?;
        let sums = self.pushes.get(&(stage, platform))?;
        Some(rate(sums[0].saturating_add(sums[1]), period.seconds()))
    }

    /// False if all followed losses weigh more.
    fn make_room(&mut self, key: &LossKey, grown: u64, at: UnixSeconds) -> bool {
        if self.rows.len() < MAX_ROWS {
            return true;
        }
        let lightest = self
            .rows
            .iter()
            .map(|(key, row)| (weight(key, row.significance()), key))
            .min()
            .map(|(weight, key)| (weight, key.clone()));
        match lightest {
            Some((lightest, other)) if lightest < weight(key, grown) => {
                if lightest.1 > 0 {
                    self.cut = Some(at);
                }
                self.rows.remove(&other);
                true
            }
            _ => {
                self.cut = Some(at);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
