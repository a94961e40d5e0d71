//! One day's counters.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Served, overall_losses};
use crate::model::reading::{CountKey, Counts, Stage};
use crate::model::window::{DAY, UnixSeconds};

/// Counters that begin at `anchor`. Codes without a series of their own share one cell per
/// stage and platform, with the code `other`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Day {
    pub(super) anchor: UnixSeconds,
    #[serde(serialize_with = "to_pairs", deserialize_with = "from_pairs")]
    pub(super) cells: BTreeMap<CountKey, Cell>,
    /// Overall losses in the latest response; empty before the first.
    latest: Option<BTreeMap<Stage, u64>>,
    /// Codes of the latest response without a series of their own.
    #[serde(default)]
    folded: usize,
    /// Whether known series continue from 0 at the first response, whatever it counts.
    #[serde(default)]
    from_here: bool,
    /// When the zeros began from which the series count; absent until they were shown.
    #[serde(default)]
    pub(super) since: Option<UnixSeconds>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Cell {
    /// The highest count in a response of the day.
    pub(super) max: u64,
    /// The part of it counted before the series began again at 0.
    #[serde(default)]
    pub(super) base: u64,
    /// The series is 0 before this moment.
    pub(super) zero_until: u64,
    /// When it was last in a response.
    pub(super) seen: UnixSeconds,
    /// How much it counted the day before.
    #[serde(default)]
    pub(super) before: u64,
}

/// A code, or a statistic, without a place yet.
pub(super) struct Newcomer<'a> {
    pub(super) key: &'a CountKey,
    pub(super) count: u64,
    pub(super) rank: u64,
    pub(super) seen: UnixSeconds,
}

impl Day {
    pub(super) fn new(anchor: UnixSeconds) -> Self {
        Self {
            anchor,
            cells: BTreeMap::new(),
            latest: None,
            folded: 0,
            from_here: false,
            since: None,
        }
    }

    /// The next day, in which this day's series are 0 until they count again.
    pub(super) fn followed_by(&self, anchor: UnixSeconds) -> Self {
        let mut next = Self::new(anchor);
        next.carry(self, &Counts::new(), None);
        next
    }

    /// Adopts, as 0, the missing series of the day before, and those of its final `counts` for
    /// which there is now room.
    pub(super) fn carry(&mut self, before: &Self, counts: &Counts, limit: Option<usize>) {
        let closed_at = UnixSeconds(before.anchor.0 + DAY);
        let mut newcomers = Vec::new();
        for (key, cell) in &before.cells {
            if !self.cells.contains_key(key) {
                newcomers.push(Newcomer {
                    key,
                    count: 0,
                    rank: cell.max,
                    seen: cell.seen,
                });
            }
        }
        for (key, count) in counts {
            if let Some(cell) = self.cells.get_mut(key) {
                // A series counted at the very end of the day must not be forgotten right after it.
                cell.seen = cell.seen.max(closed_at);
            } else if !before.cells.contains_key(key) {
                newcomers.push(Newcomer {
                    key,
                    count: 0,
                    rank: *count,
                    seen: closed_at,
                });
            }
        }
        self.take_in(newcomers, limit, 0);
    }

    /// Retries the day that begins at `anchor`, in place of one that had not begun: its series
    /// are 0 and continue from there, at `now` at the latest.
    pub(super) fn counting_from_here(
        anchor: UnixSeconds,
        mut shown: Self,
        now: UnixSeconds,
    ) -> Self {
        let since = shown.begun_by(now);
        for cell in shown.cells.values_mut() {
            *cell = Cell {
                seen: anchor,
                ..Cell::default()
            };
        }
        Self {
            cells: shown.cells,
            from_here: true,
            since: Some(since),
            ..Self::new(anchor)
        }
    }

    /// When the zeros shown `now` began; `now` itself if none were shown before.
    pub(super) fn begun_by(&self, now: UnixSeconds) -> UnixSeconds {
        self.since.map_or(now, |since| since.min(now))
    }

