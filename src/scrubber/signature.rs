//! Finds texts that look like a signature, whoever created it.

use std::ops::Range;

/// A run of this many characters of a UserSig's alphabet that begins like compressed data is
/// treated as an earlier signature.
const RUN: usize = 60;

/// Base64 of zlib's first byte and the usual second ones.
const STARTS: [&[u8]; 2] = [b"eJ", b"eA"];

/// The parameter that contains a signature.
const PARAMETER: &[u8] = b"usersig";

/// The length of the shortest detectable text, `usersig=x`.
pub(super) const SHORTEST: usize = PARAMETER.len() + 2;

/// Reports the position of the value of every parameter that contains a signature.
pub(super) fn find_parameters(text: &[u8], mut found: impl FnMut(Range<usize>)) {
    let mut at = 0;
    while let Some(equals) = text[at..].iter().position(|byte| *byte == b'=') {
        let (name, value) = (&text[..at + equals], at + equals + 1);
        at = value;
        if name.len() >= PARAMETER.len()
            && name[name.len() - PARAMETER.len()..].eq_ignore_ascii_case(PARAMETER)
        {
            // Within the value, an apparent parameter ends where the value does.
            at += run(&text[value..]);
            found(value..at);
        }
    }
}

/// Reports the position of every run that looks like a signature. If the text `is_cut`, its last
/// run may have been longer.
pub(super) fn find_signatures(text: &[u8], is_cut: bool, mut found: impl FnMut(Range<usize>)) {
    let mut at = 0;
    while at < text.len() {
        let end = at + run(&text[at..]);
        let start = (at..end).find(|from| {
            let rest = &text[*from..end];
            STARTS.iter().any(|start| rest.starts_with(start))
        });
        if let Some(start) = start
            && (end - start >= RUN || is_cut && end == text.len())
        {
            found(start..end);
        }
        at = end.max(at + 1);
    }
}

/// The number of bytes at the start of `text` that belong to a signature's alphabet.
fn run(text: &[u8]) -> usize {
    text.iter()
        .position(|byte| !is_signature(*byte))
        .unwrap_or(text.len())
}

/// A byte of a UserSig's alphabet, or of the base64 from which it is made.
fn is_signature(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"*-_+/=".contains(&byte)
}
