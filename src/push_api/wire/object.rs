//! Objects, rows and fields of a response, with their places for messages.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use super::{NotAnAnswer, json};

/// A JSON object.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    pub(super) json: &'a str,
    /// The array and the index of a row.
    row: Option<(&'static str, usize)>,
}

impl<'a> Object<'a> {
    pub(super) fn new(json: &'a str) -> Self {
        Self { json, row: None }
    }

    /// The fields with these keys; for a duplicated key, the last value.
    pub(super) fn fields<const N: usize>(self, keys: [&'static str; N]) -> [Field<'a>; N] {
        let mut fields = keys.map(|key| Field {
            object: self,
            key,
            value: None,
        });
        // Nothing is refused here.
        let _ = json::each(self.json, |key, value| {
            if let Some(field) = fields.iter_mut().find(|field| field.key == key) {
                field.value = Some(value);
            }
            Ok(())
        });
        fields
    }

    /// Reads the whole object for each field, so [`Self::fields`] is for objects of which
    /// there are many.
    pub(super) fn field(self, key: &'static str) -> Field<'a> {
        let [field] = self.fields([key]);
        field
    }

    pub(super) fn complaint(self, kind: &str) -> NotAnAnswer {
        NotAnAnswer::new(format!("{self} {kind}"))
    }
}

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some((array, index)) => write!(f, "{array}[{index}]"),
            None => f.write_str("the answer"),
        }
    }
}

/// A field, which may be missing.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    object: Object<'a>,
    key: &'static str,
    pub(super) value: Option<&'a RawValue>,
}

impl<'a> Field<'a> {
    /// The value as JSON; `None` if it is missing or null.
    pub(super) fn given(self) -> Option<&'a str> {
        let value = self.value.map(RawValue::get);
        value.filter(|value| *value != "null")
    }

    /// Empty if the value is not a text.
    pub(super) fn text(self) -> Cow<'a, str> {
        self.value.and_then(json::text).unwrap_or_default()
    }

    pub(super) fn integer(self) -> Result<i64, NotAnAnswer> {
        json::integer(self.value).map_err(|kind| self.complaint(kind))
    }

    /// Counts above `i64` are as impossible as negative ones: the service would have pushed
    /// more often than there are nanoseconds in a century.
    pub(super) fn count(self) -> Result<u64, NotAnAnswer> {
        u64::try_from(self.integer()?).map_err(|_| self.complaint("is negative"))
    }

    /// Passes each row of an array of objects to `visit`. A missing or null array has no rows.
    pub(super) fn rows(
        self,
        mut visit: impl FnMut(Object<'a>) -> Result<(), NotAnAnswer>,
    ) -> Result<(), NotAnAnswer> {
        let Some(rows) = self.given() else {
            return Ok(());
        };
        if !rows.starts_with('[') {
            return Err(self.complaint("is not an array"));
        }
        let mut index = 0;
        json::each(rows, |_, row| {
            let row = Object {
                json: row.get(),
                row: Some((self.key, index)),
            };
            index += 1;
            if !row.json.starts_with('{') {
                return Err(row.complaint("is not an object"));
            }
            visit(row)
        })
    }

    pub(super) fn complaint(self, kind: &str) -> NotAnAnswer {
        NotAnAnswer::new(match self.object.row {
            Some(_) => format!("{}.{} {kind}", self.object, self.key),
            None => format!("{} {kind}", self.key),
        })
    }
}
