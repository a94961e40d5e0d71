//! A target's losses over the last hours: enough for a chart and a sentence, and never more
//! than a few kilobytes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::catalogue::loss_code;
use crate::model::reading::{Funnel, Loss, LossKey, Stage};
use crate::model::window::UnixSeconds;

/// The maximum number of points kept. With one more, they still fit into 64 places.
const MAX_POINTS: usize = 60;

/// The maximum number of rows followed individually.
const MAX_ROWS: usize = 12;

/// The count of a row at a point at which it was not followed.
const UNKNOWN: u32 = u32::MAX;

/// Initial seconds between points, so that a young process has something to show.
const CLOSEST: u64 = 6;

/// Seconds between points in the long run: [`MAX_POINTS`] of them are six hours.
const WIDEST: u64 = 360;

/// The ends of a target's latest windows, with the losses in each.
#[derive(Clone, Debug)]
pub struct History {
    /// Seconds covered by one point: the latest of them represents the rest.
    spacing: u64,
    points: Vec<Point>,
    /// The place of each of the most important rows in [`Point::rows`].
    rows: BTreeMap<LossKey, usize>,
}

/// Overall losses in the window that ends at `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    pub end: UnixSeconds,
    lost: [u64; Stage::ALL.len()],
    /// Absent while statistics are unknown.
    pushes: Option<[u64; Stage::ALL.len()]>,
    /// Counts of the followed rows, or [`UNKNOWN`].
    rows: [u32; MAX_ROWS],
}

impl Point {
    /// The pushes that the losses of the stage are a part of.
    pub fn pushes(&self, stage: Stage) -> Option<u64> {
        self.pushes.map(|pushes| pushes[stage as usize])
    }

    pub fn lost(&self, stage: Stage) -> u64 {
        self.lost[stage as usize]
    }
}

impl Default for History {
    fn default() -> Self {
        Self {
            spacing: CLOSEST,
            points: Vec::new(),
            rows: BTreeMap::new(),
        }
    }
}

impl History {
    pub fn points(&self) -> impl ExactSizeIterator<Item = &Point> {
        self.points.iter()
    }

    /// The counts of a row, oldest first; none if it is not followed.
    pub fn row(&self, key: &LossKey) -> Vec<(&Point, u64)> {
        let Some(place) = self.rows.get(key) else {
            return Vec::new();
        };
        let counts = self.points.iter().map(|point| (point, point.rows[*place]));
        counts
            .filter(|(_, count)| *count != UNKNOWN)
            .map(|(point, count)| (point, count.into()))
            .collect()
    }

    /// Records the losses of the window that ends at `end`. A row that `is_new` was in no
    /// earlier response: its count so far is 0.
    pub(super) fn losses(
        &mut self,
        end: UnixSeconds,
        losses: &BTreeMap<LossKey, Loss>,
        is_new: impl Fn(&LossKey) -> bool,
    ) {
        self.drop_later_than(end);
        let mut point = Point {
            end,
            lost: [0; Stage::ALL.len()],
            pushes: None,
            rows: [UNKNOWN; MAX_ROWS],
        };
        for (key, loss) in losses.iter().filter(|(key, _)| key.platform.is_none()) {
            let lost = &mut point.lost[key.stage as usize];
            *lost = lost.saturating_add(loss.count);
        }
        for (key, place) in &self.rows {
            point.rows[*place] = short(losses.get(key).map_or(0, |loss| loss.count));
        }
        match self.points.last_mut() {
            Some(last) if last.end.0 / self.spacing == end.0 / self.spacing => {
                point.pushes = last.pushes;
                *last = point;
            }
            _ => self.points.push(point),
        }
        self.follow(losses, is_new);
        while self.points.len() > MAX_POINTS {
            self.thin_out();
        }
    }

    /// Drops the points left by a clock that was ahead. Ends do not move back otherwise.
    fn drop_later_than(&mut self, end: UnixSeconds) {
        self.points.retain(|point| point.end <= end);
        let points = &self.points;
        self.rows
            .retain(|_, place| points.iter().any(|point| point.rows[*place] != UNKNOWN));
    }

    /// Records the pushes of the window that ends at `end`, if its losses are known.
    pub(super) fn pushes(&mut self, end: UnixSeconds, overall: &Funnel) {
        if let Some(last) = self.points.last_mut()
            && last.end == end
        {
            last.pushes = Some(Stage::ALL.map(|stage| overall.get(stage.step())));
        }
    }

