//! Walks the snapshot, family by family.

mod calls;
mod counters;
mod health;
mod knowledge;
pub mod labels;
mod tasks;

use std::collections::BTreeMap;

use super::Encoder;
use crate::clock::Now;
use crate::families::{CountFamilies, window};
use crate::model::reading::{Api, CountKey, FunnelStep, Loss, LossKey, Platform};
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
    pub(super) fn write(&self, out: &mut Encoder) {
        let before = out.written();
        self.window_counts(out);
        self.windows(out);
        self.counters(out);
        self.descriptions(out);
        let series = out.written() - before;
        self.health(out);
        self.settings(out);
        self.bounds(series, out);
        self.calls(out);
        self.tasks(out);
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

    fn window_counts(&self, out: &mut Encoder) {
        let target = labels::target(self.id);
        losses(&window::COUNTS, None, out, || {
            self.loss_rows()
                .map(|(key, loss)| (target, key, loss.count))
        });
        let statistics = self.state.statistics(self.now.steady);
        funnels(&window::COUNTS, None, out, || {
            let counts = statistics.into_iter().flat_map(|good| good.reading.steps());
            counts.map(|count| (target, count))
        });
    }

    fn windows(&self, out: &mut Encoder) {
        for (family, edge) in [
            (
                window::START,
                (|good| good.range.start) as fn(&Good) -> UnixSeconds,
            ),
            (window::END, |good| good.range.end),
        ] {
            out.family(family);
            for api in self.state.apis.keys() {
                if let Some(good) = self.state.current(*api, self.now.steady) {
                    out.sample(&labels::api(self.id, *api), edge(good).as_f64());
                }
            }
        }
    }

    fn loss_rows(&self) -> impl Iterator<Item = (&'a LossKey, &'a Loss)> {
        let good = self.state.losses(self.now.steady);
        let rows = good.and_then(|good| good.reading.losses());
        rows.into_iter().flatten()
    }
}

/// Writes the families of losses. `rows` gives all losses, once for each family; `since` is when
/// they were 0, if they are counters.
fn losses<'r, Rows>(
    families: &CountFamilies,
    since: Option<UnixSeconds>,
    out: &mut Encoder,
    rows: impl Fn() -> Rows,
) where
    Rows: Iterator<Item = (Owner<'r>, &'r LossKey, u64)>,
{
    for (family, by_platform) in families.lost.into_iter().zip([false, true]) {
        out.family(family);
        for (owner, key, count) in rows().filter(|row| row.1.platform.is_some() == by_platform) {
            labels::loss(owner, key, |labels| {
                out.counted(labels, number(count), since);
            });
        }
    }
}

/// Writes the families of the funnel. `rows` gives all its counts, once for each family.
fn funnels<'r, Rows>(
    families: &CountFamilies,
    since: Option<UnixSeconds>,
    out: &mut Encoder,
    rows: impl Fn() -> Rows,
) where
    Rows: Iterator<Item = (Owner<'r>, (FunnelStep, Option<Platform>, u64))>,
{
    for (step, families) in FunnelStep::ALL.into_iter().zip(families.funnel) {
        for (family, by_platform) in families.into_iter().zip([false, true]) {
            out.family(family);
            for (owner, (of, platform, count)) in rows() {
                if of == step && platform.is_some() == by_platform {
                    labels::step(owner, platform, |labels| {
                        out.counted(labels, number(count), since);
                    });
                }
            }
        }
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
