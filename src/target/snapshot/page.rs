//! The facts of a target that only the status page shows. They are kept apart from the served
//! values, which are encoded again whenever they change.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::{Courses, History};
use crate::model::window::UnixSeconds;

/// Written by the target's loop, read when the page is requested.
#[derive(Default)]
pub struct Page(Mutex<Facts>);

#[derive(Default)]
pub(super) struct Facts {
    pub(super) next_poll: Option<Instant>,
    pub(super) history: History,
    pub(super) courses: Courses,
    pub(super) set_back: Option<SetBack>,
}

/// This machine's clock turned out to have been ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetBack {
    /// When that was noticed, by the corrected clock.
    pub at: UnixSeconds,
    /// By how many seconds the clock had been ahead.
    pub seconds: u64,
}

impl Page {
    /// The time of the next poll; absent until the target's loop has started.
    pub fn next_poll(&self) -> Option<Instant> {
        self.facts().next_poll
    }

    /// Losses over the last hours, of this process alone.
    pub fn history(&self) -> History {
        self.facts().history.clone()
    }

    /// Which losses continue, as far as this process has seen them.
    pub fn courses(&self) -> Courses {
        self.facts().courses.clone()
    }

    /// The latest occasion in this process on which the clock turned out to have been ahead.
    pub fn set_back(&self) -> Option<SetBack> {
        self.facts().set_back
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
