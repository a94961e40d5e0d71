//! Which client certificates are accepted, under the names of Go's `tls.ClientAuthType`.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};

use super::san;

/// What is required of a client's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClientAuth {
    /// Whether it is checked against a CA; if not, any issuer will do.
    pub(super) verifies: bool,
    /// Whether a client without one is rejected.
    pub(super) requires: bool,
}

impl ClientAuth {
    /// `None` if no certificate is requested.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, &'static str> {
        let (verifies, requires) = match text {
            "NoClientCert" => return Ok(None),
            "RequestClientCert" => (false, false),
            // The second is an old name that the toolkit still accepts.
            "RequireAnyClientCert" | "RequireClientCert" => (false, true),
            "VerifyClientCertIfGiven" => (true, false),
            "RequireAndVerifyClientCert" => (true, true),
            _ => {
                return Err(
                    "must be NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert",
                );
            }
        };
        Ok(Some(Self { verifies, requires }))
    }

    /// The check of certificates. `allowed`: one of the certificate's names must be among these.
    pub(super) fn verifier(
        self,
        roots: RootCertStore,
        allowed: Option<Vec<String>>,
    ) -> Result<Arc<dyn ClientCertVerifier>, VerifierBuilderError> {
        let provider = Arc::new(ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let of_ca = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(Arc::new(Clients {
            of_ca: self.verifies.then(|| of_ca.build()).transpose()?,
            required: self.requires,
            allowed,
            algorithms,
        }))
    }
}

#[derive(Debug)]
struct Clients {
    of_ca: Option<Arc<dyn ClientCertVerifier>>,
    required: bool,
    allowed: Option<Vec<String>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.of_ca
            .as_ref()
            .map_or(&[], |ca| ca.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match &self.of_ca {
            Some(ca) => ca.verify_client_cert(end_entity, intermediates, now)?,
            None => {
                ParsedCertificate::try_from(end_entity).map(|_| ClientCertVerified::assertion())?
            }
        };
        let is_allowed = self.allowed.as_ref().is_none_or(|allowed| {
            san::names(end_entity)
                .iter()
                .any(|name| allowed.contains(name))
        });
        if is_allowed {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
