//! One connection: TLS if it is enabled, then requests until one side closes.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use super::progress::{Noted, Phase, Progress};
use super::request::Entrance;
use crate::http::network::Network;

/// The maximum size of a request's head, in bytes; the server responds to a larger one with 431. A
/// browser's cookies for a shared host name fit.
const MAX_HEAD: usize = 16 << 10;

/// The maximum number of header fields per request; the server responds to more with 431.
const MAX_FIELDS: usize = 64;

/// One connection and everything that it needs.
pub(super) struct Connection {
    pub(super) entrance: Entrance,
    pub(super) progress: Arc<Progress>,
    /// Changes, or loses its sender, once no more requests are accepted.
    pub(super) stopping: watch::Receiver<()>,
}

impl Connection {
    /// Ends with the connection. Dropping the future cuts the connection off.
    pub(super) async fn serve(mut self, stream: TcpStream, tls: Option<Arc<ServerConfig>>) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "cannot set TCP_NODELAY");
        }
        let Some(tls) = tls else {
            return self.http(stream).await;
        };
        let peer = self.entrance.peer;
        let agreed = tokio::select! {
            agreed = self.entrance.handshake(stream, tls) => agreed,
            _ = self.stopping.changed() => return,
        };
        match agreed {
            Ok(stream) => {
                self.progress.enter(Phase::Head);
                self.http(stream).await;
            }
            Err(error) => debug!(%peer, %error, "no TLS connection"),
        }
    }

    async fn http(mut self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let progress = &self.progress;
        let io = Noted {
            stream,
            progress: Arc::clone(progress),
        };
        let service = service_fn(|request| {
            let response = self.entrance.clone().respond(request, Arc::clone(progress));
            async { Ok::<_, Infallible>(response.await) }
        });
        let mut served = pin!(
            http1::Builder::new()
                .max_buf_size(MAX_HEAD)
                .max_headers(MAX_FIELDS)
                .serve_connection(TokioIo::new(io), service)
        );
        let ended = tokio::select! {
            ended = &mut served => ended,
            _ = self.stopping.changed() => {
                if matches!(progress.phase(), Phase::Head | Phase::Idle) {
                    return;
                }
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = ended {
            debug!(peer = %self.entrance.peer, %error, "a connection ended early");
        }
    }
}

/// The first byte of every TLS connection.
const TLS_HANDSHAKE: u8 = 0x16;

impl Entrance {
    /// Establishes TLS; a client that uses plain HTTP gets an explanation.
    async fn handshake(
        &self,
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
            // The request is read first: a socket that is closed with unread bytes sends a reset,
            // and the response may be lost.
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await?;
            stream.write_all(answer.as_bytes()).await?;
            stream.shutdown().await?;
            return Err(io::Error::other("the client does not speak TLS"));
        }
        // No expensive work is done before the client's first message, and most of it comes then.
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let agreed = hello.into_stream(tls);
        self.lanes.begin(Network::of(self.peer.ip()), agreed).await
    }
}
