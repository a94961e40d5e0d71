//! TLS to the service: which certificates are trusted, and words for what can go wrong.

mod verifier;
mod words;

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::{ClientConfig, RootCertStore};

use super::transport::TransportError;
use crate::config::certificates;
use verifier::Verifier;

pub(super) use words::explain;

/// The built-in roots and those of `ca_file`, which is read here (see
/// [`crate::files::apart`]).
pub(super) fn config(ca_file: Option<&Path>) -> Result<ClientConfig, TransportError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let given = match ca_file {
        Some(path) => certificates(path).map_err(TransportError::CaFile)?,
        None => Vec::new(),
    };
    let (added, _) = roots.add_parsable_certificates(given.iter().cloned());
    if let Some(path) = ca_file.filter(|_| added == 0) {
        return Err(TransportError::NoRoots {
            path: path.to_owned(),
        });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let webpki =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|_| TransportError::Verifier)?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TransportError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { webpki, given }))
        .with_no_client_auth())
}
