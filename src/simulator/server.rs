//! Connections: accepted, served, and ended as faults require.

use std::error::Error;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tower::Service;

use crate::simulator::control::Peer;
use crate::simulator::faults::Ending;

/// How long calls in progress have at shutdown. A fault may keep one open for ever.
const DRAIN: Duration = Duration::from_secs(1);

/// How long to wait after a connection could not be accepted, most likely because this
/// process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown`; then connections are drained, and cut after [`DRAIN`].
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, router.clone(), stopping.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next(), if !connections.is_empty() => seen(ended),
        }
    }
    drop(listener);
    drop(stop);
    let drained = async {
        while let Some(ended) = connections.join_next().await {
            seen(ended);
        }
    };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        connections.shutdown().await;
    }
}

/// A panic ends only its own connection.
fn seen(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    mut stopping: watch::Receiver<()>,
) {
    // A dripping body must drip; without this option the kernel would gather its bytes.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let service = service_fn(|request| Box::pin(answer(request, Peer(peer), router.clone())));
    let mut served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    // A graceful shutdown would send FIN before a reset.
    let mut ended = tokio::select! {
        ended = poll_fn(|context| served.poll_without_shutdown(context)) => Some(ended),
        // The sender sends nothing and is dropped: any outcome means shutdown.
        _ = stopping.changed() => None,
    };
    if ended.is_none() {
        Pin::new(&mut served).graceful_shutdown();
        ended = Some(poll_fn(|context| served.poll_without_shutdown(context)).await);
    }
    let Some(Err(error)) = ended else { return };
    tracing::debug!(%error, "connection ended early");
    let ending = error.source().and_then(|source| source.downcast_ref());
    // Closing a socket with zero linger time discards unsent data and sends RST in place of
    // FIN.
    if let Some(Ending::Reset) = ending
        && let Err(error) = served.into_parts().io.inner().set_zero_linger()
    {
        tracing::debug!(%error, "cannot reset a connection");
    }
}

async fn answer(
    mut request: Request<Incoming>,
    peer: Peer,
    mut router: Router,
) -> Result<Response<Body>, Ending> {
    request.extensions_mut().insert(peer);
    let response = match router.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    match response.extensions().get::<Ending>() {
        None => Ok(response),
        Some(ending) => Err(*ending),
    }
}
