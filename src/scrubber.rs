//! All text from outside passes through this module before it reaches a log line, a page or a
//! label. It removes secrets that the text may echo, and everything that could break a line.
//!
//! A UserSig travels in the URL, and gateways often show the URL that they could not serve. The
//! text may be hostile, so it is cut first, and every further step is linear in the rest.

mod decoded;
mod fragments;
mod signature;

use crate::model::line;
use std::ops::Range;
use std::sync::Arc;

use decoded::Decoded;
use fragments::Fragments;

/// The replacement for a secret.
const REDACTED: &str = "[redacted]";

/// The maximum number of bytes examined per character kept: the longest characters have four bytes
/// of UTF-8, which are 12 when percent-encoded.
const EXAMINED_PER_CHAR: usize = 16;

/// Removes secrets from texts. Its own copies of them are wiped when the last clone is dropped;
/// cloning is cheap.
#[derive(Clone)]
pub struct Scrubber {
    fragments: Vec<Arc<Fragments>>,
}

impl Scrubber {
    /// Removes `secrets` in [`Self::scrub`]. Secrets of fewer than 4 bytes are ignored.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            fragments: fragments::of(secrets).into_iter().map(Arc::new).collect(),
        }
    }

    /// Removes the secrets of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            fragments: [self.fragments.as_slice(), &other.fragments].concat(),
        }
    }

    /// The beginning of `text` that [`Self::scrub`] examines: at most 16 bytes for each of
    /// `max_chars`.
    pub fn examined(text: &str, max_chars: usize) -> &str {
        let most = max_chars.saturating_mul(EXAMINED_PER_CHAR).min(text.len());
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at));
        &text[..end.unwrap_or(0)]
    }

    /// `text` on one line, without secrets, whether raw or percent-encoded any number of times, and
    /// with at most `max_chars` characters.
    pub fn scrub(&self, text: &str, max_chars: usize) -> String {
        let examined = Self::examined(text, max_chars);
        let is_cut = examined.len() < text.len();
        let line = line::folded(examined);
        if line.len() < self.shortest() {
            return line::shortened(line, max_chars);
        }
        let mut hidden = vec![false; line.len()];
        self.find(line.as_bytes(), is_cut, |found| hidden[found].fill(true));
        // The raw text is searched, too: an escape that ends within a secret consumes the secret's
        // first characters.
        if line.contains('%') {
            let decoded = Decoded::new(line.as_bytes());
            self.find(&decoded.bytes, is_cut, |found| {
                hidden[decoded.origin(found)].fill(true);
            });
        }
        let scrubbed = line::shortened(covered(line, &hidden), max_chars);
        // The rest of an escape that was cut may decode differently.
        if scrubbed.contains('%') && self.echoes(&Decoded::new(scrubbed.as_bytes()).bytes) {
            return line::shortened(REDACTED.to_owned(), max_chars);
        }
        scrubbed
    }

    /// The length of the shortest text that can contain something to hide.
    fn shortest(&self) -> usize {
        let fragments = self.fragments.iter().map(|fragments| fragments.length);
        fragments.fold(signature::SHORTEST, usize::min)
    }

    fn echoes(&self, text: &[u8]) -> bool {
        let mut found = false;
        for fragments in &self.fragments {
            fragments.find(text, |_| found = true);
        }
        found
    }

    fn find(&self, text: &[u8], is_cut: bool, mut hide: impl FnMut(Range<usize>)) {
        for fragments in &self.fragments {
            fragments.find(text, &mut hide);
        }
        signature::find_parameters(text, &mut hide);
        signature::find_signatures(text, is_cut, hide);
    }
}

/// The line with a mark in place of each hidden run.
fn covered(line: String, hidden: &[bool]) -> String {
    if !hidden.contains(&true) {
        return line;
    }
    let mut covered = Vec::with_capacity(line.len());
    let mut in_run = false;
    for (byte, hide) in line.bytes().zip(hidden) {
        if !*hide {
            covered.push(byte);
        } else if !in_run {
            covered.extend_from_slice(REDACTED.as_bytes());
        }
        in_run = *hide;
    }
    // A secret may begin or end within a character.
    String::from_utf8_lossy(&covered).into_owned()
}

#[cfg(test)]
mod tests;
