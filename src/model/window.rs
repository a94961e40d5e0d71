//! Time ranges of queries: pure functions of wall time.
//!
//! Edges are counted from the day's start at a fixed offset from UTC, so that a step that
//! divides a day always meets the day's start. Unix time has no leap seconds, and neither has
//! this algebra: every day is 86,400 s long.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01T00:00:00Z. Moments before that cannot be expressed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct UnixSeconds(pub u64);

impl UnixSeconds {
    /// As the value of a sample.
    #[expect(
        clippy::cast_precision_loss,
        reason = "exact for the next 285 million years"
    )]
    pub fn as_f64(self) -> f64 {
        self.0 as f64
    }
}

/// RFC 3339 in UTC.
impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0)
            .ok()
            .and_then(|s| jiff::Timestamp::from_second(s).ok())
        {
            Some(timestamp) => timestamp.fmt(f),
            None => write!(f, "unix second {}", self.0),
        }
    }
}

/// Seconds in a day of Unix time.
pub const DAY: u64 = 86_400;

/// How far back the loss API accepts queries (document 71898).
pub const LOOK_BACK: Duration = Duration::from_secs(7 * DAY);

/// How long the earliest time in an error stays valid for pasting, in seconds: the service's
/// limit moves on while the error is read.
pub const TO_PASTE: u64 = 120;

/// Where a day begins, as seconds east of UTC, in -12:00..=+14:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayOffset(i32);

impl DayOffset {
    /// +08:00: the service's own samples begin and end at midnight there.
    pub const DEFAULT: Self = Self(8 * 3600);
    pub const UTC: Self = Self(0);

    /// `None` outside -12:00..=+14:00, the offsets in use on Earth.
    pub fn from_seconds(seconds: i32) -> Option<Self> {
        (-12 * 3600..=14 * 3600)
            .contains(&seconds)
            .then_some(Self(seconds))
    }

    /// What a clock at this offset shows, written as if it were UTC.
    pub fn local(self, at: UnixSeconds) -> UnixSeconds {
        UnixSeconds(at.0.saturating_add_signed(self.0.into()))
    }

    /// Seconds by which the day starts before the multiple of [`DAY`], in 0..DAY.
    fn lead(self) -> u64 {
        u64::from(self.0.rem_euclid(86_400).unsigned_abs())
    }
}

/// Why a text is not a [`DayOffset`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an offset from UTC such as +08:00, between -12:00 and +14:00")]
pub struct DayOffsetError;

impl FromStr for DayOffset {
    type Err = DayOffsetError;

    fn from_str(text: &str) -> Result<Self, DayOffsetError> {
        if text == "Z" {
            return Ok(Self(0));
        }
        let (sign, rest) = match text.split_at_checked(1) {
            Some(("+", rest)) => (1, rest),
            Some(("-", rest)) => (-1, rest),
            _ => return Err(DayOffsetError),
        };
        let two_digits = |part: &str| {
            (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse::<i32>().ok())
                .flatten()
        };
        rest.split_once(':')
            .and_then(|(hours, minutes)| Some((two_digits(hours)?, two_digits(minutes)?)))
            .filter(|(_, minutes)| *minutes < 60)
            .and_then(|(hours, minutes)| Self::from_seconds(sign * (hours * 3600 + minutes * 60)))
            .ok_or(DayOffsetError)
    }
}

impl fmt::Display for DayOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.unsigned_abs() / 60;
        let sign = if self.0 < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// The range of a query: `StartTime` and `EndTime` of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    pub start: UnixSeconds,
    pub end: UnixSeconds,
}

impl Range {
    /// Both in seconds since 1970.
    pub const fn new(start: u64, end: u64) -> Self {
        Self {
            start: UnixSeconds(start),
            end: UnixSeconds(end),
        }
    }

    /// The range of `length` that ends at `end`; it starts no earlier than 1970.
    pub fn ending(end: UnixSeconds, length: Duration) -> Self {
        Self {
            start: UnixSeconds(end.0.saturating_sub(length.as_secs())),
            end,
        }
    }
}

/// The newest edge that is not after `now - lag`. Edges lie `step` apart, counted from the
/// day's start; `step` divides a day (the configuration ensures that).
pub fn aligned_end(
    now: UnixSeconds,
    lag: Duration,
    step: Duration,
    offset: DayOffset,
) -> UnixSeconds {
    let settled = now.0.saturating_sub(lag.as_secs());
    let past_edge = (settled % DAY + offset.lead()) % step.as_secs().max(1);
    UnixSeconds(settled.saturating_sub(past_edge))
}

