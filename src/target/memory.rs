//! The codes and platforms in the service's responses of the last day.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// How long a code missing from responses is served as 0. If it vanished at once, graphs would
/// keep showing its last count and hide that it ended.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// When each served key was last in a response. Only served keys are kept.
#[derive(Clone, Debug)]
pub struct Memory<K> {
    seen: BTreeMap<K, Instant>,
    /// When a key was last dropped.
    cut: Option<Instant>,
}

impl<K> Default for Memory<K> {
    fn default() -> Self {
        Self {
            seen: BTreeMap::new(),
            cut: None,
        }
    }
}

impl<K: Clone + Ord> Memory<K> {
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether the key was certainly in no response for as long as keys are remembered.
    pub(super) fn is_new(&self, key: &K, now: Instant) -> bool {
        let whole = |cut| now.duration_since(cut) >= REMEMBERED;
        !self.seen.contains_key(key) && self.cut.is_none_or(whole)
    }

    /// Keeps only the keys of served values.
    pub(super) fn keep<V>(&mut self, served: &BTreeMap<K, V>, now: Instant) {
        let before = self.seen.len();
        self.seen.retain(|key, _| served.contains_key(key));
        if self.seen.len() < before {
            self.cut = Some(now);
        }
    }

    /// Notes that a sum of keys is served.
    pub(super) fn note(&mut self, key: K, now: Instant) {
        self.seen.insert(key, now);
    }

    /// Notes the keys of `rows`, and adds those remembered from earlier responses.
    pub fn fill<V>(&mut self, rows: &mut BTreeMap<K, V>, now: Instant, zero: impl Fn() -> V) {
        for key in rows.keys() {
            self.seen.insert(key.clone(), now);
        }
        self.seen
            .retain(|_, seen| now.duration_since(*seen) < REMEMBERED);
        for key in self.seen.keys() {
            rows.entry(key.clone()).or_insert_with(&zero);
        }
    }

    /// Each key with its age in seconds.
    pub(super) fn ages(&self, now: Instant) -> Vec<(K, u64)> {
        self.seen
            .iter()
            .map(|(key, seen)| (key.clone(), now.duration_since(*seen).as_secs()))
            .collect()
    }

    /// If there are more than `limit` keys, keeps those seen last.
    pub(super) fn from_ages(
        mut ages: Vec<(K, u64)>,
        passed: u64,
        limit: usize,
        now: Instant,
    ) -> Self {
        let seen = |age: u64| {
            // A steady clock may not reach back to before this machine's start.
            let age = Duration::from_secs(age.saturating_add(passed));
            now.checked_sub(age).unwrap_or(now)
        };
        ages.sort_unstable_by_key(|(_, age)| *age);
        let cut = (ages.len() > limit).then_some(now);
        ages.truncate(limit);
        Self {
            seen: ages
                .into_iter()
                .map(|(key, age)| (key, seen(age)))
                .collect(),
            cut,
        }
    }
}
