//! The bound on what is served and kept per target. Codes and platforms come from outside, and one
//! bad release of an app, or of the service, must not overload a Prometheus server or this process.
//!
//! Only what is served is kept from one poll to the next. Let `n` be the `series_limit`. A target
//! keeps at most `n` rows and descriptions of the window, `n` remembered codes, and `n` counters of
//! losses for each of two days (today, and the closed day around midnight). Each of these four has
//! at most [`MAX_SUMS`] sums in addition. Together, they are 4 (n + [`MAX_SUMS`]) entries of at
//! most [`MAX_ENTRY_BYTES`] bytes, plus 4 ([`MAX_PLATFORMS`] + 1) statistics, which are smaller,
//! for the window and each day. With the default limit, the total is 4.3 MB with the longest codes
//! and descriptions, and less than 1 MB with codes of a few digits and sentences as descriptions;
//! twice that while a poll is recorded. The state file contains the same except the window's rows.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::reading::{CountKey, Counts, ErrCode, Funnel, Loss, LossKey, Platform, Reading};

/// How many platforms without a documented number are kept apart.
const UNLISTED: usize = 16;

/// The maximum number of platforms of a target: documented ones, others, and the sum of the
/// rest.
pub const MAX_PLATFORMS: usize = Platform::NAMES.len() + UNLISTED + 1;

/// The maximum number of sums of codes: one per stage, overall and on each platform.
pub const MAX_SUMS: usize = 2 * (MAX_PLATFORMS + 1);

/// The maximum size of one kept entry in bytes: key and value in a half-full tree, and the
/// text of a code (64 characters of up to 4 bytes). A description (120 characters) counts as
/// an entry of its own.
pub const MAX_ENTRY_BYTES: usize = 512;

/// The platforms kept apart: all documented ones, and the first 16 other numbers in the
/// target's responses since the start. The rest is summed under [`Platform::OTHER`] for good,
/// because a counter that left a sum would count twice.
#[derive(Clone, Debug, Default)]
pub struct Platforms(BTreeSet<Platform>);

impl Platforms {
    /// The platform under which `platform` is counted.
    pub fn place(&mut self, platform: Platform) -> Platform {
        if platform.name().is_some() || !platform.is_vendors() {
            return platform;
        }
        if self.0.len() < UNLISTED {
            self.0.insert(platform);
        }
        if self.0.contains(&platform) {
            platform
        } else {
            Platform::OTHER
        }
    }

    /// The key under which the count of `key` is kept.
    pub fn place_key(&mut self, mut key: CountKey) -> CountKey {
        let (CountKey::Loss(LossKey { platform, .. }) | CountKey::Funnel(_, platform)) = &mut key;
        *platform = platform.map(|platform| self.place(platform));
        key
    }

    /// The same counts under the keys where they are kept.
    pub fn place_counts(&mut self, counts: Counts) -> Counts {
        let add = |sum: &mut u64, count: u64| *sum = sum.saturating_add(count);
        moved(counts, |key| self.place_key(key), add)
    }

    /// The same response with every row under the platform where it is kept.
    pub fn place_all(&mut self, reading: Reading) -> Reading {
        match reading {
            Reading::Loss(rows) => {
                let place = |key: LossKey| LossKey {
                    platform: key.platform.map(|platform| self.place(platform)),
                    ..key
                };
                Reading::Loss(moved(rows, place, |sum: &mut Loss, loss: Loss| {
                    sum.count = sum.count.saturating_add(loss.count);
                    if sum.description.is_empty() {
                        sum.description = loss.description;
                    }
                }))
            }
            Reading::Statistics { overall, platforms } => {
                let add = |sum: &mut Funnel, funnel| *sum = sum.saturating_add(funnel);
                Reading::Statistics {
                    overall,
                    platforms: moved(platforms, |platform| self.place(platform), add),
                }
            }
        }
    }
}

/// The same rows under other keys; those under one key are added up.
fn moved<K: Ord, V: Default>(
    rows: BTreeMap<K, V>,
    mut place: impl FnMut(K) -> K,
    add: impl Fn(&mut V, V),
) -> BTreeMap<K, V> {
    let mut placed = BTreeMap::new();
    for (key, row) in rows {
        add(placed.entry(place(key)).or_default(), row);
    }
    placed
}

/// The number of series of a target, and its limit.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// The configured limit.
    pub limit: usize,
    /// Series whose number does not depend on codes.
    pub fixed: usize,
    /// Loss series and descriptions that the window would have without a limit.
    pub wanted: usize,
    /// The window's actual loss series and descriptions.
    pub window: usize,
    /// Loss counters; `None` without counters.
    pub counters: Option<usize>,
}

impl Budget {
    fn free(self) -> usize {
        self.limit.saturating_sub(self.fixed)
    }

    /// The room for counters: what the window leaves, or their share. A code has a count and a
    /// description in the window, and a counter; each gets a third.
    fn part(self) -> usize {
        (self.free() / 3).max(self.free().saturating_sub(self.wanted))
    }

