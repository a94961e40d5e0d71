//! One request: its body read and bounded, its answer made within a time.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::header::{CONNECTION, CONTENT_LENGTH};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use axum::response::IntoResponse;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;
use tower::Service;

use super::pace::{Pace, Phase, Watched};

/// Bytes of a request's body; a larger one is answered with 413. No path needs a body.
const MAX_BODY: usize = 16 << 10;

/// How long a request's body and its answer may take together; shorter than
/// [`Phase::Handling`], which cuts the connection without a word.
const ANSWER: Duration = Duration::from_secs(25);

/// What the router says, or that the request is too large or too slow.
pub(super) async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    router: Router,
    pace: Arc<Pace>,
) -> Result<Response<Watched>, Infallible> {
    pace.enter(Phase::Handling);
    // A client that sends its requests in one go would keep its turn for all of them.
    tokio::task::yield_now().await;
    let response = timeout(ANSWER, routed(request, peer, router))
        .await
        .unwrap_or_else(|_| {
            closing(
                StatusCode::REQUEST_TIMEOUT,
                "the request took too long to arrive or to be answered\n",
            )
        });
    let bytes = response.body().size_hint().upper().unwrap_or_default();
    pace.respond(usize::try_from(bytes).unwrap_or(usize::MAX));
    Ok(response.map(|body| Watched { body, pace }))
}

async fn routed(
    request: Request<Incoming>,
    peer: SocketAddr,
    mut router: Router,
) -> Response<Body> {
    let (mut parts, incoming) = request.into_parts();
    let too_large = || {
        closing(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is too large or damaged\n",
        )
    };
    let body = if incoming.is_end_stream() {
        Body::empty()
    } else if announced(&parts.headers).is_some_and(|length| length > MAX_BODY) {
        return too_large();
    } else {
        match to_bytes(Body::new(incoming), MAX_BODY).await {
            Ok(bytes) => Body::from(bytes),
            Err(_) => return too_large(),
        }
    };
    parts.extensions.insert(ConnectInfo(peer));
    match router.call(Request::from_parts(parts, body)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// An answer after which nothing more is read from the connection.
fn closing(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = (status, text).into_response();
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}
