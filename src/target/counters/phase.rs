//! The values shown around midnight. While responses arrive in time, the anchor alone determines
//! all moments, so that the APIs of a target, and replicas, switch together.
//!
//! ```text
//! anchor + lag             the closed day is complete, and read at the next poll
//!        + closing         read by all; a series new in the response is 0 for zero_hold
//!        + zero_hold       new series show their values like all others
//!        + rollover_hold   zeros
//!        + zero_hold       today
//! ```

use super::day::Day;
use super::{Closed, LONGEST_WAIT, Ledger, Rules, Served};
use crate::model::window::UnixSeconds;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The closed day's values.
    Hold,
    /// 0 for every series, so that the whole of today's value counts as an increase.
    Zero,
    Today,
}

impl Rules {
    /// When zeros follow the day that closed at `anchor`, if its final response comes in time.
    pub fn hold_end(&self, anchor: UnixSeconds) -> u64 {
        let closing = self.closing.as_secs().min(LONGEST_WAIT);
        // An anchor from a damaged state file may be any number.
        (anchor.0).saturating_add(self.lag.as_secs() + closing + self.span())
    }

    /// The same for a response that came at `settled`. A slightly late response must leave
    /// four fifths of both holds: two scrapes of each by default. A later one delays the end
    /// by both holds rather than to a moment of its own, so that others late for the same
    /// reason usually still switch together.
    fn hold_end_after(&self, anchor: UnixSeconds, settled: UnixSeconds) -> u64 {
        let (end, span) = (self.hold_end(anchor), self.span().max(1));
        let missing = (settled.0.saturating_add(span * 4 / 5)).saturating_sub(end);
        end.saturating_add(missing.div_ceil(span).saturating_mul(span))
    }

    /// Until when a series is 0 that first appears in the final response, which came at
    /// `settled`.
    pub fn newcomers_zero_until(&self, anchor: UnixSeconds, settled: UnixSeconds) -> u64 {
        let left = self
            .hold_end_after(anchor, settled)
            .saturating_sub(settled.0);
        (settled.0).saturating_add(self.zero_hold.as_secs().min(left / 2))
    }

    /// Both holds together, in seconds.
    fn span(&self) -> u64 {
        (self.zero_hold + self.rollover_hold).as_secs()
    }
}

impl Closed {
    /// Whether the wait for its final response is over.
    pub(super) fn is_given_up(&self, at: UnixSeconds, anchor: UnixSeconds, rules: &Rules) -> bool {
        self.settled.is_none() && self.hold_end(anchor, rules).is_some_and(|end| at.0 >= end)
    }

    /// Whether today's values are shown.
    pub(super) fn is_over(&self, at: UnixSeconds, anchor: UnixSeconds, rules: &Rules) -> bool {
        self.phase(at, anchor, rules) == Phase::Today
    }

    /// When zeros follow; absent while undecided. `anchor` is that of the new day.
    fn hold_end(&self, anchor: UnixSeconds, rules: &Rules) -> Option<u64> {
        if let Some(at) = self.hold_over {
            return Some(at.0);
        }
        let scheduled = rules.hold_end(anchor);
        if self.foreign {
            // Others do not wait for this process's response.
            return Some(scheduled);
        }
        match (self.settled, self.awaited_since) {
            (Some(at), _) => Some(rules.hold_end_after(anchor, at)),
            (None, Some(at)) => Some(scheduled.max(at.0 + LONGEST_WAIT)),
            (None, None) => None,
        }
    }

    pub(super) fn phase(&self, at: UnixSeconds, anchor: UnixSeconds, rules: &Rules) -> Phase {
        match self.hold_end(anchor, rules) {
            Some(end) if at.0 >= end + rules.zero_hold.as_secs() => Phase::Today,
            Some(end) if at.0 >= end => Phase::Zero,
            _ => Phase::Hold,
        }
    }
}

impl Ledger {
    fn phase(&self, at: UnixSeconds, rules: &Rules) -> Phase {
        match (&self.today, &self.closed) {
            (Some(today), Some(closed)) => closed.phase(at, today.anchor, rules),
            _ => Phase::Today,
        }
    }

    /// Remembers when the zeros shown at `at` began: series that continue from them began
    /// then, whatever happens to the clock or the rules.
    pub(super) fn note_start(&mut self, at: UnixSeconds, rules: &Rules) {
        let is_shown = self.phase(at, rules) != Phase::Hold;
        if let Some(today) = self.today.as_mut().filter(|_| is_shown) {
            today.since = Some(zeros_begin(today, self.closed.as_ref(), rules));
        }
    }
}

/// When the zeros begin from which a day's series count: never while the values of the day
/// before are shown, so that the time ranges of two values do not overlap.
pub(super) fn zeros_begin(day: &Day, before: Option<&Closed>, rules: &Rules) -> UnixSeconds {
    let scheduled = || UnixSeconds(rules.hold_end(day.anchor));
    let ends = before.and_then(|closed| closed.hold_end(day.anchor, rules));
    day.since
        .or_else(|| ends.map(UnixSeconds))
        .unwrap_or_else(scheduled)
}

/// `None` when there is nothing to show yet.
pub(super) fn served(ledger: &Ledger, at: UnixSeconds, rules: &Rules) -> Option<Served> {
    let today = ledger.today.as_ref()?;
    let closed = ledger.closed.as_ref();
    let since = zeros_begin(today, closed, rules);
    match (ledger.phase(at, rules), closed) {
        (Phase::Hold, Some(closed)) => {
            let known = !closed.foreign || closed.settled.is_some();
            let since = zeros_begin(&closed.day, None, rules);
            known.then(|| closed.day.served(at, since, false))
        }
        (Phase::Zero, _) => Some(today.served(at, since, true)),
        // Without a response about today yet, the zeros continue.
        (Phase::Hold | Phase::Today, _) => {
            let known = today.is_answered() || closed.is_some();
            known.then(|| today.served(at, since, false))
        }
    }
}

/// The first moment after `at` at which the shown values may change.
pub(super) fn next_step(ledger: &Ledger, at: UnixSeconds, rules: &Rules) -> Option<UnixSeconds> {
    let today = ledger.today.as_ref()?;
    let closed = ledger.closed.as_ref();
    let hold = closed.and_then(|closed| closed.hold_end(today.anchor, rules));
    let phases = hold.map(|end| [end, end + rules.zero_hold.as_secs()]);
    let days = [Some(today), closed.map(|closed| &closed.day)];
    let zeros = days.into_iter().flatten().flat_map(Day::zeros_end);
    let steps = phases.into_iter().flatten().chain(zeros);
    steps.filter(|step| *step > at.0).min().map(UnixSeconds)
}
