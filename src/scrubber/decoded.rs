//! Repeated percent-decoding until nothing is left to decode, in one pass.

use std::ops::Range;

/// A text after repeated percent-decoding, with the position in the original text of each byte.
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    /// The start of each byte's original.
    starts: Vec<usize>,
    /// The length of the original.
    length: usize,
}

impl Decoded {
    /// Examines each byte once, as it is appended: `%` and two digits at the end become one byte,
    /// which may complete another escape. No two escapes can overlap, since `%` is not a digit, so
    /// the order of the replacements makes no difference.
    pub(super) fn new(text: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(text.len());
        let mut starts = Vec::with_capacity(text.len());
        for (at, byte) in text.iter().enumerate() {
            bytes.push(*byte);
            starts.push(at);
            while let [.., b'%', high, low] = bytes[..]
                && let (Some(high), Some(low)) = (hex(high), hex(low))
            {
                let escape = bytes.len() - 3;
                bytes.truncate(escape);
                starts.truncate(escape + 1);
                bytes.push(high << 4 | low);
            }
        }
        Self {
            bytes,
            starts,
            length: text.len(),
        }
    }

    /// The part of the original from which `range` of the bytes was decoded.
    pub(super) fn origin(&self, range: Range<usize>) -> Range<usize> {
        let place = |at: usize| self.starts.get(at).copied().unwrap_or(self.length);
        place(range.start)..place(range.end)
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One pass from left to right, as a server decodes a query.
    fn once(text: &[u8]) -> Vec<u8> {
        percent_encoding::percent_decode(text).collect()
    }

    proptest! {
        #[test]
        fn one_pass_decodes_what_any_number_of_passes_decode(text in "[%%%0-9a-f x未]{0,60}") {
            let mut expected = text.clone().into_bytes();
            while once(&expected) != expected {
                expected = once(&expected);
            }
            let decoded = Decoded::new(text.as_bytes());
            prop_assert_eq!(&decoded.bytes, &expected);
            // The origins of the bytes are the whole text, in order, without gaps.
            let origins = (0..expected.len()).map(|at| decoded.origin(at..at + 1));
            let joined: Vec<u8> = origins.flat_map(|origin| text.as_bytes()[origin].to_vec()).collect();
            prop_assert_eq!(joined, text.as_bytes());
        }
    }
}
