//! The bound on data series per target. Codes come from outside, and one bad release of an
//! app, or of the service, must not fill a Prometheus server.

use std::collections::{BTreeMap, BTreeSet};

use crate::reading::{ErrCode, Loss, LossKey};

/// How many series a target has, and how many it may have.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// The configured limit.
    pub limit: usize,
    /// Series whose number codes have no part in.
    pub fixed: usize,
    /// Loss series of the window with their descriptions, before any are summed up.
    pub window: usize,
    /// Loss counters, before any are summed up; `None` if there are no counters.
    pub counters: Option<usize>,
}

impl Budget {
    /// How many loss series the window, and as many again the counters, may have; `None`
    /// while everything fits. A code has a count and a description in the window, and
    /// a counter, each of which gets its part.
    pub fn losses(self) -> Option<usize> {
        let wanted = self.fixed + self.window + self.counters.unwrap_or(0);
        let parts = if self.counters.is_some() { 3 } else { 2 };
        (wanted > self.limit).then(|| self.limit.saturating_sub(self.fixed) / parts)
    }
}

/// Sums the smallest counts up under the code `other`, within each stage and platform, until
/// at most `limit` rows are left (or only sums are). Gives the number of codes that are in
/// the sums.
pub fn fold(rows: &mut BTreeMap<LossKey, Loss>, limit: usize) -> usize {
    if rows.len() <= limit {
        return 0;
    }
    let mut smallest: Vec<(u64, LossKey)> = rows
        .iter()
        .map(|(key, loss)| (loss.count, key.clone()))
        .collect();
    smallest.sort_by(|(count, key), (other_count, other)| {
        (count, &key.code, key).cmp(&(other_count, &other.code, other))
    });
    let mut sums: BTreeSet<LossKey> = BTreeSet::new();
    let mut folded = 0;
    for (count, key) in smallest {
        if rows.len() <= limit {
            break;
        }
        rows.remove(&key);
        folded += 1;
        let sum = LossKey {
            code: ErrCode::other(),
            ..key
        };
        let total = rows.entry(sum.clone()).or_default();
        total.count = total.count.saturating_add(count);
        sums.insert(sum);
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{Platform, Stage};
    use proptest::prelude::*;

    fn key(platform: Option<i64>, code: &str) -> LossKey {
        LossKey {
            stage: Stage::ReadyToSend,
            platform: platform.map(Platform),
            code: ErrCode::new(code),
        }
    }

    fn rows(counts: &[(Option<i64>, &str, u64)]) -> BTreeMap<LossKey, Loss> {
        counts
            .iter()
            .map(|(platform, code, count)| {
                let loss = Loss {
                    count: *count,
                    description: (*code).to_owned(),
                };
                (key(*platform, code), loss)
            })
            .collect()
    }

    #[test]
    fn the_smallest_are_summed_up_with_ties_by_code() {
        let mut folded = rows(&[
            (None, "a", 9),
            (None, "b", 1),
            (None, "c", 1),
            (None, "d", 1),
        ]);
        assert_eq!(fold(&mut folded, 3), 2);
        let left: Vec<(&str, u64)> = folded
            .iter()
            .map(|(key, loss)| (key.code.as_str(), loss.count))
            .collect();
        assert_eq!(left, [("a", 9), ("d", 1), ("other", 2)]);
        assert!(folded.values().all(|loss| loss.description != "other"));
    }

    #[test]
    fn nothing_is_summed_up_while_everything_fits() {
        let budget = Budget {
            limit: 100,
            fixed: 40,
            window: 40,
            counters: Some(20),
        };
        assert_eq!(budget.losses(), None);
        let over = Budget {
            counters: Some(21),
            ..budget
        };
        assert_eq!(over.losses(), Some(20));
        let tiny = Budget { limit: 1, ..over };
        assert_eq!(tiny.losses(), Some(0));
    }

    proptest! {
        #[test]
        fn sums_stay_right_within_each_platform_and_the_limit_holds(
            counts in proptest::collection::btree_map((0..3_i64, "[a-z]{1,2}"), 0..1000_u64, 0..40),
            limit in 3..40_usize,
        ) {
            let mut folded: BTreeMap<LossKey, Loss> = counts
                .iter()
                .map(|((platform, code), count)| {
                    (key(Some(*platform), code), Loss { count: *count, ..Loss::default() })
                })
                .collect();
            let sums = |rows: &BTreeMap<LossKey, Loss>| {
                let mut sums = BTreeMap::<_, u64>::new();
                for (key, loss) in rows {
                    *sums.entry(key.platform).or_default() += loss.count;
                }
                sums
            };
            let before = sums(&folded);
            fold(&mut folded, limit);
            prop_assert_eq!(before, sums(&folded));
            prop_assert!(folded.len() <= limit);
        }
    }
}
