//! Tasks: pushes to all users, to a tag or to listed users.

use super::{Sink, Writer, funnels, labels, losses, number};
use crate::families::{Family, tasks};
use crate::model::reading::{Api, LossKey, Reading};
use crate::model::task::{Dispatch, ScheduledTask, Task};
use crate::target::tasks::TaskBoard;

/// The value of a family's sample for each scheduled task.
type OfScheduled = (Family<'static>, fn(&ScheduledTask) -> f64);

const SCHEDULED: [OfScheduled; 3] = [
    (tasks::DISPATCHED, |task| {
        flag(task.dispatch == Dispatch::Done)
    }),
    (tasks::DISPATCH_FAILED, |task| {
        flag(task.dispatch == Dispatch::Failed)
    }),
    (tasks::SCHEDULED_FOR, |task| task.at.as_f64()),
];

fn flag(is_set: bool) -> f64 {
    f64::from(u8::from(is_set))
}

impl Writer<'_> {
    pub(super) fn tasks(&self, sink: &mut impl Sink) {
        self.task_counts(sink);
        self.watched_tasks(sink);
        self.scheduled_tasks(sink);
        self.task_health(sink);
    }

    fn board(&self) -> Option<&TaskBoard> {
        self.state.tasks.as_deref()
    }

    /// The losses of all tasks.
    pub(super) fn task_losses(&self) -> impl Iterator<Item = (&Task, &LossKey, u64)> {
        let (board, now) = (self.board().into_iter(), self.now.steady);
        let losses = board.flat_map(move |board| board.losses(&self.state.target, now));
        losses.flat_map(|(task, rows)| rows.iter().map(move |(key, loss)| (task, key, loss.count)))
    }

    fn task_counts(&self, sink: &mut impl Sink) {
        losses(&tasks::COUNTS, sink, || {
            let rows = self.task_losses();
            rows.map(|(task, key, count)| (labels::task(self.id, &task.id), key, count))
        });
        funnels(&tasks::COUNTS, sink, || {
            let (board, now) = (self.board().into_iter(), self.now.steady);
            let api = Api::AllMemberPushStatistics;
            let current = board.flat_map(move |board| board.current(api, &self.state.target, now));
            current.filter_map(|(task, reading)| match reading {
                Reading::Statistics { overall, platforms } => {
                    Some((labels::task(self.id, &task.id), overall, platforms))
                }
                Reading::Loss(_) => None,
            })
        });
    }

    fn watched_tasks(&self, sink: &mut impl Sink) {
        let watched = || self.board().into_iter().flat_map(|board| &board.watched);
        sink.family(tasks::INFO);
        for watched in watched() {
            sink.sample(&labels::task_info(self.id, &watched.task), 1.0);
        }
        sink.family(tasks::START);
        for watched in watched() {
            let task = &watched.task;
            sink.sample(&labels::task(self.id, &task.id), task.start.as_f64());
        }
    }

    fn scheduled_tasks(&self, sink: &mut impl Sink) {
        let (target, now) = (&self.state.target, self.now.steady);
        let scheduled = self.board().map(|board| board.scheduled(target, now));
        let scheduled = scheduled.unwrap_or_default();
        for (family, value) in SCHEDULED {
            sink.family(family);
            for task in scheduled {
                let number = task.number.to_string();
                sink.sample(&labels::scheduled_task(self.id, &number), value(task));
            }
        }
        sink.family(tasks::SCHEDULED_INFO);
        for task in scheduled {
            labels::scheduled_info(self.id, task, |labels| sink.sample(labels, 1.0));
        }
    }

    fn task_health(&self, sink: &mut impl Sink) {
        let labels = labels::app_and_region(self.id);
        let board = self.board();
        sink.family(tasks::UP);
        if let Some(board) = board {
            sink.sample(&labels, flag(board.up));
        }
        sink.family(tasks::LAST_SUCCESS);
        if let Some(board) = board {
            sink.sample(&labels, board.last_success.unwrap_or_default().as_f64());
        }
        sink.family(tasks::KNOWN);
        if let Some(board) = board {
            for (state, tasks) in [
                ("watched", board.watched.len()),
                ("left_out", board.left_out),
                ("unknown", board.unknown),
            ] {
                sink.sample(&labels::task_state(self.id, state), number(tasks as u64));
            }
        }
        sink.family(tasks::FILE_PROBLEMS);
        if let Some(problems) = board.and_then(|board| board.file_problems) {
            sink.sample(&labels, number(problems as u64));
        }
    }
}
