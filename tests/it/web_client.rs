//! A client that does what it is told, byte by byte, and a CA for it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::lab::PATIENCE;

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn issue(&self, name: &str) -> Pair {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// How to speak to the exporter.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    /// The address to come from.
    pub(crate) from: IpAddr,
    tls: Option<Arc<ClientConfig>>,
    authorization: String,
}

impl Client {
    pub(crate) fn plain(url: &str) -> Self {
        Self {
            address: url.split_once("://").unwrap().1.parse().unwrap(),
            from: Ipv4Addr::LOCALHOST.into(),
            tls: None,
            authorization: String::new(),
        }
    }

    /// Trusts `ca`, and shows a certificate of its own if asked and if there is one.
    pub(crate) fn tls(
        url: &str,
        ca: &Authority,
        versions: &[&'static SupportedProtocolVersion],
        own: Option<&Pair>,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(ca.pem.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        Self {
            tls: Some(Arc::new(config)),
            ..Self::plain(url)
        }
    }

    pub(crate) fn user(&self, user: &str, password: &str) -> Self {
        use base64::Engine;
        let credentials =
            base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        Self {
            authorization: format!("Authorization: Basic {credentials}\r\n"),
            ..self.clone()
        }
    }

    pub(crate) fn from(&self, address: [u8; 4]) -> Self {
        Self {
            from: address.into(),
            ..self.clone()
        }
    }

    pub(crate) async fn connect(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(self.from, 0))?;
        socket.connect(self.address).await
    }

    /// The whole answer to `GET path` on a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> io::Result<Answer> {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n",
            self.authorization
        );
        self.send(head.as_bytes()).await
    }

    /// The whole answer to these bytes.
    pub(crate) async fn send(&self, bytes: &[u8]) -> io::Result<Answer> {
        let talk = async {
            let stream = self.connect().await?;
            let Some(tls) = &self.tls else {
                return exchange(stream, bytes).await;
            };
            let name = ServerName::try_from("a.example").unwrap();
            let stream = TlsConnector::from(Arc::clone(tls))
                .connect(name, stream)
                .await?;
            let shown = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
            Ok(Answer {
                certificate: shown,
                ..exchange(stream, bytes).await?
            })
        };
        timeout(PATIENCE, talk).await.unwrap()
    }

    /// The status of `GET path`; 0 without an answer.
    pub(crate) async fn status(&self, path: &str) -> u16 {
        self.get(path).await.map_or(0, |answer| answer.status)
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    /// The server's, in DER; empty for plain HTTP.
    pub(crate) certificate: Vec<u8>,
}

impl Answer {
    pub(crate) fn shows(&self, pair: &Pair) -> bool {
        let expected = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
        self.certificate == expected.to_vec()
    }
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    bytes: &[u8],
) -> io::Result<Answer> {
    stream.write_all(bytes).await?;
    let mut text = Vec::new();
    let read = timeout(Duration::from_secs(40), stream.read_to_end(&mut text)).await?;
    if text.is_empty() {
        read?;
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let status = text
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Ok(Answer {
        status: status.ok_or(io::ErrorKind::UnexpectedEof)?,
        text,
        certificate: Vec::new(),
    })
}
