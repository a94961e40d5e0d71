//! The file in which the user's own sender records the tasks that it starts: one JSON object per
//! line, the newest last.
//!
//! ```text
//! {"task": "657bf434_537529d8_2000005e80aa873_2780d131", "name": "June sale", "type": "all", "start": 1748772000}
//! ```
//!
//! `task` is the `TaskId` of the response to a push. `start` is the time of the push, in Unix
//! seconds or as `2025-06-01T10:00:00Z`. `name` and `type` (`all`, `tag` or `user`) may be
//! absent, and other keys are ignored.

use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::files::{self, ReadError, Stuck, apart};
use crate::model::task::{MAX_NAME_CHARS, Task, TaskSource, TaskType};
use crate::model::trace::{Id, IdError, MAX_ID};
use crate::model::window::UnixSeconds;
use crate::scrubber::Scrubber;
use crate::target::tasks::newest;

/// The maximum file size, in bytes: some 40,000 tasks.
pub const MAX_BYTES: u64 = 4 << 20;

/// How many of the newest tasks are kept: many times the maximum number watched.
const KEPT: usize = 1000;

/// How many bad lines are named; the others are counted.
const NAMED: usize = 5;

/// A later time is not in seconds but in milliseconds: this is the year 5138.
const LATEST: u64 = 100_000_000_000;

/// How many files are read at the same time; the next ones wait.
static READING: Semaphore = Semaphore::const_new(4);

/// Why the file is not available.
#[derive(Debug, thiserror::Error)]
pub enum TaskFileError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Stuck(#[from] Stuck),
}

/// The content of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFile {
    /// The newest first.
    pub tasks: Vec<Task>,
    /// The number of further tasks.
    pub left_out: usize,
    /// The number of unusable lines.
    pub bad: usize,
    /// The first of them, as `line 3: start is missing`.
    pub problems: Vec<String>,
}

#[derive(Deserialize)]
struct Line {
    task: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    start: Option<Start>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Start {
    Seconds(u64),
    Text(String),
}

/// Why a line is unusable. Never repeats its text.
#[derive(Debug, thiserror::Error)]
enum LineError {
    #[error("is not a JSON object with the keys task and start")]
    Json,
    #[error("task is missing")]
    NoTask,
    #[error("task {0}")]
    Task(#[from] IdError),
    #[error("task is not the TaskId of a push")]
    Odd,
    #[error("start is missing")]
    NoStart,
    #[error("start must be Unix seconds or a time such as 2025-06-01T10:00:00Z")]
    Start,
}

impl TaskFile {
    /// Reads the tasks that began at `since` or later, on a separate thread.
    pub async fn read(path: &Path, since: UnixSeconds) -> Result<Self, TaskFileError> {
        let path = path.to_owned();
        let read = move || {
            let contents = files::read(&path, MAX_BYTES)?;
            // Invalid UTF-8 spoils only its own line.
            Ok(Self::parse(
                &String::from_utf8_lossy(&contents.bytes),
                since,
            ))
        };
        apart(&READING, read).await?
    }

