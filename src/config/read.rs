//! The outcome of reading one value.

use std::fmt;

/// Why a value is refused: what a problem reports after its key. Never repeats what may be a secret.
#[derive(Debug)]
pub(super) struct Mistake(String);

impl Mistake {
    /// Adds what to do about it.
    pub(super) fn and(self, hint: &str) -> Self {
        Self(self.0 + hint)
    }
}

impl<T: Into<String>> From<T> for Mistake {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read<T> {
    Absent,
    /// Unusable, and already reported as a problem: dependent rules are not checked.
    Refused,
    Given(T),
}

impl<T> Read<T> {
    /// `None` if the value was refused.
    pub(super) fn or(self, default: T) -> Option<T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent => Some(default),
            Self::Refused => None,
        }
    }

    /// This value, or else that of a layer below.
    pub(super) fn over(self, below: Self) -> Self {
        match self {
            Self::Absent => below,
            own => own,
        }
    }

    pub(super) fn as_ref(&self) -> Read<&T> {
        match self {
            Self::Absent => Read::Absent,
            Self::Refused => Read::Refused,
            Self::Given(value) => Read::Given(value),
        }
    }

    pub(super) fn given(self) -> Option<T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Refused => None,
        }
    }

    pub(super) fn map<U>(self, step: impl FnOnce(T) -> U) -> Read<U> {
        self.and_then(|value| Some(step(value)))
    }

    /// A further step of reading; `None` means that it has reported a problem.
    pub(super) fn and_then<U>(self, step: impl FnOnce(T) -> Option<U>) -> Read<U> {
        match self {
            Self::Given(value) => step(value).map_or(Read::Refused, Read::Given),
            Self::Absent => Read::Absent,
            Self::Refused => Read::Refused,
        }
    }
}