    /// Makes room for the rows that are most important now.
    fn follow(&mut self, losses: &BTreeMap<LossKey, Loss>, is_new: impl Fn(&LossKey) -> bool) {
        let mut wanted: Vec<(&LossKey, u64)> = losses
            .iter()
            .filter(|(_, loss)| loss.count > 0)
            .map(|(key, loss)| (key, loss.count))
            .collect();
        // Weighing a row needs a look-up in the catalogue.
        wanted.sort_by_cached_key(|(key, count)| Reverse(weight(key, *count)));
        wanted.truncate(MAX_ROWS);
        let keys: BTreeSet<&LossKey> = wanted.iter().map(|(key, _)| *key).collect();
        for (key, count) in wanted {
            if self.rows.contains_key(key) {
                continue;
            }
            let mut places = 0..MAX_ROWS;
            let free = places.find(|place| self.rows.values().all(|taken| taken != place));
            let Some(place) = free.or_else(|| self.drop_lightest(&keys)) else {
                return;
            };
            let earlier = if is_new(key) { 0 } else { UNKNOWN };
            for point in &mut self.points {
                point.rows[place] = earlier;
            }
            if let Some(last) = self.points.last_mut() {
                last.rows[place] = short(count);
            }
            self.rows.insert(key.clone(), place);
        }
    }

    /// Drops the least important row that is not `wanted`, if there is one, and returns its
    /// place.
    fn drop_lightest(&mut self, wanted: &BTreeSet<&LossKey>) -> Option<usize> {
        let latest = self.points.last()?.rows;
        let rows = self.rows.iter().filter(|(key, _)| !wanted.contains(key));
        let lightest = rows.min_by_key(|(key, place)| weight(key, latest[**place].into()));
        let key = lightest?.0.clone();
        self.rows.remove(&key)
    }

    /// Doubles the spacing; at its widest, forgets the oldest point.
    fn thin_out(&mut self) {
        if self.spacing >= WIDEST {
            self.points.remove(0);
            return;
        }
        self.spacing = (self.spacing * 2).min(WIDEST);
        let spacing = self.spacing;
        self.points.dedup_by(|later, kept| {
            let is_one = later.end.0 / spacing == kept.end.0 / spacing;
            if is_one {
                *kept = *later;
            }
            is_one
        });
    }
}

/// A count as it is kept: hours of a chart with larger ones look the same.
fn short(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(UNKNOWN).min(UNKNOWN - 1)
}

