//! The server: its own threads, and connections that are bounded in number, size and time, and
//! drained at the end.
//!
//! The server shares nothing with the polls, not even threads. The system divides the processors
//! between the two, so that no crowd of clients delays a poll, and no other work of the program
//! delays a health response.

mod connection;
mod connections;
pub mod progress;
pub mod pulse;
mod request;

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{oneshot, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{error, warn};

use super::lanes::{Bounds, Lanes};
use super::network::Network;
use super::occasionally::Occasionally;
use crate::http::guard::front::Front;
use connection::Connection;
pub use connections::{Closed, ConnectionCounts};
use connections::{Connections, MAX_CONNECTIONS};
use progress::{Phase, Progress};
use pulse::{Pulse, Sign, Signs};
use request::Entrance;

/// How often to look for connections that take too long, and for memory held by slow ones.
const SWEEP: Duration = Duration::from_millis(250);

/// The pause after a connection could not be accepted, most likely because this process has no file
/// descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running server. Dropping it ends it as [`Self::stop`] without a grace period does.
pub struct Server {
    stop: oneshot::Sender<Duration>,
    ended: oneshot::Receiver<bool>,
    pulse: Pulse,
}

impl Server {
    /// Serves on as many threads as there are processors, plus one that accepts.
    pub fn start(
        listener: TcpListener,
        router: Router,
        front: Arc<Front>,
        counts: ConnectionCounts,
    ) -> io::Result<Self> {
        let listener = listener.into_std()?;
        let runtime = runtime::Builder::new_multi_thread()
            .thread_name("http")
            .enable_all()
            .build()?;
        let (stop, stopping) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let (pulse, signs) = pulse::channel();
        let is_loopback = listener.local_addr()?.ip().to_canonical().is_loopback();
        let accepting = Accepting {
            connections: Connections::new(counts),
            tasks: JoinSet::new(),
            lanes: Arc::new(Lanes::new(turns())),
            router,
            front,
            is_loopback,
            signs,
            full: Occasionally::default(),
            failing: Occasionally::default(),
            slow: Occasionally::default(),
        };
        let serve = move || {
            let drained = runtime.block_on(async {
                let listener = TcpListener::from_std(listener)?;
                io::Result::Ok(accepting.until(stopping, listener).await)
            });
            runtime.shutdown_background();
            match drained {
                // The receiver may have stopped waiting.
                Ok(drained) => drop(end.send(drained)),
                Err(error) => error!(%error, "cannot serve"),
            }
        };
        thread::Builder::new()
            .name("http-accept".to_owned())
            .spawn(serve)?;
        Ok(Self { stop, ended, pulse })
    }

    /// The pulse, for others to check.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Ready when the server has ended although it was not stopped.
    pub async fn ended(&mut self) {
        // Whatever the result, the server has ended.
        let _ = (&mut self.ended).await;
    }

    /// Stops accepting, and gives the responses in progress some time to end. Returns whether all
    /// did; the rest is cut off.
    pub async fn stop(self, grace: Duration) -> bool {
        // The send fails if the server has already ended.
        let _ = self.stop.send(grace);
        self.ended.await.unwrap_or(false)
    }
}

struct Accepting {
    connections: Connections,
    tasks: JoinSet<()>,
    lanes: Arc<Lanes>,
    router: Router,
    front: Arc<Front>,
    /// Whether only this machine can connect.
    is_loopback: bool,
    signs: Signs,
    full: Occasionally,
    failing: Occasionally,
    slow: Occasionally,
}

impl Accepting {
    /// Returns whether all responses ended within the time that `stop` granted.
    async fn until(mut self, stop: oneshot::Receiver<Duration>, listener: TcpListener) -> bool {
        let (stopping, told) = watch::channel(());
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = pin!(stop);
        let grace = loop {
            // Ended connections keep their memory until their tasks have ended.
            let may_accept = self.tasks.len() < 2 * MAX_CONNECTIONS;
            tokio::select! {
                grace = &mut stop => break grace.unwrap_or_default(),
                accepted = listener.accept(), if may_accept => match accepted {
                    Ok((stream, peer)) => self.accept(stream, peer, &told),
                    Err(error) => self.pause(&error).await,
                },
                Some(ended) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => {
                    self.connections.remove(seen(ended));
                }
                sign = self.signs.asked() => self.give(sign),
                // Without connections, nothing wakes an idle process.
                _ = sweep.tick(), if !self.tasks.is_empty() => self.sweep(),
            }
        };
        drop(listener);
        drop(stopping);
        let drained = async {
            while let Some(ended) = self.tasks.join_next_with_id().await {
                seen(ended);
            }
        };
        timeout(grace, drained).await.is_ok()
    }

    fn accept(&mut self, stream: TcpStream, peer: SocketAddr, stopping: &watch::Receiver<()>) {
        if self.connections.make_room() && self.full.may_say() {
            warn!(
                connections = self.connections.len(),
                "too many connections: the longest idle are closed for new ones"
            );
        }
        let tls = self.front.live().tls.clone();
        let phase = if tls.is_some() {
            Phase::Handshake
        } else {
            Phase::Head
        };
        let progress = Arc::new(Progress::new(phase));
        let connection = Connection {
            entrance: Entrance {
                router: self.router.clone(),
                peer,
                lanes: Arc::clone(&self.lanes),
                is_local: self.is_loopback && tls.is_none(),
            },
            progress: Arc::clone(&progress),
            stopping: stopping.clone(),
        };
        let task = self.tasks.spawn(connection.serve(stream, tls));
        self.connections
            .add(&task, Network::of(peer.ip()), progress);
    }

    /// Gives the sign on one of the threads that handle requests.
    fn give(&mut self, sign: Sign) {
        self.tasks.spawn(async move {
            // The receiver may have stopped waiting.
            let _ = sign.send(());
        });
    }

    async fn pause(&mut self, error: &io::Error) {
        if self.failing.may_say() {
            warn!(%error, "cannot accept a connection");
        }
        if is_exhausted(error) {
            self.connections.shrink();
        }
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }

    fn sweep(&mut self) {
        self.connections.recover();
        let slow = self.connections.end_overdue();
        let held = self.connections.bound_held();
        if slow + held > 0 && self.slow.may_say() {
            warn!(
                slow,
                held,
                "closed connections whose clients read their responses too slowly, \
                 or that kept too much memory meanwhile; further ones are not logged for a minute"
            );
        }
    }
}

/// As many turns at a time as there are threads. The number of connections bounds the waits.
fn turns() -> Bounds {
    Bounds {
        at_once: thread::available_parallelism().map_or(1, NonZeroUsize::get),
        of_network: usize::MAX,
        in_all: usize::MAX,
    }
}

/// A panic ends its own connection and no other.
fn seen(ended: Result<(Id, ()), JoinError>) -> Id {
    match ended {
        Ok((id, ())) => id,
        Err(error) => {
            if error.is_panic() {
                error!(%error, "a connection's task failed");
            }
            error.id()
        }
    }
}

/// Whether accepting failed for lack of file descriptors or memory, and not because of the
/// connection itself.
fn is_exhausted(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests;
