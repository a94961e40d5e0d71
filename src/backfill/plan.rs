//! The data to fill in, and the queries that it takes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::answers::{Answers, Query, TooMany};
use super::journal::Entry;
use super::pieces::{Sums, cut};
use super::replay::{DaemonSettings, needed, replay};
use super::samples::{self, Samples};
use super::timeline::{Stop, stops};
use crate::config::duration::text;
use crate::config::target::Target;
use crate::model::target_id::TargetId;
use crate::model::window::{Range, UnixSeconds};

/// The requested times of samples, including both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: UnixSeconds,
    pub to: UnixSeconds,
    pub step: Duration,
}

/// One target's part of the work.
pub struct Planned {
    pub target: Target,
    pub settings: DaemonSettings,
    pub stops: Vec<Stop>,
    /// The ranges to query from each of the target's APIs, in order of time.
    pub pieces: Vec<Range>,
}

/// All the work. It follows from the span and the configuration alone, so that a later run
/// makes the same queries.
pub struct Backfill {
    pub span: Span,
    pub targets: Vec<Planned>,
    pub(super) started: Instant,
}

/// The remaining work.
pub struct Work {
    /// Targets whose counts are not proved to add up yet, as indices in [`Backfill::targets`].
    pub proofs: Vec<usize>,
    /// Oldest ranges first, because the service deletes those first.
    pub questions: Vec<Query>,
}

impl Backfill {
    /// `started` is any moment on the steady clock.
    pub fn new(targets: Vec<Target>, span: Span, started: Instant) -> Self {
        let targets = targets.into_iter().map(|target| {
            let settings = DaemonSettings::of(&target);
            let stops = stops(span.from, span.to, span.step, settings.counters());
            Planned {
                pieces: cut(&needed(&settings, &stops, started)),
                target,
                settings,
                stops,
            }
        });
        Self {
            span,
            targets: targets.collect(),
            started,
        }
    }

    /// The proofs and queries still missing. A target without queries needs no proof.
    pub fn work(&self, answers: &Answers) -> Work {
        let mut questions: Vec<Query> = self
            .targets
            .iter()
            .enumerate()
            .flat_map(|(target, planned)| {
                planned.target.apis().flat_map(move |api| {
                    planned.pieces.iter().map(move |range| Query {
                        target,
                        api,
                        range: *range,
                    })
                })
            })
            .filter(|question| !answers.is_answered(question))
            .collect();
        questions.sort_by_key(|question| (question.range.start, question.target, question.api));
        let asked: BTreeSet<usize> = questions.iter().map(|question| question.target).collect();
        Work {
            proofs: asked
                .into_iter()
                .filter(|target| !answers.is_proved(*target))
                .collect(),
            questions,
        }
    }

    /// An empty set of responses.
    pub fn no_answers(&self) -> Answers {
        let samples_of_key = self.targets.iter().map(|planned| {
            let stops = planned.stops.iter();
            stops
                .map(|stop| usize::from(stop.windows) + usize::from(stop.counters))
                .sum()
        });
        Answers::none(samples_of_key.collect())
    }

    /// Adds the results of an earlier run to `answers`, entry by entry.
    pub fn restore<'a>(
        &self,
        answers: &'a mut Answers,
    ) -> impl FnMut(Entry) -> Result<(), TooMany> + use<'a> {
        let ids = self.targets.iter().map(|planned| planned.target.id());
        let indices: BTreeMap<TargetId, usize> = ids.zip(0..).collect();
        move |entry| match entry {
            Entry::Proved(id) => {
                if let Some(target) = indices.get(&id) {
                    answers.prove(*target);
                }
                Ok(())
            }
            Entry::Answer {
                id,
                api,
                range,
                counts,
            } => indices.get(&id).map_or(Ok(()), |target| {
                let question = Query {
                    target: *target,
                    api,
                    range,
                };
                answers.add(question, counts)
            }),
        }
    }

    /// All series of all targets, once every query has its response.
    pub fn samples(&self, mut answers: Answers) -> Vec<(TargetId, Samples)> {
        let of_target = |(index, planned): (usize, &Planned)| {
            let mut samples = Samples::new();
            for api in planned.target.apis() {
                let sums = Sums::new(answers.take(index, api));
                replay(
                    &planned.settings,
                    &planned.stops,
                    self.started,
                    |range| sums.counts(range),
                    |frame| samples::add(&mut samples, api, frame),
                );
            }
            samples.values_mut().for_each(Vec::shrink_to_fit);
            (planned.target.id(), samples)
        };
        self.targets.iter().enumerate().map(of_target).collect()
    }

    /// Everything on which the output depends except the responses, in readable form.
    pub fn facts(&self) -> BTreeMap<String, String> {
        let span = [
            ("--from", self.span.from.to_string()),
            ("--to", self.span.to.to_string()),
            ("--step", text(self.span.step)),
        ];
        span.into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .chain(
                self.targets
                    .iter()
                    .map(|planned| (format!("target {}", planned.target.id()), planned.fact())),
            )
            .collect()
    }
}

impl Planned {
    fn fact(&self) -> String {
        let (app, settings) = (&self.target.app, &self.settings);
        format!(
            "SDKAppID {} at {}, window {}, step {}, lag {}, day_offset {}, rollover_hold {}, zero_hold {}, statistics {}, counters {}",
            app.sdk_app_id,
            self.target.region.main.authority(),
            text(settings.window),
            text(settings.rules.step),
            text(settings.rules.lag),
            settings.rules.day_offset,
            text(settings.rules.rollover_hold),
            text(settings.rules.zero_hold),
            app.polling.statistics,
            settings.counters,
        )
    }
}
