//! TLS to the service: the trusted certificates, and messages for its errors.

mod verifier;
mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::{ClientConfig, RootCertStore};

use crate::config::{CertificatesError, certificates};
use verifier::Verifier;

pub(super) use words::explain;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("ca_file: {0}")]
    CaFile(CertificatesError),
    #[error("ca_file: {} holds no certificate that can be a root", path.display())]
    NoRoots { path: PathBuf },
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    #[error("cannot set up the verification of certificates")]
    Verifier,
}

/// The built-in roots and those of `ca_file`, which is read here (see
/// [`crate::files::apart`]).
pub(super) fn config(ca_file: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let given = match ca_file {
        Some(path) => certificates(path).map_err(TlsError::CaFile)?,
        None => Vec::new(),
    };
    let (added, _) = roots.add_parsable_certificates(given.iter().cloned());
    if let Some(path) = ca_file.filter(|_| added == 0) {
        return Err(TlsError::NoRoots {
            path: path.to_owned(),
        });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let webpki =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|_| TlsError::Verifier)?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { webpki, given }))
        .with_no_client_auth())
}
