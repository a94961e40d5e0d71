//! `POST /-/reload`: who may ask, and what the answer is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Extension;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{FORWARDED, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};

use super::Served;
use super::auth::Authenticated;
use crate::reload::Reloader;

/// What requests may do to the running program.
pub struct Lifecycle {
    /// Absent where there is no configuration to read again.
    reloader: Option<Reloader>,
    /// Whether other hosts may ask, too.
    open: AtomicBool,
}

impl Lifecycle {
    pub fn new(reloader: Option<Reloader>, open: bool) -> Self {
        Self {
            reloader,
            open: AtomicBool::new(open),
        }
    }

    /// Changes whether other hosts than this one may ask.
    pub fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::Relaxed);
    }
}

/// 200 when the new configuration is in effect, 400 with all problems when it was refused.
pub(super) async fn reload(
    State(served): State<Arc<Served>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    authenticated: Option<Extension<Authenticated>>,
    headers: HeaderMap,
) -> (StatusCode, String) {
    let lifecycle = &served.lifecycle;
    if is_foreign(&headers) {
        let text = "a page of another site may not ask for this\n";
        return (StatusCode::FORBIDDEN, text.to_owned());
    }
    let may = authenticated.is_some()
        || lifecycle.open.load(Ordering::Relaxed)
        || is_from_here(peer, &headers);
    if !may {
        let text = "only this machine may ask for this; `web.enable_lifecycle` or basic auth permits others\n";
        return (StatusCode::FORBIDDEN, text.to_owned());
    }
    let Some(reloader) = &lifecycle.reloader else {
        let text = "there is no configuration to read again\n";
        return (StatusCode::NOT_FOUND, text.to_owned());
    };
    match reloader.reload().await {
        Ok(()) => (StatusCode::OK, "reloaded\n".to_owned()),
        Err(problems) => (StatusCode::BAD_REQUEST, format!("{problems}\n")),
    }
}

/// What a proxy on this machine passes on does not come from this machine.
fn is_from_here(peer: SocketAddr, headers: &HeaderMap) -> bool {
    let passed_on = headers.contains_key(FORWARDED) || headers.contains_key("x-forwarded-for");
    peer.ip().to_canonical().is_loopback() && !passed_on
}

/// Browsers send the Origin of the page that asks; programs send none.
fn is_foreign(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return false;
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let origin = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, authority)| authority);
    origin.is_none() || origin != host
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_page_of_another_origin_is_foreign_and_a_program_is_not() {
        for (pairs, foreign) in [
            (vec![], false),
            (vec![(HOST, "a:1")], false),
            (vec![(HOST, "a:1"), (ORIGIN, "http://a:1")], false),
            (vec![(HOST, "a:1"), (ORIGIN, "https://a:1")], false),
            (vec![(HOST, "a:1"), (ORIGIN, "http://a")], true),
            (vec![(HOST, "a:1"), (ORIGIN, "http://b:1")], true),
            (vec![(HOST, "a:1"), (ORIGIN, "null")], true),
            (vec![(ORIGIN, "http://a:1")], true),
        ] {
            assert_eq!(is_foreign(&headers(&pairs)), foreign, "{pairs:?}");
        }
    }

    #[test]
    fn only_loopback_that_nobody_passed_on_is_from_here() {
        let forwarded = (HeaderName::from_static("x-forwarded-for"), "10.0.0.1");
        for (peer, pairs, here) in [
            ("127.0.0.1:1", vec![], true),
            ("[::1]:1", vec![], true),
            ("[::ffff:127.0.0.1]:1", vec![], true),
            ("10.0.0.1:1", vec![], false),
            ("127.0.0.1:1", vec![forwarded], false),
            ("127.0.0.1:1", vec![(FORWARDED, "for=10.0.0.1")], false),
        ] {
            let answer = is_from_here(peer.parse().unwrap(), &headers(&pairs));
            assert_eq!(answer, here, "{peer} {pairs:?}");
        }
    }
}
