//! The table `tls_server_config`: certificates and versions.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, ParsedCertificate};
use rustls::version::{TLS12, TLS13};
use rustls::{Error, RootCertStore, ServerConfig, SupportedProtocolVersion};
use zeroize::Zeroizing;

use super::super::certificates::in_pem;
use super::super::key::PUBLIC;
use super::super::read::Read;
use super::super::section::Section;
use super::algorithms;
use super::clients::ClientAuth;
use crate::files::{self, MAX_PEM};

const DAMAGED: &str = "holds a certificate that cannot be understood";

/// The TLS settings, or `None` after a problem was reported. Every named file is added to
/// `watched`.
pub(super) fn read(section: &Section, watched: &mut Vec<PathBuf>) -> Option<Arc<ServerConfig>> {
    let mut pem = |inline, file| pem(section, watched, inline, file);
    let certificate = pem("cert", "cert_file");
    let key = pem("key", "key_file");
    let ca = pem("client_ca", "client_ca_file");
    let chain = required(section, "cert_file", certificate).and_then(|pem| chain(section, &pem));
    let key = required(section, "key_file", key).and_then(|pem| private_key(section, &pem));
    let clients = clients(section, ca);
    let versions = versions(section);
    let provider = algorithms::read(section, versions.as_deref());
    let prefer_ours = section.flag("prefer_server_cipher_suites").or(true);

    let (chain, key, clients) = (chain?, key?, clients?);
    let of_key = if section.has("key") {
        "key"
    } else {
        "key_file"
    };
    let builder =
        ServerConfig::builder_with_provider(Arc::new(provider?)).with_protocol_versions(&versions?);
    let config = section
        .accept("min_version", builder)?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            Error::InconsistentKeys(_) => "is not the key of the certificate".to_owned(),
            Error::General(_) => "is of a kind that is not supported; use ECDSA P-256 or P-384, Ed25519, or RSA of 2048 bits or more".to_owned(),
            error => error.to_string(),
        });
    let mut config = section.accept(of_key, config)?;
    config.ignore_client_order = prefer_ours?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(Arc::new(config))
}

/// PEM text and the configuration key that names its file.
struct Pem {
    key: &'static str,
    text: Zeroizing<Vec<u8>>,
}

fn pem(
    section: &Section,
    watched: &mut Vec<PathBuf>,
    inline: &'static str,
    file: &'static str,
) -> Read<Pem> {
    if section.has(inline) && section.has(file) {
        section.refuse(
            file,
            &format!("cannot be combined with {inline}; keep one of them"),
        );
        return Read::Refused;
    }
    if section.has(inline) {
        return section.text(inline).map(|text| {
            if inline == "key" && section.place.is_public {
                section.notice(inline, &format!("is in a file that {PUBLIC}"));
            }
            Pem {
                key: inline,
                text: Zeroizing::new(text.as_bytes().to_vec()),
            }
        });
    }
    section.path_in(file).and_then(|path| {
        watched.push(path.clone());
        let read = files::read(&path, MAX_PEM)
            .map_err(|error| format!("cannot read {}: {error}", path.display()));
        let contents = section.accept(file, read)?;
        if file == "key_file" && contents.is_public() {
            section.notice(file, &format!("names a file that {PUBLIC}"));
        }
        Some(Pem {
            key: file,
            text: contents.bytes,
        })
    })
}

fn required(section: &Section, key: &str, pem: Read<Pem>) -> Option<Pem> {
    if matches!(pem, Read::Absent) {
        section.refuse(key, "is missing; TLS needs a certificate and its key");
    }
    pem.given()
}

fn certificates(section: &Section, pem: &Pem) -> Option<Vec<CertificateDer<'static>>> {
    let found = in_pem(&pem.text).ok_or("holds no certificate in PEM");
    section.accept(pem.key, found)
}

fn chain(section: &Section, pem: &Pem) -> Option<Vec<CertificateDer<'static>>> {
    let chain = certificates(section, pem)?;
    let first = ParsedCertificate::try_from(chain.first()?);
    section.accept(pem.key, first.map_err(|_| DAMAGED))?;
    Some(chain)
}

fn private_key(section: &Section, pem: &Pem) -> Option<PrivateKeyDer<'static>> {
    // The parser's message may quote a line of the key.
    let key = PrivateKeyDer::from_pem_slice(&pem.text)
        .map_err(|_| "holds no private key in PEM that can be used without a passphrase");
    section.accept(pem.key, key)
}

fn clients(section: &Section, ca: Read<Pem>) -> Option<Arc<dyn ClientCertVerifier>> {
    let auth = section.parsed("client_auth_type", ClientAuth::parse);
    let auth = auth.or(None);
    let allowed = section.texts("client_allowed_sans", |text| {
        Ok::<_, Infallible>(text.to_owned())
    });
    let roots = ca.and_then(|pem| {
        let mut roots = RootCertStore::empty();
        let (_, ignored) = roots.add_parsable_certificates(certificates(section, &pem)?);
        let wrong = if ignored > 0 {
            DAMAGED
        } else if auth == Some(None) {
            "has no effect without client_auth_type"
        } else {
            return Some(roots);
        };
        section.refuse(pem.key, wrong);
        None
    });
    let auth = auth?;
    if matches!(roots, Read::Absent) && auth.is_some_and(|auth| auth.verifies) {
        section.refuse("client_ca_file", "is missing; client_auth_type needs it");
        return None;
    }
    if !matches!(allowed, Read::Absent) && !auth.is_some_and(|auth| auth.requires) {
        section.refuse(
            "client_allowed_sans",
            "has no effect unless client_auth_type is RequireAndVerifyClientCert or RequireAnyClientCert",
        );
        return None;
    }
    let Some(auth) = auth else {
        return Some(Arc::new(NoClientAuth));
    };
    if !auth.verifies {
        section.notice(
            "client_auth_type",
            "accepts certificates that anyone can make; RequireAndVerifyClientCert is what keeps strangers out",
        );
    }
    let roots = roots.or(RootCertStore::empty())?;
    let verifier = auth.verifier(roots, allowed.map(Some).or(None)?);
    section.accept("client_ca_file", verifier)
}

/// The versions from `min_version` to `max_version`.
fn versions(section: &Section) -> Option<Vec<&'static SupportedProtocolVersion>> {
    let version = |key, default| {
        let number = section.parsed(key, |text| match text {
            "TLS12" => Ok(12),
            "TLS13" => Ok(13),
            "TLS10" | "TLS11" => {
                Err("is broken, and not in this program's TLS library; use TLS12 or TLS13")
            }
            _ => Err("must be TLS12 or TLS13"),
        });
        number.or(default)
    };
    let (min, max) = (version("min_version", 12), version("max_version", 13));
    let (min, max) = (min?, max?);
    if min > max {
        section.refuse("min_version", "is above max_version");
        return None;
    }
    let both = [(12, &TLS12), (13, &TLS13)];
    let within = both
        .into_iter()
        .filter(|(number, _)| (min..=max).contains(number));
    Some(within.map(|(_, version)| version).collect())
}