/// Rows that need an operator are followed first, then the largest.
pub(super) fn weight(key: &LossKey, count: u64) -> (bool, u64) {
    let class = loss_code(key.stage, key.platform, &key.code, "").class;
    (class.needs_operator() && count > 0, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::{ErrCode, Platform};
    use proptest::prelude::*;

    fn key(platform: Option<i64>, code: &str) -> LossKey {
        LossKey {
            stage: Stage::PostSendDelivered,
            platform: platform.map(Platform),
            code: ErrCode::new(code),
        }
    }

    fn losses(rows: &[(LossKey, u64)]) -> BTreeMap<LossKey, Loss> {
        let loss = |count: &u64| Loss {
            count: *count,
            description: String::new(),
        };
        rows.iter().map(|(k, n)| (k.clone(), loss(n))).collect()
    }

    fn counts(history: &History, key: &LossKey) -> Vec<u64> {
        history.row(key).into_iter().map(|(_, n)| n).collect()
    }

    #[test]
    fn six_hours_are_kept_and_no_more() {
        let mut history = History::default();
        for minute in 0..1000 {
            let rows = losses(&[(key(None, "410"), minute)]);
            history.losses(UnixSeconds(1_800_000_000 + 60 * minute), &rows, |_| false);
        }
        let ends: Vec<u64> = history.points().map(|point| point.end.0).collect();
        let span = ends[ends.len() - 1] - ends[0];
        assert!((5 * 3600 + 1800..=6 * 3600).contains(&span), "{span}");
        let row = counts(&history, &key(None, "410"));
        assert_eq!((row.len(), row.last()), (ends.len(), Some(&999)));
    }

    #[test]
    fn a_row_in_no_answer_before_was_zero_and_one_not_followed_is_unknown() {
        let mut history = History::default();
        for at in 0..3 {
            history.losses(UnixSeconds(60 * at), &losses(&[]), |_| true);
        }
        let (new, old) = (key(Some(1), "403"), key(Some(1), "410"));
        let rows = losses(&[(new.clone(), 5), (old.clone(), 7)]);
        history.losses(UnixSeconds(180), &rows, |key| *key == new);
        assert_eq!(counts(&history, &new), [0, 0, 0, 5]);
        assert_eq!(counts(&history, &old), [7]);
    }

    #[test]
    fn a_small_row_that_needs_an_operator_is_followed_before_much_churn() {
        let mut history = History::default();
        let churn: Vec<(LossKey, u64)> = (0..20)
            .map(|n| (key(Some(1), &format!("9{n}")), 1000 + n))
            .collect();
        history.losses(UnixSeconds(0), &losses(&churn), |_| true);
        let mut rows = churn;
        rows.push((key(Some(1), "403"), 3));
        history.losses(UnixSeconds(60), &losses(&rows), |_| true);
        assert_eq!(counts(&history, &key(Some(1), "403")), [0, 3]);
    }

    #[test]
    fn pushes_belong_to_the_losses_of_the_same_window() {
        let mut history = History::default();
        let sent = |sent| Funnel {
            sent,
            ..Funnel::default()
        };
        let sent_first = |history: &History| {
            let first = history.points().next().unwrap();
            first.pushes(Stage::PostSendDelivered)
        };
        history.pushes(UnixSeconds(60), &sent(5));
        assert_eq!(history.points().len(), 0);
        history.losses(UnixSeconds(60), &losses(&[]), |_| true);
        history.pushes(UnixSeconds(120), &sent(6));
        assert_eq!(sent_first(&history), None);
        history.pushes(UnixSeconds(60), &sent(7));
        assert_eq!(sent_first(&history), Some(7));
    }

    #[test]
    fn points_of_a_clock_that_was_ahead_are_dropped() {
        let mut history = History::default();
        let rows = losses(&[(key(None, "410"), 5)]);
        for end in [0, 60, 3660, 3720] {
            history.losses(UnixSeconds(end), &rows, |_| false);
        }
        let late = losses(&[(key(None, "late"), 9)]);
        history.losses(UnixSeconds(3780), &late, |_| false);
        history.losses(UnixSeconds(120), &rows, |_| false);
        let ends: Vec<u64> = history.points().map(|point| point.end.0).collect();
        assert_eq!(ends, [0, 60, 120]);
        assert_eq!(counts(&history, &key(None, "410")), [5, 5, 5]);
        assert!(counts(&history, &key(None, "late")).is_empty());
    }

    proptest! {
        #[test]
        fn the_history_is_bounded_and_ends_with_the_latest_answer(
            polls in prop::collection::vec((0_u64..2000, prop::collection::btree_map(0_u8..40, 0_u64..1000, 0..30)), 1..300),
        ) {
            let mut history = History::default();
            let mut end = 1_800_000_000;
            for (pause, codes) in polls {
                end += pause;
                let rows: Vec<(LossKey, u64)> = codes
                    .iter()
                    .map(|(code, count)| (key((code % 2 == 0).then_some(1), &code.to_string()), *count))
                    .collect();
                let rows = losses(&rows);
                history.losses(UnixSeconds(end), &rows, |key| key.code.as_str().len() == 1);
                let points: Vec<Point> = history.points().copied().collect();
                prop_assert!(points.len() <= MAX_POINTS);
                prop_assert!(points.is_sorted_by(|a, b| a.end < b.end));
                prop_assert_eq!(points.last().map(|point| point.end.0), Some(end));
                prop_assert!(history.rows.len() <= MAX_ROWS);
                for key in history.rows.keys() {
                    let counts = counts(&history, key);
                    prop_assert!(!counts.is_empty() && counts.len() <= points.len());
                    let latest = rows.get(key).map_or(0, |loss| loss.count);
                    prop_assert_eq!(counts.last(), Some(&latest));
                }
                let overall: u64 = rows.iter().filter(|(key, _)| key.platform.is_none()).map(|(_, loss)| loss.count).sum();
                prop_assert_eq!(points.last().map(|point| point.lost(Stage::PostSendDelivered)), Some(overall));
            }
        }
    }
}
