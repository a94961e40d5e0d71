//! UserSig, TLS version 2.0: how an app proves its identity to the service (document 34385; checked
//! here against vectors of the vendor's own library).
//!
//! A signature is a JSON document with an HMAC-SHA256 over four of its fields, compressed by zlib,
//! in a base64 variant that needs no escaping in a URL. No clock and no I/O: the time of issue is
//! an argument.

mod identity;

use std::io::{Read, Write};

use base64::Engine;
use base64::alphabet::{Alphabet, Symbol};
use base64::engine::general_purpose::{GeneralPurpose, PAD};
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::model::window::UnixSeconds;

pub use identity::{Identifier, IdentifierError, SecretKey, SecretKeyError};

/// The only version of the scheme in use since 2019.
const VERSION: &str = "2.0";

/// Base64 (RFC 4648) with `*`, `-` and `_` in place of `+`, `/` and `=`.
const IN_URLS: GeneralPurpose = {
    let symbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-";
    let Some(padding) = Symbol::new(b'_') else {
        panic!("not a symbol");
    };
    let Ok(alphabet) = Alphabet::new_with_padding(symbols, padding) else {
        panic!("not an alphabet");
    };
    GeneralPurpose::new(&alphabet, PAD)
};

/// The maximum size of a document that [`decode`] inflates, in bytes. Real ones have fewer than
/// 400.
const MAX_DOCUMENT: u64 = 16 * 1024;

/// A signature ready to be sent. It is a bearer secret while it is valid, so it cannot be printed
/// either, and is wiped when dropped.
#[derive(Clone)]
pub struct UserSig {
    text: Zeroizing<String>,
    pub issued_at: UnixSeconds,
    pub expires_at: UnixSeconds,
}

impl UserSig {
    /// The signature's text, which needs no escaping in a URL's query.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

/// The fields inside a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    #[serde(rename = "TLS.ver")]
    pub version: String,
    #[serde(rename = "TLS.identifier")]
    pub identifier: String,
    #[serde(rename = "TLS.sdkappid")]
    pub sdk_app_id: u32,
    /// Validity in seconds, starting at `time`.
    #[serde(rename = "TLS.expire")]
    pub expire: u64,
    /// When it was signed, in Unix seconds.
    #[serde(rename = "TLS.time")]
    pub time: u64,
    /// Base64 of the HMAC.
    #[serde(rename = "TLS.sig")]
    pub sig: String,
    /// Base64 of further signed bytes; push signatures have none.
    #[serde(
        rename = "TLS.userbuf",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub userbuf: Option<String>,
}

impl Document {
    /// The last second in which the signature is valid.
    pub fn expires_at(&self) -> UnixSeconds {
        UnixSeconds(self.time.saturating_add(self.expire))
    }

    fn mac(&self, key: &SecretKey) -> Hmac<Sha256> {
        #[expect(
            clippy::expect_used,
            reason = "HMAC is defined for keys of any length (RFC 2104)"
        )]
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).expect("any length");
        mac.update(
            format!(
                "TLS.identifier:{}\nTLS.sdkappid:{}\nTLS.time:{}\nTLS.expire:{}\n",
                self.identifier, self.sdk_app_id, self.time, self.expire
            )
            .as_bytes(),
        );
        if let Some(userbuf) = &self.userbuf {
            mac.update(format!("TLS.userbuf:{userbuf}\n").as_bytes());
        }
        mac
    }
}

/// Signs for `valid_for` seconds, starting at `issued_at`.
pub fn sign(
    key: &SecretKey,
    sdk_app_id: u32,
    identifier: &Identifier,
    issued_at: UnixSeconds,
    valid_for: u64,
) -> UserSig {
    let mut document = Document {
        version: VERSION.to_owned(),
        identifier: identifier.as_str().to_owned(),
        sdk_app_id,
        expire: valid_for,
        time: issued_at.0,
        sig: String::new(),
        userbuf: None,
    };
    document.sig = BASE64_STANDARD.encode(document.mac(key).finalize().into_bytes());
    UserSig {
        text: Zeroizing::new(encode(&document)),
        issued_at,
        expires_at: document.expires_at(),
    }
}

fn encode(document: &Document) -> String {
    #[expect(
        clippy::expect_used,
        reason = "strings and numbers always serialise, and a Vec takes all bytes"
    )]
    let compressed = {
        let json = serde_json::to_vec(document).expect("a flat document");
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&json).expect("written to memory");
        zlib.finish().expect("written to memory")
    };
    IN_URLS.encode(compressed)
}

/// Why a text is not a valid signature. Never contains the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("the signature is not in the service's base64")]
    Base64,
    #[error("the signature does not inflate to a document of at most {MAX_DOCUMENT} bytes")]
    Zlib,
    #[error("the signature's document is not the JSON of a version 2.0 signature")]
    Document,
    #[error("the signature was made with another key")]
    Mismatch,
    #[error("the signature expired at {0}")]
    Expired(UnixSeconds),
}

/// Reads a signature's fields without verifying them.
pub fn decode(text: &str) -> Result<Document, VerifyError> {
    let compressed = IN_URLS.decode(text).map_err(|_| VerifyError::Base64)?;
    let mut json = Vec::new();
    ZlibDecoder::new(compressed.as_slice())
        .take(MAX_DOCUMENT + 1)
        .read_to_end(&mut json)
        .map_err(|_| VerifyError::Zlib)?;
    if json.len() as u64 > MAX_DOCUMENT {
        return Err(VerifyError::Zlib);
    }
    let document: Document = serde_json::from_slice(&json).map_err(|_| VerifyError::Document)?;
    if document.version != VERSION {
        return Err(VerifyError::Document);
    }
    Ok(document)
}

