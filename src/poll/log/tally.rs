//! Counts the targets with the same message. It reads no clock.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::outcome::{FetchError, Outcome};
use crate::model::reading::Api;
use crate::model::target_id::TargetId;

/// The maximum number of topics kept apart at a time; further ones share a topic per kind and
/// API.
pub(super) const MAX_TOPICS: usize = 64;

/// How many targets of a topic get lines of their own, and how many of the others are named.
pub(super) const NAMED: usize = 3;

/// The kind of event that a line reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// A poll failed for the first time, or for another cause than the one before.
    Fails,
    /// It failed for the same cause, and a reminder is due.
    StillFails,
    Responds,
    AddsUp,
    DoesNotAddUp,
    Unproved,
    WholeDays,
}

impl News {
    /// How long targets are counted before they are logged together.
    fn window(self) -> Duration {
        Duration::from_secs(match self {
            Self::StillFails => 3600,
            _ => 60,
        })
    }
}

/// The subject of a target's queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    Api(Api),
    /// Its tasks, whatever the API.
    Tasks,
}

impl About {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Api(api) => api.as_str(),
            Self::Tasks => "tasks",
        }
    }

    /// Whether an outcome means that the service does not offer the app this subject.
    pub(super) fn lacks(self, outcome: Outcome) -> bool {
        match self {
            Self::Api(api) => api.lacks(outcome),
            Self::Tasks => outcome == Outcome::NotEnabled,
        }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What targets that are logged together have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Topic {
    pub(super) kind: News,
    pub(super) api: About,
    /// Absent, like the cause, for topics beyond [`MAX_TOPICS`].
    pub(super) region: Option<String>,
    pub(super) cause: Option<Cause>,
}

/// Why a poll failed, without the details of a single target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cause {
    pub(super) outcome: Outcome,
    pub(super) code: Option<i64>,
    pub(super) advice: String,
}

impl From<&FetchError> for Cause {
    fn from(error: &FetchError) -> Self {
        Self {
            outcome: error.outcome,
            code: error.code,
            advice: error.advice.clone(),
        }
    }
}

/// Targets that were counted and got no line of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) topic: Topic,
    pub(super) targets: u64,
    /// The first [`NAMED`] of them.
    pub(super) first: Vec<TargetId>,
}

/// The topic in which a target was last counted, so that it is not counted twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted(u64);

/// The open windows, one for each topic.
#[derive(Debug, Default)]
pub(super) struct Tally {
    open: BTreeMap<Topic, Window>,
    opened: u64,
}

#[derive(Debug)]
struct Window {
    number: u64,
    ends: Instant,
    told: Vec<TargetId>,
    more: u64,
    first: Vec<TargetId>,
}

impl Tally {
    /// Whether a target gets a line of its own; otherwise it is counted, once per window. Call
    /// [`Self::due`] first.
    pub(super) fn is_told(
        &mut self,
        mut topic: Topic,
        id: &TargetId,
        counted: &mut Counted,
        now: Instant,
    ) -> bool {
        if self.open.len() >= MAX_TOPICS && !self.open.contains_key(&topic) {
            (topic.region, topic.cause) = (None, None);
        }
        let ends = now + topic.kind.window();
        let window = self.open.entry(topic).or_insert_with(|| {
            self.opened += 1;
            Window {
                number: self.opened,
                ends,
                told: Vec::new(),
                more: 0,
                first: Vec::new(),
            }
        });
        if window.told.contains(id) {
            return true;
        }
        if window.told.len() < NAMED {
            window.told.push(id.clone());
            return true;
        }
        if counted.0 != window.number {
            counted.0 = window.number;
            window.more += 1;
            if window.first.len() < NAMED {
                window.first.push(id.clone());
            }
        }
        false
    }

