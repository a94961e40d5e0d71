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
        ("a\u{2028}b\u{202e}c", "a bc"),
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

/// `text` with some of its bytes percent-encoded, some of them several times.
fn encode(text: &str, which: &[u8]) -> String {
    text.bytes()
        .zip(which.iter().cycle())
        .map(|(byte, how)| match how % 4 {
            0 => format!("%{byte:02x}"),
            1 => format!("%{byte:02X}"),
            2 => format!("%{}{byte:02x}", "25".repeat(usize::from(how / 64) + 1)),
            _ => char::from(byte).to_string(),
        })
        .collect()
}

/// The bytes of `text`, decoded until nothing is left to decode.
fn decode(text: &[u8]) -> Vec<u8> {
    let once: Vec<u8> = percent_encoding::percent_decode(text).collect();
    if once == text { once } else { decode(&once) }
}

#[test]
fn an_escape_of_any_depth_hides_nothing_and_costs_its_length_once() {
    let bomb = format!("%{}", "25".repeat(2047));
    assert_eq!(scrub(&bomb), bomb[..1000]);
    let deep = encode(KEY, &[254]);
    assert_eq!(scrub(&format!("key {deep}.")), "key [redacted].");
}

#[test]
fn a_secret_behind_a_percent_sign_is_found_though_decoding_swallows_its_beginning() {
    let scrubber = Scrubber::new(["41feed"]);
    assert_eq!(scrubber.scrub("100%41feed", 100), "100%[redacted]");
}

#[test]
fn a_secret_that_holds_escapes_is_found_in_both_its_forms() {
    let scrubber = Scrubber::new(["http://user:pa%40ss@proxy:8080"]);
    for echo in ["pa%40ss@proxy", "pa@ss@proxy:8080", "user:pa%2540ss@proxy"] {
        assert_eq!(
            scrubber.scrub(&format!("via {echo} failed"), 100),
            "via [redacted] failed"
        );
    }
}

#[test]
fn a_secret_is_found_though_invisible_characters_or_line_breaks_are_spread_over_it() {
    let spread: String = KEY.chars().flat_map(|c| [c, '\u{200b}']).collect();
    assert_eq!(scrub(&format!("key {spread}")), "key [redacted]");
    let scrubber = Scrubber::new(["a made-up\n  key"]);
    assert_eq!(scrubber.scrub("is a made-up\tkey", 100), "is [redacted]");
}

#[test]
fn a_text_is_cut_before_it_is_looked_at_and_shows_no_more_of_a_secret_for_it() {
    let long = "x".repeat(8 << 20);
    assert_eq!(Scrubber::examined(&long, 64).len(), 1024);
    assert_eq!(
        Scrubber::examined("未".repeat(9999).as_str(), 64).len(),
        1023
    );
    assert_eq!(Scrubber::examined("", 64), "");
    // The cut is in the middle of an earlier signature.
    let spaces = " ".repeat(1024 - 30);
    let text = format!("a{spaces}eJ{}", "aB3*".repeat(20));
    assert_eq!(Scrubber::new([]).scrub(&text, 64), "a [redacted]");
}

#[test]
fn the_secrets_of_two_scrubbers_are_kept_out_together() {
    let both = Scrubber::new([KEY]).and(&Scrubber::new(["http://proxy"]));
    assert_eq!(
        both.scrub(&format!("{KEY} via http://proxy"), 100),
        "[redacted] via [redacted]"
    );
}

#[test]
fn nested_parameters_are_hidden_to_their_common_end() {
    let text = format!("{}x&usersig=", "usersig=".repeat(10));
    assert_eq!(scrub(&text), "usersig=[redacted]&usersig=");
}

proptest! {
    #[test]
    fn no_twelve_characters_of_a_secret_survive(
        secret in "[!-~]{4,60}",
        before in "[ -~]{0,40}",
        after in "\\PC{0,40}",
        which in proptest::collection::vec(0_u8.., 1..40),
        max in 0_usize..200,
    ) {
        let scrubber = Scrubber::new([secret.as_str()]);
        for echo in [secret.clone(), encode(&secret, &which)] {
            let scrubbed = scrubber.scrub(&format!("{before}{echo}{after}"), max);
            prop_assert!(scrubbed.chars().count() <= max);
            // The mark itself may contain a short secret.
            let shown = scrubbed.replace(REDACTED, "\0").into_bytes();
            for shown in [decode(&shown), shown] {
                for fragment in secret.as_bytes().windows(12.min(secret.len())) {
                    let survives = shown.windows(fragment.len()).any(|run| run == fragment);
                    prop_assert!(!survives, "{scrubbed:?}");
                }
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
