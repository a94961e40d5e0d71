//! TLS errors in words.

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::verifier::SelfSigned;

/// The maximum number of a certificate's names in a message.
const NAMED: usize = 3;

const CLOCK: &str =
    "renew the server's certificate; if others accept it, check this machine's clock";

const ISSUER: &str = "check whether something on the way replaces certificates; a root that is meant to be trusted goes into `ca_file`, and the server must send its intermediate certificates";

const REPLACE: &str = "replace the server's certificate, or what on the way shows one in its place";

const SERVER: &str =
    "check that the host and port are those of the service, and what is on the way";

/// What happened, as a sentence about the peer (`its certificate expired ...`), and what to
/// do. Names from a certificate are not scrubbed.
pub(in crate::push_api) fn explain(error: &Error) -> (String, &'static str) {
    let (happened, advice) = match error {
        Error::InvalidCertificate(error) => return certificate(error),
        Error::NoCertificatesPresented => ("it presents no certificate", REPLACE),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => (
            "it does not speak TLS; plain HTTP or another protocol is on that port",
            SERVER,
        ),
        Error::InvalidMessage(_) | Error::PeerSentOversizedRecord | Error::DecryptError => {
            ("it sends invalid TLS", SERVER)
        }
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        )
        | Error::AlertReceived(AlertDescription::ProtocolVersion) => (
            "it supports neither TLS 1.2 nor TLS 1.3",
            "enable TLS 1.2 or later on the server, or on what ends TLS in its place",
        ),
        Error::PeerIncompatible(_) => (
            "it supports no algorithm of TLS that this program supports",
            "enable ECDHE with AES-GCM or ChaCha20-Poly1305 on the server",
        ),
        Error::AlertReceived(alert) => return alert_received(*alert),
        Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerMisbehaved(_)
        | Error::NoApplicationProtocol => ("it violates the TLS protocol", SERVER),
        Error::FailedToGetCurrentTime | Error::FailedToGetRandomBytes => (
            "this machine gives no time or no random bytes",
            "check the machine, or the sandbox that the program runs in",
        ),
        _ => ("the handshake failed", SERVER),
    };
    (happened.to_owned(), advice)
}

fn certificate(error: &CertificateError) -> (String, &'static str) {
    let (happened, advice) = match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            return (format!("its certificate expired{}", at(*not_after)), CLOCK);
        }
        CertificateError::Expired => ("its certificate expired", CLOCK),
        CertificateError::NotValidYetContext { not_before, .. } => {
            let happened = format!(
                "its certificate is not valid yet, but from{}",
                at(*not_before)
            );
            return (happened, CLOCK);
        }
        CertificateError::NotValidYet => ("its certificate is not valid yet", CLOCK),
        CertificateError::NotValidForNameContext { presented, .. } => {
            return (
                names(presented),
                "poll the host by a name in its certificate, or add the name (subjectAltName) to the certificate; a gateway may answer in its place",
            );
        }
        CertificateError::NotValidForName => ("its certificate is for another name", REPLACE),
        CertificateError::UnknownIssuer => ("the issuer of its certificate is not trusted", ISSUER),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => (
            "its certificate is not for servers (extended key usage)",
            REPLACE,
        ),
        CertificateError::BadSignature => (
            "its certificate is not signed by the issuer that it names",
            REPLACE,
        ),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            "its certificate is signed by an algorithm that is not supported, such as SHA-1",
            REPLACE,
        ),
        CertificateError::UnhandledCriticalExtension => (
            "its certificate has a critical extension that is not supported",
            REPLACE,
        ),
        CertificateError::BadEncoding => ("its certificate cannot be read", REPLACE),
        CertificateError::Other(cause) => return other(&*cause.0),
        _ => ("its certificate is refused", REPLACE),
    };
    (happened.to_owned(), advice)
}

fn other(cause: &(dyn std::error::Error + 'static)) -> (String, &'static str) {
    let (happened, advice) = if cause.is::<SelfSigned>() {
        (
            "its certificate is self-signed",
            "if this is the server that is meant, put its certificate into `ca_file`",
        )
    } else {
        match cause.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => (
                "its certificate is that of a CA, which is not trusted for a server",
                "give the server a certificate of its own, or put exactly this one into `ca_file`",
            ),
            Some(webpki::Error::UnsupportedCertVersion) => (
                "its certificate is not of X.509 version 3",
                "make a certificate of version 3, with subjectAltName",
            ),
            Some(webpki::Error::NameConstraintViolation) => (
                "its CA is not allowed to issue certificates for this name",
                REPLACE,
            ),
            _ => ("its certificate is refused", REPLACE),
        }
    };
    (happened.to_owned(), advice)
}