/// Verifies a signature against `key` at the time `now`, as the service would: valid up to and
/// including its last second, without leeway.
pub fn verify(key: &SecretKey, text: &str, now: UnixSeconds) -> Result<Document, VerifyError> {
    let document = decode(text)?;
    let sig = BASE64_STANDARD
        .decode(&document.sig)
        .map_err(|_| VerifyError::Document)?;
    document
        .mac(key)
        .verify_slice(&sig)
        .map_err(|_| VerifyError::Mismatch)?;
    if now > document.expires_at() {
        return Err(VerifyError::Expired(document.expires_at()));
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        sdkappid: u32,
        key: String,
        identifier: String,
        expire: u64,
        time: u64,
        tls_sig: String,
        document: Document,
        usersig_python: String,
    }

    fn vectors() -> Vec<Vector> {
        let text = include_str!("../tests/data/usersig_vectors.json");
        let vectors = serde_json::from_str::<Vectors>(text).unwrap().vectors;
        assert_eq!(vectors.len(), 8);
        vectors
    }

    fn key(text: &str) -> SecretKey {
        SecretKey::new(text).unwrap()
    }

    #[test]
    fn signs_the_same_documents_as_the_vendors_library() {
        for v in vectors() {
            let identifier = Identifier::new(&v.identifier).unwrap();
            let signed = sign(
                &key(&v.key),
                v.sdkappid,
                &identifier,
                UnixSeconds(v.time),
                v.expire,
            );
            let document = decode(signed.expose()).unwrap();
            assert_eq!(document, v.document, "{}", v.name);
            assert_eq!(document.sig, v.tls_sig, "{}", v.name);
            assert_eq!(
                signed.expires_at,
                UnixSeconds(v.time + v.expire),
                "{}",
                v.name
            );
        }
    }

    #[test]
    fn accepts_signatures_of_the_vendors_library_until_their_last_second() {
        for v in vectors() {
            let verify_at = |now| verify(&key(&v.key), &v.usersig_python, UnixSeconds(now));
            let last = v.time + v.expire;
            assert_eq!(verify_at(v.time), Ok(v.document.clone()), "{}", v.name);
            assert_eq!(verify_at(last), Ok(v.document.clone()), "{}", v.name);
            assert_eq!(
                verify_at(last + 1),
                Err(VerifyError::Expired(UnixSeconds(last))),
                "{}",
                v.name
            );
        }
    }

    #[test]
    fn another_key_is_a_mismatch_even_when_expired() {
        for v in vectors() {
            let result = verify(&key("another"), &v.usersig_python, UnixSeconds(u64::MAX));
            assert_eq!(result, Err(VerifyError::Mismatch), "{}", v.name);
        }
    }

    #[test]
    fn each_signed_field_is_bound_by_the_mac() {
        let key = key("k");
        let signed = sign(
            &key,
            7,
            &Identifier::new("admin").unwrap(),
            UnixSeconds(1000),
            60,
        );
        let good = decode(signed.expose()).unwrap();
        let changes: [fn(&mut Document); 5] = [
            |d| d.identifier = "root".to_owned(),
            |d| d.sdk_app_id += 1,
            |d| d.expire += 1,
            |d| d.time += 1,
            |d| d.userbuf = Some("x".to_owned()),
        ];
        for change in changes {
            let mut forged = good.clone();
            change(&mut forged);
            let result = verify(&key, &encode(&forged), UnixSeconds(1000));
            assert_eq!(result, Err(VerifyError::Mismatch), "{forged:?}");
        }
    }

    #[test]
    fn damaged_signatures_say_which_layer_failed() {
        let zlib = |bytes: &[u8]| {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).unwrap();
            BASE64_STANDARD
                .encode(encoder.finish().unwrap())
                .replace('+', "*")
                .replace('/', "-")
                .replace('=', "_")
        };
        let wrong_version = zlib(br#"{"TLS.ver":"1.0","TLS.identifier":"a","TLS.sdkappid":1,"TLS.expire":1,"TLS.time":1,"TLS.sig":""}"#);
        for (text, error) in [
            (String::new(), VerifyError::Zlib),
            ("not base64!".to_owned(), VerifyError::Base64),
            ("ab+/".to_owned(), VerifyError::Base64),
            ("AAAA".to_owned(), VerifyError::Zlib),
            (zlib(b"[]"), VerifyError::Document),
            (zlib(b"{}"), VerifyError::Document),
            (wrong_version, VerifyError::Document),
            // A bomb: 16 MiB of spaces in a few bytes of text.
            (zlib(&vec![b' '; 16 << 20]), VerifyError::Zlib),
        ] {
            assert_eq!(decode(&text), Err(error), "{text:.40}");
        }
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies(
            secret in "[ -~]{0,40}[!-~][ -~]{0,39}",
            app in 1_u32..,
            name in "[^\\p{Cc}]{1,40}",
            time in 0_u64..1 << 40,
            valid_for in 0_u64..1 << 32,
        ) {
            let (key, identifier) = (key(&secret), Identifier::new(&name).unwrap());
            let signed = sign(&key, app, &identifier, UnixSeconds(time), valid_for);
            prop_assert!(signed.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b"*-_".contains(&b)));
            let document = verify(&key, signed.expose(), signed.expires_at).unwrap();
            prop_assert_eq!(document.identifier, name);
            prop_assert_eq!((document.sdk_app_id, document.time, document.expire), (app, time, valid_for));
        }

        #[test]
        fn no_text_makes_verification_panic(text in "\\PC{0,300}") {
            prop_assert!(verify(&key("k"), &text, UnixSeconds(0)).is_err());
        }
    }
}