    /// The counts of windows that have ended.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Summary> {
        let mut summaries = Vec::new();
        self.open.retain(|topic, window| {
            if now < window.ends {
                return true;
            }
            if window.more > 0 {
                summaries.push(Summary {
                    topic: topic.clone(),
                    targets: window.more,
                    first: std::mem::take(&mut window.first),
                });
            }
            false
        });
        summaries
    }

    /// The counts of all windows so far.
    pub(super) fn rest(&mut self) -> Vec<Summary> {
        let last = self.open.values().map(|window| window.ends).max();
        last.map(|last| self.due(last)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::push::Push;
    use proptest::prelude::*;

    fn topic(kind: News, region: &str) -> Topic {
        Topic {
            kind,
            api: About::Api(Api::NormalPushLoss),
            region: Some(region.to_owned()),
            cause: Some(Cause::from(&FetchError::new(Outcome::Connect, "no route"))),
        }
    }

    fn id(app: usize) -> TargetId {
        TargetId {
            app: format!("app{app}"),
            region: "china".to_owned(),
            push: Push::Normal,
        }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_first_targets_are_told_and_the_others_counted_until_the_window_ends() {
        let (mut tally, start) = (Tally::default(), Instant::now());
        let topic = topic(News::Fails, "china");
        for app in 0..10 {
            let told = tally.is_told(topic.clone(), &id(app), &mut Counted::default(), start);
            assert_eq!(told, app < NAMED, "{app}");
        }
        assert_eq!(tally.due(start + MINUTE / 2), []);
        let summary = Summary {
            topic: topic.clone(),
            targets: 7,
            first: vec![id(3), id(4), id(5)],
        };
        assert_eq!(tally.due(start + MINUTE), [summary]);
        assert_eq!(tally.due(start + MINUTE), []);
        assert!(tally.is_told(topic, &id(9), &mut Counted::default(), start + MINUTE));
    }

    #[test]
    fn another_kind_api_region_or_cause_is_another_topic() {
        let (mut tally, start) = (Tally::default(), Instant::now());
        let base = topic(News::Fails, "china");
        let mut refused = base.clone();
        refused.cause = Some(Cause::from(&FetchError::refused(90045, "")));
        let topics = [
            topic(News::Responds, "china"),
            topic(News::Fails, "seoul"),
            Topic {
                api: About::Api(Api::NormalPushStatistics),
                ..base.clone()
            },
            refused,
            base,
        ];
        for topic in topics {
            for app in 0..NAMED {
                let counted = &mut Counted::default();
                assert!(tally.is_told(topic.clone(), &id(app), counted, start));
            }
        }
    }

    #[test]
    fn what_is_not_told_yet_is_not_lost() {
        let (mut tally, start) = (Tally::default(), Instant::now());
        for kind in [News::StillFails, News::Fails] {
            for app in 0..5 {
                let counted = &mut Counted::default();
                tally.is_told(topic(kind, "china"), &id(app), counted, start);
            }
        }
        let rest: Vec<u64> = tally.rest().iter().map(|summary| summary.targets).collect();
        assert_eq!(rest, [2, 2]);
        assert_eq!(tally.rest(), []);
    }

    proptest! {
        /// Any targets, at any times, with causes of any number.
        #[test]
        fn every_target_is_told_or_counted_and_topics_are_bounded(
            heard in proptest::collection::vec((0..8_usize, 0..100_usize, 0..40_u64), 0..400),
        ) {
            let (mut tally, start) = (Tally::default(), Instant::now());
            let mut counted = [Counted::default(); 8];
            let (mut lines, mut silent, mut summed) = (0, 0, 0);
            let mut now = start;
            let mut last = BTreeMap::new();
            for (app, region, wait) in heard {
                now += Duration::from_secs(wait);
                summed += tally.due(now).iter().map(|summary| summary.targets).sum::<u64>();
                let before = counted[app];
                if tally.is_told(topic(News::Fails, &region.to_string()), &id(app), &mut counted[app], now) {
                    lines += 1;
                    last.insert((app, region), now);
                } else if counted[app] != before {
                    silent += 1;
                }
                prop_assert!(tally.open.len() <= MAX_TOPICS + 1);
                for window in tally.open.values() {
                    prop_assert!(window.told.len() <= NAMED && window.first.len() <= NAMED);
                }
            }
            summed += tally.rest().iter().map(|summary| summary.targets).sum::<u64>();
            prop_assert_eq!(summed, silent);
            prop_assert!(tally.open.is_empty());
            prop_assert!(lines >= last.len());
        }

        #[test]
        fn up_to_three_targets_always_have_their_own_lines(
            heard in proptest::collection::vec((0..NAMED, 0..60_u64), 0..200),
        ) {
            let (mut tally, mut now) = (Tally::default(), Instant::now());
            let mut counted = [Counted::default(); NAMED];
            for (app, wait) in heard {
                now += Duration::from_secs(wait);
                prop_assert_eq!(tally.due(now), []);
                prop_assert!(tally.is_told(topic(News::StillFails, "china"), &id(app), &mut counted[app], now));
            }
        }
    }
}
