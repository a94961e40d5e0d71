//! The name, type and help of every family served. The code that counts and the code that writes
//! both use them.

pub mod calls;
pub mod day;
pub mod health;
pub mod knowledge;
pub mod process;
pub mod server;
pub mod tasks;
pub mod window;

use crate::model::reading::{CountKey, FunnelStep};

/// A metric family's name, type and help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family<'a> {
    pub name: &'a str,
    pub kind: Kind,
    pub help: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Gauge,
    Counter,
    Histogram,
}

const fn family(kind: Kind, name: &'static str, help: &'static str) -> Family<'static> {
    Family { name, kind, help }
}

const fn gauge(name: &'static str, help: &'static str) -> Family<'static> {
    family(Kind::Gauge, name, help)
}

const fn counter(name: &'static str, help: &'static str) -> Family<'static> {
    family(Kind::Counter, name, help)
}

const fn histogram(name: &'static str, help: &'static str) -> Family<'static> {
    family(Kind::Histogram, name, help)
}

/// The families of one count: overall, and by platform.
pub type CountPair = [Family<'static>; 2];

/// The families of all counts over one kind of range: the rolling window, the day so far, or a
/// task.
pub struct CountFamilies {
    pub lost: CountPair,
    /// In the order of [`FunnelStep::ALL`].
    pub funnel: [CountPair; FunnelStep::ALL.len()],
}

impl CountFamilies {
    /// The family to which a count belongs.
    pub fn of(&self, key: &CountKey) -> Family<'static> {
        let [overall, by_platform] = match key {
            CountKey::Loss(_) => self.lost,
            CountKey::Funnel(step, _) => self.funnel[*step as usize],
        };
        if key.platform().is_none() {
            overall
        } else {
            by_platform
        }
    }

    /// All families in the order in which they are served.
    pub fn all(&self) -> impl Iterator<Item = Family<'static>> {
        [self.lost].into_iter().chain(self.funnel).flatten()
    }
}

/// Declares [`CountFamilies`]: a prefix and a suffix of all names, the end of all help texts, and
/// the rest of each help text, overall and by platform.
macro_rules! counts {
    (
        $kind:ident, $prefix:literal, $suffix:literal, $range:literal,
        $lost:ident: $lost_help:literal, $lost_by_platform:literal,
        $($step:ident: $help:literal, $by_platform:literal),+ $(,)?
    ) => {
        $crate::families::CountFamilies {
            lost: counts!(@pair $kind, $prefix, $suffix, $range, $lost, $lost_help, $lost_by_platform),
            funnel: [
                $(counts!(@pair $kind, $prefix, $suffix, $range, $step, $help, $by_platform)),+
            ],
        }
    };
    (
        @pair $kind:ident, $prefix:literal, $suffix:literal, $range:literal,
        $count:ident, $help:literal, $by_platform:literal
    ) => {
        [
            $kind(
                concat!("timpush_", $prefix, stringify!($count), "_pushes", $suffix),
                concat!($help, $range),
            ),
            $kind(
                concat!("timpush_", $prefix, "platform_", stringify!($count), "_pushes", $suffix),
                concat!($by_platform, $range),
            ),
        ]
    };
}
use counts;
