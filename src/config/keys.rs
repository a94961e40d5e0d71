//! The one table of the keys of `defaults`, which are an app's keys, too. A new key is a row
//! here, besides the code that uses its field of [`Polling`].

use std::ops::RangeInclusive;
use std::time::Duration;

use super::read::Read;
use super::schema::Kind;
use super::section::Section;
use crate::model::window::{DAY, LOOK_BACK};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// `interval` and `step`: slower than daily would be a report, not monitoring.
const PACE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(DAY);
const KEPT: RangeInclusive<Duration> = SECOND..=LOOK_BACK;
/// A target never overlaps itself, so a longer timeout could only hide a dead peer.
const TIMEOUT: RangeInclusive<Duration> = SECOND..=Duration::from_secs(300);

/// A row is: the key and its type; its kind as an environment variable; the method of
/// [`Section`] that reads it, with the range; its value where nobody gives one. Whatever is
/// one entry for each key is written here, once.
macro_rules! table {
    ($($(#[$meaning:meta])+ $key:ident: $type:ty, $kind:ident, $read:ident($($range:expr)?), $built_in:expr;)+) => {
        /// When and about what an app is asked.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Polling {
            $($(#[$meaning])+ pub $key: $type,)+
        }

        impl Polling {
            /// What holds where a configuration says nothing.
            pub const BUILT_IN: Self = Self { $($key: $built_in,)+ };

            /// Each key, and whether its value is another one in `next`.
            pub fn differs(&self, next: &Self) -> impl Iterator<Item = (&'static str, bool)> {
                [$((stringify!($key), self.$key != next.$key),)+].into_iter()
            }
        }

        pub(super) const DEFAULTS: &[(&str, Kind)] = &[$((stringify!($key), Kind::$kind),)+];

        /// One layer's values for the keys.
        #[derive(Clone, Copy)]
        pub(super) struct Layer {
            $(pub(super) $key: Read<$type>,)+
        }

        impl Layer {
            /// The lowest layer. `stale_after` is computed from the interval.
            pub(super) const BUILT_IN: Self = Self {
                stale_after: Read::Absent,
                ..Self { $($key: Read::Given($built_in),)+ }
            };

            /// A section's own values.
            pub(super) fn own(section: &Section) -> Self {
                Self { $($key: section.$read(stringify!($key) $(, &$range)?),)+ }
            }

            pub(super) fn over(self, below: Self) -> Self {
                Self { $($key: self.$key.over(below.$key),)+ }
            }

            /// `None` unless every value is given.
            pub(super) fn given(self) -> Option<Polling> {
                Some(Polling { $($key: self.$key.given()?,)+ })
            }
        }
    };
}

table! {
    /// Time between two polls of a target.
    interval: Duration, Text, duration(PACE), MINUTE;
    /// Length of the rolling window; a multiple of `step`.
    window: Duration, Text, duration(KEPT), HOUR;
    /// How far behind now a window ends.
    lag: Duration, Text, duration(Duration::ZERO..=LOOK_BACK), Duration::from_secs(120);
    /// Distance of window edges; divides a day.
    step: Duration, Text, duration(PACE), MINUTE;
    /// Bound on a whole answer.
    timeout: Duration, Text, duration(TIMEOUT), Duration::from_secs(10);
    // Where nobody gives one it is computed, and at least this.
    /// Age from which the last good values are no longer served.
    stale_after: Duration, Text, duration(KEPT), Duration::from_secs(600);
    /// Whether statistics are polled beside losses.
    statistics: bool, Flag, flag(), true;
    /// Whether pushes to all users, tags and lists of users are polled, too.
    all_member: bool, Flag, flag(), false;
    /// Whether the day is asked for.
    counters: bool, Flag, flag(), true;
    /// Data series that one target may serve.
    series_limit: usize, Number, whole(1..=1_000_000), 2000;
}
