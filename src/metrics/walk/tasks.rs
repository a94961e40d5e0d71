//! Tasks: pushes to all users, to a tag or to listed users.

use super::{Encoder, Writer, funnels, labels, losses, number};
use crate::families::{Family, tasks};
use crate::model::reading::{Api, LossKey};
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
    pub(super) fn tasks(&self, out: &mut Encoder) {
        self.task_counts(out);
        self.watched_tasks(out);
        self.scheduled_tasks(out);
        self.task_health(out);
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

    fn task_counts(&self, out: &mut Encoder) {
        losses(&tasks::COUNTS, None, out, || {
            let rows = self.task_losses();
            rows.map(|(task, key, count)| (labels::task(self.id, &task.id), key, count))
        });
        funnels(&tasks::COUNTS, None, out, || {
            let (board, now) = (self.board().into_iter(), self.now.steady);
            let api = Api::AllMemberPushStatistics;
            let current = board.flat_map(move |board| board.current(api, &self.state.target, now));
            current.flat_map(|(task, reading)| {
                let owner = labels::task(self.id, &task.id);
                reading.steps().map(move |count| (owner, count))
            })
        });
    }

    fn watched_tasks(&self, out: &mut Encoder) {
        let watched = || self.board().into_iter().flat_map(|board| &board.watched);
        out.family(tasks::INFO);
        for watched in watched() {
            out.sample(&labels::task_info(self.id, &watched.task), 1.0);
        }
        out.family(tasks::START);
        for watched in watched() {
            let task = &watched.task;
            out.sample(&labels::task(self.id, &task.id), task.start.as_f64());
        }
    }

    fn scheduled_tasks(&self, out: &mut Encoder) {
        let (target, now) = (&self.state.target, self.now.steady);
        let scheduled = self.board().map(|board| board.scheduled(target, now));
        let scheduled = scheduled.unwrap_or_default();
        for (family, value) in SCHEDULED {
            out.family(family);
            for task in scheduled {
                let number = task.number.to_string();
                out.sample(&labels::scheduled_task(self.id, &number), value(task));
            }
        }
        out.family(tasks::SCHEDULED_INFO);
        for task in scheduled {
            labels::scheduled_info(self.id, task, |labels| out.sample(labels, 1.0));
        }
    }

    fn task_health(&self, out: &mut Encoder) {
        let labels = labels::app_and_region(self.id);
        let board = self.board();
        out.family(tasks::UP);
        if let Some(board) = board {
            out.sample(&labels, flag(board.up));
        }
        out.family(tasks::LAST_SUCCESS);
        if let Some(board) = board {
            out.sample(&labels, board.last_success.unwrap_or_default().as_f64());
        }
        out.family(tasks::KNOWN);
        if let Some(board) = board {
            for (state, tasks) in [
                ("watched", board.watched.len()),
                ("left_out", board.left_out),
                ("unknown", board.unknown),
            ] {
                out.sample(&labels::task_state(self.id, state), number(tasks as u64));
            }
        }
        out.family(tasks::FILE_PROBLEMS);
        if let Some(problems) = board.and_then(|board| board.file_problems) {
            out.sample(&labels, number(problems as u64));
        }
    }
}
