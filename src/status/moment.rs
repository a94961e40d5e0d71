//! Times as the page and the JSON show them.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::window::UnixSeconds;

/// A time, written as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub UnixSeconds);

impl Moment {
    /// Seconds from this moment to `later`; 0 if that is not later.
    pub fn until(self, later: Self) -> u64 {
        later.0.0.saturating_sub(self.0.0)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
