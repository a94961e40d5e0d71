//! The thread that renders bodies: one for all formats. Bodies are large and rendered again and
//! again. On one thread, the allocator reuses the memory of the last ones, and however many clients
//! there are, the other processors remain free for polls and other requests.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Runs one job after another. The thread ends with this value.
pub(super) struct Renderer(Sender<Job>);

impl Renderer {
    pub(super) fn start() -> Self {
        let (sender, jobs) = channel::<Job>();
        thread::spawn(move || {
            for job in jobs {
                // A panic has already been reported; the next job must still run.
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
        });
        Self(sender)
    }

    /// Runs the job after all earlier ones, even if its caller stops waiting.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (done, result) = oneshot::channel();
        let job = move || {
            // The caller may have stopped waiting.
            let _ = done.send(job());
        };
        let ended = |_| io::Error::other("the renderer has ended");
        self.0.send(Box::new(job)).map_err(ended)?;
        result.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_fails_alone() {
        let renderer = Renderer::start();
        let failed = renderer
            .run(|| -> io::Result<()> { panic!("on purpose") })
            .await;
        assert!(failed.is_err());
        assert_eq!(renderer.run(|| Ok(7)).await.unwrap(), 7);
    }
}
