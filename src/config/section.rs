//! Reads typed values from one table, and reports those that are not valid.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value};

use super::duration;
use super::findings::Findings;
use super::key::Place;
use super::read::Read;
use super::redact::is_near_key;
use super::schema::Group;

/// The maximum length of an unknown key that a problem repeats. A secret that slipped into the
/// place of a key (`{secret_key:abc}`, without the space) must not be printed.
const LONGEST_REPEATED_KEY: usize = 24;

/// The maximum length of a number that is repeated, in characters.
const LONGEST_REPEATED_NUMBER: usize = 20;

/// The keys whose values may be secrets, and are never repeated.
const SECRET: [&str; 2] = ["secret_key", "proxy_url"];

/// One table of the tree. Every key that is present but unusable is reported.
pub(super) struct Section<'a> {
    path: String,
    table: &'a Map<String, Value>,
    place: &'a Place<'a>,
    findings: &'a Findings,
}

impl<'a> Section<'a> {
    /// The top level. Unknown keys are refused here.
    pub(super) fn new(
        group: Group,
        table: &'a Map<String, Value>,
        place: &'a Place<'a>,
        findings: &'a Findings,
    ) -> Self {
        let top = Self {
            path: String::new(),
            table,
            place,
            findings,
        };
        top.within(group, String::new(), table)
    }

    /// A table at `path` in the same file. Unknown keys are refused here.
    pub(super) fn within(&self, group: Group, path: String, table: &'a Map<String, Value>) -> Self {
        let section = Self {
            path,
            table,
            ..*self
        };
        for key in table.keys() {
            if !group.is_extension(key) && !group.keys().any(|(known, _)| known == key) {
                section.refuse_unknown(group, key);
            }
        }
        section
    }

    fn refuse_unknown(&self, group: Group, key: &str) {
        if self.findings.is_full() {
            self.refuse(key, "unknown key");
        } else if is_harmless(key) {
            self.refuse(key, &format!("unknown key{}", group.hint(key)));
        } else {
            let path = if self.path.is_empty() {
                "(top level)"
            } else {
                &self.path
            };
            self.findings.refuse(
                path,
                "holds an unknown key, not repeated here since it may be a secret; is a space missing after a colon?",
            );
        }
    }

    /// The path of a key in this table.
    pub(super) fn at(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The path of the table itself.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The first of two keys if it is present, or else the second.
    pub(super) fn name_of<'k>(&self, first: &'k str, second: &'k str) -> &'k str {
        if self.has(first) { first } else { second }
    }

    /// The file that the table is in.
    pub(super) fn place(&self) -> &'a Place<'a> {
        self.place
    }

    pub(super) fn findings(&self) -> &'a Findings {
        self.findings
    }

    pub(super) fn refuse(&self, key: &str, text: &str) {
        self.findings.refuse(&self.at(key), text);
    }

    pub(super) fn notice(&self, key: &str, text: &str) {
        self.findings.notice(&self.at(key), text);
    }

    /// Reports a failed step under `key`, for use with [`Read::and_then`].
    pub(super) fn accept<T, E: Display>(&self, key: &str, result: Result<T, E>) -> Option<T> {
        result
            .map_err(|error| self.refuse(key, &error.to_string()))
            .ok()
    }

