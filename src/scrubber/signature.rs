//! Finds what looks like a signature, whoever made it.

use std::ops::Range;

/// A run of this many characters of a UserSig's alphabet that begins as compressed data
/// does is taken for an earlier signature.
const RUN: usize = 60;

/// Base64 of zlib's first byte and the usual second ones.
const STARTS: [&[u8]; 2] = [b"eJ", b"eA"];

/// The parameter that carries a signature.
const PARAMETER: &[u8] = b"usersig";

/// The length of the shortest text in which anything is found, `usersig=x`.
pub(super) const SHORTEST: usize = PARAMETER.len() + 2;

/// Gives the place of the value of every parameter that carries a signature.
pub(super) fn find_parameters(text: &[u8], mut found: impl FnMut(Range<usize>)) {
    let mut at = 0;
    while let Some(equals) = text[at..].iter().position(|byte| *byte == b'=') {
        let (name, value) = (&text[..at + equals], at + equals + 1);
        at = value;
        if name.len() >= PARAMETER.len()
            && name[name.len() - PARAMETER.len()..].eq_ignore_ascii_case(PARAMETER)
        {
            // What looks like a parameter within the value ends where the value does.
            at += run(&text[value..]);
            found(value..at);
        }
    }
}

/// Gives the place of every run that looks like a signature. Of a text that `is_cut` the
/// last run may have been longer.
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

/// The number of bytes of a signature's alphabet that `text` begins with.
fn run(text: &[u8]) -> usize {
    text.iter()
        .position(|byte| !is_signature(*byte))
        .unwrap_or(text.len())
}

/// Of a UserSig's alphabet, or of the base64 that it is made from.
fn is_signature(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"*-_+/=".contains(&byte)
}
