//! What is shown around midnight. All moments follow from the anchor alone while answers
//! come in time, so that replicas switch together.

use super::day::Day;
use super::{Closed, LONGEST_WAIT, Ledger, Rules, Served};
use crate::window::UnixSeconds;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The closed day's values.
    Hold,
    /// 0 for every series, so that all of today's value is an increase.
    Zero,
    Today,
}

impl Closed {
    /// Whether its final answer is no longer waited for.
    pub(super) fn is_given_up(&self, at: UnixSeconds, anchor: UnixSeconds, rules: &Rules) -> bool {
        self.settled.is_none() && self.hold_end(anchor, rules).is_some_and(|end| at.0 >= end)
    }

    /// Whether today's values are shown.
    pub(super) fn is_over(&self, at: UnixSeconds, anchor: UnixSeconds, rules: &Rules) -> bool {
        self.phase(at, anchor, rules) == Phase::Today
    }

    /// When zeros follow; absent while that is open. `anchor` is the new day's.
    fn hold_end(&self, anchor: UnixSeconds, rules: &Rules) -> Option<u64> {
        if let Some(at) = self.hold_over {
            return Some(at.0);
        }
        let scheduled = anchor.0 + (rules.lag + rules.rollover_hold).as_secs();
        if self.foreign {
            // Others do not wait for this process's answer.
            return Some(scheduled);
        }
        match (self.settled, self.awaited_since) {
            // A late final value must be scraped once, too.
            (Some(at), _) => Some(scheduled.max(at.0 + rules.rollover_hold.as_secs() / 2)),
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

/// `None` when there is nothing to show yet.
pub(super) fn served(ledger: &Ledger, at: UnixSeconds, rules: &Rules) -> Option<Served> {
    let today = ledger.today.as_ref()?;
    let phase = ledger
        .closed
        .as_ref()
        .map_or(Phase::Today, |closed| closed.phase(at, today.anchor, rules));
    match (phase, &ledger.closed) {
        (Phase::Hold, Some(closed)) => {
            let known = !closed.foreign || closed.settled.is_some();
            known.then(|| closed.day.served(at, false))
        }
        (Phase::Zero, _) => Some(today.served(at, true)),
        // Without an answer about today yet, the zeros go on.
        (Phase::Hold | Phase::Today, _) => {
            let known = today.is_answered() || ledger.closed.is_some();
            known.then(|| today.served(at, false))
        }
    }
}

/// The first moment after `at` from which something else may be shown.
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
