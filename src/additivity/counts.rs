//! An answer as numbers that can be added and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::reading::{Funnel, LossKey, Platform, Reading};

/// What one number of an answer counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CountKey {
    Loss(LossKey),
    /// A step of the statistics; `platform` is `None` for the overall numbers.
    Step {
        platform: Option<Platform>,
        step: &'static str,
    },
}

impl CountKey {
    fn platform(&self) -> Option<Platform> {
        match self {
            Self::Loss(key) => key.platform,
            Self::Step { platform, .. } => *platform,
        }
    }

    /// The stage or step, as in the labels.
    fn row(&self) -> &'static str {
        match self {
            Self::Loss(key) => key.stage.as_str(),
            Self::Step { step, .. } => step,
        }
    }
}

/// `ready_to_send apns 410`, `sent all`.
impl fmt::Display for CountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row())?;
        match self.platform() {
            Some(platform) => write!(f, " {platform}")?,
            None => f.write_str(" all")?,
        }
        match self {
            Self::Loss(key) => write!(f, " {}", key.code),
            Self::Step { .. } => Ok(()),
        }
    }
}

/// The numbers of one answer that are not 0; what is absent is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<CountKey, u64>);

impl Counts {
    pub fn get(&self, key: &CountKey) -> u64 {
        self.0.get(key).copied().unwrap_or(0)
    }

    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// The overall numbers by stage or step; platform rows are another measurement.
    pub fn by_row(&self) -> BTreeMap<&'static str, u64> {
        let mut rows = BTreeMap::new();
        for (key, count) in &self.0 {
            if key.platform().is_none() {
                let sum: &mut u64 = rows.entry(key.row()).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
        rows
    }

    /// One number to tell busy from quiet by; in the statistics a push counts once a step.
    pub fn total(&self) -> u64 {
        let rows = self.by_row();
        if rows.is_empty() {
            // A service that names platforms only still counts.
            return self.0.values().fold(0, |sum, n| sum.saturating_add(*n));
        }
        rows.values().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// Every key of any of `all`, each once.
    pub(super) fn keys<'a>(all: impl IntoIterator<Item = &'a Self>) -> BTreeSet<&'a CountKey> {
        all.into_iter().flat_map(|counts| counts.0.keys()).collect()
    }
}

impl From<&Reading> for Counts {
    fn from(reading: &Reading) -> Self {
        let mut counts = BTreeMap::new();
        match reading {
            Reading::Loss(rows) => {
                for (key, loss) in rows {
                    counts.insert(CountKey::Loss(key.clone()), loss.count);
                }
            }
            Reading::Statistics { overall, platforms } => {
                let funnels = platforms
                    .iter()
                    .map(|(platform, funnel)| (Some(*platform), *funnel));
                for (platform, funnel) in funnels.chain([(None, *overall)]) {
                    for (step, count) in steps(funnel) {
                        counts.insert(CountKey::Step { platform, step }, count);
                    }
                }
            }
        }
        counts.retain(|_, count| *count > 0);
        Self(counts)
    }
}

fn steps(funnel: Funnel) -> [(&'static str, u64); 4] {
    [
        ("sendable", funnel.sendable),
        ("sent", funnel.sent),
        ("delivered", funnel.delivered),
        ("clicked", funnel.clicked),
    ]
}
