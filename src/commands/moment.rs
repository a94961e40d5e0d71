//! A time on the command line.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::config::duration;
use crate::model::window::{DayOffset, UnixSeconds};

/// A time as people write it. Its value in seconds may depend on the current time, and on where an
/// app's days begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    At(UnixSeconds),
    /// This long before now.
    Ago(Duration),
    /// By the clock of an app's day.
    Local(DateTime),
}

/// Why a text is not a time, or not one since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write a time as now, -2h, 2026-01-02, '2026-01-02 15:04', 2026-01-02T15:04:05+08:00 or seconds since 1970, not before 1970"
)]
pub(super) struct MomentError;

impl Moment {
    pub(super) fn at(
        self,
        now: UnixSeconds,
        offset: DayOffset,
    ) -> Result<UnixSeconds, MomentError> {
        match self {
            Self::At(at) => Ok(at),
            Self::Ago(length) => Ok(UnixSeconds(now.0.saturating_sub(length.as_secs()))),
            Self::Local(local) => format!("{local}{offset}")
                .parse()
                .ok()
                .and_then(seconds)
                .ok_or(MomentError),
        }
    }

    /// Whether it means a different time when it is evaluated later.
    pub(super) fn is_relative(self) -> bool {
        matches!(self, Self::Ago(_))
    }

    /// Whether it means a different time for apps whose days begin elsewhere.
    pub(super) fn is_local(self) -> bool {
        matches!(self, Self::Local(_))
    }
}

fn seconds(time: Timestamp) -> Option<UnixSeconds> {
    u64::try_from(time.as_second()).ok().map(UnixSeconds)
}

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        if text == "now" {
            return Ok(Self::Ago(Duration::ZERO));
        }
        if let Some(length) = text.strip_prefix('-') {
            return duration::parse(length)
                .map(Self::Ago)
                .map_err(|_| MomentError);
        }
        if let Ok(seconds) = text.parse() {
            return Ok(Self::At(UnixSeconds(seconds)));
        }
        if let Ok(time) = text.parse() {
            return seconds(time).map(Self::At).ok_or(MomentError);
        }
        text.parse().map(Self::Local).map_err(|_| MomentError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        const NOW: u64 = 1_741_750_000;
        for (text, seconds) in [
            ("1741708800", Some(1_741_708_800)),
            ("2025-03-12T00:00:00+08:00", Some(1_741_708_800)),
            ("2025-03-11T16:00:00Z", Some(1_741_708_800)),
            ("2025-03-11 16:00Z", Some(1_741_708_800)),
            // By the app's days, which begin at +08:00.
            ("2025-03-12", Some(1_741_708_800)),
            ("2025-03-12 00:01", Some(1_741_708_860)),
            ("2025-03-12T00:00:01", Some(1_741_708_801)),
            ("now", Some(NOW)),
            ("-2h", Some(NOW - 7200)),
            ("-1d12h", Some(NOW - 129_600)),
            ("1969-12-31T23:59:59Z", None),
            ("1970-01-01", None),
            ("yesterday", None),
            ("-5", None),
            ("-", None),
            ("2h", None),
            ("14:00", None),
            ("2025-02-30", None),
        ] {
            let moment = text.parse::<Moment>();
            let at = moment.and_then(|moment| moment.at(UnixSeconds(NOW), DayOffset::DEFAULT));
            assert_eq!(at.ok(), seconds.map(UnixSeconds), "{text}");
        }
    }
}
