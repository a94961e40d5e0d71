//! The signer's account and key.

use std::fmt;

use zeroize::Zeroizing;

/// An app's secret key as the console shows it. The text itself is the HMAC key: its hex
/// digits are not decoded.
///
/// It cannot be printed, logged or serialised, and is wiped when dropped:
/// ```compile_fail
/// let key = timpush_exporter::usersig::SecretKey::new("k").unwrap();
/// println!("{key:?}");
/// ```
/// ```compile_fail
/// let key = timpush_exporter::usersig::SecretKey::new("k").unwrap();
/// println!("{key}");
/// ```
/// ```compile_fail
/// let key = timpush_exporter::usersig::SecretKey::new("k").unwrap();
/// serde_json::to_string(&key);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(Zeroizing<String>);

/// Why a text cannot be a [`SecretKey`]. Never contains the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretKeyError {
    /// An empty key can sign, but the signature is never accepted.
    #[error("the secret key is empty")]
    Empty,
    #[error("the secret key must be on one line, and nothing else with it")]
    Lines,
}

impl SecretKey {
    /// A key from the text of a file or variable. Surrounding white space and a byte order mark,
    /// which editors and copying leave behind, are removed.
    pub fn new(text: &str) -> Result<Self, SecretKeyError> {
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Err(SecretKeyError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(SecretKeyError::Lines);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Whether the key looks like the console's keys: 64 hex digits.
    pub fn looks_usual(&self) -> bool {
        self.0.len() == 64 && self.0.bytes().all(|b| b.is_ascii_hexdigit())
    }

    /// The key's text, for signing and for removing it from other texts.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// The account that a signature represents; the loss API requires an app admin's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(String);

/// Why a text cannot be an [`Identifier`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    #[error("must not be empty")]
    Empty,
    /// A line break would allow an identifier to add its own fields to the signed text.
    #[error("must not hold line breaks or other control characters")]
    Control,
    /// It is sent in the URL, twice including the signature, and servers limit a URL's length.
    #[error("must have at most {MAX_IDENTIFIER} bytes")]
    Long,
}

/// The maximum length of an identifier, in bytes. The service's own limit is 32.
const MAX_IDENTIFIER: usize = 256;

impl Identifier {
    pub fn new(text: &str) -> Result<Self, IdentifierError> {
        if text.is_empty() {
            return Err(IdentifierError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(IdentifierError::Control);
        }
        if text.len() > MAX_IDENTIFIER {
            return Err(IdentifierError::Long);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it satisfies the service's own rule: up to 32 bytes of letters, digits, `_`, `-`.
    pub fn looks_usual(&self) -> bool {
        self.0.len() <= 32
            && self
                .0
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_that_could_forge_fields_are_refused() {
        for text in ["a\nTLS.sdkappid:1", "a\r", "a\0", "a\u{85}", "\t"] {
            assert_eq!(
                Identifier::new(text),
                Err(IdentifierError::Control),
                "{text:?}"
            );
        }
        assert_eq!(Identifier::new(""), Err(IdentifierError::Empty));
        assert!(Identifier::new(&"x".repeat(256)).is_ok());
        let long = Identifier::new(&"x".repeat(257));
        assert_eq!(long, Err(IdentifierError::Long));
    }

    #[test]
    fn a_key_loses_what_editors_and_copying_leave_around_it() {
        for text in [
            "k",
            "k\n",
            "k\r\n",
            "k\n\n",
            " k ",
            "\n\tk \r\n",
            "\u{feff}k\r\n",
        ] {
            assert_eq!(SecretKey::new(text).unwrap().expose(), "k", "{text:?}");
        }
        assert_eq!(SecretKey::new("a k").unwrap().expose(), "a k");
        for text in ["", "\n", "\r\n", " \t\n", "\u{feff}", "\u{feff}\n"] {
            let error = SecretKey::new(text).err();
            assert_eq!(error, Some(SecretKeyError::Empty), "{text:?}");
        }
        for text in ["# shop\nk\n", "k\nl", "k\0", "k\tl"] {
            let error = SecretKey::new(text).err();
            assert_eq!(error, Some(SecretKeyError::Lines), "{text:?}");
        }
    }
}
