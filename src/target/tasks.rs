//! The known state of an app's tasks in one region: the latest counts of each, and the results of
//! the scheduled ones.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::target::Target;
use crate::model::push::Push;
use crate::model::reading::{Api, Loss, LossKey, Reading};
use crate::model::task::{ScheduledTask, Task};
use crate::model::window::UnixSeconds;
use crate::target::series_limit::{Platforms, fold};

/// The state that one loop over tasks publishes.
#[derive(Clone, Debug, Default)]
pub struct TaskBoard {
    /// Whether every query of the latest round succeeded; false before the first.
    pub up: bool,
    pub last_success: Option<UnixSeconds>,
    /// The newest first.
    pub watched: Vec<WatchedTask>,
    /// Tasks beyond the maximum.
    pub left_out: usize,
    /// Tasks that the service does not know.
    pub unknown: usize,
    /// Unusable lines of the file; absent without a file.
    pub file_problems: Option<usize>,
    scheduled: Option<(Instant, Vec<ScheduledTask>)>,
}

/// A task with the latest counts of each API.
#[derive(Clone, Debug)]
pub struct WatchedTask {
    pub task: Task,
    answers: BTreeMap<Api, (Instant, Reading)>,
}

/// Age from which counts of tasks are no longer served: three rounds, as with polls.
fn stale_after(target: &Target) -> Duration {
    let polling = &target.app.polling;
    let round = target.tasks().map(|tasks| tasks.interval);
    polling.stale_after.max(3 * round.unwrap_or_default())
}

impl WatchedTask {
    /// A task without counts.
    pub fn new(task: Task) -> Self {
        Self {
            task,
            answers: BTreeMap::new(),
        }
    }

    /// Records the counts of an API.
    pub fn answered(&mut self, api: Api, reading: Reading, at: Instant) {
        let reading = Platforms::default().place_all(reading);
        self.answers.insert(api, (at, reading));
    }

    fn losses(&self) -> usize {
        self.answers
            .values()
            .filter_map(|(_, reading)| reading.losses())
            .map(BTreeMap::len)
            .sum()
    }
}

impl TaskBoard {
    /// Watches these tasks from now on, and keeps what is known about them.
    pub fn watch(&mut self, tasks: Vec<Task>) {
        let mut known: BTreeMap<_, _> = std::mem::take(&mut self.watched)
            .into_iter()
            .map(|watched| (watched.task.id.clone(), watched.answers))
            .collect();
        self.watched = tasks
            .into_iter()
            .map(|task| WatchedTask {
                answers: known.remove(&task.id).unwrap_or_default(),
                task,
            })
            .collect();
    }

    /// Records the list of scheduled tasks.
    pub fn listed(&mut self, tasks: Vec<ScheduledTask>, at: Instant) {
        self.scheduled = Some((at, tasks));
    }

    /// Sums the smallest losses of each task under `other`, until all tasks together have at
    /// most `limit` of them, or only sums are left. A task with few leaves its share to the
    /// others.
    pub fn fold(&mut self, limit: usize) {
        let mut tasks: Vec<&mut WatchedTask> = self.watched.iter_mut().collect();
        tasks.sort_by_key(|task| task.losses());
        let (mut left, mut open) = (limit, tasks.len());
        for task in tasks {
            let share = left / open.max(1);
            for (_, reading) in task.answers.values_mut() {
                if let Reading::Loss(rows) = reading {
                    fold(rows, share);
                }
            }
            left = left.saturating_sub(task.losses());
            open -= 1;
        }
    }

    /// The watched tasks with the counts of an API that are fresh enough to serve.
    pub fn current(
        &self,
        api: Api,
        target: &Target,
        now: Instant,
    ) -> impl Iterator<Item = (&Task, &Reading)> {
        let stale_after = stale_after(target);
        self.watched.iter().filter_map(move |watched| {
            let (at, reading) = watched.answers.get(&api)?;
            (now.duration_since(*at) < stale_after).then_some((&watched.task, reading))
        })
    }

    /// The losses of the watched tasks.
    pub fn losses(
        &self,
        target: &Target,
        now: Instant,
    ) -> impl Iterator<Item = (&Task, &BTreeMap<LossKey, Loss>)> {
        let current = self.current(Api::losses(Push::AllMember), target, now);
        current.filter_map(|(task, reading)| Some((task, reading.losses()?)))
    }

    /// The scheduled tasks, while the list is fresh enough to serve.
    pub fn scheduled(&self, target: &Target, now: Instant) -> &[ScheduledTask] {
        match &self.scheduled {
            Some((at, tasks)) if now.duration_since(*at) < stale_after(target) => tasks,
            _ => &[],
        }
    }

    /// When the next of the served values becomes stale.
    pub fn stale_at(&self, target: &Target, now: Instant) -> Option<Instant> {
        let counts = self.watched.iter().flat_map(|task| task.answers.values());
        let counts = counts.map(|(at, _)| *at);
        let list = self.scheduled.iter().map(|(at, _)| *at);
        let stale_after = stale_after(target);
        let ends = counts.chain(list).map(|at| at + stale_after);
        ends.filter(|end| *end > now).min()
    }
}

