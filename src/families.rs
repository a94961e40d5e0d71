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

/// Declares [`CountFamilies`]: the end of all help texts, then the name and the rest of the help text
/// of each, overall and by platform. The first are the losses.
macro_rules! counts {
    (
        $kind:ident, $range:literal,
        $($name:literal: $help:literal, $of_platform:literal: $help_of_platform:literal),+ $(,)?
    ) => {{
        let [lost, funnel @ ..] = [$([
            $kind($name, concat!($help, $range)),
            $kind($of_platform, concat!($help_of_platform, $range)),
        ]),+];
        $crate::families::CountFamilies { lost, funnel }
    }};
}
use counts;
