//! Counters since the start of the day. The service sums any range, so counters are queried
//! from the API, not accumulated locally. This module makes `increase()` right: it serves the
//! closed day's final value, zeros at the right moments, and never a step down within a day.
//!
//! Pure: wall time decides what to query and show, steady time the age of a response, and both
//! are arguments. Each API of each target has its own [`Ledger`].

mod day;
mod late;
mod phase;
mod places;
mod turn;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::clock::{Guard, Now, Validity};
use crate::config::target::Target;
use crate::model::reading::{CountKey, Counts, Stage};
use crate::model::window::{DayOffset, Range, UnixSeconds, aligned_end, day_anchor};
use crate::target::series_limit::Platforms;
use day::Day;
use late::Late;

/// How long the closed day's last known values are held while its final response is missing
/// although the service responds to other queries.
const LONGEST_WAIT: u64 = 3600;

/// The longest step of queries for a day. For the windows, `step` is the finest range that the
/// service resolves: 1d where it only knows whole days. The day so far can still be queried at
/// any time; with a step of 1d there would be nothing to query until the day is over.
const LONGEST_STEP: Duration = Duration::from_secs(60);

/// The maximum number of queries in one poll: windows, days and closed days of two APIs.
const QUESTIONS: u32 = 6;

/// The configured times that a ledger follows.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub day_offset: DayOffset,
    pub lag: Duration,
    /// The distance between the ends of queries for a day; divides a day evenly.
    pub step: Duration,
    /// The longest time from `anchor + lag` to a closed day's final response, unless something
    /// fails.
    pub closing: Duration,
    /// How long the final values of a closed day are served, for all its series.
    pub rollover_hold: Duration,
    /// How long a new series is 0 before it shows its value.
    pub zero_hold: Duration,
    /// The age from which a response is no longer served.
    pub stale_after: Duration,
    /// The maximum number of loss series per day, not counting sums; `None` means no limit.
    pub loss_series: Option<usize>,
}

impl Rules {
    pub fn of(target: &Target) -> Self {
        let app = &target.app;
        Self {
            day_offset: app.day_offset,
            lag: app.polling.lag,
            step: app.polling.step.min(LONGEST_STEP),
            closing: app.polling.interval + QUESTIONS * app.polling.timeout,
            rollover_hold: app.holds.rollover,
            zero_hold: app.holds.zero,
            stale_after: app.polling.stale_after,
            loss_series: None,
        }
    }

    /// Where queries for a day end at the time `at`.
    pub fn end(&self, at: UnixSeconds) -> UnixSeconds {
        aligned_end(at, self.lag, self.step, self.day_offset)
    }
}

/// A query for a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The day so far.
    Today(Range),
    /// The whole of the day that has just ended.
    Closed(Range),
    /// The same, hours later.
    Late(Range),
}

impl Question {
    pub fn range(self) -> Range {
        match self {
            Self::Today(range) | Self::Closed(range) | Self::Late(range) => range,
        }
    }
}

/// The responses so far, and what a scrape at any later moment shows of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    today: Option<Day>,
    closed: Option<Closed>,
    late: Late,
    /// The latest time seen: a clock set back a little must not undo a roll-over.
    clock: Guard,
    /// The time of the latest successful response, in steady time; absent after a restart.
    #[serde(skip)]
    answered: Option<Instant>,
    /// The same in wall time, which survives a restart.
    answered_at: Option<UnixSeconds>,
}

/// The day before today. Kept until today's values may be shown, and then until today has
/// counts, in case the clock turns out to have been ahead.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Closed {
    day: Day,
    /// When its final response came, by the wall clock.
    settled: Option<UnixSeconds>,
    /// When the first response about the new day came: from then on the wait is bounded.
    awaited_since: Option<UnixSeconds>,
    /// Whether neither this process nor the one whose state it restored saw the day before it
    /// closed.
    foreign: bool,
    /// Whether its final response was empty once although the day had counts.
    #[serde(default)]
    doubted: bool,
    /// The time from which it is no longer held, if its other times do not decide that.
    #[serde(default)]
    hold_over: Option<UnixSeconds>,
}

/// Counters as a scrape sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Start of the day to which the values belong.
    pub anchor: UnixSeconds,
    /// When the zeros began from which the values count. Not the start of the day: until then
    /// the values of the day before are served.
    pub since: UnixSeconds,
    pub counts: Counts,
    /// By how much the service's latest overall loss is below the served values.
    pub revised_down: BTreeMap<Stage, u64>,
    /// Codes summed under `other`.
    pub folded: usize,
}

impl Ledger {
    /// The moment whose values a scrape sees now.
    pub fn shown(&self, now: Now) -> UnixSeconds {
        self.clock.shown(now)
    }

    /// Continues from the state that an earlier process left when it showed the values of
    /// `at`. Series beyond `loss_series` per day are summed under `other`.
    pub fn restore(&mut self, at: UnixSeconds, loss_series: usize, platforms: &mut Platforms) {
        self.clock = Guard::from(self.clock.time().max(at));
        let closed = self.closed.as_mut().map(|closed| &mut closed.day);
        for day in self.today.as_mut().into_iter().chain(closed) {
            day.cut(loss_series, platforms);
        }
    }

