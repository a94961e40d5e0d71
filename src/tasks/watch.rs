//! The loop: wait until due, find tasks, query their counts, publish.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::file::TaskFile;
use super::told::Told;
use crate::clock::Now;
use crate::config::Tasks;
use crate::config::target::Target;
use crate::fetch::FetchTasks;
use crate::model::cadence::Cadence;
use crate::model::outcome::{FetchError, Outcome};
use crate::model::push::Push;
use crate::model::reading::Api;
use crate::model::target_id::TargetId;
use crate::model::task::{MAX_ASKED, ScheduledTask, Task, TaskReadings};
use crate::model::trace::Id;
use crate::model::window::{LOOK_BACK, Range, UnixSeconds};
use crate::poll::log::{About, Streak};
use crate::poll::schedule::{RARELY, Shared};
use crate::target::snapshot::TaskRecorder;
use crate::target::tasks::{TaskBoard, most_telling, newest};

/// A clock may be wrong, and a task may begin before its recorded time.
const SLACK: u64 = 600;

/// How far ahead scheduled tasks are listed.
const AHEAD: u64 = 86_400;

/// The service's code for an unknown task.
const UNKNOWN_TASK: i64 = 90_049;

/// Watches one target's tasks for ever, or waits for ever if it has none. Dropping the future
/// ends it at once.
pub async fn watch<F: FetchTasks>(target: Target, shared: Arc<Shared<F>>, recorder: TaskRecorder) {
    match target.tasks() {
        Some(tasks) => Watching::new(&target, tasks, &shared, recorder).run().await,
        None => std::future::pending().await,
    }
}

struct Watching<'a, F> {
    target: &'a Target,
    tasks: &'a Tasks,
    id: TargetId,
    shared: &'a Shared<F>,
    recorder: TaskRecorder,
    board: TaskBoard,
    cadence: Cadence,
    /// The last successful read.
    file: TaskFile,
    /// From the last successful list.
    scheduled: Vec<ScheduledTask>,
    /// The number of scheduled tasks that the list did not include.
    not_listed: usize,
    /// Tasks that the service does not know, with the time of the response.
    unknown: BTreeMap<Id, Instant>,
    streak: Streak,
    told: Told,
}

impl<'a, F: FetchTasks> Watching<'a, F> {
    fn new(
        target: &'a Target,
        tasks: &'a Tasks,
        shared: &'a Shared<F>,
        recorder: TaskRecorder,
    ) -> Self {
        let id = target.id();
        let fraction = shared.fraction(&id, "tasks ");
        Self {
            cadence: Cadence::new(tasks.interval, (shared.clock)().steady, fraction),
            board: recorder.board(),
            target,
            tasks,
            id,
            shared,
            recorder,
            file: TaskFile::default(),
            scheduled: Vec::new(),
            not_listed: 0,
            unknown: BTreeMap::new(),
            streak: Streak::default(),
            told: Told::default(),
        }
    }

    async fn run(mut self) {
        let mut due = self.cadence.first();
        loop {
            sleep_until(due).await;
            let began = (self.shared.clock)();
            let result = self.round(began).await;
            due = self.record(result, began);
        }
    }

    /// One round. A failed step does not prevent the others; the result is the first failure.
    async fn round(&mut self, began: Now) -> Result<(), FetchError> {
        self.read_file(began.unix()).await;
        let listed = self.list(began.unix()).await;
        self.select(began);
        let counted = self.count(began.unix()).await;
        listed.and(counted)
    }

    /// Tasks that began before this time are too old.
    fn oldest(&self, now: UnixSeconds) -> UnixSeconds {
        UnixSeconds(now.0.saturating_sub(self.tasks.age.as_secs()))
    }

    async fn read_file(&mut self, now: UnixSeconds) {
        let Some(path) = &self.tasks.file else { return };
        let read = TaskFile::read(path, self.oldest(now)).await;
        self.told.file(&self.id, path, &read);
        self.board.file_problems = Some(read.as_ref().map_or(1, |file| file.bad));
        if let Ok(file) = read {
            self.file = file;
        }
    }

    async fn list(&mut self, now: UnixSeconds) -> Result<(), FetchError> {
        if !self.tasks.scheduled {
            return Ok(());
        }
        let range = Range {
            start: self.oldest(now),
            end: UnixSeconds(now.0.saturating_add(AHEAD)),
        };
        let list = self.shared.fetch.scheduled(self.target, range).await?;
        self.not_listed = list.total.saturating_sub(list.tasks.len());
        self.told.listed(&self.id, &list.tasks);
        self.scheduled = list.tasks;
        let telling = most_telling(self.scheduled.clone(), self.tasks.max, now);
        self.board.listed(telling, (self.shared.clock)().steady);
        Ok(())
    }

