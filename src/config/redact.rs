//! Detects keys in the wrong place, so that no text repeats them.

/// A text with this many hex digits or more is not repeated: half of a key.
const HALF_KEY: usize = 32;

/// A key has 64 hex digits; with this many or more, a text may be a badly copied key.
const NEAR_KEY: usize = 60;

/// With this many hex digits, a text is a piece of a key if the next piece follows after a line
/// break; shorter pieces may be words.
const PIECE: usize = 8;

const HIDDEN: &str = "[redacted]";

/// Whether a value looks like a secret key, even one that is cut, too long or split over lines. Of
/// a path, only the last part counts: the others may be digests.
pub(super) fn is_near_key(text: &str) -> bool {
    let text = match text.rsplit_once('/') {
        Some((_, name)) if !text.contains("://") => name,
        _ => text,
    };
    let joined: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    runs(&joined).iter().any(|run| run.digits >= NEAR_KEY)
}

/// The text without its long runs of hex digits.
pub(super) fn redacted(text: &str) -> String {
    let mut shown = String::new();
    let mut end = 0;
    for run in runs(text).iter().filter(|run| run.digits >= HALF_KEY) {
        shown += &text[end..run.start];
        shown += HIDDEN;
        end = run.end;
    }
    shown += &text[end..];
    shown
}

/// Consecutive hex digits, or pieces of them separated only by white space.
struct Run {
    start: usize,
    end: usize,
    digits: usize,
}

fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (at, _) in text.match_indices(|c: char| c.is_ascii_hexdigit()) {
        match runs.last_mut() {
            Some(run) if run.end == at => {
                run.end += 1;
                run.digits += 1;
            }
            _ => runs.push(Run {
                start: at,
                end: at + 1,
                digits: 1,
            }),
        }
    }
    runs.dedup_by(|next, run| {
        let go_on = run.digits >= PIECE
            && next.digits >= PIECE
            && text[run.end..next.start].trim().is_empty();
        if go_on {
            run.end = next.end;
            run.digits += next.digits;
        }
        go_on
    });
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn near_keys_are_known_wherever_they_are_cut_or_broken() {
        let broken = format!("{}\n  {}\r\n", &KEY[..30], &KEY[30..]);
        for (text, near) in [
            (KEY, true),
            (&KEY[4..], true),
            (&format!("{KEY}0123"), true),
            (&broken, true),
            (&format!("/run/secrets/{KEY}"), true),
            (&format!("{KEY}.key"), true),
            (&format!("https://{KEY}.example/"), true),
            (&format!("https://gateway.example/{KEY}"), true),
            (&format!("key={KEY}"), true),
            (
                &format!("/var/lib/docker/volumes/{KEY}/_data/shop.key"),
                false,
            ),
            (&KEY[5..], false),
            ("administrator", false),
            ("/run/secrets/shop.key", false),
            ("", false),
        ] {
            assert_eq!(is_near_key(text), near, "{text}");
        }
    }

    #[test]
    fn long_runs_are_hidden_and_all_else_is_shown() {
        for (text, shown) in [
            (
                format!("cannot read {KEY}: gone"),
                "cannot read [redacted]: gone",
            ),
            (format!("{}\n{}", &KEY[..10], &KEY[10..]), "[redacted]"),
            (KEY[..32].to_owned(), "[redacted]"),
            (KEY[..31].to_owned(), &KEY[..31]),
            (
                format!("{} {}", &KEY[..5], &KEY[..31]),
                &format!("00112 {}", &KEY[..31]),
            ),
            ("a plain text".to_owned(), "a plain text"),
        ] {
            assert_eq!(redacted(&text), shown);
        }
    }

    proptest! {
        #[test]
        fn no_half_key_is_left(head in "[g-z 1/:]{0,40}", key in "[0-9a-fA-F]{32,80}", at in PIECE..32 - PIECE, tail in "[g-z 1/:]{0,40}") {
            let text = format!("{head}|{}\n{}|{tail}", &key[..at], &key[at..]);
            let shown = redacted(&text);
            prop_assert!(!shown.contains(&key[..at]) && !shown.contains(&key[at..]), "{}", shown);
            prop_assert!(shown.contains(HIDDEN));
        }
    }
}
