//! How one day follows another, even after a wrong clock.

use super::day::Day;
use super::phase::Phase;
use super::{Closed, Ledger, Rules};
use crate::clock::Now;
use crate::model::reading::Counts;
use crate::model::window::{DAY, UnixSeconds};

impl Closed {
    fn of(day: Day) -> Self {
        Self {
            day,
            settled: None,
            awaited_since: None,
            foreign: false,
            doubted: false,
            hold_over: None,
        }
    }

    /// Whether the day is queried once more: a failing service returns empty responses.
    pub(super) fn doubts(&mut self, counts: &Counts) -> bool {
        let is_empty = counts.values().all(|count| *count == 0);
        let doubts = is_empty && self.day.has_counts() && !self.doubted;
        self.doubted |= doubts;
        doubts
    }
}

impl Ledger {
    /// Makes the day that begins at `anchor` the latest one. An earlier day never comes back,
    /// except through [`Self::follow_back`].
    pub(super) fn roll_over(&mut self, anchor: UnixSeconds, rules: &Rules) {
        let Some(today) = self.today.take() else {
            // Shortly after midnight, a starting process shows what other replicas, or the process
            // before it, show at this time.
            let shown_until = rules.hold_end(anchor) + rules.zero_hold.as_secs();
            self.closed = (self.clock.time().0 < shown_until && anchor.0 >= DAY).then(|| Closed {
                foreign: true,
                ..Closed::of(Day::new(UnixSeconds(anchor.0 - DAY)))
            });
            self.today = Some(Day::new(anchor));
            return;
        };
        let same_days = anchor.0.abs_diff(today.anchor.0).is_multiple_of(DAY);
        if same_days && anchor <= today.anchor {
            self.today = Some(today);
        } else if same_days && anchor.0 == today.anchor.0 + DAY && today.is_answered() {
            self.today = Some(today.followed_by(anchor));
            self.closed = Some(Closed::of(today));
        } else {
            // Days were missed, or the restored state belongs to another configuration: nothing of
            // it can be continued, unless the clock is ahead now.
            let since = self.next_start(anchor, rules);
            let missed = (same_days && today.has_counts()).then(|| Closed {
                hold_over: Some(UnixSeconds(0)),
                ..Closed::of(today)
            });
            let mut day = Day::new(anchor);
            day.since = Some(since);
            *self = Self {
                today: Some(day),
                closed: missed,
                clock: self.clock,
                ..Self::default()
            };
        }
    }

    /// When the series of a day without a predecessor begin to count: as if the day before had
    /// been seen, unless the last shown values are later.
    fn next_start(&self, anchor: UnixSeconds, rules: &Rules) -> UnixSeconds {
        let shown_until = self
            .answered_at
            .map_or(0, |at| at.0.saturating_add(rules.stale_after.as_secs()));
        let scheduled = rules.hold_end(anchor);
        UnixSeconds(scheduled.max(shown_until)).min(self.clock.time())
    }

    /// Continues after the clock has jumped ahead: the last shown values are shown for as long as
    /// if they began now, because no scrape has seen the rest of them.
    pub(super) fn follow_ahead(&mut self, now: Now, rules: &Rules) {
        let (Some(today), Some(closed)) = (&self.today, &mut self.closed) else {
            return;
        };
        let (wall, shown) = (now.unix(), self.clock.running(now));
        match closed.phase(shown, today.anchor, rules) {
            Phase::Hold if closed.hold_over.is_none() && !closed.foreign => {
                closed.settled = closed.settled.map(|_| wall);
                closed.awaited_since = closed.awaited_since.map(|_| wall);
            }
            Phase::Zero => closed.hold_over = Some(wall),
            Phase::Hold | Phase::Today => {}
        }
    }

    /// Continues after the clock turned out to have been ahead; it would show `ahead` now.
    pub(super) fn follow_back(&mut self, anchor: UnixSeconds, ahead: UnixSeconds, rules: &Rules) {
        let clock = self.clock.time();
        self.answered_at = self.answered_at.map(|at| at.min(clock));
        let zero_until = clock.0 + rules.zero_hold.as_secs();
        let closed = self.closed.as_mut().map(|closed| &mut closed.day);
        for day in self.today.as_mut().into_iter().chain(closed) {
            day.forget_later_than(clock, ahead, zero_until);
        }
        self.roll_back(anchor, ahead, rules);
        if let Some(today) = self.today.as_mut().filter(|day| day.anchor <= anchor) {
            today.since = today.since.map(|since| since.min(clock));
        }
        if let (Some(today), Some(closed)) = (&self.today, &mut self.closed) {
            // Values that were already shown are not withdrawn.
            match closed.phase(ahead, today.anchor, rules) {
                Phase::Hold => {
                    closed.settled = closed.settled.map(|at| at.min(clock));
                    closed.awaited_since = closed.awaited_since.map(|at| at.min(clock));
                }
                Phase::Zero => closed.hold_over = Some(clock),
                Phase::Today => closed.hold_over = Some(UnixSeconds(0)),
            }
        }
    }

    /// Goes back to the day that begins at `anchor` if the current day had not really begun. A
    /// day with counts from the service has begun: then the clock is behind now, and the
    /// served values stay unchanged until it has caught up. The service refuses signatures
    /// from a clock more than a day behind.
    fn roll_back(&mut self, anchor: UnixSeconds, ahead: UnixSeconds, rules: &Rules) {
        let Some(today) = self.today.take_if(|today| anchor < today.anchor) else {
            return;
        };
        let is_behind =
            |day: &Day| day.has_counts() && (1..=DAY).contains(&(day.anchor.0 - anchor.0));
        match self.closed.take() {
            closed if is_behind(&today) => {
                self.closed = closed;
                self.today = Some(today);
            }
            Some(closed)
                if closed.day.is_answered()
                    && closed.day.anchor <= anchor
                    && !today.has_counts() =>
            {
                let held = self.answered.is_some()
                    && closed.phase(ahead, today.anchor, rules) == Phase::Hold;
                let mut day = closed.day;
                if !held {
                    let now = self.clock.time();
                    day.count_from_here(&today, now, now.0 + rules.zero_hold.as_secs());
                }
                self.today = Some(day);
            }
            Some(closed) if closed.day.anchor > anchor && is_behind(&closed.day) => {
                self.closed = Some(closed);
                self.today = Some(today);
            }
            // The earlier counts of this day are unknown.
            _ => {
                *self = Self {
                    today: Some(Day::counting_from_here(anchor, today, self.clock.time())),
                    clock: self.clock,
                    ..Self::default()
                };
            }
        }
    }
}