fn alert_received(alert: AlertDescription) -> (String, &'static str) {
    let reason = match alert {
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "no common algorithm, or the server does not accept this client"
        }
        AlertDescription::UnrecognisedName => "it does not serve this host name",
        AlertDescription::AccessDenied => "access denied",
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::NoCertificate => "it requires a client certificate",
        AlertDescription::InternalError => "an internal error of the server",
        _ => "see the list of TLS alerts at IANA",
    };
    let happened = format!(
        "it ended the handshake with alert {} ({reason})",
        u8::from(alert)
    );
    (happened, SERVER)
}

/// A space and the moment, or nothing if the moment cannot be written.
fn at(time: UnixTime) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map(|time| format!(" {time}"))
        .unwrap_or_default()
}

fn names(presented: &[String]) -> String {
    let names: Vec<&str> = presented.iter().filter_map(|name| bare(name)).collect();
    if names.is_empty() {
        return "its certificate names no host (subjectAltName is missing; the common name does not count)".to_owned();
    }
    let first = names[..names.len().min(NAMED)].join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => format!("its certificate is only for {first}"),
        more => format!("its certificate is only for {first} and {more} more names"),
    }
}

/// The name in `DnsName("a.example")` or `IpAddress(10.0.0.1)`, as rustls writes it.
fn bare(presented: &str) -> Option<&str> {
    let (kind, rest) = presented.split_once('(')?;
    matches!(kind, "DnsName" | "IpAddress").then_some(())?;
    Some(rest.trim_end_matches(')').trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{InconsistentKeys, OtherError, PeerMisbehaved};
    use std::sync::Arc;

    #[test]
    fn names_of_a_certificate_are_bare_and_few() {
        let dns = |n: usize| format!("DnsName(\"{n}.example\")");
        for (presented, words) in [
            (
                vec![],
                "its certificate names no host (subjectAltName is missing; the common name does not count)",
            ),
            (
                vec![
                    dns(1),
                    "IpAddress(10.0.0.1)".to_owned(),
                    "Unsupported(0x81)".to_owned(),
                ],
                "its certificate is only for 1.example, 10.0.0.1",
            ),
            (
                (0..100).map(dns).collect(),
                "its certificate is only for 0.example, 1.example, 2.example and 97 more names",
            ),
        ] {
            assert_eq!(names(&presented), words);
        }
    }

    #[test]
    fn no_error_is_told_in_the_words_of_a_program() {
        let webpki = |error| CertificateError::Other(OtherError(Arc::new(error)));
        let time = UnixTime::since_unix_epoch(std::time::Duration::MAX);
        let errors = [
            Error::DecryptError,
            Error::General("SomeThing { x: 1 }".to_owned()),
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch),
            Error::InvalidMessage(InvalidMessage::InvalidCcs),
            Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
            Error::PeerMisbehaved(PeerMisbehaved::TooMuchEarlyDataReceived),
            Error::AlertReceived(AlertDescription::Unknown(200)),
            CertificateError::ApplicationVerificationFailure.into(),
            CertificateError::ExpiredContext {
                time,
                not_after: time,
            }
            .into(),
            webpki(webpki::Error::BadDerTime).into(),
            webpki(webpki::Error::PathLenConstraintViolated).into(),
            webpki(webpki::Error::UnsupportedCertVersion).into(),
        ];
        for error in errors {
            let (happened, advice) = explain(&error);
            let camel = |word: &str| word.chars().skip(1).any(char::is_uppercase);
            let odd: Vec<&str> = happened
                .split(|c: char| !c.is_alphanumeric())
                .filter(|word| camel(word) && !["TLS", "CA", "IANA"].contains(word))
                .collect();
            assert!(odd.is_empty() && !happened.contains('{'), "{happened}");
            assert!(!advice.is_empty());
        }
    }
}
