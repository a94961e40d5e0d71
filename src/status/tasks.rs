//! The tasks of an app in a region, in one line.

use serde::Serialize;

use super::words::Words;
use super::{Level, Moment};
use crate::clock::Now;
use crate::model::task::Dispatch;
use crate::target::snapshot::TargetState;

/// Tasks are pushes to all users, to a tag or to listed users.
#[derive(Debug, Serialize)]
pub struct TasksStatus {
    /// Whether every query of the latest round succeeded.
    pub up: bool,
    /// Absent before the first round in which every query succeeded.
    pub last_success: Option<Moment>,
    /// Tasks whose counts are queried.
    pub watched: usize,
    /// Tasks beyond the maximum.
    pub left_out: usize,
    /// Tasks that the service does not know.
    pub unknown: usize,
    /// Scheduled tasks whose push the service could not start.
    pub dispatch_failed: usize,
    /// Unusable lines of the file; absent without a file.
    pub file_problems: Option<usize>,
}

impl TasksStatus {
    pub(super) fn of(target: &TargetState, now: Now) -> Option<Self> {
        let board = target.tasks.as_ref()?;
        let scheduled = board.scheduled(&target.target, now.steady);
        let failed = scheduled
            .iter()
            .filter(|task| task.dispatch == Dispatch::Failed);
        Some(Self {
            up: board.up,
            last_success: board.last_success.map(Moment),
            watched: board.watched.len(),
            left_out: board.left_out,
            unknown: board.unknown,
            dispatch_failed: failed.count(),
            file_problems: board.file_problems,
        })
    }

    /// The name of the level in the style sheet.
    pub fn level(&self) -> Level {
        match (self.up, self.dispatch_failed) {
            (true, 0) => Level::Good,
            (true, _) => Level::Warning,
            (false, _) if self.last_success.is_none() => Level::Waiting,
            (false, _) => Level::Bad,
        }
    }

    /// Whether the latest round succeeded.
    pub fn state_words(&self, words: &Words) -> &'static str {
        match (self.up, self.last_success) {
            (true, _) => words.answers(),
            (false, None) => words.not_asked(),
            (false, Some(_)) => words.tasks_fail(),
        }
    }

    /// `12 watched, 2 could not be dispatched`.
    pub fn words(&self, words: &Words) -> String {
        let counted = [
            (
                self.dispatch_failed,
                words.tasks_not_dispatched(self.dispatch_failed),
            ),
            (self.left_out, words.tasks_left_out(self.left_out)),
            (self.unknown, words.tasks_unknown(self.unknown)),
        ];
        // The number of watched tasks is shown even if it is 0; the others are not.
        let others = counted.into_iter().filter(|(count, _)| *count > 0);
        let told: Vec<String> = std::iter::once(words.tasks_watched(self.watched))
            .chain(others.map(|(_, told)| told))
            .collect();
        told.join(words.comma())
    }
}
