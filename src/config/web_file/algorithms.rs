//! Cipher suites and groups, under the names of Go's `crypto/tls`.

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::version::TLS12;
use rustls::{NamedGroup, SupportedCipherSuite, SupportedProtocolVersion};

use super::super::section::Section;

/// Cipher suites that Go knows but this program's TLS library does not support, since they are
/// weak.
const WEAK_SUITES: [&str; 8] = [
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

/// The accepted suites of TLS 1.2 and groups, in the file's order. The suites of TLS 1.3 are always
/// included, as in the toolkit.
pub(super) fn read(
    section: &Section,
    versions: Option<&[&'static SupportedProtocolVersion]>,
) -> Option<CryptoProvider> {
    let mut provider = ring::default_provider();
    let known = provider.cipher_suites.clone();
    let suites = section.texts("cipher_suites", |name| suite(&known, name));
    let groups = section.texts("curve_preferences", |name| group(&provider.kx_groups, name));
    let (suites, groups) = (suites.or(Vec::new())?, groups.or(Vec::new())?);
    if !suites.is_empty() {
        let chosen: Vec<_> = suites.iter().copied().flatten().collect();
        if chosen.len() < suites.len() {
            section.notice(
                "cipher_suites",
                "names weak ones that are not in this program's TLS library; they are left out",
            );
        }
        let of_12 = |suite: &SupportedCipherSuite| suite.version() == &TLS12;
        if versions.is_some_and(|versions| versions.contains(&&TLS12)) && !chosen.iter().any(of_12)
        {
            section.refuse(
                "cipher_suites",
                "leaves none for TLS 1.2; add one, or set min_version: TLS13",
            );
            return None;
        }
        provider.cipher_suites = known
            .into_iter()
            .filter(|suite| !of_12(suite))
            .chain(chosen.into_iter().filter(of_12))
            .collect();
    }
    if !groups.is_empty() {
        let chosen: Vec<_> = groups.iter().copied().flatten().collect();
        if chosen.is_empty() {
            section.refuse("curve_preferences", "leaves none; add X25519 or CurveP256");
            return None;
        }
        if chosen.len() < groups.len() {
            section.notice(
                "curve_preferences",
                "CurveP521 is not in this program's TLS library and is left out",
            );
        }
        provider.kx_groups = chosen;
    }
    Some(provider)
}

/// The suite with this name in Go; `None` if it is not supported.
fn suite(
    known: &[SupportedCipherSuite],
    name: &str,
) -> Result<Option<SupportedCipherSuite>, &'static str> {
    if WEAK_SUITES.contains(&name) {
        return Ok(None);
    }
    let found = known.iter().copied().find(|suite| {
        suite
            .suite()
            .as_str()
            .is_some_and(|known| known.replace("TLS13_", "TLS_") == name)
    });
    found
        .map(Some)
        .ok_or("is not a cipher suite that Go or this program knows")
}

/// The group with this name in Go; `None` if it is not supported.
fn group(
    known: &[&'static dyn SupportedKxGroup],
    name: &str,
) -> Result<Option<&'static dyn SupportedKxGroup>, &'static str> {
    let wanted = match name {
        "X25519" => NamedGroup::X25519,
        "CurveP256" => NamedGroup::secp256r1,
        "CurveP384" => NamedGroup::secp384r1,
        "CurveP521" => NamedGroup::secp521r1,
        _ => return Err("must be X25519, CurveP256, CurveP384 or CurveP521"),
    };
    Ok(known.iter().copied().find(|group| group.name() == wanted))
}
