//! The thread that makes bodies: one for all formats. Bodies are large and made over and
//! over; on one thread the allocator finds the room of the last ones again, and however
//! many clients there are, polls and other requests keep the other processors.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Does one job after the other. The thread ends with this value.
pub(super) struct Renderer(Sender<Job>);

impl Renderer {
    pub(super) fn start() -> Self {
        let (sender, jobs) = channel::<Job>();
        thread::spawn(move || {
            for job in jobs {
                // One that panics has told so; the next must still be done.
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
        });
        Self(sender)
    }

    /// Does it after what was asked for before, whether or not it is still waited for.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (done, result) = oneshot::channel();
        let job = move || {
            // Nobody may be waiting any more.
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
