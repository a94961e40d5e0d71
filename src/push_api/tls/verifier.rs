//! Verifies a server as rustls does, and also accepts a CA certificate that the operator
//! provided and the server presents as its own.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use webpki::EndEntityCert;

#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) webpki: Arc<WebPkiServerVerifier>,
    /// The certificates of `ca_file`.
    pub(super) given: Vec<CertificateDer<'static>>,
}

/// A server certificate that no other certificate vouches for.
#[derive(Debug, thiserror::Error)]
#[error("the certificate is self-signed and not trusted")]
pub(super) struct SelfSigned;

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let result = self.webpki.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let Err(error) = result else { return result };
        let is_ca = is_ca(&error);
        // `openssl req -x509` makes a CA certificate. A server that presents one proves that
        // it has the key, with which it could have signed a certificate for itself. This
        // error implies that the certificate is within its validity, but not that its name
        // was verified.
        if is_ca && self.given.iter().any(|given| given == end_entity) {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        // A bad signature means that another certificate of the same name is trusted, for
        // example an older one.
        let is_unknown = matches!(
            error,
            Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature
            )
        );
        if (is_ca || is_unknown) && is_self_signed(end_entity) {
            let error = OtherError(Arc::new(SelfSigned));
            return Err(CertificateError::Other(error).into());
        }
        Err(error)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

fn is_ca(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) = error else {
        return false;
    };
    matches!(cause.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    EndEntityCert::try_from(certificate)
        .is_ok_and(|certificate| certificate.issuer() == certificate.subject())
}
