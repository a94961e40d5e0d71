//! One request: the host that it is for, and its response within a time limit.
//!
//! No path reads a request's body. The server keeps no part of it, and the connection ends after
//! the response if there is more of it than arrived with the head.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use axum::response::IntoResponse;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;
use tower::Service;

use super::progress::{Held, Phase, Progress, SharedBody, Watched};
use crate::http::guard::auth::OPEN;
use crate::http::guard::host;
use crate::http::lanes::Lanes;
use crate::http::network::Network;

/// The time limit for a response; shorter than [`Phase::Handling`], which cuts the connection
/// without a response.
const RESPONSE: Duration = Duration::from_secs(25);

/// The connection's properties that affect its requests.
#[derive(Clone)]
pub(super) struct Entrance {
    pub(super) router: Router,
    pub(super) peer: SocketAddr,
    /// Queues for handshakes and requests, so that a crowd delays only its own network.
    pub(super) lanes: Arc<Lanes>,
    /// Whether only this machine can connect, and without TLS: then a page of any site could read
    /// everything through a browser here, by using its own name for this machine. With TLS, the
    /// certificate does not match that name.
    pub(super) is_local: bool,
}

impl Entrance {
    /// The router's response, or the reason why the router is not called.
    pub(super) async fn respond(
        mut self,
        request: Request<Incoming>,
        progress: Arc<Progress>,
    ) -> Response<Watched> {
        progress.enter(Phase::Handling);
        let response = if let Some(refused) = self.refused(&request) {
            refused
        } else {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(self.peer));
            let handled = self.router.call(request);
            let handled = self.lanes.begin(Network::of(self.peer.ip()), handled);
            match timeout(RESPONSE, handled).await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => closing(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the response took too long to make\n",
                ),
            }
        };
        let bytes = response.body().size_hint().upper().unwrap_or_default();
        progress.respond(Held {
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
            shared: response.extensions().get::<Arc<dyn SharedBody>>().cloned(),
        });
        response.map(|body| Watched { body, progress })
    }

    fn refused(&self, request: &Request<Incoming>) -> Option<Response<Body>> {
        let host = match host::of(request.version(), request.uri(), request.headers()) {
            Ok(host) => host,
            Err(text) => return Some(closing(StatusCode::BAD_REQUEST, text)),
        };
        let is_open = OPEN.contains(&request.uri().path());
        let is_misdirected =
            self.is_local && !is_open && host.is_some_and(|host| host::can_be_rebound(&host));
        is_misdirected.then(|| {
            let text = "this program listens on loopback only and responds to localhost or an IP address as Host; \
                        a reverse proxy must set Host to the address it connects to\n";
            closing(StatusCode::MISDIRECTED_REQUEST, text)
        })
    }
}

/// A response after which the connection is not read any more.
fn closing(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = (status, text).into_response();
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}