/// Of the tasks that may be watched, those that are: the newest `max`, in this order, and the
/// number of the others.
///
/// If several have the same id, the last one counts.
pub fn newest(tasks: impl IntoIterator<Item = Task>, max: usize) -> (Vec<Task>, usize) {
    let by_id: BTreeMap<_, _> = tasks
        .into_iter()
        .map(|task| (task.id.clone(), task))
        .collect();
    let mut tasks: Vec<Task> = by_id.into_values().collect();
    tasks.sort_by_key(|task| Reverse(task.start));
    let left_out = tasks.len().saturating_sub(max);
    tasks.truncate(max);
    (tasks, left_out)
}

/// The `max` scheduled tasks that are served: first those that may need attention, then the latest.
pub fn most_telling(
    mut tasks: Vec<ScheduledTask>,
    max: usize,
    now: UnixSeconds,
) -> Vec<ScheduledTask> {
    tasks.sort_by_key(|task| task.number);
    tasks.dedup_by_key(|task| task.number);
    tasks.sort_by_key(|task| (Reverse(task.needs_a_look(now)), Reverse(task.at)));
    tasks.truncate(max);
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::target::tests::target;
    use crate::model::reading::{ErrCode, Platform, Stage};
    use crate::model::task::{Dispatch, TaskSource, TaskType};
    use proptest::prelude::*;

    fn task(id: &str, start: u64) -> Task {
        Task {
            id: id.parse().unwrap(),
            name: String::new(),
            kind: TaskType::All,
            source: TaskSource::File,
            start: UnixSeconds(start),
        }
    }

    fn losses(codes: usize) -> Reading {
        let loss = |n: usize| {
            let key = LossKey {
                stage: Stage::ReadyToSend,
                platform: Some(Platform(1)),
                code: ErrCode::new(&n.to_string()),
            };
            let count = n as u64 + 1;
            (
                key,
                Loss {
                    count,
                    description: String::new(),
                },
            )
        };
        Reading::Loss((0..codes).map(loss).collect())
    }

    fn board(codes: &[usize], now: Instant) -> TaskBoard {
        let mut board = TaskBoard::default();
        let ids = (0..codes.len()).map(|n| task(&n.to_string(), 0));
        board.watch(ids.collect());
        for (watched, codes) in board.watched.iter_mut().zip(codes) {
            watched.answered(Api::AllMemberPushLoss, losses(*codes), now);
        }
        board
    }

    #[test]
    fn the_newest_tasks_are_watched_and_the_last_word_about_one_counts() {
        let tasks = [task("a", 5), task("b", 9), task("c", 7), task("a", 8)];
        let (watched, left_out) = newest(tasks, 2);
        let watched: Vec<_> = watched
            .iter()
            .map(|task| (task.id.as_str(), task.start.0))
            .collect();
        assert_eq!((watched, left_out), (vec![("b", 9), ("a", 8)], 1));
    }

    #[test]
    fn scheduled_tasks_that_need_a_look_come_before_later_ones() {
        let scheduled = |number, at, dispatch| ScheduledTask {
            number,
            name: String::new(),
            kind: TaskType::All,
            status: String::new(),
            at: UnixSeconds(at),
            dispatch,
            reason: String::new(),
            push: None,
        };
        let tasks = vec![
            scheduled(1, 10, Dispatch::Failed),
            scheduled(2, 20, Dispatch::Pending),
            scheduled(3, 30, Dispatch::Done),
            scheduled(4, 40, Dispatch::Pending),
            scheduled(4, 40, Dispatch::Pending),
        ];
        let telling = most_telling(tasks, 3, UnixSeconds(35));
        let numbers: Vec<i64> = telling.iter().map(|task| task.number).collect();
        assert_eq!(numbers, [2, 1, 4]);
    }

    #[test]
    fn what_is_known_of_a_task_stays_while_it_is_watched() {
        let now = Instant::now();
        let mut board = board(&[1, 2], now);
        board.watch(vec![task("2", 0), task("1", 0)]);
        let target = target("shop", "china");
        let current = board.current(Api::AllMemberPushLoss, &target, now);
        let ids: Vec<_> = current.map(|(task, _)| task.id.as_str()).collect();
        assert_eq!(ids, ["1"]);
        assert_eq!(
            board.stale_at(&target, now),
            Some(now + stale_after(&target))
        );
        let later = now + stale_after(&target);
        assert_eq!(
            board
                .current(Api::AllMemberPushLoss, &target, later)
                .count(),
            0
        );
        assert_eq!(board.stale_at(&target, later), None);
    }

    #[test]
    fn small_tasks_leave_their_share_of_the_series_to_large_ones() {
        let mut board = board(&[100, 2, 3], Instant::now());
        board.fold(60);
        let rows: Vec<usize> = board.watched.iter().map(WatchedTask::losses).collect();
        assert_eq!(rows, [55, 2, 3]);
    }

    proptest! {
        #[test]
        fn folding_keeps_the_limit_but_for_sums_and_loses_nothing(
            codes in prop::collection::vec(0_usize..60, 0..12), limit in 0_usize..300,
        ) {
            let mut board = board(&codes, Instant::now());
            let total = |board: &TaskBoard| -> u64 {
                let answers = board.watched.iter().flat_map(|task| task.answers.values());
                answers.map(|(_, reading)| reading.counts().values().sum::<u64>()).sum()
            };
            let before = total(&board);
            board.fold(limit);
            prop_assert_eq!(total(&board), before);
            let rows: usize = board.watched.iter().map(WatchedTask::losses).sum();
            prop_assert!(rows <= limit + codes.len());
        }
    }
}
