//! Which codes of a day have a series of their own.
//!
//! A day has a limited number of places for loss series. A code with a place and a count keeps
//! the place until the day is over, because its series must not step down. A code without a
//! place is counted in `other`, the sum of its stage and platform, and stays there: a code
//! that left a sum would be counted twice, so a group with a sum admits no more codes. Codes
//! in a sum are not remembered. A response has the counts of all codes, so the sum is the rest
//! of the response, without the codes that have a place. Its maximum over the day never steps
//! down.
//!
//! At midnight the places are assigned anew by rank: the larger of a code's counts today and
//! the day before.

use std::collections::BTreeMap;

use super::day::{Cell, Day, Newcomer};
use crate::model::reading::{CountKey, LossKey};
use crate::target::series_limit::{self, Platforms};

/// The part of a response whose codes have no series of their own.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) counts: BTreeMap<CountKey, u64>,
    pub(super) codes: usize,
}

impl Sums {
    fn add(&mut self, sum: CountKey, count: u64) {
        if count > 0 {
            let total = self.counts.entry(sum).or_insert(0);
            *total = total.saturating_add(count);
            self.codes += 1;
        }
    }
}

/// The contenders for a place.
enum Contender<'a> {
    Newcomer(Newcomer<'a>),
    /// Has a place, but no count yet.
    Idle(CountKey),
}

impl Contender<'_> {
    fn key(&self) -> &CountKey {
        match self {
            Self::Newcomer(newcomer) => newcomer.key,
            Self::Idle(key) => key,
        }
    }
}

impl Day {
    /// Assigns places to new codes, at most `limit` in all; their series are 0 until
    /// `zero_until`. Places without a count may be reassigned. Linear except for one sort.
    pub(super) fn take_in(
        &mut self,
        newcomers: Vec<Newcomer>,
        limit: Option<usize>,
        zero_until: u64,
    ) -> Sums {
        let mut sums = Sums::default();
        let mut contenders = Vec::new();
        for newcomer in newcomers {
            match sum_of(newcomer.key).filter(|sum| limit.is_some() && sum != newcomer.key) {
                None => self.give_place(&newcomer, zero_until),
                Some(sum) if self.cells.get(&sum).is_some_and(|cell| cell.max > 0) => {
                    sums.add(sum, newcomer.count);
                }
                Some(_) => contenders.push((newcomer.rank, Contender::Newcomer(newcomer))),
            }
        }
        if let Some(limit) = limit
            && self.losses() + contenders.len() > limit
        {
            self.make_room(&mut contenders, limit, &mut sums);
        }
        for (_, contender) in contenders {
            if let Contender::Newcomer(newcomer) = contender {
                self.give_place(&newcomer, zero_until);
            }
        }
        sums
    }

    /// Drops the smallest contenders, even those with idle places, until the rest and the sums
    /// are at most `limit`.
    fn make_room(&mut self, contenders: &mut Vec<(u64, Contender)>, limit: usize, sums: &mut Sums) {
        let mut taken = self.losses() + contenders.len();
        let idle = self
            .cells
            .iter()
            .filter(|(key, cell)| cell.max == 0 && sum_of(key).is_some_and(|sum| sum != **key));
        contenders.extend(idle.map(|(key, cell)| (cell.before, Contender::Idle(key.clone()))));
        // The smallest come last.
        contenders.sort_unstable_by(|(rank, one), (other_rank, other)| {
            let (one, other) = (one.key(), other.key());
            (other_rank, code(other), other).cmp(&(rank, code(one), one))
        });
        while taken > limit
            && let Some((_, contender)) = contenders.pop()
        {
            taken -= 1;
            match contender {
                Contender::Idle(key) => {
                    self.cells.remove(&key);
                }
                Contender::Newcomer(newcomer) => {
                    if let Some(sum) = sum_of(newcomer.key).filter(|_| newcomer.count > 0) {
                        let is_new =
                            !self.cells.contains_key(&sum) && !sums.counts.contains_key(&sum);
                        taken += usize::from(is_new);
                        sums.add(sum, newcomer.count);
                    }
                }
            }
        }
    }

    pub(super) fn give_place(&mut self, newcomer: &Newcomer, zero_until: u64) {
        let cell = Cell {
            max: newcomer.count,
            base: 0,
            zero_until,
            seen: newcomer.seen,
            before: newcomer.rank,
        };
        self.cells.insert(newcomer.key.clone(), cell);
    }

    /// Keeps at most `limit` loss series, not counting sums, and only distinct platforms
    /// within their bound. The other counts go into the sums, so the day's total is unchanged.
    pub(super) fn cut(&mut self, limit: usize, platforms: &mut Platforms) {
        let mut losses = BTreeMap::<LossKey, Cell>::new();
        for (key, cell) in std::mem::take(&mut self.cells) {
            match platforms.place_key(key) {
                CountKey::Loss(key) => losses.entry(key).or_default().add(cell),
                step @ CountKey::Funnel(..) => self.cells.entry(step).or_default().add(cell),
            }
        }
        series_limit::fold_by(&mut losses, limit, |cell| cell.max, Cell::add);
        let losses = losses.into_iter();
        self.cells
            .extend(losses.map(|(key, cell)| (CountKey::Loss(key), cell)));
    }
}

impl Cell {
    fn add(&mut self, other: Self) {
        self.max = self.max.saturating_add(other.max);
        self.base = self.base.saturating_add(other.base);
        self.before = self.before.saturating_add(other.before);
        self.zero_until = self.zero_until.max(other.zero_until);
        self.seen = self.seen.max(other.seen);
    }
}

fn code(key: &CountKey) -> &str {
    match key {
        CountKey::Loss(key) => key.code.as_str(),
        CountKey::Funnel(..) => "",
    }
}

/// The sum in which a code without a place is counted; none for a statistic.
fn sum_of(key: &CountKey) -> Option<CountKey> {
    match key {
        CountKey::Loss(key) => Some(CountKey::Loss(series_limit::sum_of(key))),
        CountKey::Funnel(..) => None,
    }
}
