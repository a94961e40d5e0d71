//! Duplicate keys in one table of JSON: its parser silently keeps the last one, while those of YAML
//! and TOML refuse both.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

pub(super) const TWICE: &str = "duplicate key";

/// The line of the first duplicate key. Other mistakes are left to the parser.
pub(super) fn json(text: &str) -> Option<usize> {
    let error = serde_json::from_str::<Unique>(text).err()?;
    error.to_string().starts_with(TWICE).then(|| error.line())
}

/// Any value in which no table has a duplicate key.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Self, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = table.next_key::<String>()? {
            if !seen.insert(key) {
                return Err(A::Error::custom(TWICE));
            }
            table.next_value::<Self>()?;
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}
