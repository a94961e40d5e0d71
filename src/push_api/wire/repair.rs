//! The only repair: a key for the object that has none in the document's sample.

use serde_json::value::RawValue;

/// Turns `"ErrorInfo": "...",{` into `"ErrorInfo": "...","Results":{`, at its first
/// occurrence. `None` if the text has none.
pub(super) fn repair(text: &str) -> Option<String> {
    const KEY: &str = "\"ErrorInfo\"";
    text.match_indices(KEY).find_map(|(at, _)| {
        let value = text[at + KEY.len()..].trim_start().strip_prefix(':')?;
        let value = Some(value.trim_start()).filter(|value| value.starts_with('"'))?;
        let mut values = serde_json::Deserializer::from_str(value).into_iter::<&RawValue>();
        values.next()?.ok()?;
        let rest = value[values.byte_offset()..].trim_start();
        let rest = rest.strip_prefix(',')?.trim_start();
        let brace = text.len() - rest.len();
        rest.starts_with('{')
            .then(|| format!("{}\"Results\":{rest}", &text[..brace]))
    })
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
