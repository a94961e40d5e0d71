//! The tables of the keys that hold one value: at the top level, under `web`, and under `defaults`,
//! whose keys are an app's keys, too. A new key needs a row here, the code that uses its field, and
//! a method of [`Section`] that reads it if none fits.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::proxy::Proxy;
use super::read::Read;
use super::schema::Kind;
use super::section::Section;
use crate::model::language::Language;
use crate::model::window::{DAY, LOOK_BACK};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

const SCRAPE_INTERVAL: RangeInclusive<Duration> = SECOND..=HOUR;
const STATE_INTERVAL: RangeInclusive<Duration> = SECOND..=HOUR;
/// Enough for the default of the longest `scrape_interval`. 0 switches a hold off.
const HOLD: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(6 * 3600);
/// `interval` and `step`: anything slower than daily would be reporting, not monitoring.
const PACE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(DAY);
const KEPT: RangeInclusive<Duration> = SECOND..=LOOK_BACK;
/// Polls of a target never overlap, so a longer timeout would only hide a dead peer.
const TIMEOUT: RangeInclusive<Duration> = SECOND..=Duration::from_secs(300);

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 10898);

/// A row consists of the key and its type; its kind as an environment variable; the method of
/// [`Section`] that reads it, with the range; and its default. Everything that has one entry per
/// key is written here, once.
macro_rules! table {
    ($(#[$about:meta])+ $name:ident, $(#[$derive:meta])? $layer:ident:
     $($(#[$meaning:meta])* $key:ident: $type:ty, $kind:ident, $read:ident($($range:expr)?), $built_in:expr;)+) => {
        $(#[$about])+
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[$meaning])* pub $key: $type,)+
        }

        impl $name {
            /// The values that apply if a configuration sets nothing.
            pub const BUILT_IN: Self = Self { $($key: $built_in,)+ };

            /// The keys whose values differ in `next`.
            pub fn differing(&self, next: &Self) -> impl Iterator<Item = &'static str> {
                let keys = [$((stringify!($key), self.$key != next.$key),)+];
                keys.into_iter().filter_map(|(key, differs)| differs.then_some(key))
            }
        }

        /// One layer's values for the keys.
        $(#[$derive])?
        pub(super) struct $layer {
            $(pub(super) $key: Read<$type>,)+
        }

        impl $layer {
            pub(super) const KEYS: &[(&str, Kind)] = &[$((stringify!($key), Kind::$kind),)+];

            /// The lowest layer.
            pub(super) const BUILT_IN: Self = Self { $($key: Read::Given($built_in),)+ };

            /// A section's own values.
            pub(super) fn own(section: &Section) -> Self {
                Self { $($key: section.$read(stringify!($key) $(, &$range)?),)+ }
            }

            pub(super) fn over(self, below: Self) -> Self {
                Self { $($key: self.$key.over(below.$key),)+ }
            }

            /// `None` unless every value is given.
            pub(super) fn given(self) -> Option<$name> {
                Some($name { $($key: self.$key.given()?,)+ })
            }
        }
    };
}

table! {
    /// The values for the whole process.
    Global, GlobalLayer:
    /// The address on which HTTP is served.
    listen: SocketAddr, Text, listen(), LISTEN;
    /// The language of the page and of `query`.
    language: Language, Text, language(), Language::English;
    /// The longest interval of the servers that scrape.
    scrape_interval: Duration, Text, duration(SCRAPE_INTERVAL), MINUTE;
    /// Extra root certificates, PEM.
    ca_file: Option<PathBuf>, Text, certificates(), None;
    /// The proxy for all https hosts except those it exempts.
    proxy_url: Option<Proxy>, Text, proxy(), None;
    state_file: Option<PathBuf>, Text, state_file(), None;
    /// The time between two writes of the state file.
    state_interval: Duration, Text, duration(STATE_INTERVAL), Duration::from_secs(300);
    // The holds are computed unless they are set.
    /// How long a closed day's final counters are served after `anchor + lag`.
    rollover_hold: Duration, Text, duration(HOLD), Duration::from_secs(150);
    /// How long a new series is 0 before it shows its value.
    zero_hold: Duration, Text, duration(HOLD), Duration::from_secs(150);
}

table! {
    /// How the program serves.
    #[derive(Debug)]
    Web, WebLayer:
    config_file: Option<PathBuf>, Text, web_file(), None;
    enable_lifecycle: bool, Flag, flag(), false;
    openmetrics_created: bool, Flag, flag(), false;
    /// http or https, without credentials, query and fragment.
    grafana_url: Option<String>, Text, base_url(), None;
}

table! {
    /// Where an app's tasks come from, and how they are watched.
    #[derive(Debug)]
    Tasks, #[derive(Clone)] TasksLayer:
    /// Whether the service is queried for its scheduled tasks.
    scheduled: bool, Flag, flag(), false;
    /// The file in which the user's own sender notes the tasks that it starts.
    file: Option<PathBuf>, Text, some_path(), None;
    /// How many of the newest tasks are watched.
    max: usize, Number, whole(1..=100), 20;
    /// Age from which a task is no longer watched.
    age: Duration, Text, duration(MINUTE..=LOOK_BACK), Duration::from_secs(DAY);
    /// Time between two rounds over all tasks.
    interval: Duration, Text, duration(PACE), Duration::from_secs(300);
}

table! {
    /// When an app is polled, and what for.
    #[derive(Debug)]
    Polling, #[derive(Clone, Copy)] Layer:
    /// Time between two polls of a target.
    interval: Duration, Text, duration(PACE), MINUTE;
    /// Length of the rolling window; a multiple of `step`.
    window: Duration, Text, duration(KEPT), HOUR;
    /// How far behind now a window ends.
    lag: Duration, Text, duration(Duration::ZERO..=LOOK_BACK), Duration::from_secs(120);
    /// Distance of window edges; divides a day.
    step: Duration, Text, duration(PACE), MINUTE;
    /// Bound on the whole response.
    timeout: Duration, Text, duration(TIMEOUT), Duration::from_secs(10);
    // Computed unless it is set, and at least this.
    /// Age from which the last good values are no longer served.
    stale_after: Duration, Text, duration(KEPT), Duration::from_secs(600);
    /// Whether statistics are polled in addition to losses.
    statistics: bool, Flag, flag(), true;
    /// Whether pushes to all users, to tags and to lists of users are polled, too.
    all_member: bool, Flag, flag(), false;
    /// Whether the day is queried.
    counters: bool, Flag, flag(), true;
    /// The maximum number of data series per target.
    series_limit: usize, Number, whole(1..=1_000_000), 2000;
}
