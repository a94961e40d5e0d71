//! Tasks: pushes to all users, to a tag or to listed users, each with an id of its own.

use std::collections::BTreeMap;

use crate::model::reading::Reading;
use crate::model::trace::Id;
use crate::model::window::UnixSeconds;

/// The maximum number of tasks in one query (documents 71894 and 71895).
pub const MAX_ASKED: usize = 5;

/// The maximum number of scheduled tasks in one response.
pub const MAX_LISTED: usize = 100;

/// The longest name of a task that is kept, in characters.
pub const MAX_NAME_CHARS: usize = 64;

/// The longest status of a scheduled task that is kept, in characters; the documents have
/// `pending`, `dispatching` and `dispatched`.
pub const MAX_STATUS_CHARS: usize = 32;

/// The longest reason of a failed dispatch that is kept, in characters.
pub const MAX_REASON_CHARS: usize = 120;

/// The response of an API about several tasks, by their ids as the service writes them.
pub type TaskReadings = BTreeMap<String, Reading>;

/// The recipients of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskType {
    All,
    Tag,
    User,
    Unknown,
}

impl TaskType {
    /// The value of the label `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Tag => "tag",
            Self::User => "user",
            Self::Unknown => "unknown",
        }
    }
}

/// In the spelling of the service and of people; anything else is [`TaskType::Unknown`].
impl From<&str> for TaskType {
    fn from(text: &str) -> Self {
        [Self::All, Self::Tag, Self::User]
            .into_iter()
            .find(|of| text.eq_ignore_ascii_case(of.as_str()))
            .unwrap_or(Self::Unknown)
    }
}

/// How a task became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskSource {
    /// The service's list of scheduled tasks.
    Scheduled,
    /// The file that the user's own sender writes.
    File,
}

impl TaskSource {
    /// The value of the label `source`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::File => "file",
        }
    }
}

/// A task whose counts can be queried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub id: Id,
    /// Scrubbed, at most [`MAX_NAME_CHARS`], and may be empty.
    pub name: String,
    pub kind: TaskType,
    pub source: TaskSource,
    /// When it began to push.
    pub start: UnixSeconds,
}

/// The dispatch state of a scheduled task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    Pending,
    Done,
    Failed,
}

/// A task in the service's list of scheduled tasks (document 78843).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledTask {
    /// The number under which it was scheduled, which is not the id of its push.
    pub number: i64,
    /// Scrubbed, at most [`MAX_NAME_CHARS`], and may be empty.
    pub name: String,
    pub kind: TaskType,
    /// The service's own word, scrubbed.
    pub status: String,
    pub at: UnixSeconds,
    pub dispatch: Dispatch,
    /// Why the service could not dispatch it, in its own words, scrubbed; may be empty.
    pub reason: String,
    /// The push, as soon as there is one.
    pub push: Option<Id>,
}

impl ScheduledTask {
    /// The task of its push, once the push exists.
    pub fn task(&self) -> Option<Task> {
        Some(Task {
            id: self.push.clone()?,
            name: self.name.clone(),
            kind: self.kind,
            source: TaskSource::Scheduled,
            start: self.at,
        })
    }

    /// Whether it may need attention at `now`: it failed, or it still waits although its time
    /// has come.
    pub fn needs_a_look(&self, now: UnixSeconds) -> bool {
        match self.dispatch {
            Dispatch::Done => false,
            Dispatch::Failed => true,
            Dispatch::Pending => self.at <= now,
        }
    }
}

/// Part of the list of scheduled tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskList {
    /// At most [`MAX_LISTED`].
    pub tasks: Vec<ScheduledTask>,
    /// The number of tasks in the whole list.
    pub total: usize,
}
