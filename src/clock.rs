//! The only reader of the wall clock.
//!
//! Two time domains are kept apart: wall time decides what is asked for (window edges,
//! signatures), steady time decides how old a thing is (staleness, back-off), so that
//! a clock that jumps neither expires good data nor keeps dead data alive.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

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