/// The latest start of a day that is not after `end`.
pub fn day_anchor(end: UnixSeconds, offset: DayOffset) -> UnixSeconds {
    UnixSeconds(end.0.saturating_sub((end.0 % DAY + offset.lead()) % DAY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> UnixSeconds {
        UnixSeconds(
            text.parse::<jiff::Timestamp>()
                .unwrap()
                .as_second()
                .try_into()
                .unwrap(),
        )
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_documents_sample_is_one_day_at_the_default_offset() {
        let (start, end) = (UnixSeconds(1_741_708_800), UnixSeconds(1_741_795_200));
        assert_eq!(day_anchor(start, DayOffset::DEFAULT), start);
        assert_eq!(day_anchor(end, DayOffset::DEFAULT), end);
        assert_eq!(
            day_anchor(UnixSeconds(end.0 - 1), DayOffset::DEFAULT),
            start
        );
    }

    #[test]
    fn edges_table() {
        let east = DayOffset::DEFAULT;
        for (now, lag, step, offset, end) in [
            (
                "2025-03-12T10:07:59Z",
                120,
                60,
                east,
                "2025-03-12T10:05:00Z",
            ),
            (
                "2025-03-12T10:07:00Z",
                120,
                60,
                east,
                "2025-03-12T10:05:00Z",
            ),
            (
                "2025-03-12T10:06:59Z",
                120,
                60,
                east,
                "2025-03-12T10:04:00Z",
            ),
            (
                "2025-03-12T10:07:59Z",
                0,
                3600,
                east,
                "2025-03-12T10:00:00Z",
            ),
            (
                "2025-03-12T15:59:59Z",
                0,
                86_400,
                east,
                "2025-03-11T16:00:00Z",
            ),
            (
                "2025-03-12T16:00:00Z",
                0,
                86_400,
                east,
                "2025-03-12T16:00:00Z",
            ),
            (
                "2025-03-12T05:29:59Z",
                0,
                86_400,
                "-05:30".parse().unwrap(),
                "2025-03-11T05:30:00Z",
            ),
            (
                "2025-03-12T05:30:00Z",
                0,
                86_400,
                "-05:30".parse().unwrap(),
                "2025-03-12T05:30:00Z",
            ),
            // A step of 8 h meets the day's start at +05:30, not UTC's midnight.
            (
                "2025-03-12T18:29:59Z",
                0,
                28_800,
                "+05:30".parse().unwrap(),
                "2025-03-12T10:30:00Z",
            ),
            (
                "2025-03-12T18:30:00Z",
                0,
                28_800,
                "+05:30".parse().unwrap(),
                "2025-03-12T18:30:00Z",
            ),
        ] {
            assert_eq!(
                aligned_end(at(now), seconds(lag), seconds(step), offset),
                at(end),
                "{now} lag {lag} step {step} offset {offset}"
            );
        }
    }

    #[test]
    fn offsets_are_read_as_written_and_bounded() {
        for text in ["+08:00", "-05:30", "+00:00", "+14:00", "-12:00"] {
            assert_eq!(text.parse::<DayOffset>().unwrap().to_string(), text);
        }
        assert_eq!("Z".parse::<DayOffset>().unwrap().to_string(), "+00:00");
        for text in [
            "", "8", "+8", "+8:00", "08:00", "+08:60", "+14:01", "-12:01", "+0800", "+a8:00",
        ] {
            assert!(text.parse::<DayOffset>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn times_are_shown_in_rfc_3339() {
        assert_eq!(
            UnixSeconds(1_741_708_800).to_string(),
            "2025-03-11T16:00:00Z"
        );
        assert_eq!(
            UnixSeconds(u64::MAX).to_string(),
            format!("unix second {}", u64::MAX)
        );
    }

    fn offsets() -> impl Strategy<Value = DayOffset> {
        (-12 * 60..=14 * 60_i32).prop_map(|m| DayOffset::from_seconds(m * 60).unwrap())
    }

    /// Every divisor of a day, as the configuration allows.
    fn steps() -> impl Strategy<Value = u64> {
        let divisors: Vec<u64> = (1..=DAY).filter(|n| DAY.is_multiple_of(*n)).collect();
        proptest::sample::select(divisors)
    }

    const YEARS: std::ops::Range<u64> = 30 * DAY..200 * 365 * DAY;

    proptest! {
        #[test]
        fn an_end_is_settled_and_less_than_a_step_old(now in YEARS, lag in 0..DAY, step in steps(), offset in offsets()) {
            let end = aligned_end(UnixSeconds(now), seconds(lag), seconds(step), offset);
            prop_assert!(end.0 + lag <= now);
            prop_assert!(now - lag - end.0 < step);
        }

        #[test]
        fn every_edge_lies_a_whole_number_of_steps_after_its_days_start(now in YEARS, step in steps(), offset in offsets()) {
            let end = aligned_end(UnixSeconds(now), Duration::ZERO, seconds(step), offset);
            prop_assert_eq!((end.0 - day_anchor(end, offset).0) % step, 0);
        }

        #[test]
        fn the_days_start_is_an_edge_of_every_step(now in YEARS, step in steps(), offset in offsets()) {
            let anchor = day_anchor(UnixSeconds(now), offset);
            prop_assert_eq!(aligned_end(anchor, Duration::ZERO, seconds(step), offset), anchor);
        }

        #[test]
        fn ends_never_move_back_while_time_goes_on(now in YEARS, ahead in 0..DAY, lag in 0..DAY, step in steps(), offset in offsets()) {
            let end = |now| aligned_end(UnixSeconds(now), seconds(lag), seconds(step), offset);
            prop_assert!(end(now) <= end(now + ahead));
        }

        #[test]
        fn a_day_holds_its_own_anchor_and_is_86400_seconds_long(now in YEARS, offset in offsets()) {
            let anchor = day_anchor(UnixSeconds(now), offset);
            prop_assert!(anchor.0 <= now && now - anchor.0 < DAY);
            prop_assert_eq!(day_anchor(UnixSeconds(anchor.0 + DAY), offset).0, anchor.0 + DAY);
            prop_assert_eq!(day_anchor(UnixSeconds(anchor.0 - 1), offset).0, anchor.0 - DAY);
        }

        #[test]
        fn nothing_overflows_at_the_ends_of_time(now in proptest::num::u64::ANY, lag in proptest::num::u64::ANY, step in steps(), offset in offsets()) {
            let end = aligned_end(UnixSeconds(now), seconds(lag), seconds(step), offset);
            prop_assert!(end.0 <= now);
            prop_assert!(Range::ending(end, seconds(lag)).start <= end);
            prop_assert!(day_anchor(end, offset) <= end);
        }
    }
}
