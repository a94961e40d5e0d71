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

const fn gauge(name: &'static str, help: &'static str) -> Family<'static> {
    Family {
        name,
        kind: Kind::Gauge,
        help,
    }
}

const fn counter(name: &'static str, help: &'static str) -> Family<'static> {
    Family {
        name,
        kind: Kind::Counter,
        help,
    }
}

const fn histogram(name: &'static str, help: &'static str) -> Family<'static> {
    Family {
        name,
        kind: Kind::Histogram,
        help,
    }
}

/// One step of the funnel, overall and by platform.
pub type StepFamilies = (FunnelStep, Family<'static>, Family<'static>);

/// The families of all counts over one kind of range: the rolling window, or the day so far.
pub struct CountFamilies {
    pub lost: Family<'static>,
    pub platform_lost: Family<'static>,
    pub funnel: [StepFamilies; 4],
}

impl CountFamilies {
    /// The family to which a count belongs.
    pub fn of(&self, key: &CountKey) -> Family<'static> {
        match key {
            CountKey::Loss(key) if key.platform.is_none() => self.lost,
            CountKey::Loss(_) => self.platform_lost,
            CountKey::Funnel(step, platform) => {
                let [sendable, sent, delivered, clicked] = self.funnel;
                let (_, overall, by_platform) = match step {
                    FunnelStep::Sendable => sendable,
                    FunnelStep::Sent => sent,
                    FunnelStep::Delivered => delivered,
                    FunnelStep::Clicked => clicked,
                };
                if platform.is_none() {
                    overall
                } else {
                    by_platform
                }
            }
        }
    }

    /// All families in the order in which they are served.
    pub fn all(&self) -> impl Iterator<Item = Family<'static>> {
        let funnel = self.funnel.into_iter();
        let funnel = funnel.flat_map(|(_, overall, by_platform)| [overall, by_platform]);
        [self.lost, self.platform_lost].into_iter().chain(funnel)
    }

    /// The families of the losses; `true` marks the one by platform.
    pub fn losses(&self) -> [(Family<'static>, bool); 2] {
        [(self.lost, false), (self.platform_lost, true)]
    }
}
