//! The service's responses so far, in compact form until the text is written.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::reading::{Api, CountKey};
use crate::model::target_id::TargetId;
use crate::model::window::{Range, UnixSeconds};

/// One call to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// The target's position in the plan.
    pub target: usize,
    pub api: Api,
    pub range: Range,
}

/// What a call or a proof found, and its line in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    Answer {
        #[serde(flatten)]
        id: TargetId,
        api: Api,
        #[serde(flatten)]
        range: Range,
        counts: Vec<(CountKey, u64)>,
    },
    /// The counts of this target add up.
    Proved(TargetId),
}

/// The maximum number of samples in a run, counting each series at all moments of its target.
/// A sample takes 16 bytes, and so does a count, but there are fewer counts: a run holds at
/// most about 3.2 GB of samples, and less while it holds counts.
pub const MAX_SAMPLES: usize = 200_000_000;

/// The memory of a series besides its samples, in samples: its key, and spare capacity.
const SERIES: usize = 16;

/// What was found about each target.
pub struct Answers {
    targets: BTreeMap<TargetId, OfTarget>,
    samples: usize,
    most: usize,
}

struct OfTarget {
    /// The maximum number of samples per key.
    samples_of_key: usize,
    is_proved: bool,
    answered: BTreeMap<Api, Answered>,
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
    /// Nothing about these targets yet, each with its maximum number of samples per key.
    pub(super) fn none(targets: impl IntoIterator<Item = (TargetId, usize)>) -> Self {
        let targets = targets.into_iter().map(|(id, samples_of_key)| {
            let target = OfTarget {
                samples_of_key,
                is_proved: false,
                answered: BTreeMap::new(),
            };
            (id, target)
        });
        Self {
            targets: targets.collect(),
            samples: 0,
            most: MAX_SAMPLES,
        }
    }

    /// Records an entry. A second response about the same piece is ignored, and so is an entry
    /// about another target.
    pub fn add(&mut self, entry: Entry) -> Result<(), TooMany> {
        let (Entry::Proved(id) | Entry::Answer { id, .. }) = &entry;
        let Some(target) = self.targets.get_mut(id) else {
            return Ok(());
        };
        let (api, range, counts) = match entry {
            Entry::Proved(_) => {
                target.is_proved = true;
                return Ok(());
            }
            Entry::Answer {
                api, range, counts, ..
            } => (api, range, counts),
        };
        let answered = target.answered.entry(api).or_default();
        if !answered.pieces.insert(range.start) {
            return Ok(());
        }
        for (key, count) in counts {
            let of_key = answered.counts.entry(key).or_default();
            if of_key.is_empty() {
                self.samples = self.samples.saturating_add(SERIES + target.samples_of_key);
            }
            of_key.push((range.start, count));
        }
        if self.samples > self.most {
            return Err(TooMany);
        }
        Ok(())
    }

    pub(super) fn is_answered(&self, id: &TargetId, api: Api, range: Range) -> bool {
        self.targets
            .get(id)
            .and_then(|target| target.answered.get(&api))
            .is_some_and(|answered| answered.pieces.contains(&range.start))
    }

    /// Whether the counts of a target were proved to add up.
    pub(super) fn is_proved(&self, id: &TargetId) -> bool {
        self.targets.get(id).is_some_and(|target| target.is_proved)
    }

    /// Takes out the responses about one target's API.
    pub(super) fn take(&mut self, id: &TargetId, api: Api) -> Answered {
        let target = self.targets.get_mut(id);
        target
            .and_then(|target| target.answered.remove(&api))
            .unwrap_or_default()
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
    use crate::model::push::Push;
    use crate::model::reading::{ErrCode, LossKey, Stage};

    fn id() -> TargetId {
        TargetId {
            app: "a".to_owned(),
            region: "lab".to_owned(),
            push: Push::Normal,
        }
    }

    fn minute(start: u64) -> Range {
        Range::new(start, start + 60)
    }

    fn loss(code: &str) -> CountKey {
        CountKey::Loss(LossKey {
            stage: Stage::ReadyToSend,
            platform: None,
            code: ErrCode::new(code),
        })
    }

    fn answer(start: u64, code: &str) -> Entry {
        Entry::Answer {
            id: id(),
            api: Api::NormalPushLoss,
            range: minute(start),
            counts: vec![(loss(code), 1)],
        }
    }

    #[test]
    fn only_new_codes_need_more_room() {
        let mut answers = Answers {
            most: 2 * (SERIES + 6),
            ..Answers::none([(id(), 6)])
        };
        for (start, code) in [(0, "1"), (60, "2"), (120, "1")] {
            assert_eq!(answers.add(answer(start, code)), Ok(()));
        }
        assert_eq!(answers.add(answer(180, "3")), Err(TooMany));
    }

    #[test]
    fn a_piece_that_is_answered_twice_counts_once() {
        let mut answers = Answers::none([(id(), 6)]);
        for code in ["1", "2"] {
            answers.add(answer(0, code)).unwrap();
        }
        let api = Api::NormalPushLoss;
        assert!(answers.is_answered(&id(), api, minute(0)));
        assert!(!answers.is_answered(&id(), api, minute(60)));
        assert!(answers.take(&id(), api).counts.keys().eq([&loss("1")]));
    }
}
