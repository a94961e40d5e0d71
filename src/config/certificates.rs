//! Reads certificates from a file that the configuration names.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::files::{self, MAX_PEM, ReadError};

/// Why a file yields no certificates.
#[derive(Debug, thiserror::Error)]
pub enum CertificatesError {
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: ReadError },
    #[error("{} holds no certificates in PEM", .0.display())]
    NotPem(PathBuf),
}

/// The certificates of a PEM file, at least one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificatesError> {
    let unreadable = |error| CertificatesError::Read {
        path: path.to_owned(),
        error,
    };
    let contents = files::read(path, MAX_PEM).map_err(unreadable)?;
    in_pem(&contents.bytes).ok_or_else(|| CertificatesError::NotPem(path.to_owned()))
}

/// The certificates of a PEM text; `None` if it has none or a damaged one.
pub(super) fn in_pem(text: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    found.ok().filter(|found| !found.is_empty())
}
