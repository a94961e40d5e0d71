//! One day's counters.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Served, overall_losses};
use crate::reading::{CountKey, Counts, ErrCode, LossKey, Platform, Stage};
use crate::window::{DAY, UnixSeconds};

/// Counters that begin at `anchor`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Day {
    pub(super) anchor: UnixSeconds,
    #[serde(with = "pairs")]
    cells: BTreeMap<CountKey, Cell>,
    /// Overall losses of the latest answer; empty before the first.
    latest: Option<BTreeMap<Stage, u64>>,
    /// Codes that are summed up for the rest of the day, though their group may shrink.
    folded: BTreeSet<LossKey>,
    /// Until when each sum of folded codes is 0.
    #[serde(with = "pairs")]
    sums_zero_until: BTreeMap<Group, u64>,
}

/// Codes are summed up within a stage and platform.
type Group = (Stage, Option<Platform>);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Cell {
    /// The highest answer of the day.
    max: u64,
    /// The series is 0 before this moment.
    zero_until: u64,
    /// When it was first and last in an answer.
    since: UnixSeconds,
    seen: UnixSeconds,
}

impl Day {
    pub(super) fn new(anchor: UnixSeconds) -> Self {
        Self {
            anchor,
            cells: BTreeMap::new(),
            latest: None,
            folded: BTreeSet::new(),
            sums_zero_until: BTreeMap::new(),
        }
    }

    /// The next day, in which this day's series are 0 until they count again.
    pub(super) fn followed_by(&self, anchor: UnixSeconds) -> Self {
        let mut next = Self::new(anchor);
        next.carry(self);
        next
    }

    /// Takes over the series of the day before that are not here yet, as 0.
    pub(super) fn carry(&mut self, before: &Self) {
        for (key, cell) in &before.cells {
            self.cells.entry(key.clone()).or_insert(Cell {
                max: 0,
                zero_until: 0,
                since: UnixSeconds(0),
                seen: cell.seen,
            });
        }
    }

    pub(super) fn losses(&self) -> usize {
        let is_loss = |key: &&CountKey| matches!(key, CountKey::Loss(_));
        self.cells.keys().filter(is_loss).count()
    }

    pub(super) fn is_answered(&self) -> bool {
        self.latest.is_some()
    }

    /// Takes an answer. Series that were not known are 0 until `zero_until`.
    pub(super) fn record(
        &mut self,
        counts: &Counts,
        at: UnixSeconds,
        zero_until: Option<u64>,
        loss_series: Option<usize>,
    ) {
        for (key, count) in counts {
            let cell = self.cells.entry(key.clone()).or_insert(Cell {
                max: 0,
                zero_until: zero_until.unwrap_or(0),
                since: at,
                seen: at,
            });
            cell.max = cell.max.max(*count);
            cell.seen = at;
        }
        self.cells
            .retain(|_, cell| cell.max > 0 || at.0.saturating_sub(cell.seen.0) < DAY);
        self.latest = Some(overall_losses(counts));
        if let Some(limit) = loss_series {
            self.fold(limit, zero_until.unwrap_or(0), at);
        }
    }

    /// Sums up the smallest codes until at most `limit` loss series are left. A code that is
    /// served on its own stays so, since its series must not step down; so among the others
    /// only.
    fn fold(&mut self, limit: usize, zero_until: u64, at: UnixSeconds) {
        let losses = |day: &Self| {
            let keys = day.cells.keys().filter_map(|key| match key {
                CountKey::Loss(key) if !day.folded.contains(key) => Some(key.clone()),
                _ => None,
            });
            keys.collect::<Vec<LossKey>>()
        };
        let mut single = losses(self);
        if single.len() + self.sums_zero_until.len() <= limit {
            return;
        }
        // Zeros of the day before give way first: they count nothing.
        self.cells.retain(|key, cell| {
            !matches!(key, CountKey::Loss(_)) || cell.max > 0 || cell.seen == at
        });
        single = losses(self);
        // Those that were served before this answer are not up for folding.
        let mut candidates: Vec<(u64, LossKey)> = single
            .iter()
            .filter_map(|key| {
                let cell = self.cells.get(&CountKey::Loss(key.clone()))?;
                (cell.since == at).then(|| (cell.max, key.clone()))
            })
            .collect();
        candidates.sort_by(|(count, key), (other_count, other)| {
            (count, &key.code, key).cmp(&(other_count, &other.code, other))
        });
        let mut left = single.len();
        for (_, key) in candidates {
            if left + self.sums_zero_until.len() <= limit {
                break;
            }
            self.sums_zero_until
                .entry((key.stage, key.platform))
                .or_insert(zero_until);
            self.folded.insert(key);
            left -= 1;
        }
    }

    /// The values of a scrape.
    pub(super) fn served(&self, at: UnixSeconds, all_zero: bool) -> Served {
        let shown = |count: u64, zero_until: u64| {
            if all_zero || at.0 < zero_until {
                0
            } else {
                count
            }
        };
        let mut counts = Counts::new();
        for (key, cell) in &self.cells {
            match key {
                CountKey::Loss(loss) if self.folded.contains(loss) => {
                    let group = (loss.stage, loss.platform);
                    let zero_until = self.sums_zero_until.get(&group).copied().unwrap_or(0);
                    let sum = CountKey::Loss(LossKey {
                        code: ErrCode::other(),
                        ..loss.clone()
                    });
                    let sum = counts.entry(sum).or_insert(0);
                    *sum = sum.saturating_add(shown(cell.max, zero_until));
                }
                key => {
                    counts.insert(key.clone(), shown(cell.max, cell.zero_until));
                }
            }
        }
        Served {
            anchor: self.anchor,
            counts,
            revised_down: self.revised_down(),
            folded: self.folded.len(),
        }
    }

    /// When each series that is 0 at first begins to count.
    pub(super) fn zeros_end(&self) -> impl Iterator<Item = u64> {
        let cells = self.cells.values().map(|cell| cell.zero_until);
        cells.chain(self.sums_zero_until.values().copied())
    }

    fn revised_down(&self) -> BTreeMap<Stage, u64> {
        let Some(latest) = &self.latest else {
            return BTreeMap::new();
        };
        let maxima = self.cells.iter().map(|(key, cell)| (key.clone(), cell.max));
        overall_losses(&maxima.collect())
            .into_iter()
            .map(|(stage, sum)| {
                let now = latest.get(&stage).copied().unwrap_or(0);
                (stage, sum.saturating_sub(now))
            })
            .collect()
    }
}

/// Maps whose keys are no text, as lists of pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Vec::<(K, V)>::deserialize(deserializer).map(|pairs| pairs.into_iter().collect())
    }
}
