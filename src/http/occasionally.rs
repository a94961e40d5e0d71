//! Lets one of many equal log lines through, so that an attacker cannot fill the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The minimum time between two lines about the same problem.
const QUIET: Duration = Duration::from_secs(60);

/// The time of the last line that was let through.
#[derive(Default)]
pub(super) struct Occasionally(Mutex<Option<Instant>>);

impl Occasionally {
    /// Whether the line may be written; if so, it counts as written.
    pub(super) fn may_say(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|last| last.elapsed() >= QUIET);
        if may {
            *last = Some(Instant::now());
        }
        may
    }
}
