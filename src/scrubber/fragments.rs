//! Finds every run of characters that a text shares with a secret.

use std::ops::Range;

use zeroize::Zeroizing;

use super::decoded::Decoded;
use super::line;

/// A run of this many characters that is also part of a secret is removed, so that a truncated echo
/// reveals nothing either. A run fits into the bits of a `u128`.
pub(super) const FRAGMENT: usize = 12;

/// Shorter secrets cannot be distinguished from ordinary words.
pub(super) const SHORTEST: usize = 4;

/// All runs of one length in a set of secrets.
pub(super) struct Fragments {
    /// The length of each run, in bytes.
    pub(super) length: usize,
    /// Each run as a number, sorted.
    runs: Zeroizing<Vec<u128>>,
    /// The bytes that occur in the secrets. Text between other bytes, such as words of prose, is
    /// mostly too short to be looked up.
    alphabet: [bool; 256],
}

/// The fragments of `secrets`, by length.
pub(super) fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Vec<Fragments> {
    let secrets: Vec<Zeroizing<Vec<u8>>> = secrets
        .into_iter()
        .flat_map(forms)
        .filter(|secret| secret.len() >= SHORTEST)
        .collect();
    (SHORTEST..=FRAGMENT)
        .filter_map(|length| {
            let secrets = secrets
                .iter()
                .map(|secret| secret.as_slice())
                .filter(|secret| secret.len().min(FRAGMENT) == length);
            Fragments::new(length, secrets)
        })
        .collect()
}

/// A secret as it appears in a line and, if it contains escapes, in a decoded line.
fn forms(secret: &str) -> Vec<Zeroizing<Vec<u8>>> {
    let line = Zeroizing::new(line::folded(secret).into_bytes());
    let decoded = line
        .contains(&b'%')
        .then(|| Zeroizing::new(Decoded::new(&line).bytes));
    [line].into_iter().chain(decoded).collect()
}

impl Fragments {
    fn new<'a>(length: usize, secrets: impl Iterator<Item = &'a [u8]> + Clone) -> Option<Self> {
        let count = secrets
            .clone()
            .map(|secret| secret.len() + 1 - length)
            .sum();
        // One allocation: a growing one leaves copies behind.
        let mut runs = Zeroizing::new(Vec::with_capacity(count));
        let mut alphabet = [false; 256];
        for secret in secrets {
            runs.extend(secret.windows(length).map(number));
            for byte in secret {
                alphabet[usize::from(*byte)] = true;
            }
        }
        runs.sort_unstable();
        (count > 0).then_some(Self {
            length,
            runs,
            alphabet,
        })
    }

    /// Reports the position of every run in `text`. The work is one step per byte, plus a search
    /// among the runs for each byte that follows enough of the secrets' own bytes.
    pub(super) fn find(&self, text: &[u8], mut found: impl FnMut(Range<usize>)) {
        let mask = u128::MAX >> (128 - 8 * self.length);
        let (mut latest, mut known) = (0, 0);
        for (at, byte) in text.iter().enumerate() {
            if !self.alphabet[usize::from(*byte)] {
                known = 0;
                continue;
            }
            known += 1;
            latest = appended(latest, *byte) & mask;
            if known >= self.length && self.runs.binary_search(&latest).is_ok() {
                found(at + 1 - self.length..at + 1);
            }
        }
    }
}

fn number(run: &[u8]) -> u128 {
    run.iter().fold(0, |number, byte| appended(number, *byte))
}

fn appended(number: u128, byte: u8) -> u128 {
    number << 8 | u128::from(byte)
}
