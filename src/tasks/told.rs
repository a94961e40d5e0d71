//! What was logged about a target's tasks, so that nothing is logged in every round.

use std::collections::BTreeSet;
use std::path::Path;

use tracing::{info, warn};

use super::file::{TaskFile, TaskFileError};
use crate::model::target_id::TargetId;
use crate::model::task::{Dispatch, ScheduledTask};
use crate::model::trace::Id;

/// How many tasks with the same message are named.
const NAMED: usize = 3;

/// The latest log messages about a target's tasks.
#[derive(Default)]
pub(super) struct Told {
    about_file: String,
    /// The scheduled tasks that could not be dispatched, by number; at most as many as a list has.
    undispatched: BTreeSet<i64>,
}

impl Told {
    /// Logs the problem with the file, if it differs from the previous one.
    pub(super) fn file(
        &mut self,
        id: &TargetId,
        path: &Path,
        read: &Result<TaskFile, TaskFileError>,
    ) {
        let file = path.display();
        let problem = match read {
            Err(error) => {
                format!(
                    "{id}: cannot read the file of tasks {file}, so the last good one counts: {error}"
                )
            }
            Ok(read) if read.bad > 0 => {
                let more = match read.bad.saturating_sub(read.problems.len()) {
                    0 => String::new(),
                    more => format!("; and {more} more lines"),
                };
                let problems = read.problems.join("; ");
                format!("{id}: {file} has unusable lines, which are skipped: {problems}{more}")
            }
            Ok(_) => String::new(),
        };
        if problem == self.about_file {
            return;
        }
        if problem.is_empty() {
            info!("{id}: every line of {file} can be used again");
        } else {
            warn!("{problem}");
        }
        self.about_file = problem;
    }

    /// Logs each scheduled task that the service could not dispatch, with its reason.
    pub(super) fn listed(&mut self, id: &TargetId, tasks: &[ScheduledTask]) {
        let failed = || {
            let tasks = tasks.iter();
            tasks.filter(|task| task.dispatch == Dispatch::Failed)
        };
        let is_new = |task: &&ScheduledTask| !self.undispatched.contains(&task.number);
        for task in failed().filter(is_new).take(NAMED) {
            let (number, name, reason) = (task.number, &task.name, &task.reason);
            warn!(
                "{id}: the service could not dispatch scheduled task {number} ({name}): {reason}"
            );
        }
        if let more @ 1.. = failed().filter(is_new).skip(NAMED).count() {
            warn!("{id}: the service could not dispatch {more} more scheduled tasks");
        }
        self.undispatched = failed().map(|task| task.number).collect();
    }

    /// Logs tasks that the service does not know, which are not queried for some time.
    pub(super) fn unknown(id: &TargetId, tasks: &[Id]) {
        if tasks.is_empty() {
            return;
        }
        let named: Vec<&str> = tasks.iter().take(NAMED).map(Id::as_str).collect();
        let more = if tasks.len() > NAMED { ", ..." } else { "" };
        warn!(
            "{id}: the service does not know {} of the tasks ({}{more}); they are queried again in an hour. \
             A TaskID is the TaskId of the response to a push, of the same app and region",
            tasks.len(),
            named.join(", ")
        );
    }
}
