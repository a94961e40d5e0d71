//! Text on one line, and in the order in which it is read.

/// `text` on one line: white space and control characters are folded into single spaces, and
/// characters that are invisible or change the direction of the text are removed. At most
/// `max_chars` characters.
pub fn one_line(text: &str, max_chars: usize) -> String {
    shortened(folded(text), max_chars)
}

/// Like [`one_line`], of any length.
pub fn folded(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut gap = false;
    let mut broken = false;
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            (gap, broken) = (true, false);
        } else if !(is_invisible(c) || broken && c == char::REPLACEMENT_CHARACTER) {
            if gap && !line.is_empty() {
                line.push(' ');
            }
            gap = false;
            // A broken character becomes a replacement character for each of its bytes.
            broken = c == char::REPLACEMENT_CHARACTER;
            line.push(c);
        }
    }
    line
}

/// The first `max_chars` characters, without a trailing space.
pub fn shortened(mut line: String, max_chars: usize) -> String {
    if line.len() > max_chars
        && let Some((end, _)) = line.char_indices().nth(max_chars)
    {
        line.truncate(line[..end].trim_end().len());
    }
    line
}

/// Unicode's property `Default_Ignorable_Code_Point` (`DerivedCoreProperties.txt`, version
/// 16), which includes `Bidi_Control`. Two texts that differ only in such characters look the
/// same, but are not. Line and paragraph separators are white space.
fn is_invisible(c: char) -> bool {
    !c.is_ascii()
        && matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_of_one_line_are_left_alone_and_others_are_folded_into_one() {
        for (text, line) in [
            ("", ""),
            ("410", "410"),
            ("a\r\n\tb\u{85}\u{2028}c\0d ", "a b c d"),
            ("  a   b  ", "a b"),
            ("没有设置证书id", "没有设置证书id"),
            ("certi\u{ad}ficate\u{202e}s\u{200b}", "certificates"),
            ("\u{feff}\u{e0041}4\u{2066}10", "410"),
            (
                "cut \u{fffd}\u{fffd}\u{fffd} \u{fffd}",
                "cut \u{fffd} \u{fffd}",
            ),
        ] {
            assert_eq!(one_line(text, 100), line, "{text:?}");
        }
    }

    #[test]
    fn a_line_is_cut_by_characters_not_bytes() {
        assert_eq!(one_line(&"未".repeat(99), 64), "未".repeat(64));
        assert_eq!(one_line("ab cd", 3), "ab");
        assert_eq!(one_line("ab", 0), "");
    }

    proptest! {
        #[test]
        fn what_is_invisible_is_what_unicode_ignores(
            ignorable in "[\\p{Default_Ignorable_Code_Point}\\p{Bidi_Control}]{1,40}",
            other in "[^\\p{Default_Ignorable_Code_Point}\\p{Cc}\\p{White_Space}\u{fffd}]{1,40}",
        ) {
            prop_assert_eq!(folded(&ignorable), "");
            prop_assert_eq!(folded(&other), other);
        }
    }
}