    /// Series that are 0 in `shown` continue from there: a scrape has already seen their
    /// counts so far.
    pub(super) fn count_from_here(&mut self, shown: &Self, now: UnixSeconds, zero_until: u64) {
        self.since = Some(shown.begun_by(now));
        for (key, cell) in &mut self.cells {
            if shown.cells.contains_key(key) {
                cell.base = cell.max;
                cell.zero_until = zero_until;
            }
        }
    }

    /// Undoes the effects of a clock that was ahead and would show `ahead` now. A series that
    /// was no longer 0 must not be 0 again.
    pub(super) fn forget_later_than(
        &mut self,
        at: UnixSeconds,
        ahead: UnixSeconds,
        zero_until: u64,
    ) {
        for cell in self.cells.values_mut() {
            cell.zero_until = if cell.zero_until <= ahead.0 {
                0
            } else {
                cell.zero_until.min(zero_until)
            };
            cell.seen = cell.seen.min(at);
        }
    }

    pub(super) fn losses(&self) -> usize {
        let is_loss = |key: &&CountKey| matches!(key, CountKey::Loss(_));
        self.cells.keys().filter(is_loss).count()
    }

    pub(super) fn counted(&self, anchor: UnixSeconds, key: &CountKey) -> Option<u64> {
        if self.anchor != anchor {
            return None;
        }
        match self.cells.get(key) {
            Some(cell) => Some(cell.max),
            None => (self.folded == 0).then_some(0),
        }
    }

    pub(super) fn is_answered(&self) -> bool {
        self.latest.is_some()
    }

    pub(super) fn has_counts(&self) -> bool {
        self.cells.values().any(|cell| cell.max > 0)
    }

    /// Records a response. New series are 0 until `zero_until`.
    pub(super) fn record(
        &mut self,
        counts: &Counts,
        at: UnixSeconds,
        zero_until: Option<u64>,
        limit: Option<usize>,
    ) {
        let mut newcomers = Vec::new();
        for (key, count) in counts {
            if !self.note(key, *count, at) {
                newcomers.push(Newcomer {
                    key,
                    count: *count,
                    rank: *count,
                    seen: at,
                });
            }
        }
        self.cells
            .retain(|_, cell| cell.max > 0 || at.0.saturating_sub(cell.seen.0) < DAY);
        let zero_until = zero_until.unwrap_or(0);
        let sums = self.take_in(newcomers, limit, zero_until);
        self.folded = sums.codes;
        for (key, count) in &sums.counts {
            if !self.note(key, *count, at) {
                let sum = Newcomer {
                    key,
                    count: *count,
                    rank: *count,
                    seen: at,
                };
                self.give_place(&sum, zero_until);
            }
        }
        self.from_here = false;
        self.latest = Some(overall_losses(counts));
    }

    /// Records the count of a key in a response; false if it has no cell.
    fn note(&mut self, key: &CountKey, count: u64, at: UnixSeconds) -> bool {
        let Some(cell) = self.cells.get_mut(key) else {
            return false;
        };
        if self.from_here {
            cell.base = count;
        }
        cell.max = cell.max.max(count);
        cell.seen = at;
        true
    }

    /// The values of a scrape, for series that count since `since`.
    pub(super) fn served(&self, at: UnixSeconds, since: UnixSeconds, all_zero: bool) -> Served {
        let counts = self.cells.iter().map(|(key, cell)| {
            let is_zero = all_zero || at.0 < cell.zero_until;
            let count = if is_zero {
                0
            } else {
                cell.max.saturating_sub(cell.base)
            };
            (key.clone(), count)
        });
        Served {
            anchor: self.anchor,
            since,
            counts: counts.collect(),
            revised_down: self.revised_down(),
            folded: self.folded,
        }
    }

    /// When each series that starts at 0 begins to count.
    pub(super) fn zeros_end(&self) -> impl Iterator<Item = u64> {
        self.cells.values().map(|cell| cell.zero_until)
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

/// Maps whose keys are not text are written as lists of pairs.
fn to_pairs<S: Serializer>(
    cells: &BTreeMap<CountKey, Cell>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(cells)
}

fn from_pairs<'de, D>(deserializer: D) -> Result<BTreeMap<CountKey, Cell>, D::Error>
where
    D: Deserializer<'de>,
{
    Vec::deserialize(deserializer).map(|pairs| pairs.into_iter().collect())
}
