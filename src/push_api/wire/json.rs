//! Reads parts of a JSON text in place, so that a large text needs little more memory than
//! itself. The text is known to be valid JSON.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::NotAnAnswer;

/// Integers up to this are exact as JSON floats.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// How deep [`is_empty`] looks.
const MAX_DEPTH: u8 = 8;

/// Passes each member of an object, or each element of an array with an empty key, to `visit`
/// until that fails. Other values have neither.
pub(super) fn each<'a>(
    text: &'a str,
    visit: impl FnMut(Cow<'a, str>, &'a RawValue) -> Result<(), NotAnAnswer>,
) -> Result<(), NotAnAnswer> {
    let mut json = serde_json::Deserializer::from_str(text);
    json.deserialize_any(Each(visit)).unwrap_or(Ok(()))
}

/// `None` if the value is not a string.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    // Otherwise, every number would cost an error.
    let string = Some(value.get()).filter(|value| value.starts_with('"'))?;
    let Text(text) = serde_json::from_str(string).ok()?;
    Some(text)
}

/// An integer, as JSON number, as float without a fraction, or as digits in a string.
pub(super) fn integer(value: Option<&RawValue>) -> Result<i64, &'static str> {
    const OUT_OF_RANGE: &str = "is not a whole number in range";
    let value = value.ok_or("is missing")?;
    if let Some(text) = text(value) {
        let digits = text.strip_prefix('-').unwrap_or(&text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err("is text that is not a whole number");
        }
        return text.parse().map_err(|_| OUT_OF_RANGE);
    }
    if let Ok(integer) = value.get().parse() {
        return Ok(integer);
    }
    match value.get().parse::<f64>() {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "in range and without a fraction"
        )]
        Ok(float) if float.fract() == 0.0 && float.abs() <= MAX_EXACT => Ok(float as i64),
        Ok(_) => Err(OUT_OF_RANGE),
        Err(_) => Err("is not a number"),
    }
}

/// Null, an empty text, or a container in which all values are empty, apart from the members
/// of objects whose key is in `named`. A container in more than 8 others does not count as
/// empty.
pub(super) fn is_empty(value: &RawValue, named: &[&str]) -> bool {
    is_empty_within(MAX_DEPTH, value, named)
}

fn is_empty_within(depth: u8, value: &RawValue, named: &[&str]) -> bool {
    match (value.get(), depth.checked_sub(1)) {
        ("null" | "\"\"", _) => true,
        (text, Some(depth)) if text.starts_with(['[', '{']) => {
            let mut all = true;
            let visited = each(text, |key, value| {
                all = all && (named.contains(&&*key) || is_empty_within(depth, value, named));
                Ok(())
            });
            visited.is_ok() && all
        }
        _ => false,
    }
}

/// A JSON string. Escapes that are not valid UTF-16 become U+FFFD.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        // In `deserialize_str`, serde_json would refuse a lone surrogate.
        json.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Text(String::from_utf8_lossy(bytes)))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Text(String::from_utf8_lossy(bytes).into_owned().into()))
    }
}

struct Each<F>(F);

impl<'de, F: FnMut(Cow<'de, str>, &'de RawValue) -> Result<(), NotAnAnswer>> Visitor<'de>
    for Each<F>
{
    type Value = Result<(), NotAnAnswer>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut result = Ok(());
        // serde_json requires that everything is read.
        while let Some((Text(key), value)) = map.next_entry()? {
            result = result.and_then(|()| (self.0)(key, value));
        }
        Ok(result)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut result = Ok(());
        while let Some(value) = seq.next_element()? {
            result = result.and_then(|()| (self.0)(Cow::default(), value));
        }
        Ok(result)
    }
}
