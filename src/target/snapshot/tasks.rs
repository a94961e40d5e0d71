//! Records the results of the loop over a target's tasks, separately from the recorder of its
//! polls.

use std::sync::Arc;

use super::{Slot, Snapshot, TargetState};
use crate::config::target::Target;
use crate::target::tasks::TaskBoard;

/// The writer of the tasks in one target's slot.
pub struct TaskRecorder {
    slot: Arc<Slot>,
    snapshot: Arc<Snapshot>,
}

impl TaskRecorder {
    /// Continues from the target's state in the snapshot, which its
    /// [`Recorder`](super::Recorder) has brought into line with the target before.
    pub fn new(target: &Target, snapshot: Arc<Snapshot>) -> Self {
        Self {
            slot: snapshot.slot_of(target),
            snapshot,
        }
    }

    /// The latest publication.
    pub fn board(&self) -> TaskBoard {
        let state = self.slot.load();
        state.tasks.as_deref().cloned().unwrap_or_default()
    }

    /// Publishes, unless the target's tasks are no longer watched.
    pub fn publish(&self, board: TaskBoard) {
        let board = Arc::new(board);
        self.slot.rcu(|state| TargetState {
            tasks: state.tasks.is_some().then(|| Arc::clone(&board)),
            ..TargetState::clone(state)
        });
        self.snapshot.has_changed();
    }
}
