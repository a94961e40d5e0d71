//! Requests that the running program reads its configuration again.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::config::Config;
use crate::files::{Stuck, apart};

/// How many reads of the configuration may run at the same time. One is active; the others were
/// abandoned, and wait for a mount that hangs.
static LOADING: Semaphore = Semaphore::const_new(4);

/// Why a configuration was not accepted: one line for each problem.
pub type Rejection = String;

/// What a reload has changed, on one line.
pub type Changes = String;

/// One request to reload. The requester waits for the result that is sent, or has stopped waiting.
pub type Request = oneshot::Sender<Result<Changes, Rejection>>;

/// The requesting side, for the signal and for HTTP.
#[derive(Clone)]
pub struct Reloader(mpsc::Sender<Request>);

/// The program's side.
pub struct Reloads {
    requests: mpsc::Receiver<Request>,
    load: Arc<dyn Fn() -> Result<Config, Rejection> + Send + Sync>,
}

/// `load` reads and checks the whole configuration.
pub fn channel(
    load: impl Fn() -> Result<Config, Rejection> + Send + Sync + 'static,
) -> (Reloader, Reloads) {
    let (sender, receiver) = mpsc::channel(1);
    let reloads = Reloads {
        requests: receiver,
        load: Arc::new(load),
    };
    (Reloader(sender), reloads)
}

/// Runs code that reads the configuration, or a file that it names, on a separate thread.
pub async fn loading<T: Send + 'static>(
    load: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Stuck> {
    apart(&LOADING, load).await
}

impl Reloader {
    /// Requests a reload, and waits until the new configuration is in effect or refused.
    pub async fn reload(&self) -> Result<Changes, Rejection> {
        let (sender, answer) = oneshot::channel();
        let gone = || "the program is stopping".to_owned();
        self.0.send(sender).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Reloads {
    /// The next request; never ready once no requester is left.
    pub async fn next(&mut self) -> Request {
        match self.requests.recv().await {
            Some(request) => request,
            None => std::future::pending().await,
        }
    }

    /// Reads and checks the configuration, on a separate thread.
    pub async fn load(&self) -> Result<Config, Rejection> {
        let load = Arc::clone(&self.load);
        let loaded = loading(move || load()).await;
        loaded.map_err(|stuck| stuck.to_string())?
    }
}
