//! `POST /-/reload`: who may request a reload, and the response.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Extension;
use axum::extract::{ConnectInfo, State};
use axum::http::header::ORIGIN;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, Version};

use super::Content;
use crate::http::guard::auth::Authenticated;
use crate::http::guard::host;
use crate::reload::Reloader;

/// What requests may do to the running program.
pub struct Lifecycle {
    /// Absent if there is no configuration to reload.
    reloader: Option<Reloader>,
    /// Whether other hosts may request a reload, too.
    open: AtomicBool,
}

impl Lifecycle {
    pub fn new(reloader: Option<Reloader>, open: bool) -> Self {
        Self {
            reloader,
            open: AtomicBool::new(open),
        }
    }

    /// Changes whether other hosts may request a reload.
    pub fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::Relaxed);
    }
}

/// 200 when the new configuration is in effect, 400 with all problems if it was refused.
pub(super) async fn reload(
    State(served): State<Arc<Content>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    authenticated: Option<Extension<Authenticated>>,
    version: Version,
    target: Uri,
    headers: HeaderMap,
) -> (StatusCode, String) {
    let lifecycle = &served.lifecycle;
    let host = match host::of(version, &target, &headers) {
        Ok(host) => host,
        Err(text) => return (StatusCode::BAD_REQUEST, text.to_owned()),
    };
    if is_foreign(host.as_ref(), &headers) {
        let text = "requests from pages of other sites are refused\n";
        return (StatusCode::FORBIDDEN, text.to_owned());
    }
    let may = authenticated.is_some()
        || lifecycle.open.load(Ordering::Relaxed)
        || is_from_here(peer, host.as_ref(), &headers);
    if !may {
        let text = "only a request from this machine, for localhost and not through a proxy, may reload; \
                    `web.enable_lifecycle` or basic auth permits others\n";
        return (StatusCode::FORBIDDEN, text.to_owned());
    }
    let Some(reloader) = &lifecycle.reloader else {
        let text = "there is no configuration to reload\n";
        return (StatusCode::NOT_FOUND, text.to_owned());
    };
    match reloader.reload().await {
        Ok(changes) => (StatusCode::OK, format!("reloaded: {changes}\n")),
        Err(problems) => (StatusCode::BAD_REQUEST, format!("{problems}\n")),
    }
}

/// A request forwarded by a proxy on this machine does not come from this machine, and neither does
/// a web page's request to its own name for this machine.
fn is_from_here(peer: SocketAddr, host: Option<&Authority>, headers: &HeaderMap) -> bool {
    peer.ip().to_canonical().is_loopback()
        && host.is_some_and(host::is_loopback)
        && !headers.keys().any(|name| is_of_a_proxy(name.as_str()))
}

/// Whether a proxy adds the field, in lower case, to requests that it forwards.
fn is_of_a_proxy(name: &str) -> bool {
    matches!(name, "forwarded" | "via" | "x-real-ip" | "x-forwarded" | "x-envoy-external-address")
        || ["x-forwarded-", "x-original-"].iter().any(|start| name.starts_with(start))
        // `true-client-ip`, `cf-connecting-ip` and similar fields.
        || ["client-ip", "connecting-ip"].iter().any(|end| name.ends_with(end))
}

/// Browsers send the Origin of the requesting page; other programs send none.
fn is_foreign(host: Option<&Authority>, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return false;
    };
    let origin = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, authority)| authority);
    origin.is_none() || origin != host.map(Authority::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn host(host: &str) -> Option<Authority> {
        host.parse().ok()
    }

    #[test]
    fn a_page_of_another_origin_is_foreign_and_a_program_is_not() {
        for (named, origin, foreign) in [
            ("", None, false),
            ("a:1", None, false),
            ("a:1", Some("http://a:1"), false),
            ("a:1", Some("https://a:1"), false),
            ("a:1", Some("http://a"), true),
            ("a:1", Some("http://b:1"), true),
            ("a:1", Some("null"), true),
            ("", Some("http://a:1"), true),
        ] {
            let headers = headers(
                &origin
                    .map(|origin| ("origin", origin))
                    .into_iter()
                    .collect::<Vec<_>>(),
            );
            let answer = is_foreign(host(named).as_ref(), &headers);
            assert_eq!(answer, foreign, "{named} {origin:?}");
        }
    }

    #[test]
    fn only_loopback_by_a_loopback_name_is_from_here() {
        for (peer, named, here) in [
            ("127.0.0.1:1", "localhost:10898", true),
            ("[::1]:1", "[::1]:10898", true),
            ("[::ffff:127.0.0.1]:1", "127.0.0.1", true),
            ("10.0.0.1:1", "localhost", false),
            ("127.0.0.1:1", "exporter.example", false),
            ("127.0.0.1:1", "10.0.0.1", false),
            ("127.0.0.1:1", "", false),
        ] {
            let answer = is_from_here(
                peer.parse().unwrap(),
                host(named).as_ref(),
                &HeaderMap::new(),
            );
            assert_eq!(answer, here, "{peer} {named}");
        }
    }

    #[test]
    fn what_any_proxy_passed_on_is_not_from_here() {
        let is_here = |name| {
            let peer = "127.0.0.1:1".parse().unwrap();
            is_from_here(
                peer,
                host("localhost").as_ref(),
                &headers(&[(name, "10.0.0.1")]),
            )
        };
        for name in [
            "Forwarded",
            "Via",
            "X-Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "X-Forwarded-Prefix",
            "X-Original-Forwarded-For",
            "X-Original-URL",
            "X-Real-IP",
            "X-Client-IP",
            "X-Cluster-Client-IP",
            "True-Client-IP",
            "Fastly-Client-IP",
            "CF-Connecting-IP",
            "X-Envoy-External-Address",
        ] {
            assert!(!is_here(name), "{name}");
        }
        for name in ["User-Agent", "Accept", "Content-Length", "X-Request-ID"] {
            assert!(is_here(name), "{name}");
        }
    }
}
