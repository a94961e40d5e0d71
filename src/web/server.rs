//! Connections: accepted, bounded in number, size and time, and drained at the end.
//!
//! Nothing here is shared with the tasks that poll: what a client does costs them no more
//! than the processor time of what it asks for.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, error, warn};

use super::connections::{Connections, MAX_CONNECTIONS, Network};
use super::front::Front;
use super::lanes::{Bounds, Lanes};
use super::occasionally::Occasionally;
use super::pace::{Pace, Paced, Phase, Untaken};
use super::request::answer;

/// Bytes of a request's head; a larger one is answered with 431. A browser's cookies for
/// a shared host name fit.
const MAX_HEAD: usize = 16 << 10;

/// Header fields of one request; more are answered with 431.
const MAX_FIELDS: usize = 64;

/// How often connections that take too long are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// How long to wait after a connection could not be accepted, most likely because this
/// process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown`, then lets answers under way end; whoever waits for that sets
/// a bound and drops this future.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    front: Arc<Front>,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopping) = watch::channel(());
    let origin = Instant::now();
    let untaken = Arc::new(Untaken::default());
    let lanes = Arc::new(Lanes::new(turns()));
    let mut tasks = JoinSet::new();
    let mut connections = Connections::default();
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (full, failing) = (Occasionally::default(), Occasionally::default());
    let mut shutdown = pin!(shutdown);
    loop {
        // Connections that were ended hold their memory until their tasks are gone.
        let may_accept = tasks.len() < 2 * MAX_CONNECTIONS;
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept(), if may_accept => match accepted {
                Ok((stream, peer)) => {
                    if connections.make_room() && full.may_say() {
                        warn!(
                            connections = connections.len(),
                            "too many connections: the longest idle are closed for new ones"
                        );
                    }
                    let tls = front.live().tls.clone();
                    let phase = if tls.is_some() { Phase::Handshake } else { Phase::Head };
                    let pace = Arc::new(Pace::new(origin, phase, Arc::clone(&untaken)));
                    let visit = Visit {
                        peer,
                        router: router.clone(),
                        pace: Arc::clone(&pace),
                        stopping: stopping.clone(),
                    };
                    let (lanes, network) = (Arc::clone(&lanes), Network::of(peer.ip()));
                    let served = async move { lanes.run(network, visit.connection(stream, tls)).await };
                    connections.add(&tasks.spawn(served), network, pace);
                }
                Err(error) => {
                    if failing.may_say() {
                        warn!(%error, "cannot accept a connection");
                    }
                    if is_exhausted(&error) {
                        connections.shrink();
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = tasks.join_next_with_id(), if !tasks.is_empty() => connections.remove(seen(ended)),
            () = untaken.over.notified() => connections.shed(),
            _ = sweep.tick() => connections.end_overdue(),
        }
    }
    drop(listener);
    drop(stop);
    while let Some(ended) = tasks.join_next_with_id().await {
        seen(ended);
    }
}

/// Connections run on the threads that also poll, so one of them is left to polls: a poll
/// that finds every thread busy, and a queue before it, is late. How many may wait for a
/// turn is bounded by the connections.
fn turns() -> Bounds {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Bounds {
        at_once: threads.saturating_sub(1).max(1),
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

/// Whether a connection could not be accepted for lack of file descriptors or memory, in
/// place of a fault of its own.
fn is_exhausted(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// One connection and what it needs.
struct Visit {
    peer: SocketAddr,
    router: Router,
    pace: Arc<Pace>,
    stopping: watch::Receiver<()>,
}

impl Visit {
    async fn connection(mut self, stream: TcpStream, tls: Option<Arc<ServerConfig>>) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "cannot set TCP_NODELAY");
        }
        let Some(tls) = tls else {
            return self.http(stream).await;
        };
        let peer = self.peer;
        let agreed = tokio::select! {
            agreed = handshake(stream, tls) => agreed,
            _ = self.stopping.changed() => return,
        };
        match agreed {
            Ok(stream) => {
                self.pace.enter(Phase::Head);
                self.http(stream).await;
            }
            Err(error) => debug!(%peer, %error, "no TLS connection"),
        }
    }

    async fn http(mut self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let pace = &self.pace;
        let io = Paced {
            stream,
            pace: Arc::clone(pace),
        };
        let service =
            service_fn(|request| answer(request, self.peer, self.router.clone(), Arc::clone(pace)));
        let mut served = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                // The pace bounds the time, and does not mistake an idle connection for a slow head.
                .header_read_timeout(None)
                .max_buf_size(MAX_HEAD)
                .max_headers(MAX_FIELDS)
                .serve_connection(TokioIo::new(io), service)
        );
        let ended = tokio::select! {
            ended = &mut served => ended,
            // The sender says nothing and is dropped: any outcome means shutdown.
            _ = self.stopping.changed() => {
                if matches!(pace.phase(), Phase::Head | Phase::Idle) {
                    return;
                }
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = ended {
            debug!(peer = %self.peer, %error, "a connection ended early");
        }
    }
}

/// The first byte of every TLS connection.
const TLS_HANDSHAKE: u8 = 0x16;

/// TLS, or for a client that speaks plain HTTP a word about it.
async fn handshake(
    mut stream: TcpStream,
    tls: Arc<ServerConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first[0] != TLS_HANDSHAKE {
        let text = "this port speaks HTTPS\n";
        let answer = format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        );
        // What came is read, for a socket that is closed with unread bytes resets, and the
        // answer may be lost.
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await?;
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        return Err(io::Error::other("the client does not speak TLS"));
    }
    TlsAcceptor::from(tls).accept(stream).await
}
