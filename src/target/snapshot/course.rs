//! Which losses go on, and since when: a few numbers for each code, from the day's counters.
//! A window of an hour says the same during an incident and long after it; how the day's
//! counts grow from answer to answer tells the two apart.

use std::collections::BTreeMap;

use serde::Serialize;

use super::history::weight;
use crate::model::reading::{CountKey, Counts, LossKey, Platform, Stage};
use crate::model::window::{DAY, Range, UnixSeconds};
use crate::target::series_limit::MAX_PLATFORMS;

/// The most losses followed: about 150 bytes each, so 4 KiB per target at most.
const MAX_ROWS: usize = 24;

/// Pushes are followed by stage, overall and by platform.
const MAX_PUSHES: usize = Stage::ALL.len() * (MAX_PLATFORMS + 1);

/// Seconds after which the newer half of "now" becomes the older one.
const HALF: u64 = 300;

/// Fewer lost pushes than this begin nothing.
const FEW: u64 = 10;

/// A loss of which so many pushes were due at its usual rate, and none came, is over.
const MISSED: f64 = 10.0;

/// The longest time, in seconds, after which it is over in any case.
const LONGEST_PAUSE: f64 = 3600.0;

/// What grew over a longer time than this, in seconds, says nothing about now.
const LONGEST_GAP: u64 = 3600;

/// The shortest.
const SHORTEST_PAUSE: f64 = 300.0;

/// A loss goes on while it has at least this part of its highest rate.
const REMAINDER: f64 = 0.1;

/// What is so many times what it was begins anew.
const LEAP: f64 = 4.0;

/// A young incident that still grows does not begin anew, in seconds.
const YOUNG: u64 = 1800;

/// What is left of the highest rate after each [`HALF`]: half of it after an hour.
const FADES: f64 = 0.944;

/// The recent course of a target's losses and pushes.
#[derive(Clone, Debug, Default)]
pub struct Courses {
    losses: Option<Period>,
    rows: BTreeMap<LossKey, Course>,
    /// When a loss that was growing found no room.
    cut: Option<UnixSeconds>,
    pushed: Option<Period>,
    pushes: BTreeMap<(Stage, Option<Platform>), [u64; 2]>,
}

/// What "now" is: the last 5 to 10 minutes that were answered for, in two parts.
#[derive(Clone, Copy, Debug)]
struct Period {
    /// When the first answer was about.
    began: UnixSeconds,
    anchor: UnixSeconds,
    older: UnixSeconds,
    newer: UnixSeconds,
    end: UnixSeconds,
}

/// One loss: counts of the two parts of "now", and what was before.
#[derive(Clone, Copy, Debug)]
struct Course {
    counts: [u64; 2],
    since: Option<UnixSeconds>,
    last: UnixSeconds,
    /// Pushes lost in a second, at most and at least.
    peak: f64,
    low: f64,
    slope: Slope,
    /// Whether it counted a little after it was over.
    trickles: bool,
}

/// Which way a loss has gone in the last minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Slope {
    Rising,
    Falling,
    Steady,
}

/// What is known of one loss beyond the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recent {
    /// Pushes lost in the last `seconds`, up to `end`.
    pub lost: u64,
    pub seconds: u64,
    pub end: UnixSeconds,
    /// When it began; absent if that was before anything was watched.
    pub since: Option<UnixSeconds>,
    /// From when on it is watched.
    pub watched: UnixSeconds,
    /// Up to when it went on, if it is over.
    pub over: Option<UnixSeconds>,
    pub slope: Slope,
}

impl Period {
    /// Begins at the first answer. None if an answer says nothing about how counts grew.
    fn follow(period: &mut Option<Self>, range: Range) -> Option<(Self, bool)> {
        let Some(now) = period.filter(|now| now.is_followed_by(range)) else {
            *period = Some(Self {
                began: range.end,
                anchor: range.start,
                older: range.end,
                newer: range.end,
                end: range.end,
            });
            return None;
        };
        let mut next = Self {
            anchor: range.start,
            end: range.end,
            ..now
        };
        let turns = now.end.0.saturating_sub(now.newer.0) >= HALF;
        if turns {
            (next.older, next.newer) = (now.newer, now.end);
        }
        *period = Some(next);
        Some((now, turns))
    }

    fn is_followed_by(&self, range: Range) -> bool {
        let is_next_day = range.start.0 == self.anchor.0.saturating_add(DAY);
        (range.start == self.anchor || is_next_day)
            && range.end >= self.end
            && range.end.0 - self.end.0 <= LONGEST_GAP
    }

