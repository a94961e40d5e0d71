//! Servers that show all kinds of certificates, and what is said of them.

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::lab::{Lab, UNLIMITED};
use crate::proxies::{config, query};
use crate::tunnel::{Shown, TlsFront, self_signed};

fn ca(parameters: &mut CertificateParams) {
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

/// A CA as `ca_file`, and a certificate for `localhost` that it signed.
fn issued(change: impl FnOnce(&mut CertificateParams)) -> (String, Shown) {
    let mut root = CertificateParams::new(vec![]).unwrap();
    ca(&mut root);
    root.distinguished_name
        .push(rcgen::DnType::CommonName, "made-up root");
    let root_key = KeyPair::generate().unwrap();
    let pem = root.self_signed(&root_key).unwrap().pem();
    let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    change(&mut parameters);
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::from_params(&root, &root_key);
    let certificate = parameters.signed_by(&key, &issuer).unwrap();
    let chain = vec![certificate.der().clone()];
    (pem, Shown { chain, key })
}

/// What a question to a server gives that shows this, with this `ca_file`.
async fn asked(lab: &Lab, (pem, shown): (String, Shown)) -> (Option<i32>, String) {
    lab.write("ca.pem", &pem);
    let front = TlsFront::start(&lab.url, shown, rustls::ALL_VERSIONS).await;
    let (code, text) = query(&config(lab, "", &front.url), &[]).await;
    (code, text.replace(&front.url["https://".len()..], "HOST"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_in_the_ca_file_is_trusted_as_an_issuer_and_as_the_servers_own() {
    let lab = Lab::start(UNLIMITED).await;
    for trusted in [issued(|_| ()), self_signed(|_| ()), self_signed(ca)] {
        let (code, text) = asked(&lab, trusted).await;
        assert_eq!(code, Some(0), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cas_certificate_as_the_servers_own_is_trusted_for_its_names_and_time_alone() {
    let lab = Lab::start(UNLIMITED).await;
    let expired = self_signed(|parameters| {
        ca(parameters);
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let early = self_signed(|parameters| {
        ca(parameters);
        parameters.not_before = rcgen::date_time_ymd(3000, 1, 1);
    });
    let other_name = self_signed(|parameters| {
        ca(parameters);
        parameters.subject_alt_names =
            vec![rcgen::SanType::DnsName("a.example".try_into().unwrap())];
    });
    // The same names by another key: only the very certificate counts.
    let other = (self_signed(ca).0, self_signed(ca).1);
    for (shown, expected) in [
        (expired, "its certificate expired 2021-01-01T00:00:00Z"),
        (
            early,
            "its certificate is not valid yet, but from 3000-01-01T00:00:00Z",
        ),
        (other_name, "its certificate is only for a.example"),
        (other, "its certificate is self-signed"),
    ] {
        let (code, text) = asked(&lab, shown).await;
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_a_certificate_says_why_and_what_to_do() {
    let lab = Lab::start(UNLIMITED).await;
    let names = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        move |parameters: &mut CertificateParams| {
            parameters.subject_alt_names = CertificateParams::new(names).unwrap().subject_alt_names;
        }
    };
    let clock = "renew the server's certificate; if others accept it, check this machine's clock";
    let name = "poll the host by a name in its certificate";
    for (shown, happened, advice) in [
        (
            issued(|parameters| parameters.not_after = rcgen::date_time_ymd(2021, 1, 1)),
            "its certificate expired 2021-01-01T00:00:00Z",
            clock,
        ),
        (
            issued(|parameters| parameters.not_before = rcgen::date_time_ymd(3000, 1, 1)),
            "its certificate is not valid yet, but from 3000-01-01T00:00:00Z",
            clock,
        ),
        (
            issued(names(&["a.example", "10.0.0.1"])),
            "its certificate is only for a.example, 10.0.0.1",
            name,
        ),
        (
            issued(names(&[])),
            "its certificate names no host (subjectAltName is missing; the common name does not count)",
            name,
        ),
        (
            (issued(|_| ()).0, issued(|_| ()).1),
            "its certificate is not signed by the issuer that it names",
            "replace the server's certificate",
        ),
        (
            (self_signed(|_| ()).0, issued(|_| ()).1),
            "the issuer of its certificate is not trusted",
            "check whether something on the way replaces certificates; a root that is meant to be trusted goes into `ca_file`",
        ),
        (
            (self_signed(|_| ()).0, self_signed(|_| ()).1),
            "its certificate is self-signed",
            "if this is the server that is meant, put its certificate into `ca_file`",
        ),
        (
            (issued(|_| ()).0, self_signed(|_| ()).1),
            "its certificate is self-signed",
            "if this is the server that is meant, put its certificate into `ca_file`",
        ),
        (
            issued(|parameters| {
                parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            "its certificate is not for servers (extended key usage)",
            "replace the server's certificate",
        ),
        (
            issued(ca),
            "its certificate is that of a CA, which is not trusted for a server",
            "give the server a certificate of its own",
        ),
    ] {
        let (code, text) = asked(&lab, shown).await;
        let expected =
            format!("shop/lab: tls: no trusted TLS connection to HOST: {happened}; {advice}");
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(&expected), "{text}\n{expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_a_handshake_says_why_and_what_to_do() {
    let lab = Lab::start(UNLIMITED).await;
    lab.write("ca.pem", &self_signed(|_| ()).0);
    // A hello by TLS 1.1, with the first cipher suite of that time.
    let old = [
        &[0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2][..],
        &[7; 32],
        &[0, 0, 0x2f, 0],
    ]
    .concat();
    for (sent, happened) in [
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            "it does not speak TLS; plain HTTP or another protocol is on that port",
        ),
        (b"SSH-2.0-made_up\r\n".to_vec(), "it does not speak TLS"),
        (old, "it supports neither TLS 1.2 nor TLS 1.3"),
        (
            vec![0x15, 3, 1, 0, 2, 2, 70],
            "it supports neither TLS 1.2 nor TLS 1.3",
        ),
        (
            vec![0x15, 3, 3, 0, 2, 2, 40],
            "it ended the handshake with alert 40 (no common algorithm",
        ),
        (
            vec![0x15, 3, 3, 0, 2, 2, 112],
            "it ended the handshake with alert 112 (it does not serve this host name)",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut server = JoinSet::new();
        server.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                // The hello, which fits into one read.
                let _ = stream.read(&mut [0; 8192]).await;
                let _ = stream.write_all(&sent).await;
            }
        });
        let config = config(&lab, "", &format!("https://localhost:{port}"));
        let (code, text) = query(&config, &[]).await;
        let expected =
            format!("shop/lab: tls: no trusted TLS connection to localhost:{port}: {happened}");
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(&expected), "{text}\n{expected}");
    }
}
