//! One loss: whether it continues, and since when.

use serde::Serialize;

use super::period::{HALF, Period};
use crate::model::window::UnixSeconds;

/// Fewer lost pushes than this do not begin an incident.
const FEW: u64 = 10;

/// A loss is over once this many lost pushes were due at its usual rate and none came.
const MISSED: f64 = 10.0;

/// The longest time without growth, in seconds, after which it is over in any case.
const LONGEST_PAUSE: f64 = 3600.0;

/// The shortest such time.
const SHORTEST_PAUSE: f64 = 300.0;

/// A loss continues while it has at least this fraction of its highest rate.
const REMAINDER: f64 = 0.1;

/// A loss that grows by this factor begins anew.
const LEAP: f64 = 4.0;

/// The longest that "now" is, in seconds.
#[expect(clippy::cast_precision_loss, reason = "some minutes")]
const LONGEST_NOW: f64 = (2 * HALF) as f64;

/// Below this age in seconds, an incident that still grows does not begin anew.
const YOUNG: u64 = 1800;

/// The fraction of the highest rate left after each [`HALF`]: half of it after an hour.
const FADES: f64 = 0.944;

/// The halves of "now" differ if they do so by this factor, and by this many standard
/// deviations: at 20 lost pushes a minute, a quarter more or less happens by chance.
const SLOPE: f64 = 1.25;
const BEYOND_CHANCE: f64 = 3.0;

/// One loss: its counts in the two halves of "now", and its past.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    counts: [u64; 2],
    pub(super) since: Option<UnixSeconds>,
    pub(super) last: UnixSeconds,
    /// The highest and the lowest rate, in lost pushes per second.
    peak: f64,
    low: f64,
    slope: Slope,
    /// Whether it had a small count after it was over.
    trickles: bool,
}

/// The trend of a loss in the last minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Slope {
    Rising,
    Falling,
    Steady,
}

impl Course {
    pub(super) fn new(since: Option<UnixSeconds>, at: UnixSeconds) -> Self {
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

    pub(super) fn lost(&self) -> u64 {
        self.counts[0].saturating_add(self.counts[1])
    }

    /// Its current losses, or those at its worst, which fade: an incident that is over is shown
    /// until it has left the window.
    pub(super) fn significance(&self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count, which is no less than 0 and saturates"
        )]
        let at_worst = (self.peak * LONGEST_NOW) as u64;
        self.lost().max(at_worst)
    }

    pub(super) fn turn(&mut self, was: &Period) {
        self.slope = self.slope_now(was);
        if self.since.is_none_or(|since| since <= was.older) {
            self.low = self.low.min(rate(self.lost(), was.seconds()));
        }
        self.counts = [self.counts[1], 0];
        self.peak *= FADES;
    }

    pub(super) fn grow(&mut self, grown: u64, was: &Period, now: &Period) {
        if grown == 0 {
            return;
        }
        let over = self.is_over(was);
        if over && !self.trickles {
            // The rest of an incident that is over says nothing about the next.
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

    pub(super) fn is_over(&self, period: &Period) -> bool {
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds of an hour, or far more than that"
        )]
        let quiet = period.end.0.saturating_sub(self.last.0) as f64;
        quiet >= (MISSED / self.peak).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }

    /// The newer half against the older one, once it is long enough to compare.
    pub(super) fn slope_now(&self, period: &Period) -> Slope {
        let old = period.newer.0.saturating_sub(period.older.0);
        let new = period.end.0.saturating_sub(period.newer.0);
        if new < HALF / 2 || old < HALF / 2 {
            return self.slope;
        }
        let (was, is) = (rate(self.counts[0], old), rate(self.counts[1], new));
        let chance = BEYOND_CHANCE * (rate_of(was, old) + rate_of(is, new)).sqrt();
        if (is - was).abs() <= chance {
            Slope::Steady
        } else if is > was * SLOPE {
            Slope::Rising
        } else if was > is * SLOPE {
            Slope::Falling
        } else {
            Slope::Steady
        }
    }
}

/// The rate per second.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rate is compared by its size and shown with two digits"
)]
pub(super) fn rate(count: u64, seconds: u64) -> f64 {
    rate_of(count as f64, seconds)
}

#[expect(clippy::cast_precision_loss, reason = "seconds of some minutes")]
fn rate_of(amount: f64, seconds: u64) -> f64 {
    amount / seconds.max(1) as f64
}
