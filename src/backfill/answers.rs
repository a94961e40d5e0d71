//! The service's responses so far, in compact form until the text is written.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::reading::{Api, CountKey};
use crate::model::window::{Range, UnixSeconds};

/// One call to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// The target's position in the plan.
    pub target: usize,
    pub api: Api,
    pub range: Range,
}

/// The maximum number of samples in a run, counting each series at all moments of its target.
/// A sample takes 16 bytes, and so does a count, but there are fewer counts: a run holds at
/// most about 3.2 GB of samples, and less while it holds counts.
pub const MAX_SAMPLES: usize = 200_000_000;

/// The memory of a series besides its samples, in samples: its key, and spare capacity.
const SERIES: usize = 16;

/// Counts by target and API, and the proved targets.
pub struct Answers {
    answered: BTreeMap<(usize, Api), Answered>,
    proved: BTreeSet<usize>,
    /// For each target, the maximum number of samples per key.
    samples_of_key: Vec<usize>,
    samples: usize,
    most: usize,
}

/// The responses about one target's API.
#[derive(Default)]
pub struct Answered {
    /// The starts of the pieces with a response.
    pieces: BTreeSet<UnixSeconds>,
    /// For each key, the starts of the pieces that contain it, with its count in each.
    pub(super) counts: BTreeMap<CountKey, Vec<(UnixSeconds, u64)>>,
}

/// The responses would produce more samples than a run may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the responses hold so many codes that more than {MAX_SAMPLES} samples would have to be kept in memory; remove the journal, then fill one app at a time (--app), a shorter span, or with a larger --step"
)]
pub struct TooMany;

impl Answers {
    /// No responses yet. `samples_of_key` has, for each target, the maximum number of samples
    /// per key.
    pub(super) fn none(samples_of_key: Vec<usize>) -> Self {
        Self {
            answered: BTreeMap::new(),
            proved: BTreeSet::new(),
            samples_of_key,
            samples: 0,
            most: MAX_SAMPLES,
        }
    }

    /// Records the response to a query. A second response about the same piece is ignored.
    pub fn add(
        &mut self,
        question: Query,
        counts: impl IntoIterator<Item = (CountKey, u64)>,
    ) -> Result<(), TooMany> {
        let Query { target, api, range } = question;
        let answered = self.answered.entry((target, api)).or_default();
        if !answered.pieces.insert(range.start) {
            return Ok(());
        }
        let series = SERIES + self.samples_of_key.get(target).copied().unwrap_or(0);
        for (key, count) in counts {
            let of_key = answered.counts.entry(key).or_default();
            if of_key.is_empty() {
                self.samples = self.samples.saturating_add(series);
            }
            of_key.push((range.start, count));
        }
        if self.samples > self.most {
            return Err(TooMany);
        }
        Ok(())
    }

    pub fn is_answered(&self, question: &Query) -> bool {
        self.answered
            .get(&(question.target, question.api))
            .is_some_and(|answered| answered.pieces.contains(&question.range.start))
    }

    /// Records that the counts of a target were proved to add up.
    pub fn prove(&mut self, target: usize) {
        self.proved.insert(target);
    }

    pub fn is_proved(&self, target: usize) -> bool {
        self.proved.contains(&target)
    }

    /// Takes out the responses about one target's API.
    pub(super) fn take(&mut self, target: usize, api: Api) -> Answered {
        self.answered.remove(&(target, api)).unwrap_or_default()
    }
}

#[cfg(test)]
impl Answered {
    /// Built from counts by the start of their piece.
    pub(super) fn from_pieces(
        pieces: BTreeMap<UnixSeconds, crate::model::reading::Counts>,
    ) -> Self {
        let mut answered = Self::default();
        for (start, counts) in pieces {
            answered.pieces.insert(start);
            for (key, count) in counts {
                answered.counts.entry(key).or_default().push((start, count));
            }
        }
        answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::{Counts, ErrCode, LossKey, Stage};

    fn question(start: u64) -> Query {
        Query {
            target: 0,
            api: Api::NormalPushLoss,
            range: Range::new(start, start + 60),
        }
    }

    fn losses(code: &str) -> Counts {
        let key = LossKey {
            stage: Stage::ReadyToSend,
            platform: None,
            code: ErrCode::new(code),
        };
        Counts::from([(CountKey::Loss(key), 1)])
    }

    #[test]
    fn only_new_codes_need_more_room() {
        let mut answers = Answers {
            most: 2 * (SERIES + 6),
            ..Answers::none(vec![6])
        };
        for (start, code) in [(0, "1"), (60, "2"), (120, "1")] {
            assert_eq!(answers.add(question(start), losses(code)), Ok(()));
        }
        assert_eq!(answers.add(question(180), losses("3")), Err(TooMany));
    }

    #[test]
    fn a_piece_that_is_answered_twice_counts_once() {
        let mut answers = Answers::none(vec![6]);
        for code in ["1", "2"] {
            answers.add(question(0), losses(code)).unwrap();
        }
        assert!(answers.is_answered(&question(0)));
        assert!(!answers.is_answered(&question(60)));
        let kept = answers.take(0, Api::NormalPushLoss).counts;
        assert!(kept.keys().eq(losses("1").keys()));
    }
}
