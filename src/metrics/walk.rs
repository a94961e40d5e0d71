//! Walks the snapshot, family by family.

mod calls;
mod counters;
mod health;
mod knowledge;
pub mod labels;
mod tasks;

use std::collections::BTreeMap;

use super::{Labels, Sink};
use crate::clock::Now;
use crate::families::{CountFamilies, Family, window};
use crate::model::reading::{Api, CountKey, Funnel, Loss, LossKey, Platform, Reading};
use crate::model::target_id::TargetId;
use crate::model::window::UnixSeconds;
use crate::target::counters::Served;
use crate::target::snapshot::{Good, TargetState};

pub(super) use knowledge::{Code, agreed, write_codes};
use labels::Owner;

/// Walks one target in its state at one moment.
pub(super) struct Writer<'a> {
    id: &'a TargetId,
    state: &'a TargetState,
    now: Now,
    /// Counters with the values served now.
    counted: BTreeMap<Api, Served>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(id: &'a TargetId, state: &'a TargetState, now: Now) -> Self {
        let apis = state.apis.keys();
        let counted = apis.filter_map(|api| Some((*api, state.counted(*api, now)?)));
        Self {
            id,
            state,
            now,
            counted: counted.collect(),
        }
    }

    /// Writes all families that belong to targets: the same families in the same order for
    /// every target.
    pub(super) fn write(&self, sink: &mut impl Sink) {
        let mut data = Counting { sink, samples: 0 };
        self.window_counts(&mut data);
        self.windows(&mut data);
        self.counters(&mut data);
        self.descriptions(&mut data);
        let series = data.samples;
        self.health(sink);
        self.settings(sink);
        self.bounds(series, sink);
        self.calls(sink);
        self.tasks(sink);
    }

    /// The codes of all served losses, each once and in order, with the classes that the
    /// window's descriptions decide.
    pub(super) fn codes(&self) -> Vec<Code<&LossKey>> {
        let counted = self.counted.values().flat_map(|served| {
            served.counts.keys().filter_map(|key| match key {
                CountKey::Loss(key) => Some((key, None)),
                CountKey::Funnel(..) => None,
            })
        });
        let window = self
            .loss_rows()
            .map(|(key, loss)| knowledge::code(key, loss));
        let tasks = self.task_losses().map(|(_, key, _)| (key, None));
        let mut codes: Vec<Code<&LossKey>> = window.chain(counted).chain(tasks).collect();
        // Sorted runs, of which the first one's is kept.
        codes.sort_by_key(|(key, _)| *key);
        codes.dedup_by_key(|(key, _)| *key);
        codes
    }

    fn window_counts(&self, sink: &mut impl Sink) {
        let target = labels::target(self.id);
        losses(&window::COUNTS, sink, || {
            self.loss_rows()
                .map(|(key, loss)| (target, key, loss.count))
        });
        let funnel = self.funnel();
        funnels(&window::COUNTS, sink, || {
            funnel
                .into_iter()
                .map(|(overall, platforms)| (target, overall, platforms))
        });
    }

    fn windows(&self, sink: &mut impl Sink) {
        for (family, edge) in [
            (
                window::START,
                (|good| good.range.start) as fn(&Good) -> UnixSeconds,
            ),
            (window::END, |good| good.range.end),
        ] {
            sink.family(family);
            for api in self.state.apis.keys() {
                if let Some(good) = self.state.current(*api, self.now.steady) {
                    sink.sample(&labels::api(self.id, *api), edge(good).as_f64());
                }
            }
        }
    }

    fn loss_rows(&self) -> impl Iterator<Item = (&'a LossKey, &'a Loss)> {
        let good = self.state.losses(self.now.steady);
        let rows = match good.map(|good| &good.reading) {
            Some(Reading::Loss(rows)) => Some(rows),
            _ => None,
        };
        rows.into_iter().flatten()
    }

    fn funnel(&self) -> Option<(&'a Funnel, &'a BTreeMap<Platform, Funnel>)> {
        let good = self.state.statistics(self.now.steady)?;
        match &good.reading {
            Reading::Statistics { overall, platforms } => Some((overall, platforms)),
            Reading::Loss(_) => None,
        }
    }
}

/// Writes the families of losses. `rows` gives all losses, once for each family.
fn losses<'r, Rows>(families: &CountFamilies, sink: &mut impl Sink, rows: impl Fn() -> Rows)
where
    Rows: Iterator<Item = (Owner<'r>, &'r LossKey, u64)>,
{
    for (family, per_platform) in families.losses() {
        sink.family(family);
        for (owner, key, count) in rows() {
            if key.platform.is_some() == per_platform {
                labels::loss(owner, key, |labels| sink.sample(labels, number(count)));
            }
        }
    }
}

/// Writes the families of the funnel. `rows` gives all funnels, twice for each step.
fn funnels<'r, Rows>(families: &CountFamilies, sink: &mut impl Sink, rows: impl Fn() -> Rows)
where
    Rows: Iterator<Item = (Owner<'r>, &'r Funnel, &'r BTreeMap<Platform, Funnel>)>,
{
    for (step, overall_family, platform_family) in families.funnel {
        sink.family(overall_family);
        for (owner, overall, _) in rows() {
            sink.sample(&owner, number(overall.get(step)));
        }
        sink.family(platform_family);
        for (owner, _, platforms) in rows() {
            for (platform, funnel) in platforms {
                let value = number(funnel.get(step));
                labels::platform(owner, *platform, |labels| sink.sample(labels, value));
            }
        }
    }
}

/// A sink that counts samples.
struct Counting<'s, S> {
    sink: &'s mut S,
    samples: u64,
}

impl<S: Sink> Sink for Counting<'_, S> {
    fn family(&mut self, family: Family<'_>) {
        self.sink.family(family);
    }

    fn sample(&mut self, labels: &Labels<'_>, value: f64) {
        self.samples += 1;
        self.sink.sample(labels, value);
    }

    fn counted(&mut self, labels: &Labels<'_>, value: f64, since: UnixSeconds) {
        self.samples += 1;
        self.sink.counted(labels, value, since);
    }

    fn histogram(&mut self, labels: &Labels<'_>, buckets: &[(f64, u64)], count: u64, sum: f64) {
        self.samples += 1;
        self.sink.histogram(labels, buckets, count, sum);
    }
}

/// A count as the value of a sample.
#[expect(
    clippy::cast_precision_loss,
    reason = "samples are floats in every format; exact up to 2^53"
)]
fn number(count: u64) -> f64 {
    count as f64
}