    /// The queries of a poll whose ranges end at `end`, which moves back only if the clock
    /// turns out to have been ahead. Notices that a new day began.
    pub fn questions(&mut self, end: UnixSeconds, now: Now, rules: &Rules) -> Vec<Question> {
        let anchor = day_anchor(end, rules.day_offset);
        self.note_start(self.clock.running(now), rules);
        if self.clock.jumped_ahead(now) {
            self.follow_ahead(now, rules);
        }
        if let Some(ahead) = self.clock.follow(now) {
            self.follow_back(anchor, ahead, rules);
        }
        self.roll_over(anchor, rules);
        let clock = self.clock.time();
        let Some(today) = &self.today else {
            return Vec::new();
        };
        let anchor = today.anchor;
        let counting = today.has_counts();
        self.closed
            .take_if(|closed| counting && closed.is_over(clock, anchor, rules));
        let mut questions = Vec::new();
        if end > anchor {
            questions.push(Question::Today(Range { start: anchor, end }));
        }
        if let Some(closed) = &self.closed
            && closed.settled.is_none()
            && !closed.is_given_up(clock, anchor, rules)
        {
            questions.push(Question::Closed(Range {
                start: closed.day.anchor,
                end: anchor,
            }));
        }
        questions.extend(self.late.due(end).map(Question::Late));
        questions
    }

    /// Records the response to one of [`Self::questions`].
    pub fn answer(&mut self, question: Question, counts: &Counts, now: Now, rules: &Rules) {
        self.clock.advance(now);
        let clock = self.clock.time();
        match question {
            Question::Today(range) => {
                // A value that other scrapes may have seen before is shown as it is: a 0
                // would be a reset, and count the day twice.
                let direct = self.is_stale(now, rules);
                let zero_until = (!direct).then(|| clock.0 + rules.zero_hold.as_secs());
                if let Some(today) = self.today.as_mut().filter(|day| day.anchor == range.start) {
                    today.record(counts, clock, zero_until, rules.loss_series);
                }
                if let Some(closed) = &mut self.closed {
                    closed.awaited_since.get_or_insert(clock);
                }
            }
            Question::Closed(range) => {
                let stale = self.is_stale(now, rules);
                let anchor = range.end;
                if let Some(closed) = &mut self.closed
                    && closed.day.anchor == range.start
                    // What is no longer held must not come back.
                    && !closed.is_given_up(clock, anchor, rules)
                    && !closed.doubts(counts)
                {
                    let zero_until = (!stale && !closed.foreign)
                        .then(|| rules.newcomers_zero_until(anchor, clock));
                    closed
                        .day
                        .record(counts, clock, zero_until, rules.loss_series);
                    closed.settled = Some(clock);
                    if let Some(today) = &mut self.today {
                        today.carry(&closed.day, counts, rules.loss_series);
                    }
                    self.late.begin(range.end, counts);
                }
            }
            Question::Late(range) => self.late.answer(range, counts),
        }
        self.answered = Some(now.steady);
        self.answered_at = Some(clock);
    }

    /// The count of a key in the latest response about the day that began at `anchor`; 0
    /// before the first response. Absent for codes without a series of their own, and for
    /// another day.
    pub fn counted(&self, anchor: UnixSeconds, key: &CountKey) -> Option<u64> {
        self.today.as_ref()?.counted(anchor, key)
    }

    /// Records a successful poll that had no query for the day.
    pub fn nothing_to_ask(&mut self, now: Now) {
        self.clock.advance(now);
        self.answered = Some(now.steady);
        self.answered_at = Some(self.clock.time());
    }

    /// Whether the latest response, of this process or restored, is too old to continue from;
    /// true if there was none.
    fn is_stale(&self, now: Now, rules: &Rules) -> bool {
        match (self.answered, self.answered_at) {
            (Some(at), _) => now.steady.duration_since(at) >= rules.stale_after,
            (None, Some(at)) => {
                let age = self.clock.time().0.saturating_sub(at.0);
                age >= rules.stale_after.as_secs()
            }
            (None, None) => true,
        }
    }

    /// The values that a scrape sees now; none before this process's first response, and none
    /// once that is stale.
    pub fn served(&self, now: Now, rules: &Rules) -> Option<Served> {
        let at = self.answered?;
        if now.steady.duration_since(at) >= rules.stale_after {
            return None;
        }
        phase::served(self, self.shown(now), rules)
    }

    /// How long the served values stay unchanged without another response.
    pub fn validity(&self, now: Now, rules: &Rules) -> Validity {
        let validity = Validity::from(now);
        let Some(at) = self.answered else {
            return validity;
        };
        let stale = at + rules.stale_after;
        if now.steady >= stale {
            return validity;
        }
        let step = phase::next_step(self, self.shown(now), rules);
        validity
            .until_steady(Some(stale))
            .until_wall(step)
            .until_steady(step.and_then(|step| self.clock.steady(step)))
    }

    /// The number of loss series in a day: the larger of the two days that may be shown.
    pub fn losses(&self) -> usize {
        let closed = self.closed.as_ref().map(|closed| &closed.day);
        let days = self.today.iter().chain(closed);
        days.map(Day::losses).max().unwrap_or(0)
    }

    /// How much the last closed day's overall loss had grown, by stage, when it was queried
    /// again; absent until then.
    pub fn late_pushes(&self) -> Option<&BTreeMap<Stage, i64>> {
        self.late.growth()
    }
}

/// Overall losses by stage, always with both stages.
fn overall_losses(counts: &Counts) -> BTreeMap<Stage, u64> {
    let mut sums: BTreeMap<Stage, u64> = Stage::ALL.into_iter().map(|stage| (stage, 0)).collect();
    for (key, count) in counts {
        if let CountKey::Loss(key) = key
            && key.platform.is_none()
        {
            let sum = sums.entry(key.stage).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    sums
}

#[cfg(test)]
mod tests;
