//! What it means that the HTTP client could not complete a call.

use std::error::Error;
use std::fmt;
use std::io;
use std::iter::successors;

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use reqwest::Url;

use super::local;
use super::names::Unresolved;
use super::tls;
use crate::config::Proxy;
use crate::model::outcome::{FetchError, Outcome};
use crate::model::region::Endpoint;

/// Why a proxy opened no tunnel. The library exports no name for this type.
type TunnelError = <Tunnel<HttpConnector> as tower::Service<axum::http::Uri>>::Error;

/// The route to a host, directly or through a proxy.
#[derive(Clone, Copy)]
pub struct Route<'a> {
    /// With the port, unless it is the scheme's default.
    pub host: &'a str,
    pub proxy: Option<&'a Proxy>,
}

impl<'a> Route<'a> {
    /// Through `proxy`, unless `host` is called directly.
    pub(super) fn new(host: &'a Endpoint, proxy: Option<&'a Proxy>) -> Self {
        let proxy = proxy
            .filter(|proxy| Url::parse(host.origin()).is_ok_and(|origin| proxy.is_for(&origin)));
        Self {
            host: host.authority(),
            proxy,
        }
    }
}

impl fmt::Display for Route<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.host)?;
        match self.proxy {
            Some(proxy) => write!(f, " through the proxy {proxy}"),
            None => Ok(()),
        }
    }
}

/// The meaning of an error of the HTTP client. The error's URL, which holds the signature, is
/// dropped here, in the only place that sees such errors. `refusal` is the status with which
/// the proxy refused a tunnel, if known.
pub(super) fn classify(error: reqwest::Error, route: &Route, refusal: Option<u16>) -> FetchError {
    let error = error.without_url();
    let mut faults = causes(&error).filter_map(<dyn Error>::downcast_ref);
    if let Some(fault) = faults.find_map(local::fault) {
        return fault;
    }
    if error.is_timeout() {
        return timeout(error.is_connect(), route);
    }
    if let (Some(proxy), Some(cause)) = (route.proxy, find::<TunnelError>(&error)) {
        return no_tunnel(cause, route.host, proxy, refusal);
    }
    if let Some(error) = find::<rustls::Error>(&error) {
        return untrusted(error, &route.to_string());
    }
    if let Some(unresolved) = find::<Unresolved>(&error) {
        let fault = unresolved.fault.clone();
        return fault.unwrap_or_else(|| FetchError::new(Outcome::Connect, unresolved.to_string()));
    }
    let doing = if error.is_connect() {
        "cannot connect to"
    } else {
        "lost the connection to"
    };
    let message = format!("{doing} {route}: {}", innermost(&error));
    FetchError::new(Outcome::Connect, message)
}

/// Whether the proxy responded to CONNECT with a status that the HTTP client does not report.
pub(super) fn is_refused_by_proxy(error: &reqwest::Error) -> bool {
    matches!(find(error), Some(TunnelError::TunnelUnsuccessful))
}

/// Whether the connection ended before a response.
pub(super) fn is_broken(error: &reqwest::Error) -> bool {
    let ended = |error: &io::Error| {
        matches!(
            error.kind(),
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::NotConnected
                | io::ErrorKind::UnexpectedEof
        )
    };
    let unanswered = |error: &hyper::Error| {
        error.is_incomplete_message() || error.is_canceled() || error.is_closed()
    };
    !error.is_timeout() && (find(error).is_some_and(unanswered) || find(error).is_some_and(ended))
}

fn timeout(connecting: bool, route: &Route) -> FetchError {
    let message = match (connecting, route.proxy) {
        (true, Some(proxy)) => {
            format!("the deadline passed while connecting through the proxy {proxy}")
        }
        (true, None) => format!("the deadline passed while connecting to {route}"),
        (false, _) => format!("the deadline passed while waiting for {route}"),
    };
    FetchError::new(Outcome::Timeout, message)
}

fn untrusted(error: &rustls::Error, peer: &str) -> FetchError {
    let (happened, advice) = tls::explain(error);
    FetchError {
        advice: advice.to_owned(),
        ..FetchError::new(
            Outcome::Tls,
            format!("no trusted TLS connection to {peer}: {happened}"),
        )
    }
}

fn no_tunnel(cause: &TunnelError, host: &str, proxy: &Proxy, refusal: Option<u16>) -> FetchError {
    if let Some(error) = find::<rustls::Error>(cause) {
        return untrusted(error, &format!("the proxy {proxy}"));
    }
    let refusal = match cause {
        TunnelError::ProxyAuthRequired => Some(407),
        _ => refusal,
    };
    let message = match (cause, refusal) {
        (TunnelError::ConnectFailed(cause), _) => {
            let cause = find::<Unresolved>(&**cause)
                .map_or_else(|| innermost(&**cause), Unresolved::to_string);
            format!("cannot connect to the proxy {proxy}: {cause}")
        }
        (TunnelError::Io(_) | TunnelError::TunnelUnexpectedEof, _) => {
            format!("the proxy {proxy} closed the connection instead of opening a tunnel to {host}")
        }
        (_, Some(status)) => {
            format!("the proxy {proxy} refused a tunnel to {host} with HTTP status {status}")
        }
        (_, None) => format!("the proxy {proxy} opened no tunnel to {host}"),
    };
    let advice = match (cause, refusal) {
        (TunnelError::ConnectFailed(_), _) => {
            "check that the proxy runs and that this machine can reach it; hosts in NO_PROXY are called directly"
        }
        (_, Some(407)) => {
            "give the proxy a user and password that it accepts: http://user:password@host:port; only Basic authentication is supported"
        }
        (_, Some(403 | 405)) => {
            "let the proxy allow CONNECT to the host's port, or name the host in NO_PROXY"
        }
        (_, Some(500..)) => {
            "the proxy cannot reach the host: check the host's name, and the proxy's DNS and firewall"
        }
        _ => "check that this is an HTTP proxy that allows CONNECT, and look into its log",
    };
    FetchError {
        advice: advice.to_owned(),
        ..FetchError::new(Outcome::Connect, message)
    }
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(<dyn Error>::downcast_ref)
}

/// The error and its causes. An `io::Error` hides what it wraps from `source()`.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    })
}

/// The last cause, which is the message of the operating system or the peer.
fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}
