//! Reads parts of a JSON text in place, so that a large text needs little more memory than
//! itself.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

use super::NotAnAnswer;

/// Integers up to this are exact as JSON floats.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Passes each member of an object to `visit` until that fails; the rest is only checked to
/// be JSON. The outer error means that the text is not a JSON object.
pub(super) fn members<'a>(
    text: &'a str,
    visit: impl FnMut(Cow<'a, str>, &'a RawValue) -> Result<(), NotAnAnswer>,
) -> serde_json::Result<Result<(), NotAnAnswer>> {
    let mut json = serde_json::Deserializer::from_str(text);
    let result = json.deserialize_map(Members(visit))?;
    json.end()?;
    Ok(result)
}

/// Like [`members`], for the elements of an array.
pub(super) fn elements<'a>(
    text: &'a str,
    visit: impl FnMut(&'a RawValue) -> Result<(), NotAnAnswer>,
) -> serde_json::Result<Result<(), NotAnAnswer>> {
    serde_json::Deserializer::from_str(text).deserialize_seq(Elements(visit))
}

/// The values of some keys of an object; for a duplicated key, the last value.
pub(super) fn fields<'a, const N: usize>(
    text: &'a str,
    keys: [&str; N],
) -> serde_json::Result<[Option<&'a RawValue>; N]> {
    let mut fields = [None; N];
    // Nothing is refused here.
    let _ = members(text, |key, value| {
        if let Some(at) = keys.iter().position(|known| **known == key) {
            fields[at] = Some(value);
        }
        Ok(())
    })?;
    Ok(fields)
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
/// of objects whose key is in `named`.
pub(super) fn is_empty(value: &RawValue, named: &'static [&'static str]) -> bool {
    let mut json = serde_json::Deserializer::from_str(value.get());
    // Too deeply nested values do not count as empty, either.
    json.deserialize_any(Empty(named)).is_ok()
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

struct Members<F>(F);

impl<'de, F: FnMut(Cow<'de, str>, &'de RawValue) -> Result<(), NotAnAnswer>> Visitor<'de>
    for Members<F>
{
    type Value = Result<(), NotAnAnswer>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut result = Ok(());
        while let Some((Text(key), value)) = map.next_entry()? {
            if result.is_ok() {
                result = (self.0)(key, value);
            }
        }
        Ok(result)
    }
}

struct Elements<F>(F);

impl<'de, F: FnMut(&'de RawValue) -> Result<(), NotAnAnswer>> Visitor<'de> for Elements<F> {
    type Value = Result<(), NotAnAnswer>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut result = Ok(());
        while let Some(value) = seq.next_element()? {
            if result.is_ok() {
                result = (self.0)(value);
            }
        }
        Ok(result)
    }
}

/// Accepts empty values and refuses all others.
#[derive(Clone, Copy)]
struct Empty(&'static [&'static str]);

impl<'de> de::DeserializeSeed<'de> for Empty {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Empty {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("nothing")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        if text.is_empty() {
            Ok(())
        } else {
            Err(E::custom("not empty"))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            if self.0.contains(&&*key) {
                map.next_value::<de::IgnoredAny>()?;
            } else {
                map.next_value_seed(self)?;
            }
        }
        Ok(())
    }
}