    fn parse(text: &str, since: UnixSeconds) -> Self {
        let scrubber = Scrubber::new([]);
        let mut file = Self::default();
        let is_whole = text.ends_with('\n');
        let mut lines = (1..).zip(text.lines()).peekable();
        while let Some((number, line)) = lines.next() {
            if line.trim().is_empty() {
                continue;
            }
            match task(line, &scrubber) {
                Ok(task) if task.start < since => {}
                Ok(task) => file.tasks.push(task),
                // The sender is about to write the rest of the line.
                Err(_) if !is_whole && lines.peek().is_none() => {}
                Err(error) => {
                    file.bad += 1;
                    if file.problems.len() < NAMED {
                        file.problems.push(format!("line {number}: {error}"));
                    }
                }
            }
        }
        (file.tasks, file.left_out) = newest(file.tasks, KEPT);
        file
    }
}

fn task(line: &str, scrubber: &Scrubber) -> Result<Task, LineError> {
    let line: Line = serde_json::from_str(line).map_err(|_| LineError::Json)?;
    let id: Id = line.task.ok_or(LineError::NoTask)?.parse()?;
    if scrubber.scrub(id.as_str(), MAX_ID) != id.as_str() {
        return Err(LineError::Odd);
    }
    let start = match line.start.ok_or(LineError::NoStart)? {
        Start::Seconds(seconds) => seconds,
        Start::Text(text) => {
            let at: Timestamp = text.trim().parse().map_err(|_| LineError::Start)?;
            at.as_second().try_into().map_err(|_| LineError::Start)?
        }
    };
    if start > LATEST {
        return Err(LineError::Start);
    }
    Ok(Task {
        id,
        name: scrubber.scrub(&line.name.unwrap_or_default(), MAX_NAME_CHARS),
        kind: TaskType::from(line.kind.unwrap_or_default().as_str()),
        source: TaskSource::File,
        start: UnixSeconds(start),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> TaskFile {
        TaskFile::parse(text, UnixSeconds(1))
    }

    const GOOD: &str = r#"{"task":"a","name":"June sale","type":"tag","start":1748772000}"#;

    fn ids(file: &TaskFile) -> Vec<&str> {
        file.tasks.iter().map(|task| task.id.as_str()).collect()
    }

    #[test]
    fn a_line_names_a_task_its_start_and_perhaps_its_name_and_type() {
        let file = parse(GOOD);
        let task = Task {
            id: "a".parse().unwrap(),
            name: "June sale".to_owned(),
            kind: TaskType::Tag,
            source: TaskSource::File,
            start: UnixSeconds(1_748_772_000),
        };
        assert_eq!(file.tasks, [task]);
        for start in [
            r#""2025-06-01T10:00:00Z""#,
            r#""2025-06-01 18:00:00+08:00""#,
        ] {
            let line = format!(r#"{{"task":"a","start":{start},"users":[1]}}"#);
            let file = parse(&line);
            assert_eq!(file.tasks[0].start, UnixSeconds(1_748_772_000), "{line}");
            assert_eq!(file.tasks[0].kind, TaskType::Unknown);
            assert_eq!(file.tasks[0].name, "");
        }
    }

    #[test]
    fn bad_lines_are_named_and_skipped_and_the_rest_counts() {
        for (line, problem) in [
            ("{", "is not a JSON object with the keys task and start"),
            ("[1]", "is not a JSON object with the keys task and start"),
            (
                r#"{"task":7,"start":1}"#,
                "is not a JSON object with the keys task and start",
            ),
            (r#"{"start":1}"#, "task is missing"),
            (r#"{"task":"","start":1}"#, "task must not be empty"),
            (
                r#"{"task":" a","start":1}"#,
                "task must be one line without spaces around it",
            ),
            (
                r#"{"task":"a\u200bb","start":1}"#,
                "task is not the TaskId of a push",
            ),
            (r#"{"task":"a"}"#, "start is missing"),
            (
                r#"{"task":"a","start":"soon"}"#,
                "start must be Unix seconds or a time such as 2025-06-01T10:00:00Z",
            ),
            (
                r#"{"task":"a","start":1748772000000}"#,
                "start must be Unix seconds or a time such as 2025-06-01T10:00:00Z",
            ),
            (
                "\u{fffd}\0",
                "is not a JSON object with the keys task and start",
            ),
        ] {
            let file = parse(&format!("{GOOD}\r\n\r\n{line}\n{GOOD}\n"));
            assert_eq!(ids(&file), ["a"], "{line}");
            assert_eq!(file.problems, [format!("line 3: {problem}")], "{line}");
        }
        let file = parse(&"x\n".repeat(100));
        assert_eq!((file.bad, file.problems.len()), (100, NAMED));
    }

    #[test]
    fn a_last_line_that_is_half_written_is_no_problem_and_a_whole_one_counts() {
        for end in 1..GOOD.len() {
            let file = parse(&format!("{GOOD}\n{}", &GOOD[..end]));
            assert_eq!((ids(&file), file.bad), (vec!["a"], 0), "{end}");
        }
        let other = GOOD.replace("\"a\"", "\"b\"");
        assert_eq!(ids(&parse(&format!("{GOOD}\n{other}"))), ["a", "b"]);
        let ended = parse(&format!("{GOOD}\n{}\n", &GOOD[..9]));
        assert_eq!(ended.bad, 1);
    }

    #[test]
    fn of_thousands_of_tasks_the_newest_are_kept_and_old_ones_do_not_count() {
        let lines: Vec<String> = (0..5000)
            .map(|n| format!(r#"{{"task":"{n}","start":{n}}}"#))
            .collect();
        let file = TaskFile::parse(&lines.join("\n"), UnixSeconds(3000));
        assert_eq!((file.tasks.len(), file.left_out), (KEPT, 1000));
        let starts: Vec<u64> = file.tasks.iter().map(|task| task.start.0).collect();
        assert_eq!((starts[0], starts[KEPT - 1]), (4999, 4000));
    }

    #[test]
    fn odd_names_become_one_bounded_line() {
        let long = "长".repeat(99);
        for (name, shown) in [
            (r"a\nb\u202e\tc", "a b c"),
            (r"\ud800", ""),
            (long.as_str(), &"长".repeat(MAX_NAME_CHARS)),
        ] {
            let file = parse(&format!(
                r#"{{"task":"a","start":1,"name":"{name}"}}{}"#,
                "\n"
            ));
            let names: Vec<_> = file.tasks.iter().map(|task| task.name.as_str()).collect();
            // Binary data spoils only its own line.
            assert!(
                names == [shown] || names.is_empty() && file.bad == 1,
                "{name}: {names:?}"
            );
        }
    }

    #[tokio::test]
    async fn files_that_cannot_be_read_say_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        files::tests::fifo(&path("pipe"));
        std::fs::write(path("large"), " ".repeat(5 << 20)).unwrap();
        for (name, expected) in [
            ("gone", "No such file or directory (os error 2)"),
            ("pipe", "it is a named pipe, not a regular file"),
            ("large", "it is larger than 4096 KiB"),
        ] {
            let read = TaskFile::read(&path(name), UnixSeconds(1)).await;
            assert_eq!(read.unwrap_err().to_string(), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"(\{|\}|"task":|"start":|"name":|,|\n|[a-z0-9":]){0,60}"#) {
            let file = parse(&text);
            prop_assert!(file.tasks.len() + file.bad <= text.lines().count());
        }
    }
}
