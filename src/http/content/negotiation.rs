//! Which format and encoding a client prefers. Every request gets a response: header elements that
//! are not understood are ignored.

pub(super) mod encoding;
pub(super) mod media;

use axum::http::HeaderMap;
use axum::http::header::HeaderName;

use crate::metrics::Encoding;

/// The content type of a response with metrics, and the encoding of its body.
pub fn chosen(headers: &HeaderMap) -> (String, Encoding) {
    let choice = media::Choice::of(headers);
    (choice.content_type(), encoding::choose(headers))
}

/// One element of a header that lists acceptable values.
#[derive(Debug, PartialEq)]
struct Element<'a> {
    /// In lower case.
    name: String,
    /// Names in lower case, values without quotes; `q` is not included.
    parameters: Vec<(String, &'a str)>,
    /// From 0, not acceptable, to 1, the most preferred.
    quality: f64,
}

/// All values of a header as one list; none if the header is missing, or if no value is text.
fn list(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let values: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// The elements of a list, except malformed ones.
fn elements(list: &str) -> impl Iterator<Item = Element<'_>> {
    split(list, ',').filter_map(element)
}

fn element(text: &str) -> Option<Element<'_>> {
    let mut parts = split(text, ';');
    let name = parts.next()?.to_ascii_lowercase();
    let mut element = Element {
        name,
        parameters: Vec::new(),
        quality: 1.0,
    };
    if element.name.is_empty() {
        return None;
    }
    for part in parts {
        let (name, value) = part.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        let value = value.trim().trim_matches('"');
        if name == "q" {
            element.quality = quality(value)?;
        } else {
            element.parameters.push((name, value));
        }
    }
    Some(element)
}

fn quality(text: &str) -> Option<f64> {
    let decimal = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let quality = text.parse().ok().filter(|_| decimal)?;
    (0.0..=1.0).contains(&quality).then_some(quality)
}

/// Trimmed parts between separators that are not inside quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_split_outside_of_quotes_and_malformed_ones_left_out() {
        let found: Vec<Element> =
            elements(r#"Text/Plain; Version="1,0;0" ;q=0.25,, ;q=1, a;b, c;q=2, d;q=x, e;q=nan, f;q=-0, g;q=0."#)
                .collect();
        assert_eq!(
            found,
            [
                Element {
                    name: "text/plain".to_owned(),
                    parameters: vec![("version".to_owned(), "1,0;0")],
                    quality: 0.25
                },
                Element {
                    name: "g".to_owned(),
                    parameters: vec![],
                    quality: 0.0
                },
            ]
        );
    }
}
