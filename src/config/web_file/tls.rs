//! The table `tls_server_config`: certificates and versions.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoClientAuth;
use rustls::version::{TLS12, TLS13};
use rustls::{Error, RootCertStore, ServerConfig, SupportedProtocolVersion};
use zeroize::Zeroizing;

use super::super::key::PUBLIC;
use super::super::read::Read;
use super::super::section::Section;
use super::algorithms;
use super::clients::ClientAuth;
use crate::files::{self, MAX_PEM};

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
    let of_key = section.name_of("key", "key_file");
    let builder =
        ServerConfig::builder_with_provider(Arc::new(provider?)).with_protocol_versions(&versions?);
    let mut config = section.accept("min_version", builder).and_then(|builder| {
        builder
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, key)
            .map_err(|error| {
                section.refuse(
                    of_key,
                    &match error {
                        Error::InconsistentKeys(_) => {
                            "is not the key of the certificate".to_owned()
                        }
                        Error::General(_) => "is of a kind that is not supported; use ECDSA P-256 or P-384, Ed25519, or RSA of 2048 bits or more".to_owned(),
                        error => error.to_string(),
                    },
                );
            })
            .ok()
    })?;
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
        return section.text(inline).and_then(|text| {
            if inline == "key" && section.place().is_public {
                section.notice(inline, &format!("is in a file that {PUBLIC}"));
            }
            Some(Pem {
                key: inline,
                text: Zeroizing::new(text.as_bytes().to_vec()),
            })
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
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.text).collect();
    let found = found.ok().filter(|found| !found.is_empty());
    if found.is_none() {
        section.refuse(pem.key, "holds no certificate in PEM");
    }
    found
}

fn chain(section: &Section, pem: &Pem) -> Option<Vec<CertificateDer<'static>>> {
    let chain = certificates(section, pem)?;
    let first = chain.first()?;
    if rustls::server::ParsedCertificate::try_from(first).is_err() {
        section.refuse(pem.key, "holds a certificate that cannot be understood");
        return None;
    }
    Some(chain)
}

fn private_key(section: &Section, pem: &Pem) -> Option<PrivateKeyDer<'static>> {
    // The parser's message may quote a line of the key.
    let key = PrivateKeyDer::from_pem_slice(&pem.text).ok();
    if key.is_none() {
        section.refuse(
            pem.key,
            "holds no private key in PEM that can be used without a passphrase",
        );
    }
    key
}

fn clients(
    section: &Section,
    ca: Read<Pem>,
) -> Option<Arc<dyn rustls::server::danger::ClientCertVerifier>> {
    let auth = section
        .text("client_auth_type")
        .and_then(|text| section.accept("client_auth_type", ClientAuth::parse(text)))
        .or(ClientAuth::None);
    let allowed = section.texts("client_allowed_sans", |text| {
        Ok::<_, Infallible>(text.to_owned())
    });
    let roots = ca.and_then(|pem| {
        let mut roots = RootCertStore::empty();
        let (_, ignored) = roots.add_parsable_certificates(certificates(section, &pem)?);
        if ignored > 0 {
            section.refuse(pem.key, "holds a certificate that cannot be understood");
            return None;
        }
        if auth == Some(ClientAuth::None) {
            section.refuse(pem.key, "has no effect without client_auth_type");
            return None;
        }
        Some(roots)
    });
    let auth = auth?;
    if matches!(roots, Read::Absent) && auth.verifies() {
        section.refuse("client_ca_file", "is missing; client_auth_type needs it");
        return None;
    }
    if !matches!(allowed, Read::Absent) && !auth.requires() {
        section.refuse(
            "client_allowed_sans",
            "has no effect unless client_auth_type is RequireAndVerifyClientCert or RequireAnyClientCert",
        );
        return None;
    }
    if matches!(auth, ClientAuth::Request | ClientAuth::RequireAny) {
        section.notice(
            "client_auth_type",
            "accepts certificates that anyone can make; RequireAndVerifyClientCert is what keeps strangers out",
        );
    }
    if auth == ClientAuth::None {
        return Some(Arc::new(NoClientAuth));
    }
    let roots = roots.or(RootCertStore::empty())?;
    let allowed = match allowed {
        Read::Absent => None,
        allowed => Some(allowed.given()?),
    };
    let verifier = auth.verifier(Some(roots), allowed);
    section.accept("client_ca_file", verifier)
}

/// The versions from `min_version` to `max_version`.
fn versions(section: &Section) -> Option<Vec<&'static SupportedProtocolVersion>> {
    let version = |key: &str, default| {
        section
            .text(key)
            .and_then(|text| {
                let number = match text {
                    "TLS12" => Ok(12),
                    "TLS13" => Ok(13),
                    "TLS10" | "TLS11" => {
                        Err("is broken, and not in this program's TLS library; use TLS12 or TLS13")
                    }
                    _ => Err("must be TLS12 or TLS13"),
                };
                section.accept(key, number)
            })
            .or(default)
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
