//! The only reader of the wall clock.
//!
//! Two time domains are kept apart: wall time decides what is queried (window edges, signatures),
//! steady time decides how old data is (staleness, back-off). A clock that jumps therefore neither
//! expires good data nor keeps dead data alive.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::warn;

use crate::model::window::UnixSeconds;

/// One moment in both time domains.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Time since 1970, according to this machine.
    pub wall: Duration,
    /// Never moves back and never jumps.
    pub steady: Instant,
}

impl Now {
    /// The wall time in whole seconds.
    pub fn unix(self) -> UnixSeconds {
        UnixSeconds(self.wall.as_secs())
    }
}

/// This moment. A wall clock before 1970 reads as 1970.
pub fn now() -> Now {
    #[expect(
        clippy::disallowed_methods,
        reason = "this function is where wall time enters"
    )]
    let wall = SystemTime::now();
    Now {
        wall: wall
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default(),
        steady: Instant::now(),
    }
}

/// How long an observation stays true while nothing new is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Before this time it is void: a clock that is set back may undo what it observed.
    wall_from: UnixSeconds,
    wall_until: Option<UnixSeconds>,
    steady_until: Option<Instant>,
}

impl Validity {
    /// From this moment on, without an end.
    pub fn from(now: Now) -> Self {
        Self {
            wall_from: now.unix(),
            wall_until: None,
            steady_until: None,
        }
    }

    /// No longer than until `end`.
    #[must_use]
    pub fn until_wall(mut self, end: Option<UnixSeconds>) -> Self {
        self.wall_until = earlier(self.wall_until, end);
        self
    }

    /// No longer than until `end`.
    #[must_use]
    pub fn until_steady(mut self, end: Option<Instant>) -> Self {
        self.steady_until = earlier(self.steady_until, end);
        self
    }

    /// While both are valid.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.wall_from = self.wall_from.max(other.wall_from);
        self.until_wall(other.wall_until)
            .until_steady(other.steady_until)
    }

    pub fn holds(self, now: Now) -> bool {
        now.unix() >= self.wall_from
            && self.wall_until.is_none_or(|end| now.unix() < end)
            && self.steady_until.is_none_or(|end| now.steady < end)
    }
}

fn earlier<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    a.into_iter().chain(b).min()
}

/// Backward steps of up to this many seconds are normal synchronisation: time stops until the clock
/// has caught up. A larger step means that the clock was ahead. Stopping costs at most one poll of
/// the default interval.
pub const SMALL_STEP: u64 = 60;

/// The wall clock without its small steps back.
///
/// A wall clock never moves back by itself. A step back by more than [`SMALL_STEP`] is a deliberate
/// correction, so the new time is right from then on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "UnixSeconds", into = "UnixSeconds")]
pub struct Guard {
    highest: UnixSeconds,
    /// When that time was seen, from which on time runs; absent while time stops, and for a state
    /// from an earlier process.
    at: Option<Instant>,
}

impl Guard {
    /// Follows the wall clock. If it turns out to have been ahead, returns the time that it would
    /// show now.
    pub fn follow(&mut self, now: Now) -> Option<UnixSeconds> {
        let (wall, running) = (now.unix(), self.running(now));
        let was_ahead = wall.0.saturating_add(SMALL_STEP) < running.0;
        *self = if was_ahead || wall >= running {
            Self {
                highest: wall,
                at: Some(now.steady),
            }
        } else {
            Self::from(running)
        };
        was_ahead.then_some(running)
    }

    /// Follows the wall clock only forwards, for cases where nothing could be repaired.
    pub fn advance(&mut self, now: Now) {
        if now.unix() >= self.running(now) {
            self.follow(now);
        }
    }

    /// The latest time followed.
    pub fn time(self) -> UnixSeconds {
        self.highest
    }

    /// The current time for readers. It does not jump before the clock is followed again: values of
    /// a later time may already have been seen, and values due for a while must not be skipped.
    pub fn shown(self, now: Now) -> UnixSeconds {
        let running = self.running(now);
        if self.at.is_some() && self.jumped_ahead(now) {
            running
        } else {
            now.unix().max(running)
        }
    }

    /// Whether the wall clock has advanced by more than [`SMALL_STEP`] beyond steady time: it was
    /// set, or this machine or process was suspended.
    pub fn jumped_ahead(self, now: Now) -> bool {
        now.unix().0 > self.running(now).0.saturating_add(SMALL_STEP)
    }

    /// The steady time of `at`, even if the wall clock is set back meanwhile; absent while time
    /// stops.
    pub fn steady(self, at: UnixSeconds) -> Option<Instant> {
        let ahead = Duration::from_secs(at.0.saturating_sub(self.highest.0));
        self.at?.checked_add(ahead)
    }

    /// The time that the clock would show if it had not been set.
    pub fn running(self, now: Now) -> UnixSeconds {
        let since = self.at.map(|at| now.steady.duration_since(at).as_secs());
        UnixSeconds(self.highest.0.saturating_add(since.unwrap_or(0)))
    }
}

