//! The one place that text from outside passes before it reaches a log line, a page or a
//! label: it takes out secrets that the text may echo, and whatever could break a line.
//!
//! A UserSig travels in the URL, and gateways like to show the URL they could not serve.

use zeroize::Zeroizing;

/// What stands in a secret's place.
const REDACTED: &str = "[redacted]";

/// A run of this many characters that is also part of a secret is taken out, so that an
/// echo that was cut short shows nothing either.
const FRAGMENT: usize = 12;

/// Shorter secrets cannot be told from ordinary words.
const SHORTEST: usize = 4;

/// No more than this many bytes of a text are looked at. The longest text that is kept
/// is a fraction of it.
const MAX_INPUT: usize = 4096;

/// A run of this many characters of a UserSig's alphabet that begins as compressed data
/// does is taken for an earlier signature.
const SIGNATURE_RUN: usize = 60;

/// Base64 of zlib's first byte and the usual second ones.
const SIGNATURE_STARTS: [&str; 2] = ["eJ", "eA"];

/// The parameter that carries a signature.
const PARAMETER: &str = "usersig";

/// Takes secrets out of texts. Its own copies of them are wiped when it is dropped.
pub struct Scrubber {
    secrets: Vec<Zeroizing<Vec<u8>>>,
}

impl Scrubber {
    /// Keeps `secrets` out of what [`Self::scrub`] returns. Those of fewer than 4 bytes
    /// are left out.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let secrets = secrets
            .into_iter()
            .filter(|secret| secret.len() >= SHORTEST)
            .map(|secret| Zeroizing::new(secret.as_bytes().to_vec()))
            .collect();
        Self { secrets }
    }

    /// `text` on one line, without secrets, raw or percent-encoded, and of at most
    /// `max_chars` characters.
    pub fn scrub(&self, text: &str, max_chars: usize) -> String {
        let end = (0..=MAX_INPUT.min(text.len()))
            .rev()
            .find(|at| text.is_char_boundary(*at));
        let text = &text[..end.unwrap_or(0)];
        let decoded = Decoded::new(text);
        let mut hidden = vec![false; decoded.bytes.len()];
        for secret in &self.secrets {
            hide_fragments(&decoded.bytes, secret, &mut hidden);
        }
        hide_parameters(&decoded.bytes, &mut hidden);
        hide_signatures(&decoded.bytes, &mut hidden);
        one_line(&decoded.cover(text, &hidden), max_chars)
    }
}

/// A text after percent-decoding, repeated until nothing changes, with the place in the
/// text that each byte came from.
struct Decoded {
    bytes: Vec<u8>,
    /// Start and end of the original of each byte.
    origins: Vec<(usize, usize)>,
}

impl Decoded {
    fn new(text: &str) -> Self {
        let mut decoded = Self {
            bytes: text.bytes().collect(),
            origins: (0..text.len()).map(|at| (at, at + 1)).collect(),
        };
        loop {
            let before = decoded.bytes.len();
            decoded = decoded.once();
            if decoded.bytes.len() == before {
                return decoded;
            }
        }
    }

    fn once(&self) -> Self {
        let mut next = Self {
            bytes: Vec::new(),
            origins: Vec::new(),
        };
        let mut at = 0;
        while at < self.bytes.len() {
            let (byte, length) = match self.bytes[at..] {
                [b'%', high, low, ..] => match (hex(high), hex(low)) {
                    (Some(high), Some(low)) => (high << 4 | low, 3),
                    _ => (b'%', 1),
                },
                _ => (self.bytes[at], 1),
            };
            next.bytes.push(byte);
            next.origins
                .push((self.origins[at].0, self.origins[at + length - 1].1));
            at += length;
        }
        next
    }

