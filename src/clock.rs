//! The only reader of the wall clock.
//!
//! Two time domains are kept apart: wall time decides what is asked for (window edges,
//! signatures), steady time decides how old a thing is (staleness, back-off), so that
//! a clock that jumps neither expires good data nor keeps dead data alive.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::warn;

use crate::window::UnixSeconds;

/// One moment in both time domains.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Time since 1970, as this machine believes.
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

/// How long what was seen at one moment goes on to be true while nothing new is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// A clock that is set back may undo what it did.
    wall_from: UnixSeconds,
    wall_until: Option<UnixSeconds>,
    steady_until: Option<Instant>,
}

impl Validity {
    /// From this moment on for ever.
    pub fn from(now: Now) -> Self {
        Self {
            wall_from: now.unix(),
            wall_until: None,
            steady_until: None,
        }
    }

    /// Not longer than until then.
    #[must_use]
    pub fn until_wall(mut self, end: Option<UnixSeconds>) -> Self {
        self.wall_until = earlier(self.wall_until, end);
        self
    }

    /// Not longer than until then.
    #[must_use]
    pub fn until_steady(mut self, end: Option<Instant>) -> Self {
        self.steady_until = earlier(self.steady_until, end);
        self
    }

    /// While both hold.
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

/// How often the two time domains are compared.
const WATCH_EVERY: Duration = Duration::from_secs(10);

/// A smaller difference is what clock synchronisation does all the time.
const JUMP: f64 = 30.0;

/// Says in the log when the wall clock jumps: signatures and windows depend on it, and the
/// failures that follow do not look like the clock's fault.
pub async fn watch() {
    let mut last = now();
    loop {
        tokio::time::sleep(WATCH_EVERY).await;
        let current = now();
        let steady = current.steady.duration_since(last.steady).as_secs_f64();
        let jump = current.wall.as_secs_f64() - last.wall.as_secs_f64() - steady;
        if jump.abs() > JUMP {
            warn!(
                seconds = jump,
                "the wall clock jumped by {jump:+.0} s; signatures and windows follow it, but windows never move back: \
                 check this machine's time synchronisation, and restart the exporter if the clock had been ahead"
            );
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
}