impl From<UnixSeconds> for Guard {
    fn from(highest: UnixSeconds) -> Self {
        Self { highest, at: None }
    }
}

impl From<Guard> for UnixSeconds {
    fn from(guard: Guard) -> Self {
        guard.highest
    }
}

/// How often the two time domains are compared.
const WATCH_EVERY: Duration = Duration::from_secs(10);

/// Smaller differences, in seconds, are normal synchronisation.
const JUMP: f64 = 30.0;

/// By how many seconds the wall clock advanced more than steady time between two moments; negative
/// if it was set back. Absent for normal synchronisation.
pub fn step(earlier: Now, later: Now) -> Option<f64> {
    let steady = later.steady.duration_since(earlier.steady).as_secs_f64();
    let step = later.wall.as_secs_f64() - earlier.wall.as_secs_f64() - steady;
    (step.abs() > JUMP).then_some(step)
}

/// Logs jumps of the wall clock: signatures and windows depend on it, and the failures that follow
/// do not look like a problem of the clock.
pub async fn watch() {
    let mut last = now();
    loop {
        tokio::time::sleep(WATCH_EVERY).await;
        let current = now();
        match step(last, current) {
            Some(seconds) if seconds < 0.0 => warn!(
                seconds,
                advice = "check this machine's time synchronisation",
                "the wall clock was set back by {:.0} s; windows and counters follow it at their next poll, \
                 or stand still until it has caught up if that takes at most {SMALL_STEP} s; nothing is counted twice",
                -seconds
            ),
            Some(seconds) => warn!(
                seconds,
                advice =
                    "check this machine's time synchronisation, unless the machine was suspended",
                "the wall clock jumped ahead by {seconds:.0} s; windows, counters and signatures follow it"
            ),
            None => {}
        }
        last = current;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validity_ends_with_whichever_clock_is_first() {
        let start = Instant::now();
        let moment = |wall: u64, steady: u64| Now {
            wall: Duration::from_secs(wall),
            steady: start + Duration::from_secs(steady),
        };
        let validity = Validity::from(moment(100, 0))
            .until_wall(Some(UnixSeconds(110)))
            .and(Validity::from(moment(101, 0)).until_steady(Some(start + Duration::from_secs(5))));
        for (now, holds) in [
            (moment(101, 0), true),
            (moment(109, 4), true),
            (moment(110, 4), false),
            (moment(109, 5), false),
            (moment(100, 4), false),
        ] {
            assert_eq!(validity.holds(now), holds, "{now:?}");
        }
        assert!(Validity::from(moment(1, 0)).holds(moment(u64::MAX, 1_000_000)));
    }

    fn moment(wall: u64, steady: u64, start: Instant) -> Now {
        Now {
            wall: Duration::from_secs(wall),
            steady: start + Duration::from_secs(steady),
        }
    }

    #[test]
    fn a_step_is_what_the_wall_clock_moved_beyond_steady_time() {
        let start = Instant::now();
        for (wall, steady, expected) in [
            (1010, 10, None),
            (1035, 10, None),
            (985, 10, None),
            (4610, 10, Some(3600.0)),
            (1000 - 290, 10, Some(-300.0)),
            (1000, 86_400, Some(-86_400.0)),
        ] {
            let step = step(moment(1000, 0, start), moment(wall, steady, start));
            assert_eq!(step, expected, "{wall} {steady}");
        }
    }

    #[test]
    fn a_guard_stands_still_for_small_steps_back_and_follows_large_ones() {
        let start = Instant::now();
        let mut guard = Guard::default();
        for (wall, steady, ahead, time) in [
            (10_000, 0, None, 10_000),
            (9_942, 1, None, 10_001),
            (9_941, 2, None, 10_001),
            // Small steps add up to a large one.
            (9_940, 3, Some(10_001), 9_940),
            (9_951, 14, None, 9_951),
            (13_550, 15, None, 13_550),
            (9_960, 24, Some(13_559), 9_960),
        ] {
            let now = moment(wall, steady, start);
            assert_eq!(guard.follow(now).map(|at| at.0), ahead, "{wall}");
            assert_eq!(guard.time().0, time, "{wall}");
        }
        // Until the clock is followed, the shown time runs on.
        guard.follow(moment(10_050, 100, start));
        for (wall, steady, shown) in [
            (10_060, 110, 10_060),
            (10_040, 115, 10_065),
            (10_070, 145, 10_095),
        ] {
            assert_eq!(guard.shown(moment(wall, steady, start)).0, shown);
        }
        let then = start + Duration::from_secs(145);
        assert_eq!(guard.steady(UnixSeconds(10_095)), Some(then));
        // A small step stops time at the value shown.
        assert_eq!(guard.follow(moment(10_070, 145, start)), None);
        assert_eq!(guard.shown(moment(10_080, 155, start)).0, 10_095);
        assert_eq!(guard.steady(UnixSeconds(10_100)), None);
        // Another process does not know how long ago that was.
        let mut restored = Guard::from(UnixSeconds(13_550));
        let now = moment(9_970, 34, start);
        assert_eq!(restored.follow(now), Some(UnixSeconds(13_550)));
    }
}