    /// The original text with a mark in place of each hidden run.
    fn cover(&self, text: &str, hidden: &[bool]) -> String {
        let mut covered = Vec::with_capacity(text.len());
        let mut in_run = false;
        for (hide, (start, end)) in hidden.iter().zip(&self.origins) {
            if !*hide {
                covered.extend_from_slice(&text.as_bytes()[*start..*end]);
            } else if !in_run {
                covered.extend_from_slice(REDACTED.as_bytes());
            }
            in_run = *hide;
        }
        // A secret may begin or end within a character.
        String::from_utf8_lossy(&covered).into_owned()
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// Hides every run that the text shares with the secret, if it is long enough to matter.
fn hide_fragments(text: &[u8], secret: &[u8], hidden: &mut [bool]) {
    let enough = FRAGMENT.min(secret.len());
    for needle in secret.windows(enough) {
        for (at, _) in text
            .windows(enough)
            .enumerate()
            .filter(|(_, window)| *window == needle)
        {
            hidden[at..at + enough].fill(true);
        }
    }
}

/// Hides the value of every parameter that carries a signature.
fn hide_parameters(text: &[u8], hidden: &mut [bool]) {
    for at in 0..text.len().saturating_sub(PARAMETER.len()) {
        let value = at + PARAMETER.len() + 1;
        if text[at..value - 1].eq_ignore_ascii_case(PARAMETER.as_bytes()) && text[value - 1] == b'='
        {
            let length = text[value..]
                .iter()
                .take_while(|byte| is_signature(**byte))
                .count();
            hidden[value..value + length].fill(true);
        }
    }
}

/// Hides what looks like a signature, whoever made it.
fn hide_signatures(text: &[u8], hidden: &mut [bool]) {
    let mut at = 0;
    while at < text.len() {
        let length = text[at..]
            .iter()
            .take_while(|byte| is_signature(**byte))
            .count();
        let run = &text[at..at + length];
        let starts = |from: &usize| {
            SIGNATURE_STARTS
                .iter()
                .any(|start| run[*from..].starts_with(start.as_bytes()))
        };
        if let Some(from) = (0..length)
            .find(starts)
            .filter(|from| length - from >= SIGNATURE_RUN)
        {
            hidden[at + from..at + length].fill(true);
        }
        at += length.max(1);
    }
}

/// Of a UserSig's alphabet, or of the base64 that it is made from.
fn is_signature(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"*-_+/=".contains(&byte)
}

/// White space folded, and no character that breaks a line or turns its direction.
fn one_line(text: &str, max_chars: usize) -> String {
    let mut line = String::new();
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control() || breaks_lines(c))
        .filter(|word| !word.is_empty())
    {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(max_chars) {
        Some((end, _)) => line[..end].trim_end().to_owned(),
        None => line,
    }
}

/// Line and paragraph separators and the bidirectional controls (Unicode Annex 9).
fn breaks_lines(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Made up, and as long as a real signature.
    const SIG: &str = "eJw1jcsOgjAURH*FdG2wtCWiiRs3boySoMFtoQUv2MpLQIz-bkGZ5TkzmTc6HwK7lRXaWIjYGC2siYCQuoEEfoJHsZBJeoMsvyv9KMqqbp5t178G7BDK3HlVi5wXBQizIdjEyL*RfQGVNJxRY-6wATUiZ8";
    const KEY: &str = "made-up-key-0123456789";

    fn scrub(text: &str) -> String {
        Scrubber::new([SIG, KEY]).scrub(text, 1000)
    }

    #[test]
    fn echoed_secrets_are_taken_out() {
        for (text, scrubbed) in [
            (format!("key {KEY}."), "key [redacted].".to_owned()),
            (format!("{KEY}{KEY}"), "[redacted]".to_owned()),
            (
                format!("POST /x?sdkappid=1&usersig={SIG}&random=2 failed"),
                "POST /x?sdkappid=1&usersig=[redacted]&random=2 failed".to_owned(),
            ),
            (
                format!("usersig%3D{SIG}%26random"),
                "usersig%3D[redacted]%26random".to_owned(),
            ),
            (
                "UserSig=short&a".to_owned(),
                "UserSig=[redacted]&a".to_owned(),
            ),
            (
                r#"{"usersig": "x"}"#.to_owned(),
                r#"{"usersig": "x"}"#.to_owned(),
            ),
            (
                format!("begins {}", &SIG[..40]),
                "begins [redacted]".to_owned(),
            ),
            (
                format!("ends {}", &SIG[100..]),
                "ends [redacted]".to_owned(),
            ),
            (
                format!("old eJ{}", "aB3*".repeat(20)),
                "old [redacted]".to_owned(),
            ),
            (
                "%6dade-up-key-%30%31%25323456789".to_owned(),
                "[redacted]".to_owned(),
            ),
        ] {
            assert_eq!(scrub(&text), scrubbed, "{text}");
        }
    }

    #[test]
    fn a_line_stays_a_line_of_bounded_length() {
        for (text, scrubbed) in [
            ("a\r\nb\tc\0d", "a b c d"),
            ("a\u{2028}b\u{202e}c", "a b c"),
            ("  a   b  ", "a b"),
            ("没有设置证书id", "没有设置证书id"),
            ("100% of %zz %4", "100% of %zz %4"),
        ] {
            assert_eq!(scrub(text), scrubbed, "{text:?}");
        }
        assert_eq!(
            Scrubber::new([]).scrub(&"未".repeat(5000), 120),
            "未".repeat(120)
        );
    }

    #[test]
    fn secrets_too_short_to_be_told_from_words_are_left_alone() {
        assert_eq!(
            Scrubber::new(["a", "id"]).scrub("a valid id", 100),
            "a valid id"
        );
        assert_eq!(
            Scrubber::new(["idea"]).scrub("an idea", 100),
            "an [redacted]"
        );
    }

    /// `text` with some of its bytes percent-encoded.
    fn encode(text: &str, which: &[u8]) -> String {
        text.bytes()
            .zip(which.iter().cycle())
            .map(|(byte, how)| match how % 4 {
                0 => format!("%{byte:02x}"),
                1 => format!("%{byte:02X}"),
                2 => format!("%25{byte:02x}"),
                _ => char::from(byte).to_string(),
            })
            .collect()
    }

    proptest! {
        #[test]
        fn no_twelve_characters_of_a_secret_survive(
            secret in "[!-~&&[^%]]{4,60}",
            before in "[ -~]{0,40}",
            after in "\\PC{0,40}",
            which in proptest::collection::vec(0_u8.., 1..40),
            max in 0_usize..200,
        ) {
            let scrubber = Scrubber::new([secret.as_str()]);
            for echo in [secret.clone(), encode(&secret, &which)] {
                let scrubbed = scrubber.scrub(&format!("{before}{echo}{after}"), max);
                prop_assert!(scrubbed.chars().count() <= max);
                let decoded = String::from_utf8_lossy(&Decoded::new(&scrubbed).bytes).into_owned();
                for fragment in secret.as_bytes().windows(12.min(secret.len())) {
                    let fragment = std::str::from_utf8(fragment).unwrap();
                    // The mark itself may hold a short secret.
                    prop_assert!(!decoded.replace(REDACTED, "\0").contains(fragment), "{scrubbed:?}");
                }
            }
        }

        #[test]
        fn ordinary_text_is_left_alone(words in proptest::collection::vec("[a-z]{1,9}", 0..12)) {
            let text = words.join(" ");
            prop_assert_eq!(Scrubber::new([SIG, KEY]).scrub(&text, 1000), text);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,300}", secret in "\\PC{0,30}", max in 0_usize..50) {
            let scrubbed = Scrubber::new([secret.as_str()]).scrub(&text, max);
            prop_assert!(!scrubbed.chars().any(char::is_control));
        }
    }
}
