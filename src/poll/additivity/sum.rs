//! Two adjacent ranges, and their union.

use super::counts::AnswerCounts;
use super::verdict::{Additivity, Edges, Evidence, Moved, Why};
use crate::model::reading::CountKey;
use crate::model::window::{Range, UnixSeconds};

/// One query of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    First,
    Second,
    Both,
    Moved(Moved),
}

impl Ask {
    /// What is asked first, and once more if it does not add up.
    const REPEATED: [Self; 3] = [Self::First, Self::Second, Self::Both];
}

/// The check of two adjacent ranges: a plan of queries, and the responses so far.
#[derive(Clone, Debug)]
pub struct SumCheck {
    start: UnixSeconds,
    middle: UnixSeconds,
    end: UnixSeconds,
    plan: Vec<Ask>,
    answers: Vec<AnswerCounts>,
}

impl SumCheck {
    /// Starts a check. Both ranges must be at least 2 s long.
    pub fn new(start: UnixSeconds, middle: UnixSeconds, end: UnixSeconds) -> Self {
        Self {
            start,
            middle,
            end,
            plan: Ask::REPEATED.to_vec(),
            answers: Vec::new(),
        }
    }

    /// The range to query next; `None` when all responses are known.
    pub fn next_question(&self) -> Option<Range> {
        let ask = self.plan.get(self.answers.len())?;
        let (before, after) = (
            UnixSeconds(self.middle.0.saturating_sub(1)),
            UnixSeconds(self.middle.0.saturating_add(1)),
        );
        let (start, end) = match ask {
            Ask::First => (self.start, self.middle),
            Ask::Second => (self.middle, self.end),
            Ask::Both => (self.start, self.end),
            Ask::Moved(Moved::FirstEndsEarlier) => (self.start, before),
            Ask::Moved(Moved::FirstEndsLater) => (self.start, after),
            Ask::Moved(Moved::SecondStartsLater) => (after, self.end),
            Ask::Moved(Moved::SecondStartsEarlier) => (before, self.end),
        };
        Some(Range { start, end })
    }

    /// Records the response to [`Self::next_question`].
    pub fn answered(&mut self, counts: impl Into<AnswerCounts>) {
        self.answers.push(counts.into());
        if self.answers.len() == 3 {
            let (mut over, mut under) = (false, false);
            for key in AnswerCounts::keys(&self.answers) {
                let (parts, whole) = self.sum(key, Ask::First, Ask::Second);
                over |= parts > whole;
                under |= parts < whole;
            }
            let moves = Moved::ALL
                .into_iter()
                .filter(|moved| if moved.removes_overlap() { over } else { under });
            self.plan.extend(moves.map(Ask::Moved));
            if over || under {
                self.plan.extend(Ask::REPEATED);
            }
        }
    }

    /// What the responses so far prove.
    pub fn verdict(&self) -> Additivity {
        let keys = AnswerCounts::keys(&self.answers);
        let (still, moving): (Vec<&CountKey>, Vec<&CountKey>) =
            keys.into_iter().partition(|key| self.stands_still(key));
        let adds_up = |key: &CountKey, first, second| {
            let (parts, whole) = self.sum(key, first, second);
            parts == whole
        };
        let worst = still
            .iter()
            .filter(|key| !adds_up(key, Ask::First, Ask::Second))
            .max_by_key(|key| {
                let (parts, whole) = self.sum(key, Ask::First, Ask::Second);
                parts.abs_diff(whole)
            });
        let Some(worst) = worst else {
            let is_proof = |key: &&CountKey| {
                self.count(key, Ask::First) > 0 && self.count(key, Ask::Second) > 0
            };
            return if still.iter().any(is_proof) {
                Additivity::Additive
            } else if moving.is_empty() {
                Additivity::Unknown(Why::Quiet)
            } else {
                Additivity::Unknown(Why::Moving)
            };
        };
        let evidence = self.evidence(worst);
        let explains = |moved: Moved| {
            let (first, second) = match moved {
                Moved::FirstEndsEarlier | Moved::FirstEndsLater => (Ask::Moved(moved), Ask::Second),
                Moved::SecondStartsLater | Moved::SecondStartsEarlier => {
                    (Ask::First, Ask::Moved(moved))
                }
            };
            self.plan.contains(&Ask::Moved(moved))
                && still.iter().all(|key| adds_up(key, first, second))
        };
        // In a service that counts whole buckets only one of the two moves leaves the
        // bucket, so both together mean single seconds.
        if explains(Moved::FirstEndsEarlier) && explains(Moved::SecondStartsLater) {
            let edges = Edges::Inclusive;
            return Additivity::Edges { edges, evidence };
        }
        if explains(Moved::FirstEndsLater) && explains(Moved::SecondStartsEarlier) {
            let edges = Edges::Exclusive;
            return Additivity::Edges { edges, evidence };
        }
        let moved = Moved::ALL.into_iter().find(|moved| explains(*moved));
        Additivity::NotAdditive { evidence, moved }
    }

    fn evidence(&self, key: &CountKey) -> Evidence {
        Evidence {
            key: key.clone(),
            first: self.count(key, Ask::First),
            second: self.count(key, Ask::Second),
            both: self.count(key, Ask::Both),
            start: self.start,
            middle: self.middle,
            end: self.end,
        }
    }

    /// The two parts together, and the whole.
    fn sum(&self, key: &CountKey, first: Ask, second: Ask) -> (u64, u64) {
        let parts = self
            .count(key, first)
            .saturating_add(self.count(key, second));
        (parts, self.count(key, Ask::Both))
    }

    /// Whether repeated queries returned the same count.
    fn stands_still(&self, key: &CountKey) -> bool {
        Ask::REPEATED.into_iter().all(|ask| {
            let mut counts = self.answers(ask).map(|counts| counts.get(key));
            let first = counts.next();
            counts.all(|again| Some(again) == first)
        })
    }

    fn count(&self, key: &CountKey, ask: Ask) -> u64 {
        self.answers(ask).next().map_or(0, |counts| counts.get(key))
    }

    /// The responses to a query, in order.
    fn answers(&self, ask: Ask) -> impl Iterator<Item = &AnswerCounts> {
        let asked = self.plan.iter().zip(&self.answers);
        asked
            .filter(move |(planned, _)| **planned == ask)
            .map(|(_, answer)| answer)
    }
}
