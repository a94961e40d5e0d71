//! A time on the command line.

use std::str::FromStr;

use crate::model::window::UnixSeconds;

/// RFC 3339, or whole seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(pub(super) UnixSeconds);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = match text.parse::<u64>() {
            Ok(seconds) => Some(seconds),
            Err(_) => text
                .parse::<jiff::Timestamp>()
                .ok()
                .and_then(|time| u64::try_from(time.as_second()).ok()),
        };
        seconds
            .map(|seconds| Self(UnixSeconds(seconds)))
            .ok_or_else(|| {
                "write it as 2026-01-02T15:04:05+08:00 or as seconds since 1970, not before 1970"
                    .to_owned()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_or_unix_seconds() {
        for (text, seconds) in [
            ("1741708800", Some(1_741_708_800)),
            ("2025-03-12T00:00:00+08:00", Some(1_741_708_800)),
            ("2025-03-11T16:00:00Z", Some(1_741_708_800)),
            ("1969-12-31T23:59:59Z", None),
            ("yesterday", None),
            ("-5", None),
        ] {
            assert_eq!(
                text.parse::<Moment>().ok(),
                seconds.map(|s| Moment(UnixSeconds(s))),
                "{text}"
            );
        }
    }
}
