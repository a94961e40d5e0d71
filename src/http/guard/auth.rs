//! The checks before every page: the operator's limit and the password. The operator's headers are
//! added to the response.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tracing::warn;
use zeroize::Zeroizing;

use super::front::{Front, Live, Rate};
use super::passwords::Verdict;
use crate::http::network::Network;

/// Paths for monitoring the process, without a password or a limit.
pub(in crate::http) const OPEN: [&str; 2] = ["/-/healthy", "/-/ready"];

/// The maximum length of an accepted `Authorization` header, in bytes.
const MAX_AUTHORIZATION: usize = 1024;

/// When to retry while passwords are being checked, in seconds.
const BUSY: u64 = 5;

/// Added to a request whose password was right.
#[derive(Clone, Copy, Debug)]
pub struct Authenticated;

/// Applies the web file's rules to all paths of `router`. Requests must carry the client's address,
/// as [`ConnectInfo`].
pub fn guarded(router: Router, front: Arc<Front>) -> Router {
    router.layer(middleware::from_fn_with_state(front, guard))
}

async fn guard(State(front): State<Arc<Front>>, mut request: Request, next: Next) -> Response {
    // If the file changes in the meantime, the change applies to the next request.
    let live = front.live();
    let refused = if OPEN.contains(&request.uri().path()) {
        None
    } else if let Some(Err(wait)) = live.rate.as_ref().map(Rate::take) {
        Some(later("too many requests\n", wait))
    } else if live.users.is_empty() {
        None
    } else {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(peer)| peer.ip());
        let verdict = verdict(&front, &live, request.headers(), peer).await;
        match verdict {
            Some(Verdict::Right) => {
                request.extensions_mut().insert(Authenticated);
                None
            }
            Some(Verdict::Busy) => Some(later(
                "too many passwords are being checked\n",
                Duration::from_secs(BUSY),
            )),
            Some(Verdict::Wrong) => {
                if front.wrong.may_say() {
                    // Neither name nor password: one may have been typed in place of the other.
                    warn!(
                        ?peer,
                        "wrong user or password; further ones are not logged for a minute"
                    );
                }
                Some(unauthorized())
            }
            None => Some(unauthorized()),
        }
    };
    let mut response = match refused {
        Some(response) => response,
        None => next.run(request).await,
    };
    for (name, value) in &live.headers {
        response
            .headers_mut()
            .entry(name)
            .or_insert_with(|| value.clone());
    }
    response
}

/// `None` for a request without readable credentials.
async fn verdict(
    front: &Front,
    live: &Live,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> Option<Verdict> {
    let credentials = credentials(headers)?;
    let at = credentials.iter().position(|byte| *byte == b':')?;
    let (user, password) = (&credentials[..at], &credentials[at + 1..]);
    // No file has a name that is not UTF-8; it is checked like that of any unknown user.
    let user = String::from_utf8_lossy(user);
    let network = Network::of(peer?);
    let verdict = front
        .passwords
        .check(&live.users, &user, password, network)
        .await;
    Some(verdict)
}

/// User and password as sent, by RFC 7617.
fn credentials(headers: &HeaderMap) -> Option<Zeroizing<Vec<u8>>> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, encoded) = value.split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") || value.len() > MAX_AUTHORIZATION {
        return None;
    }
    STANDARD
        .decode(encoded.trim_ascii())
        .ok()
        .map(Zeroizing::new)
}

fn unauthorized() -> Response {
    let challenge = HeaderValue::from_static("Basic realm=\"timpush-exporter\", charset=\"UTF-8\"");
    (
        StatusCode::UNAUTHORIZED,
        [(WWW_AUTHENTICATE, challenge)],
        "user and password required\n",
    )
        .into_response()
}

fn later(text: &'static str, wait: Duration) -> Response {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    (
        StatusCode::TOO_MANY_REQUESTS,
        [(RETRY_AFTER, HeaderValue::from(seconds))],
        text,
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(value: &str) -> Option<String> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        credentials(&headers).map(|text| String::from_utf8(text.to_vec()).unwrap())
    }

    #[test]
    fn credentials_are_read_as_the_standard_says() {
        for (value, expected) in [
            ("Basic YW5uOmFwcGxl", Some("ann:apple")),
            ("basic YW5uOmFwcGxl", Some("ann:apple")),
            ("BASIC  YW5uOmFwcGxl ", Some("ann:apple")),
            ("Basic YW5uOmE6Yg==", Some("ann:a:b")),
            ("Basic", None),
            ("Basic !", None),
            ("Bearer YW5uOmFwcGxl", None),
            ("YW5uOmFwcGxl", None),
        ] {
            assert_eq!(sent(value).as_deref(), expected, "{value}");
        }
        assert_eq!(sent(&format!("Basic {}", "A".repeat(2000))), None);
        assert!(credentials(&HeaderMap::new()).is_none());
    }
}
