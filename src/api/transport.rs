//! How bytes reach the service: names, TLS, proxy. Roots and the resolver are part of the
//! binary, so that it runs from an empty image.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect;
use rustls::{ClientConfig, RootCertStore};

use super::error::{FetchError, Outcome};
use super::names::{Names, Unresolved};
use crate::config::{CertificatesError, Proxy, certificates};

/// Bound on DNS, TCP and TLS together. Shorter than the default bound on a whole answer,
/// so that a dead host leaves time for its backup.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The service closes idle connections; its documents do not say when.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// Why no HTTP client could be made.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("ca_file: {0}")]
    CaFile(CertificatesError),
    #[error("ca_file: {} holds no certificate that can be a root", path.display())]
    NoRoots { path: PathBuf },
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    #[error("cannot set up the HTTP client")]
    Http(#[source] reqwest::Error),
}

/// The one HTTP client of the process; reads the CA file (see [`crate::files::apart`]). Redirects are refused, since a signature must not
/// travel to another host; a proxy is used for https alone.
pub fn client(
    ca_file: Option<&Path>,
    proxy: Option<&Proxy>,
) -> Result<reqwest::Client, TransportError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("timpush-exporter/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls(ca_file)?)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE)
        .dns_resolver(Arc::new(Names::default()))
        .no_proxy();
    if let Some(proxy) = proxy.cloned() {
        builder = builder.proxy(reqwest::Proxy::custom(move |url| {
            proxy.is_for(url).then(|| proxy.expose().to_owned())
        }));
    }
    builder
        .build()
        .map_err(|error| TransportError::Http(error.without_url()))
}

fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, TransportError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(path) = ca_file {
        let (added, _) =
            roots.add_parsable_certificates(certificates(path).map_err(TransportError::CaFile)?);
        if added == 0 {
            return Err(TransportError::NoRoots {
                path: path.to_owned(),
            });
        }
    }
    Ok(
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TransportError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

/// What an error of the HTTP client means. The error's URL, which holds the signature, is
/// dropped here, in the only place that sees such errors.
pub fn classify(error: reqwest::Error, host: &str) -> FetchError {
    let error = error.without_url();
    if error.is_timeout() {
        let doing = if error.is_connect() {
            "connecting to"
        } else {
            "waiting for"
        };
        return FetchError::new(
            Outcome::Timeout,
            format!("the deadline passed while {doing} {host}"),
        );
    }
    if let Some(tls) = find::<rustls::Error>(&error) {
        return FetchError::new(
            Outcome::Tls,
            format!("no trusted TLS connection to {host}: {tls}"),
        );
    }
    if let Some(unresolved) = find::<Unresolved>(&error) {
        return FetchError::new(Outcome::Connect, unresolved.to_string());
    }
    let doing = if error.is_connect() {
        "cannot connect to"
    } else {
        "lost the connection to"
    };
    FetchError::new(
        Outcome::Connect,
        format!("{doing} {host}: {}", innermost(&error)),
    )
}

/// The first cause of type `T`. An `io::Error` hides what it wraps from `source()`.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    if let Some(found) = error.downcast_ref::<T>() {
        return Some(found);
    }
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref)
        .map(|wrapped| wrapped as &(dyn Error + 'static));
    wrapped.or_else(|| error.source()).and_then(find)
}

/// The last cause, which names the operating system's or the peer's own complaint.
fn innermost(error: &(dyn Error + 'static)) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => error.to_string(),
    }
}
