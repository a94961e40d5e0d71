//! What was logged of a target's tasks, so that nothing is logged in every round.

use std::path::Path;

use tracing::{info, warn};

use super::file::{TaskFile, TaskFileError};
use crate::model::target_id::TargetId;
use crate::model::trace::Id;

/// Of the tasks that the service does not know, how many are named in one line.
const NAMED: usize = 3;

/// The latest messages about a target's file.
#[derive(Default)]
pub(super) struct Told {
    about_file: String,
}

impl Told {
    /// Logs what is wrong with the file, when that differs from the time before.
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
                format!(
                    "{id}: {file} has lines that name no task and are skipped: {problems}{more}"
                )
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

    /// Logs tasks that the service does not know, which are not asked about for a time.
    pub(super) fn unknown(id: &TargetId, tasks: &[Id]) {
        if tasks.is_empty() {
            return;
        }
        let named: Vec<&str> = tasks.iter().take(NAMED).map(Id::as_str).collect();
        let more = if tasks.len() > NAMED { ", ..." } else { "" };
        warn!(
            "{id}: the service does not know {} of the tasks ({}{more}); they are asked about again in an hour. \
             A TaskID is the TaskId of the response to a push, of the same app and region",
            tasks.len(),
            named.join(", ")
        );
    }
}
