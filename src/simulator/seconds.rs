//! Times in the form used by scenarios.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A time of at least 0, written as a whole or fractional number of seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Seconds(pub Duration);

impl TryFrom<f64> for Seconds {
    type Error = &'static str;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        Duration::try_from_secs_f64(seconds)
            .map(Self)
            .map_err(|_| "must be a number of seconds of at least 0")
    }
}

impl From<Seconds> for f64 {
    fn from(seconds: Seconds) -> Self {
        seconds.0.as_secs_f64()
    }
}
