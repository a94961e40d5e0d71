//! What is known of the service so far, held small until the text is written.

use std::collections::{BTreeMap, BTreeSet};

use super::journal::Entry;
use super::plan::{Plan, Question};
use crate::reading::{Api, CountKey, Counts};
use crate::target::TargetId;
use crate::window::UnixSeconds;

/// The most samples that a run may lead to, each series counted at all moments of its
/// target. A sample takes 16 bytes, and so does a count, of which there are fewer: a run
/// holds at most about 3.2 GB of samples, or less while it holds counts.
pub const MAX_SAMPLES: usize = 200_000_000;

/// What a series takes besides its samples, in samples: its key, and room for more.
const SERIES: usize = 16;

/// Counts by target and API, and which targets are proved.
pub struct Answers {
    answered: BTreeMap<(usize, Api), Answered>,
    proved: BTreeSet<usize>,
    /// For each target, how many samples a key leads to at most.
    samples_of_key: Vec<usize>,
    samples: usize,
    most: usize,
}

/// The answers about one target's API.
#[derive(Default)]
pub struct Answered {
    /// Where the pieces that were answered start.
    pieces: BTreeSet<UnixSeconds>,
    /// For each key the pieces that hold it, by their start, and its count in each.
    pub(super) counts: BTreeMap<CountKey, Vec<(UnixSeconds, u64)>>,
}

/// The responses lead to more samples than a run may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the responses hold so many codes that more than {MAX_SAMPLES} samples would have to be kept in memory; remove the journal, then fill one app at a time (--app), a shorter span, or with a larger --step"
)]
pub struct TooMany;

impl Answers {
    /// Nothing is known of what is planned.
    pub fn none(plan: &Plan) -> Self {
        Self::of_at_most(plan, MAX_SAMPLES)
    }

    fn of_at_most(plan: &Plan, most: usize) -> Self {
        let samples_of_key = plan.targets.iter().map(|planned| {
            let stops = planned.stops.iter();
            stops
                .map(|stop| usize::from(stop.windows) + usize::from(stop.counters))
                .sum()
        });
        Self {
            samples_of_key: samples_of_key.collect(),
            answered: BTreeMap::new(),
            proved: BTreeSet::new(),
            samples: 0,
            most,
        }
    }

    /// Takes the answer to a question. A second one about the same piece is not taken.
    pub fn add(&mut self, question: Question, counts: Counts) -> Result<(), TooMany> {
        let Question { target, api, range } = question;
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

    /// Takes what an earlier run has left about the targets by their ids.
    pub fn restore(
        &mut self,
        indices: &BTreeMap<TargetId, usize>,
        entry: Entry,
    ) -> Result<(), TooMany> {
        match entry {
            Entry::Proved(id) => {
                self.proved.extend(indices.get(&id));
                Ok(())
            }
            Entry::Answer {
                id,
                api,
                range,
                counts,
            } => indices.get(&id).map_or(Ok(()), |index| {
                let question = Question {
                    target: *index,
                    api,
                    range,
                };
                self.add(question, counts)
            }),
        }
    }

    pub fn is_answered(&self, question: &Question) -> bool {
        self.answered
            .get(&(question.target, question.api))
            .is_some_and(|answered| answered.pieces.contains(&question.range.start))
    }

    /// Notes that the counts of a target were proved to add up.
    pub fn prove(&mut self, target: usize) {
        self.proved.insert(target);
    }

    pub fn is_proved(&self, target: usize) -> bool {
        self.proved.contains(&target)
    }

    /// Hands the answers about one target's API over.
    pub(super) fn take(&mut self, target: usize, api: Api) -> Answered {
        self.answered.remove(&(target, api)).unwrap_or_default()
    }
}

#[cfg(test)]
impl Answered {
    /// From counts by the start of their piece.
    pub(super) fn from_pieces(pieces: BTreeMap<UnixSeconds, Counts>) -> Self {
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
    use crate::backfill::plan::Span;
    use crate::reading::{ErrCode, LossKey, Stage};
    use crate::target::tests::target;
    use std::time::Duration;
    use tokio::time::Instant;

    fn plan() -> Plan {
        let span = Span {
            from: UnixSeconds(1_741_752_000),
            to: UnixSeconds(1_741_759_200),
            step: Duration::from_secs(3600),
        };
        Plan::new(vec![target("shop", "china")], span, Instant::now())
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
        let plan = plan();
        // Three moments, with a window gauge and a counter at each.
        let mut answers = Answers::of_at_most(&plan, 2 * (SERIES + 6));
        let questions = plan.work(&answers).questions;
        let mut questions = questions
            .into_iter()
            .filter(|question| question.api == Api::NormalPushLoss);
        let mut next = || questions.next().unwrap();
        for code in ["1", "2", "1"] {
            assert_eq!(answers.add(next(), losses(code)), Ok(()));
        }
        assert_eq!(answers.add(next(), losses("3")), Err(TooMany));
    }

    #[test]
    fn a_piece_that_is_answered_twice_counts_once() {
        let plan = plan();
        let mut answers = Answers::none(&plan);
        let question = plan.work(&answers).questions[0];
        for code in ["1", "2"] {
            answers.add(question, losses(code)).unwrap();
        }
        assert!(answers.is_answered(&question));
        let kept = answers.take(0, question.api).counts;
        assert!(kept.keys().eq(losses("1").keys()));
    }
}