    pub(super) fn value(&self, key: &str) -> Read<&'a Value> {
        match self.table.get(key) {
            None => Read::Absent,
            Some(Value::Null) => {
                self.refuse(key, "has no value; give one, or remove the key");
                Read::Refused
            }
            Some(value) => Read::Given(value),
        }
    }

    /// Non-empty text.
    pub(super) fn text(&self, key: &str) -> Read<&'a str> {
        self.text_such_as(key, None)
    }

    /// Like [`Self::text`], in a form that `wanted` describes: the error must not suggest that
    /// quotes around a number are enough.
    pub(super) fn text_such_as(&self, key: &str, wanted: Option<&str>) -> Read<&'a str> {
        self.value(key).and_then(|value| match value {
            Value::String(text) if text.is_empty() => {
                self.refuse(key, "must not be empty");
                None
            }
            Value::String(text) if !SECRET.contains(&key) && is_near_key(text) => {
                self.refuse(
                    key,
                    "looks like a secret key, so it is not repeated here; the key belongs into the file of secret_key_file or the variable of secret_key_env",
                );
                None
            }
            Value::String(text) => Some(text.as_str()),
            Value::Number(_) | Value::Bool(_) => {
                let text = wanted.map_or_else(
                    || format!("must be text, not {}; put it in quotes", kind(value)),
                    |wanted| format!("{wanted}, not {}", kind(value)),
                );
                self.refuse(key, &text);
                None
            }
            other => {
                self.refuse(key, &format!("must be text, not {}", kind(other)));
                None
            }
        })
    }

    pub(super) fn flag(&self, key: &str) -> Read<bool> {
        self.value(key).and_then(|value| {
            let flag = value.as_bool();
            if flag.is_none() {
                self.refuse(key, &format!("must be true or false, not {}", kind(value)));
            }
            flag
        })
    }

    pub(super) fn duration(&self, key: &str, range: &RangeInclusive<Duration>) -> Read<Duration> {
        self.value(key).and_then(|value| {
            let Value::String(text) = value else {
                let hint = if value.is_number() {
                    "; add its unit"
                } else {
                    ""
                };
                self.refuse(
                    key,
                    &format!("{}, not {}{hint}", duration::DurationError, kind(value)),
                );
                return None;
            };
            let length = self.accept(key, duration::parse(text))?;
            if range.contains(&length) {
                return Some(length);
            }
            self.refuse(
                key,
                &format!(
                    "must be from {} to {}, not {}",
                    duration::text(*range.start()),
                    duration::text(*range.end()),
                    duration::text(length)
                ),
            );
            None
        })
    }

    /// A number, whole or not.
    pub(super) fn number(&self, key: &str, range: &RangeInclusive<f64>) -> Read<f64> {
        self.value(key).and_then(|value| {
            let number = value.as_f64().filter(|number| range.contains(number));
            if number.is_none() {
                let (low, high) = (range.start(), range.end());
                self.refuse(
                    key,
                    &format!(
                        "must be a number from {low} to {high}, not {}",
                        number_or_kind(value)
                    ),
                );
            }
            number
        })
    }

    /// A whole number, or a text of digits.
    pub(super) fn whole<T: TryFrom<u64> + PartialOrd + Display>(
        &self,
        key: &str,
        range: &RangeInclusive<T>,
    ) -> Read<T> {
        self.value(key).and_then(|value| {
            let number = match value {
                Value::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => {
                    text.parse().ok()
                }
                other => other.as_u64(),
            }
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| range.contains(number));
            if number.is_none() {
                let (low, high) = (range.start(), range.end());
                self.refuse(
                    key,
                    &format!(
                        "must be a whole number from {low} to {high}, not {}",
                        number_or_kind(value)
                    ),
                );
            }
            number
        })
    }

    /// A list of texts. `known` must accept each text, or else returns what is wrong.
    pub(super) fn texts<T, E: Display>(
        &self,
        key: &str,
        known: impl Fn(&'a str) -> Result<T, E>,
    ) -> Read<Vec<T>> {
        self.value(key).and_then(|value| {
            let Value::Array(list) = value else {
                self.refuse(key, &format!("must be a list, not {}", kind(value)));
                return None;
            };
            let read = list.iter().enumerate().map(|(n, value)| {
                let place = format!("{key}[{n}]");
                let Some(text) = value.as_str() else {
                    self.refuse(&place, &format!("must be text, not {}", kind(value)));
                    return None;
                };
                self.accept(&place, known(text))
            });
            // Read all of them, so that each mistake is reported.
            read.collect::<Vec<_>>().into_iter().collect()
        })
    }

    /// A table under a key. A table without keys, which YAML reads as no value, is empty.
    pub(super) fn table(&self, key: &str, group: Group) -> Option<Section<'a>> {
        match self.table.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::Object(table)) => Some(self.within(group, self.at(key), table)),
            Some(other) => {
                self.refuse(
                    key,
                    &format!("must be a table of keys, not {}", kind(other)),
                );
                None
            }
        }
    }

    /// The elements of a list that must not be empty.
    pub(super) fn list(&self, key: &str) -> &'a [Value] {
        match self.table.get(key) {
            Some(Value::Array(list)) if !list.is_empty() => list,
            None => {
                self.refuse(key, "is missing");
                &[]
            }
            Some(Value::Array(_) | Value::Null) => {
                self.refuse(key, "must not be empty");
                &[]
            }
            Some(other) => {
                self.refuse(key, &format!("must be a list, not {}", kind(other)));
                &[]
            }
        }
    }
}

/// Whether a problem may repeat a key. A part of a secret contains a run of hex digits with at
/// least one decimal digit.
pub(super) fn is_harmless(key: &str) -> bool {
    let is_hex = |part: &str| {
        part.len() >= 8
            && part.bytes().all(|b| b.is_ascii_hexdigit())
            && part.bytes().any(|b| b.is_ascii_digit())
    };
    (1..=LONGEST_REPEATED_KEY).contains(&key.len())
        && !key.split(|c: char| !c.is_ascii_hexdigit()).any(is_hex)
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'<'))
}

/// The kind of a value, for a reader who wrote something else. Never the value itself.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// A number as it was given: where a number is expected, a number is not a secret. A very long one
/// may be a key.
fn number_or_kind(value: &Value) -> String {
    match value {
        Value::Number(number) if number.to_string().len() <= LONGEST_REPEATED_NUMBER => {
            number.to_string()
        }
        other => kind(other).to_owned(),
    }
}
