//! Asks the running program to read its configuration again.

use tokio::sync::{mpsc, oneshot};

use crate::config::Config;

/// Why a configuration was not taken: one line for each problem.
pub type Problems = String;

/// The asking side, for the signal and for HTTP.
#[derive(Clone)]
pub struct Reloader {
    requests: mpsc::Sender<oneshot::Sender<Result<(), Problems>>>,
}

/// The program's side.
pub struct Reloads {
    requests: mpsc::Receiver<oneshot::Sender<Result<(), Problems>>>,
    load: Box<dyn Fn() -> Result<Config, Problems> + Send + Sync>,
}

/// One request to reload. Whoever asked waits for its answer.
pub struct Request(oneshot::Sender<Result<(), Problems>>);

/// `load` reads and checks the whole configuration.
pub fn channel(
    load: impl Fn() -> Result<Config, Problems> + Send + Sync + 'static,
) -> (Reloader, Reloads) {
    let (sender, receiver) = mpsc::channel(1);
    let reloads = Reloads {
        requests: receiver,
        load: Box::new(load),
    };
    (Reloader { requests: sender }, reloads)
}

impl Reloader {
    /// Asks, and waits until the new configuration is in effect or refused.
    pub async fn reload(&self) -> Result<(), Problems> {
        let (sender, answer) = oneshot::channel();
        let gone = || "the program is stopping".to_owned();
        self.requests.send(sender).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Reloads {
    /// The next request; never ready once nobody can ask.
    pub async fn next(&mut self) -> Request {
        match self.requests.recv().await {
            Some(sender) => Request(sender),
            None => std::future::pending().await,
        }
    }

    pub fn load(&self) -> Result<Config, Problems> {
        (self.load)()
    }
}

impl Request {
    pub fn answer(self, result: Result<(), Problems>) {
        // Whoever asked may have gone.
        let _ = self.0.send(result);
    }
}