    /// Chooses the tasks to watch from now on.
    fn select(&mut self, began: Now) {
        let now = began.unix();
        let oldest = self.oldest(now);
        let is_current = |task: &Task| task.start > oldest && task.start <= now;
        let scheduled = self.scheduled.iter().filter_map(ScheduledTask::task);
        let file = self.file.tasks.iter().cloned();
        let current: Vec<Task> = file.chain(scheduled).filter(is_current).collect();
        self.unknown.retain(|id, since| {
            let is_recent = began.steady.duration_since(*since) < RARELY;
            is_recent && current.iter().any(|task| task.id == *id)
        });
        let (unknown, current): (Vec<_>, Vec<_>) = current
            .into_iter()
            .partition(|task| self.unknown.contains_key(&task.id));
        let (watched, left_out) = newest(current, self.tasks.max);
        self.board.unknown = newest(unknown, 0).1;
        self.board.left_out = left_out + self.not_listed + self.file.left_out;
        self.board.watch(watched);
    }

    /// Queries each API for the counts of all watched tasks. An API that fails is not queried
    /// again.
    async fn count(&mut self, now: UnixSeconds) -> Result<(), FetchError> {
        let tasks: Vec<(Id, UnixSeconds)> = self
            .board
            .watched
            .iter()
            .map(|watched| (watched.task.id.clone(), watched.task.start))
            .collect();
        let before = self.unknown.len();
        let mut apis: Vec<Api> = self.target.apis_of(Push::AllMember).collect();
        let mut result = Ok(());
        for batch in tasks.chunks(MAX_ASKED) {
            for api in apis.clone() {
                let asked = self.ask(api, batch, now).await;
                if asked.is_err() {
                    apis.retain(|of| *of != api);
                }
                result = result.and(asked);
            }
        }
        self.drop_unknown(before);
        result
    }

    /// Queries one API about a batch, and task by task if it does not know one of them.
    async fn ask(
        &mut self,
        api: Api,
        batch: &[(Id, UnixSeconds)],
        now: UnixSeconds,
    ) -> Result<(), FetchError> {
        let known = batch
            .iter()
            .filter(|(id, _)| !self.unknown.contains_key(id));
        let (ids, starts): (Vec<Id>, Vec<UnixSeconds>) = known.cloned().unzip();
        let Some(first) = starts.iter().min() else {
            return Ok(());
        };
        let range = range(*first, now);
        match self.shared.fetch.tasks(self.target, api, range, &ids).await {
            Err(error) if error.code == Some(UNKNOWN_TASK) => {
                for id in ids {
                    let alone = std::slice::from_ref(&id);
                    match self
                        .shared
                        .fetch
                        .tasks(self.target, api, range, alone)
                        .await
                    {
                        Ok(readings) => self.answered(api, alone, readings),
                        Err(error) if error.code == Some(UNKNOWN_TASK) => {
                            self.unknown.insert(id, (self.shared.clock)().steady);
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            result => self.answered(api, &ids, result?),
        }
        Ok(())
    }

    fn answered(&mut self, api: Api, ids: &[Id], mut readings: TaskReadings) {
        let at = (self.shared.clock)().steady;
        for watched in &mut self.board.watched {
            let id = &watched.task.id;
            if !ids.contains(id) {
                continue;
            }
            let own = readings.remove(id.as_str());
            // A response about one task may omit its id.
            let reading = own.or_else(|| readings.remove("").filter(|_| ids.len() == 1));
            if let Some(reading) = reading {
                watched.answered(api, reading, at);
            }
        }
    }

    /// Removes the tasks that turned out to be unknown from the board, and logs them.
    fn drop_unknown(&mut self, before: usize) {
        if self.unknown.len() == before {
            return;
        }
        let unknown = &self.unknown;
        let watched = std::mem::take(&mut self.board.watched).into_iter();
        let (gone, known): (Vec<_>, Vec<_>) =
            watched.partition(|watched| unknown.contains_key(&watched.task.id));
        let gone: Vec<Id> = gone.into_iter().map(|watched| watched.task.id).collect();
        Told::unknown(&self.id, &gone);
        self.board.watched = known;
        self.board.unknown += gone.len();
    }

    /// Publishes and logs a round. Returns when the next one is due.
    fn record(&mut self, result: Result<(), FetchError>, began: Now) -> Instant {
        let now = (self.shared.clock)();
        let (log, end) = (&self.shared.log, began.unix());
        log.polled(&mut self.streak, &self.id, About::Tasks, end, &result, now);
        self.board.up = result.is_ok();
        if result.is_ok() {
            self.board.last_success = Some(now.unix());
        }
        self.board.fold(self.target.app.polling.series_limit);
        self.recorder.publish(self.board.clone());
        let failures = self.streak.failures();
        let jitter = self.id.fraction(&format!("tasks failure {failures}"));
        let due = self
            .cadence
            .after_failures(failures, began.steady, now.steady, jitter);
        let wait = result.err().map(|error| match error.outcome {
            Outcome::NotEnabled => RARELY,
            _ => error.retry_after.unwrap_or_default(),
        });
        due.max(now.steady + wait.unwrap_or_default())
    }
}

/// The range that covers the whole counts of tasks, the first of which began at `start`.
fn range(start: UnixSeconds, now: UnixSeconds) -> Range {
    // A call may wait for a minute before it is sent.
    let oldest = now.0.saturating_sub(LOOK_BACK.as_secs() - 60);
    Range {
        start: UnixSeconds(start.0.saturating_sub(SLACK).max(oldest)),
        end: now,
    }
}

#[cfg(test)]
mod tests;
