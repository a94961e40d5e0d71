//! The running loops, one per target: started, stopped, and watched for unexpected ends.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use tokio::task::{AbortHandle, JoinSet};

use crate::config::target::Target;
use crate::fetch::Fetch;
use crate::model::target_id::TargetId;
use crate::poll::schedule::{self, Shared};
use crate::target::snapshot::Recorder;

/// Loops by target. Dropping the value ends them all.
#[derive(Default)]
pub struct Pollers {
    tasks: JoinSet<()>,
    running: BTreeMap<TargetId, Running>,
}

struct Running {
    target: Target,
    task: AbortHandle,
}

impl Pollers {
    /// Starts polling a target, which must not have a loop yet. `beside` runs and ends with the
    /// loop; it must not end by itself.
    pub fn start<F: Fetch>(
        &mut self,
        target: Target,
        shared: &Arc<Shared<F>>,
        recorder: Recorder,
        beside: impl Future<Output = ()> + Send + 'static,
    ) {
        let poll = schedule::poll(target.clone(), Arc::clone(shared), recorder);
        let task = self.tasks.spawn(async move {
            tokio::select! {
                () = poll => {}
                () = beside => {}
            }
        });
        self.running.insert(target.id(), Running { target, task });
    }

    /// Whether exactly this target is being polled.
    pub fn has(&self, target: &Target) -> bool {
        self.running
            .get(&target.id())
            .is_some_and(|running| running.target == *target)
    }

    /// Ends the loops whose target `keep` rejects, and waits until they have ended: after that
    /// they write nothing.
    pub async fn retain(&mut self, keep: impl Fn(&TargetId, &Target) -> bool) {
        let mut ending = HashSet::new();
        self.running.retain(|id, running| {
            let stays = keep(id, &running.target);
            if !stays {
                running.task.abort();
                ending.insert(running.task.id());
            }
            stays
        });
        while !ending.is_empty() {
            let id = match self.tasks.join_next_with_id().await {
                Some(Ok((id, ()))) => id,
                Some(Err(error)) => error.id(),
                None => return,
            };
            ending.remove(&id);
        }
    }

    /// Completes when a loop ends, although loops should run for ever.
    pub async fn ended(&mut self) {
        if self.tasks.join_next().await.is_none() {
            // Nothing is polled, so no loop can end.
            std::future::pending::<()>().await;
        }
    }

    /// Ends all loops.
    pub async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
    }
}
