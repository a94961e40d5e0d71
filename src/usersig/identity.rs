//! Who signs, and with what.

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

/// An empty key signs, but nothing accepts what it signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret key is empty")]
pub struct EmptyKey;

impl SecretKey {
    /// A key from the text of a file or variable: one trailing line break is cut.
    pub fn new(text: &str) -> Result<Self, EmptyKey> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(EmptyKey);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Whether the key looks as the console's keys do: 64 hex digits.
    pub fn looks_usual(&self) -> bool {
        self.0.len() == 64 && self.0.bytes().all(|b| b.is_ascii_hexdigit())
    }

    /// The key's text, for signing and for keeping it out of other texts.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// The account in whose name a signature speaks; the loss API wants an app admin's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(String);

/// Why a text cannot be an [`Identifier`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    #[error("must not be empty")]
    Empty,
    /// A line break would let an identifier add fields of its own to the signed text.
    #[error("must not hold line breaks or other control characters")]
    Control,
}

impl Identifier {
    pub fn new(text: &str) -> Result<Self, IdentifierError> {
        if text.is_empty() {
            return Err(IdentifierError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(IdentifierError::Control);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the service's own rule holds: up to 32 bytes of letters, digits, `_`, `-`.
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
    }

    #[test]
    fn a_key_loses_one_line_break_and_nothing_else() {
        for (text, kept) in [
            ("k", "k"),
            ("k\n", "k"),
            ("k\r\n", "k"),
            ("k\n\n", "k\n"),
            (" k ", " k "),
        ] {
            assert_eq!(SecretKey::new(text).unwrap().expose(), kept, "{text:?}");
        }
        for text in ["", "\n", "\r\n"] {
            assert_eq!(SecretKey::new(text).err(), Some(EmptyKey), "{text:?}");
        }
    }
}
