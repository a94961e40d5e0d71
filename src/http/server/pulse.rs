//! Checks whether the server works, for callers that do not want to connect.

use tokio::sync::{mpsc, oneshot};

pub(super) type Sign = oneshot::Sender<()>;

/// The side that checks.
#[derive(Clone)]
pub struct Pulse(mpsc::Sender<Sign>);

/// The server's side.
pub(super) struct Signs(mpsc::Receiver<Sign>);

/// Only one check at a time; others wait.
pub(super) fn channel() -> (Pulse, Signs) {
    let (asking, asked) = mpsc::channel(1);
    (Pulse(asking), Signs(asked))
}

impl Pulse {
    /// Ready once connections are accepted and a thread has time for a request; not ready until
    /// both are true.
    pub async fn felt(&self) {
        let (sign, felt) = oneshot::channel();
        let asked = self.0.send(sign).await.is_ok();
        if !asked || felt.await.is_err() {
            // The server has ended.
            std::future::pending::<()>().await;
        }
    }
}

impl Signs {
    /// Never ready once all callers are dropped.
    pub(super) async fn asked(&mut self) -> Sign {
        match self.0.recv().await {
            Some(sign) => sign,
            None => std::future::pending().await,
        }
    }
}