    /// How many loss series and descriptions the window may have when the response names
    /// `named` codes: the room left by the counters that exist or are about to.
    pub fn for_window(self, named: usize) -> usize {
        let counters = self
            .counters
            .map_or(0, |counters| counters.max(named.min(self.part())));
        self.free().saturating_sub(counters)
    }

    /// How many loss counters may exist beside the current window.
    pub fn for_counters(self) -> usize {
        self.part().min(self.free().saturating_sub(self.window))
    }
}

/// Sums the smallest counts under the code `other`, within each stage and platform, until at
/// most `limit` rows, or only sums, are left. Returns the number of codes in the sums.
pub fn fold(rows: &mut BTreeMap<LossKey, Loss>, limit: usize) -> usize {
    fold_by(
        rows,
        limit,
        |loss| loss.count,
        |sum, loss| sum.count = sum.count.saturating_add(loss.count),
    )
}

/// [`fold`] for rows of any kind, with a `count` and a way to `add` one to a sum. The codes are
/// folded in the order of their counts, then of their texts; those without a count are dropped.
pub(super) fn fold_by<V: Default>(
    rows: &mut BTreeMap<LossKey, V>,
    limit: usize,
    count: impl Fn(&V) -> u64,
    add: impl Fn(&mut V, V),
) -> usize {
    if rows.len() <= limit {
        return 0;
    }
    let codes = rows.iter().filter(|(key, _)| !key.code.is_other());
    let mut codes: Vec<(u64, LossKey)> =
        codes.map(|(key, row)| (count(row), key.clone())).collect();
    codes.sort_unstable_by(|(count, key), (other_count, other)| {
        (count, &key.code, key).cmp(&(other_count, &other.code, other))
    });
    let mut folded = 0;
    for (_, key) in codes {
        if rows.len() <= limit {
            break;
        }
        if let Some(row) = rows.remove(&key).filter(|row| count(row) > 0) {
            folded += 1;
            add(rows.entry(sum_of(&key)).or_default(), row);
        }
    }
    folded
}

/// The key under which a folded code is counted.
pub(super) fn sum_of(key: &LossKey) -> LossKey {
    LossKey {
        code: ErrCode::other(),
        ..*key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::Stage;
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
            wanted: 40,
            window: 40,
            counters: Some(0),
        };
        assert_eq!((budget.for_window(20), budget.for_counters()), (40, 20));
        let tiny = Budget { limit: 1, ..budget };
        assert_eq!((tiny.for_window(20), tiny.for_counters()), (0, 0));
    }

    #[test]
    fn over_the_limit_window_and_counters_leave_each_other_their_parts() {
        let budget = Budget {
            limit: 100,
            fixed: 40,
            wanted: 61,
            window: 40,
            counters: Some(0),
        };
        assert_eq!((budget.for_window(30), budget.for_counters()), (40, 20));
        let none = Budget {
            counters: None,
            ..budget
        };
        assert_eq!(none.for_window(30), 60);
        // Existing counters cannot be removed within a day.
        let many = Budget {
            counters: Some(50),
            window: 10,
            ..budget
        };
        assert_eq!((many.for_window(30), many.for_counters()), (10, 20));
    }

    #[test]
    fn documented_platforms_and_the_first_others_are_told_apart() {
        let mut platforms = Platforms::default();
        let places: Vec<Platform> = (0..1000).map(|n| platforms.place(Platform(n))).collect();
        let apart = places.iter().filter(|place| **place != Platform::OTHER);
        assert_eq!(apart.count() + 1, MAX_PLATFORMS);
        assert_eq!(platforms.place(Platform(-5)), Platform::OTHER);
        assert_eq!(platforms.place(Platform(9)), Platform(9), "for good");
        assert_eq!(Platform::OTHER.to_string(), "other");
    }

    #[test]
    fn counts_of_platforms_that_are_not_told_apart_are_added_up() {
        let rows = (0..1000).map(|n| {
            (
                key(Some(n), "a"),
                Loss {
                    count: 1,
                    ..Loss::default()
                },
            )
        });
        let Reading::Loss(placed) = Platforms::default().place_all(Reading::Loss(rows.collect()))
        else {
            panic!("a loss stays one");
        };
        assert_eq!(placed.len(), MAX_PLATFORMS);
        assert_eq!(placed.values().map(|loss| loss.count).sum::<u64>(), 1000);
        let funnel = Funnel {
            sent: 1,
            ..Funnel::default()
        };
        let statistics = Reading::Statistics {
            overall: funnel,
            platforms: (0..1000).map(|n| (Platform(n), funnel)).collect(),
        };
        let Reading::Statistics { overall, platforms } = Platforms::default().place_all(statistics)
        else {
            panic!("statistics stay some");
        };
        assert_eq!((overall.sent, platforms.len()), (1, MAX_PLATFORMS));
        assert_eq!(
            platforms.values().map(|funnel| funnel.sent).sum::<u64>(),
            1000
        );
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
                // A row of 0 adds nothing to a sum, and makes none.
                sums.retain(|_, sum| *sum > 0);
                sums
            };
            let before = sums(&folded);
            fold(&mut folded, limit);
            prop_assert_eq!(before, sums(&folded));
            prop_assert!(folded.len() <= limit);
        }
    }
}
