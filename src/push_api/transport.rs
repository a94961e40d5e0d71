//! How bytes reach the service: names, TLS, proxy. Roots and the resolver are part of the
//! binary, so that it runs from an empty image.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, Url, redirect};
use tokio::task_local;
use tower::util::MapRequestLayer;

use super::lost;
use super::names::Names;
use super::tls::{self, TlsError};
use crate::config::Proxy;
use crate::model::outcome::FetchError;
use crate::model::region::Endpoint;

pub use super::lost::Route;

/// Bound on DNS, TCP and TLS together. It is shorter than the default bound on a whole call,
/// so that a dead host leaves time for its backup.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection is kept for another call: shorter than the timeouts of what forgets
/// idle connections on the way. Those are 60 s for load balancers of AWS, 4 min for Azure,
/// 10 min for Google, and mostly 5 min for address translation. The service's documents do
/// not state when it closes them.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// How often the system probes the peer of an idle connection. This also keeps the connection
/// known to firewalls that forget sooner.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Why no HTTP client could be made.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("cannot set up the HTTP client")]
    Http(#[source] reqwest::Error),
}

/// The HTTP clients of the process.
pub struct Transport {
    kept: reqwest::Client,
    fresh: reqwest::Client,
    /// With a proxy: requests only tunnels, to see the proxy's response.
    tunnels: Option<reqwest::Client>,
    proxy: Option<Proxy>,
}

/// Which connection a call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// One left by an earlier call, if any.
    Kept,
    /// A new one.
    Fresh,
}

task_local! {
    /// Whether the call of this task has begun a connection of its own.
    static BEGUN: Cell<bool>;
}

/// Why a call got no response.
pub struct Lost {
    error: reqwest::Error,
    /// The call used a kept connection that its peer had given up.
    pub is_stale: bool,
}

impl Transport {
    /// Reads the CA file (see [`crate::files::apart`]). Redirects are refused, since a
    /// signature must not travel to another host; a proxy is used for https alone.
    pub fn new(ca_file: Option<&Path>, proxy: Option<&Proxy>) -> Result<Self, TransportError> {
        let tls = tls::config(ca_file)?;
        let resolver = Arc::new(Names::default());
        let client = |pool: usize, proxy: Option<reqwest::Proxy>| {
            let builder = reqwest::Client::builder()
                .user_agent(concat!("timpush-exporter/", env!("CARGO_PKG_VERSION")))
                .tls_backend_preconfigured(tls.clone())
                .redirect(redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .connect_timeout(CONNECT_TIMEOUT)
                .pool_idle_timeout(POOL_IDLE)
                .pool_max_idle_per_host(pool)
                .tcp_keepalive(KEEPALIVE)
                .tcp_keepalive_interval(KEEPALIVE)
                .dns_resolver(Arc::clone(&resolver))
                .connector_layer(MapRequestLayer::new(|request| {
                    // A connection may also be established outside any call.
                    let _ = BEGUN.try_with(|begun| begun.set(true));
                    request
                }))
                .no_proxy();
            match proxy {
                Some(proxy) => builder.proxy(proxy),
                None => builder,
            }
            .build()
            .map_err(|error| TransportError::Http(error.without_url()))
        };
        let for_calls = || {
            let proxy = proxy.cloned()?;
            Some(reqwest::Proxy::custom(move |url| {
                proxy.is_for(url).then(|| proxy.expose().to_owned())
            }))
        };
        let for_tunnels = |proxy: &Proxy| {
            let proxy = reqwest::Proxy::all(proxy.expose()).map_err(TransportError::Http)?;
            client(0, Some(proxy))
        };
        Ok(Self {
            kept: client(usize::MAX, for_calls())?,
            fresh: client(0, for_calls())?,
            tunnels: proxy.map(for_tunnels).transpose()?,
            proxy: proxy.cloned(),
        })
    }

    pub fn client(&self, connection: Connection) -> &reqwest::Client {
        match connection {
            Connection::Kept => &self.kept,
            Connection::Fresh => &self.fresh,
        }
    }

    /// Sends a request built with [`Self::client`].
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Lost> {
        let sent = async { (request.send().await, BEGUN.with(Cell::get)) };
        let (result, has_begun) = BEGUN.scope(Cell::new(false), sent).await;
        result.map_err(|error| Lost {
            is_stale: !has_begun && lost::is_broken(&error),
            error,
        })
    }

    /// The route of calls to a host.
    pub fn route<'a>(&'a self, host: &'a Endpoint) -> Route<'a> {
        Route::new(host, self.proxy.as_ref())
    }

    /// The meaning of an error in place of a response. If a proxy refused a tunnel, the
    /// tunnel is requested once more, since the HTTP client does not report the proxy's
    /// status.
    pub async fn classify(&self, lost: Lost, route: &Route<'_>) -> FetchError {
        let error = lost.error;
        let refusal = match &self.tunnels {
            Some(tunnels) if lost::is_refused_by_proxy(&error) => {
                refused_tunnel(tunnels, route.host).await
            }
            _ => None,
        };
        lost::classify(error, route, refusal)
    }
}

/// The status with which a proxy refuses a tunnel to `host`.
async fn refused_tunnel(tunnels: &reqwest::Client, host: &str) -> Option<u16> {
    let url = Url::parse(&format!("https://{host}")).ok()?;
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    // Over plain HTTP, CONNECT is a method like others to the HTTP client.
    let ask = tunnels.request(Method::CONNECT, format!("http://{host}:{port}/"));
    let status = ask.send().await.ok()?.status();
    (!status.is_success()).then_some(status.as_u16())
}
