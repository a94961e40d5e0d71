//! The only repair: a key for the object that has none in the document's sample.

/// Turns `"ErrorInfo": "...",{` into `"ErrorInfo": "...","Results":{`, at its first
/// occurrence. `None` if the text has none.
pub(super) fn repair(text: &str) -> Option<String> {
    const KEY: &str = "\"ErrorInfo\"";
    text.match_indices(KEY).find_map(|(at, _)| {
        let value = text[at + KEY.len()..]
            .trim_start()
            .strip_prefix(':')?
            .trim_start();
        let rest = after_string(value)?
            .trim_start()
            .strip_prefix(',')?
            .trim_start();
        let brace = text.len() - rest.len();
        rest.starts_with('{')
            .then(|| format!("{}\"Results\":{rest}", &text[..brace]))
    })
}

/// The text after the JSON string at the start of `text`.
fn after_string(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inner.find(|c| match c {
        _ if escaped => {
            escaped = false;
            false
        }
        '\\' => {
            escaped = true;
            false
        }
        c => c == '"',
    })?;
    inner.get(end + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_object_after_error_info_gets_a_key() {
        for (text, repaired) in [
            (
                r#"{"ErrorInfo": "sucess",{"a":1}}"#,
                r#"{"ErrorInfo": "sucess","Results":{"a":1}}"#,
            ),
            (
                "{\"ErrorInfo\" :\n\"x\" ,\n {}}",
                "{\"ErrorInfo\" :\n\"x\" ,\n \"Results\":{}}",
            ),
            (
                r#"{"ErrorInfo":"a \"ErrorInfo\": \"b\",{ \\",{}}"#,
                r#"{"ErrorInfo":"a \"ErrorInfo\": \"b\",{ \\","Results":{}}"#,
            ),
        ] {
            assert_eq!(repair(text).as_deref(), Some(repaired), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_touched() {
        for text in [
            "",
            "{",
            r#"{"ErrorInfo":"x","Results":{}}"#,
            r#"{"ErrorInfo":"x",[]}"#,
            r#"{"ErrorInfo":"x"#,
            r#"{"ErrorInfo":{"x":1},{}}"#,
            r#"{"Info":"x",{}}"#,
        ] {
            assert_eq!(repair(text), None, "{text}");
        }
    }
}
