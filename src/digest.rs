//! Digests as text.

use sha2::{Digest, Sha256};

/// The SHA-256 in 64 lower-case hex digits.
pub(crate) fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
