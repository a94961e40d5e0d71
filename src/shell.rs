//! Commands to paste: the name of a file or of an app, as one shell word.

use std::borrow::Cow;

/// `text` as one word of a POSIX shell, quoted if necessary.
pub fn word(text: &str) -> Cow<'_, str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+:@%".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
    }
}

/// A file's name as a word that no program mistakes for an option.
pub fn file(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    if text.starts_with('-') {
        word(&format!("./{text}")).into_owned()
    } else {
        word(&text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;
    use std::process::Command;

    /// How a shell reads a word.
    fn read_by_a_shell(word: &str) -> String {
        let script = format!("printf '%s|' {word}");
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn plain_names_stay_as_they_are() {
        for (name, word) in [
            ("/etc/timpush.yml", "/etc/timpush.yml"),
            ("my file.yml", "'my file.yml'"),
            ("it's.yml", r"'it'\''s.yml'"),
            ("-x.yml", "./-x.yml"),
            ("-x y", "'./-x y'"),
            ("", "''"),
        ] {
            assert_eq!(file(Path::new(name)), word);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_reads_a_word_as_the_text_that_it_was_made_of(
            text in prop_oneof!["\\PC{0,12}", "[-'\" $`\\\\;&|<>*?#~!(){}\\[\\]=\t\n]{0,8}"],
        ) {
            prop_assert_eq!(read_by_a_shell(&word(&text)), format!("{text}|"));
        }
    }
}
