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
