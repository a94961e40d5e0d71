//! Which tasks of an app are watched: two layers of the same keys (`defaults`, the app) over the
//! built-in values.

use super::keys::{Tasks, TasksLayer};
use super::read::Read;
use super::schema::Group;
use super::section::Section;
use crate::model::task::MAX_ASKED;

impl Tasks {
    /// The maximum number of calls per round in one region: the list, and each API for each batch.
    pub(super) fn calls(&self, apis: u32) -> u32 {
        let batches = u32::try_from(self.max.div_ceil(MAX_ASKED)).unwrap_or(u32::MAX);
        batches.saturating_mul(apis) + u32::from(self.scheduled)
    }
}

impl TasksLayer {
    /// The values under `defaults`, where no file can be named: tasks belong to one app.
    pub(super) fn of_defaults(defaults: Option<&Section>) -> Self {
        let section = defaults.and_then(|defaults| defaults.table("tasks", Group::Tasks));
        let Some(section) = section else {
            return Self::BUILT_IN;
        };
        if section.has("file") {
            section.refuse(
                "file",
                "belongs under `tasks` of an app, since each app has its own tasks",
            );
        }
        let own = Self {
            file: Read::Absent,
            ..Self::own(&section)
        };
        own.over(Self::BUILT_IN)
    }

    /// The values for an app: its own values over these. Absent for an app whose tasks are not
    /// watched.
    pub(super) fn of_app(&self, app: &Section) -> Read<Tasks> {
        let own = app.table("tasks", Group::Tasks);
        let layer = match &own {
            Some(section) => Self::own(section).over(self.clone()),
            None => self.clone(),
        };
        let Some(tasks) = layer.given() else {
            return Read::Refused;
        };
        if tasks.scheduled || tasks.file.is_some() {
            return Read::Given(tasks);
        }
        if own.is_some_and(|section| !section.has("scheduled")) {
            app.refuse(
                "tasks",
                "names no source; add scheduled: true, file, or both",
            );
            return Read::Refused;
        }
        Read::Absent
    }
}
