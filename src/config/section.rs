//! Reads typed values from one table, and reports those that are not valid.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value};

use super::duration::{self, DurationError};
use super::findings::Findings;
use super::key::Place;
use super::read::{Mistake, Read};
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
    /// The path of the table itself.
    pub(super) path: String,
    pub(super) table: &'a Map<String, Value>,
    /// The file that the table is in.
    pub(super) place: &'a Place<'a>,
    pub(super) findings: &'a Findings,
}

impl<'a> Section<'a> {
    /// The top level. Unknown keys are refused here.
    pub(super) fn new(
        group: Group,
        table: &'a Map<String, Value>,
        place: &'a Place<'a>,
        findings: &'a Findings,
    ) -> Self {
        let section = Self {
            path: String::new(),
            table,
            place,
            findings,
        };
        section.refuse_unknown(group);
        section
    }

    /// The value at `path` in the same file as a table. Unknown keys are refused here.
    pub(super) fn within(&self, group: Group, path: String, value: &'a Value) -> Option<Self> {
        let Value::Object(table) = value else {
            self.findings
                .refuse(&path, &unlike("must be a table of keys", value).to_string());
            return None;
        };
        let section = Self {
            path,
            table,
            ..*self
        };
        section.refuse_unknown(group);
        Some(section)
    }

    fn refuse_unknown(&self, group: Group) {
        let is_known = |key| group.is_extension(key) || group.has(key);
        for key in self.table.keys().filter(|key| !is_known(key)) {
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
    }

    /// The path of a key in this table.
    pub(super) fn at(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
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

    /// A value in the form that `parse` accepts; its error is reported.
    pub(super) fn read<T, E: Display>(
        &self,
        key: &str,
        parse: impl FnOnce(&'a Value) -> Result<T, E>,
    ) -> Read<T> {
        self.value(key)
            .and_then(|value| self.accept(key, parse(value)))
    }

    /// Non-empty text in the form that `parse` accepts; its error is reported.
    pub(super) fn parsed<T, E: Display>(
        &self,
        key: &str,
        parse: impl FnOnce(&'a str) -> Result<T, E>,
    ) -> Read<T> {
        self.text(key)
            .and_then(|text| self.accept(key, parse(text)))
    }

    /// Non-empty text.
    pub(super) fn text(&self, key: &str) -> Read<&'a str> {
        self.text_such_as(key, None)
    }

    /// Like [`Self::text`], in a form that `wanted` describes: the error must not suggest that
    /// quotes around a number are enough.
    pub(super) fn text_such_as(&self, key: &str, wanted: Option<&str>) -> Read<&'a str> {
        self.read(key, |value| match value {
            Value::String(text) if text.is_empty() => Err("must not be empty".into()),
            Value::String(text) if !SECRET.contains(&key) && is_near_key(text) => {
                Err("looks like a secret key, so it is not repeated here; the key belongs into the file of secret_key_file or the variable of secret_key_env".into())
            }
            Value::String(text) => Ok(text.as_str()),
            Value::Number(_) | Value::Bool(_) => Err(match wanted {
                Some(wanted) => unlike(wanted, value),
                None => unlike("must be text", value).and("; put it in quotes"),
            }),
            other => Err(unlike("must be text", other)),
        })
    }

    pub(super) fn flag(&self, key: &str) -> Read<bool> {
        self.read(key, |value| {
            let flag = value.as_bool();
            flag.ok_or_else(|| unlike("must be true or false", value))
        })
    }

    pub(super) fn duration(&self, key: &str, range: &RangeInclusive<Duration>) -> Read<Duration> {
        self.read(key, |value| {
            let Value::String(text) = value else {
                let hint = if value.is_number() {
                    "; add its unit"
                } else {
                    ""
                };
                return Err(unlike(&DurationError.to_string(), value).and(hint));
            };
            let length = duration::parse(text).map_err(|error| error.to_string())?;
            if range.contains(&length) {
                return Ok(length);
            }
            let [low, high, given] = [*range.start(), *range.end(), length].map(duration::text);
            Err(format!("must be from {low} to {high}, not {given}").into())
        })
    }

    /// A number, whole or not.
    pub(super) fn number(&self, key: &str, range: &RangeInclusive<f64>) -> Read<f64> {
        self.read(key, |value| {
            within(range, value.as_f64(), "a number", value)
        })
    }

    /// A whole number, or a text of digits.
    pub(super) fn whole<T: TryFrom<u64> + PartialOrd + Display>(
        &self,
        key: &str,
        range: &RangeInclusive<T>,
    ) -> Read<T> {
        self.read(key, |value| {
            let number = match value {
                Value::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => {
                    text.parse().ok()
                }
                other => other.as_u64(),
            };
            let number = number.and_then(|number| T::try_from(number).ok());
            within(range, number, "a whole number", value)
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
                self.refuse(key, &unlike("must be a list", value).to_string());
                return None;
            };
            let read = list.iter().enumerate().map(|(n, value)| {
                let text = value.as_str().ok_or_else(|| unlike("must be text", value));
                let known =
                    text.and_then(|text| known(text).map_err(|error| error.to_string().into()));
                self.accept(&format!("{key}[{n}]"), known)
            });
            // Read all of them, so that each mistake is reported.
            read.collect::<Vec<_>>().into_iter().collect()
        })
    }

    /// A table under a key. A table without keys, which YAML reads as no value, is empty.
    pub(super) fn table(&self, key: &str, group: Group) -> Option<Self> {
        let value = self.table.get(key).filter(|value| !value.is_null())?;
        self.within(group, self.at(key), value)
    }

    /// The elements of a list that must not be empty.
    pub(super) fn list(&self, key: &str) -> &'a [Value] {
        let list = match self.table.get(key) {
            Some(Value::Array(list)) if !list.is_empty() => Ok(list.as_slice()),
            None => Err("is missing".into()),
            Some(Value::Array(_) | Value::Null) => Err("must not be empty".into()),
            Some(other) => Err(unlike("must be a list", other)),
        };
        self.accept(key, list).unwrap_or_default()
    }
}

/// The number if it is in the range; `value` is what was given for it.
fn within<T: PartialOrd + Display>(
    range: &RangeInclusive<T>,
    number: Option<T>,
    what: &str,
    value: &Value,
) -> Result<T, Mistake> {
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let (low, high) = (range.start(), range.end());
            let given = number_or_kind(value);
            format!("must be {what} from {low} to {high}, not {given}").into()
        })
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

/// What is wrong with a value of another kind than `wanted` says. Never the value itself.
pub(super) fn unlike(wanted: &str, value: &Value) -> Mistake {
    format!("{wanted}, not {}", kind(value)).into()
}

fn kind(value: &Value) -> &'static str {
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
