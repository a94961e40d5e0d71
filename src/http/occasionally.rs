//! One of many equal log lines: an attacker shall not fill the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The least time between two lines about the same trouble.
const QUIET: Duration = Duration::from_secs(60);

/// When a line was last let through.
#[derive(Default)]
pub(super) struct Occasionally(Mutex<Option<Instant>>);

impl Occasionally {
    /// Whether the line may be written, which counts as written.
    pub(super) fn may_say(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|last| last.elapsed() >= QUIET);
        if may {
            *last = Some(Instant::now());
        }
        may
    }
}
