//! A range and its parts: does the service resolve the parts?

use super::counts::AnswerCounts;
use crate::model::reading::CountKey;
use crate::model::window::{Range, UnixSeconds};

/// The minimum number of pushes for a verdict: fewer could all have happened in the few
/// seconds that no part covers.
const ENOUGH: u64 = 10;

/// What the responses about a range and its parts prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// At least two parts have counts of their own.
    Respected {
        /// Whether all parts do. If not, buckets of twice a part's length could look the same.
        all: bool,
    },
    /// Parts are returned with more than they can hold, or with nothing at all.
    Ignored,
    /// Too few counts, or all of them in one part.
    Unclear,
}

impl Split {
    pub fn resolved(self) -> Option<bool> {
        match self {
            Self::Respected { .. } => Some(true),
            Self::Ignored => Some(false),
            Self::Unclear => None,
        }
    }
}

/// The check of a range and its parts: a plan of queries, and the responses so far. Each part
/// ends a second before the next begins, and the whole ends with the last part.
///
/// Parts that share no second cannot hold more than the whole, whether edges are inclusive or
/// not. If the service counts every bucket that a range touches, several parts touch a bucket
/// longer than a part, and each counts it. A service that counts a bucket at the second of its
/// start counts nothing in the whole without its first second.
#[derive(Clone, Debug)]
pub struct SplitCheck {
    plan: Vec<Range>,
    parts: usize,
    answers: Vec<AnswerCounts>,
}

impl SplitCheck {
    /// `parts` is at least 3, and `range` a multiple of it and longer than 2 s a part.
    pub fn new(range: Range, parts: u64) -> Self {
        let length = range.end.0.saturating_sub(range.start.0) / parts.max(1);
        let start_of = |n: u64| range.start.0.saturating_add(n.saturating_mul(length));
        let part = |n: u64| Range::new(start_of(n), start_of(n + 1).saturating_sub(1));
        let whole = Range {
            start: range.start,
            end: UnixSeconds(start_of(parts).saturating_sub(1)),
        };
        let mut plan = vec![whole];
        plan.extend((0..parts).map(part));
        Self {
            parts: plan.len() - 1,
            plan,
            answers: Vec::new(),
        }
    }

    /// The range to query next; `None` when all responses are known.
    pub fn next_question(&self) -> Option<Range> {
        self.plan.get(self.answers.len()).copied()
    }

    /// Records the response to [`Self::next_question`].
    pub fn answered(&mut self, counts: impl Into<AnswerCounts>) {
        self.answers.push(counts.into());
        let (Some(whole), Some(asked)) = (self.answers.first(), self.plan.first().copied()) else {
            return;
        };
        if whole.is_zero() {
            self.plan.truncate(1);
        } else if self.answers.len() == 1 + self.parts {
            let parts = self.part_counts();
            let only_first = parts.first().is_some_and(|part| !part.is_zero())
                && parts.iter().skip(1).all(AnswerCounts::is_zero);
            if only_first {
                let start = UnixSeconds(asked.start.0.saturating_add(1));
                self.plan.push(Range { start, ..asked });
            }
            self.plan.push(asked);
        }
    }

    /// What the responses so far prove.
    pub fn verdict(&self) -> Split {
        let (Some(whole), Some(again)) = (self.answers.first(), self.answers.last()) else {
            return Split::Unclear;
        };
        if self.answers.len() < self.parts + 2 || self.next_question().is_some() {
            return Split::Unclear;
        }
        let without_start = (self.answers.len() == self.parts + 3)
            .then(|| self.answers.get(self.parts + 1))
            .flatten();
        let parts = self.part_counts();
        let keys: Vec<&CountKey> = AnswerCounts::keys(parts.iter().chain([whole]))
            .into_iter()
            .filter(|key| whole.get(key) == again.get(key))
            .collect();
        let too_much = keys.iter().any(|key| {
            let parts = parts
                .iter()
                .fold(0_u64, |sum, part| sum.saturating_add(part.get(key)));
            parts > whole.get(key)
        });
        if too_much {
            return Split::Ignored;
        }
        let with_counts = parts
            .iter()
            .filter(|part| keys.iter().any(|key| part.get(key) > 0))
            .count();
        let enough = whole.total() >= ENOUGH;
        match with_counts {
            0 if enough && parts.iter().all(AnswerCounts::is_zero) => Split::Ignored,
            1 if enough && without_start.is_some_and(AnswerCounts::is_zero) => Split::Ignored,
            0 | 1 => Split::Unclear,
            n => Split::Respected {
                all: n == parts.len(),
            },
        }
    }

    /// The part with the largest counts, as queried: its end is a second early.
    pub fn busiest(&self) -> Option<Range> {
        self.part_counts()
            .iter()
            .zip(self.plan.iter().skip(1))
            .filter(|(counts, _)| !counts.is_zero())
            .max_by_key(|(counts, _)| counts.total())
            .map(|(_, range)| *range)
    }

    fn part_counts(&self) -> &[AnswerCounts] {
        let end = self.answers.len().min(1 + self.parts);
        self.answers.get(1..end).unwrap_or_default()
    }
}
