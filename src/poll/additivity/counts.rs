//! A response as numbers that can be added and compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::reading::{CountKey, Reading};

/// The non-zero numbers of one response; absent keys are 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerCounts(BTreeMap<CountKey, u64>);

impl AnswerCounts {
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

    /// One number to distinguish busy from quiet ranges; in the statistics a push counts once
    /// per step.
    pub fn total(&self) -> u64 {
        let rows = self.by_row();
        if rows.is_empty() {
            // A service that names platforms only still counts.
            return self.0.values().fold(0, |sum, n| sum.saturating_add(*n));
        }
        rows.values().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// Every key of `all`, each once.
    pub(super) fn keys<'a>(all: impl IntoIterator<Item = &'a Self>) -> BTreeSet<&'a CountKey> {
        all.into_iter().flat_map(|counts| counts.0.keys()).collect()
    }
}

impl From<&Reading> for AnswerCounts {
    fn from(reading: &Reading) -> Self {
        let mut counts = reading.counts();
        counts.retain(|_, count| *count > 0);
        Self(counts)
    }
}