    fn seconds(&self) -> u64 {
        self.end.0.saturating_sub(self.older.0)
    }
}

impl Courses {
    /// Takes the losses of the day so far. `before` says what a key had counted when the day
    /// was last answered for, if that is known.
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
                // Right after the start, what had counted before may have gone on all the time.
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

    /// Takes the pushes of the day so far.
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
            if grown > 0 && (self.pushes.len() < MAX_PUSHES || self.pushes.contains_key(&place)) {
                let sums = self.pushes.entry(place).or_default();
                sums[1] = sums[1].saturating_add(grown);
            }
        }
    }

    /// Whether there is anything to tell beyond the window.
    pub fn is_known(&self) -> bool {
        self.losses.is_some_and(|period| period.seconds() > 0)
    }

    /// What is known of a loss. One that did not grow while it was watched long enough was
    /// over before; nothing is known of one that may have found no room.
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

    /// Pushes in a second that a loss is a part of, about now.
    pub fn pushes_a_second(&self, stage: Stage, platform: Option<Platform>) -> Option<f64> {
        let period = self.pushed.filter(|period| period.seconds() > 0)?;
        let sums = self.pushes.get(&(stage, platform))?;
        Some(rate(sums[0].saturating_add(sums[1]), period.seconds()))
    }

    /// False if all that are followed weigh more.
    fn make_room(&mut self, key: &LossKey, grown: u64, at: UnixSeconds) -> bool {
        if self.rows.len() < MAX_ROWS {
            return true;
        }
        let lightest = self
            .rows
            .iter()
            .map(|(key, row)| (weight(key, row.lost()), key))
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

impl Course {
    fn new(since: Option<UnixSeconds>, at: UnixSeconds) -> Self {
        Self {
            counts: [0; 2],
            since,
            last: at,
            peak: 0.0,
            low: f64::INFINITY,
            slope: Slope::Steady,
            trickles: false,
        }
    }

    fn lost(&self) -> u64 {
        self.counts[0].saturating_add(self.counts[1])
    }

    fn turn(&mut self, was: &Period) {
        self.slope = self.slope_now(was);
        if self.since.is_none_or(|since| since <= was.older) {
            self.low = self.low.min(rate(self.lost(), was.seconds()));
        }
        self.counts = [self.counts[1], 0];
        self.peak *= FADES;
    }

    fn grow(&mut self, grown: u64, was: &Period, now: &Period) {
        if grown == 0 {
            return;
        }
        let over = self.is_over(was);
        if over && !self.trickles {
            // What is left of the incident that is over says nothing about the next.
            self.counts = [0; 2];
            self.trickles = true;
        }
        self.counts[1] = self.counts[1].saturating_add(grown);
        let recent = rate(self.lost(), now.seconds());
        let is_young = |since: UnixSeconds| was.end.0.saturating_sub(since.0) < YOUNG;
        let begins = if over {
            recent >= REMAINDER * self.peak
        } else {
            recent >= LEAP * self.low && !self.since.is_some_and(is_young)
        };
        if begins && self.lost() >= FEW {
            *self = Self {
                counts: self.counts,
                ..Self::new(Some(was.end), was.end)
            };
        } else if over {
            return;
        }
        self.peak = self.peak.max(recent);
        let step = rate(grown, now.end.0.saturating_sub(was.end.0));
        if step >= REMAINDER * self.peak {
            self.last = now.end;
        }
    }

    fn is_over(&self, period: &Period) -> bool {
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds of an hour, or far more than that"
        )]
        let quiet = period.end.0.saturating_sub(self.last.0) as f64;
        quiet >= (MISSED / self.peak).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }

    /// The newer part against the older one, once it is long enough to compare.
    fn slope_now(&self, period: &Period) -> Slope {
        let old = period.newer.0.saturating_sub(period.older.0);
        let new = period.end.0.saturating_sub(period.newer.0);
        if new < HALF / 2 || old < HALF / 2 {
            return self.slope;
        }
        let (was, is) = (rate(self.counts[0], old), rate(self.counts[1], new));
        if self.lost() < FEW {
            Slope::Steady
        } else if is > was * 1.25 {
            Slope::Rising
        } else if was > is * 1.25 {
            Slope::Falling
        } else {
            Slope::Steady
        }
    }
}

/// In a second.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rate is compared by its size and shown with two digits"
)]
fn rate(count: u64, seconds: u64) -> f64 {
    count as f64 / seconds.max(1) as f64
}

#[cfg(test)]
mod tests;
