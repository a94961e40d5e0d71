//! The data to fill in, and the queries that it takes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::answers::{Answers, Query};
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
}

/// The remaining work.
pub struct Work {
    /// Targets whose counts are not proved to add up yet, as indices in [`Backfill::targets`].
    pub proofs: Vec<usize>,
    /// Oldest ranges first, because the service deletes those first.
    pub questions: Vec<Query>,
}

impl Backfill {
    pub fn new(targets: Vec<Target>, span: Span) -> Self {
        let targets = targets.into_iter().map(|target| {
            let settings = DaemonSettings::of(&target);
            let stops = stops(span.from, span.to, span.step, settings.counters());
            Planned {
                pieces: cut(&needed(&settings, &stops)),
                target,
                settings,
                stops,
            }
        });
        Self {
            span,
            targets: targets.collect(),
        }
    }

    /// The proofs and queries still missing. A target without queries needs no proof.
    pub fn work(&self, answers: &Answers) -> Work {
        let (mut proofs, mut questions) = (Vec::new(), Vec::new());
        for (target, planned) in self.targets.iter().enumerate() {
            let (id, before) = (planned.target.id(), questions.len());
            for api in planned.target.apis() {
                let open = planned.pieces.iter();
                let open = open.filter(|range| !answers.is_answered(&id, api, **range));
                questions.extend(open.map(|range| Query {
                    target,
                    api,
                    range: *range,
                }));
            }
            if questions.len() > before && !answers.is_proved(&id) {
                proofs.push(target);
            }
        }
        questions.sort_by_key(|question| (question.range.start, question.target, question.api));
        Work { proofs, questions }
    }

    /// An empty set of responses.
    pub fn no_answers(&self) -> Answers {
        Answers::none(self.targets.iter().map(|planned| {
            let stops = planned.stops.iter();
            let samples = stops.map(|stop| usize::from(stop.windows) + usize::from(stop.counters));
            (planned.target.id(), samples.sum())
        }))
    }

    /// All series of all targets, once every query has its response.
    pub fn samples(&self, mut answers: Answers) -> Vec<(TargetId, Samples)> {
        let of_target = |planned: &Planned| {
            let id = planned.target.id();
            let mut samples = Samples::new();
            for api in planned.target.apis() {
                let sums = Sums::new(answers.take(&id, api));
                replay(
                    &planned.settings,
                    &planned.stops,
                    |range| sums.counts(range),
                    |frame| samples::add(&mut samples, api, frame),
                );
            }
            samples.values_mut().for_each(Vec::shrink_to_fit);
            (id, samples)
        };
        self.targets.iter().map(of_target).collect()
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
