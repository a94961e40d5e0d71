//! Counters since the start of the day, and gauges about their state.

use super::{Encoder, Writer, funnels, labels, losses, number};
use crate::families::day;
use crate::model::reading::{Api, CountKey};
use crate::target::counters::Served;

impl Writer<'_> {
    pub(super) fn counters(&self, out: &mut Encoder) {
        let target = labels::target(self.id);
        let served = |api| self.counted.get(&api);
        let since = |served: Option<&Served>| served.map(|served| served.since);
        let loss = served(Api::losses(self.id.push));
        losses(&day::COUNTS, since(loss), out, || {
            counts(loss).filter_map(move |(key, count)| match key {
                CountKey::Loss(key) => Some((target, key, *count)),
                CountKey::Funnel(..) => None,
            })
        });
        let funnel = served(Api::statistics(self.id.push));
        funnels(&day::COUNTS, since(funnel), out, || {
            counts(funnel).filter_map(move |(key, count)| match key {
                CountKey::Funnel(step, platform) => Some((target, (*step, *platform, *count))),
                CountKey::Loss(_) => None,
            })
        });
        self.about_counters(out);
    }

    fn about_counters(&self, out: &mut Encoder) {
        out.family(day::ANCHOR);
        let mut anchors = self.counted.values().map(|served| served.anchor);
        if let Some(anchor) = anchors.next()
            && anchors.all(|other| other == anchor)
        {
            out.sample(&labels::target(self.id), anchor.as_f64());
        }
        out.family(day::LATE);
        let loss = self.state.apis.get(&Api::losses(self.id.push));
        let late = loss.and_then(|api| api.ledger.late_pushes());
        for (stage, late) in late
            .filter(|_| self.state.has_counters())
            .into_iter()
            .flatten()
        {
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
            out.sample(&labels::stage(self.id, *stage), *late as f64);
        }
        out.family(day::REVISED_DOWN);
        let served = self.counted.get(&Api::losses(self.id.push));
        for (stage, revised) in served.iter().flat_map(|served| &served.revised_down) {
            out.sample(&labels::stage(self.id, *stage), number(*revised));
        }
    }

    /// What is known about how the service counts.
    pub(super) fn proofs(&self, out: &mut Encoder) {
        let labels = labels::target(self.id);
        out.family(day::ENABLED);
        out.sample(&labels, f64::from(u8::from(self.state.has_counters())));
        out.family(day::RESOLVED);
        if let Some(resolved) = self.state.resolved {
            out.sample(&labels, f64::from(u8::from(resolved)));
        }
    }
}

fn counts(served: Option<&Served>) -> impl Iterator<Item = (&CountKey, &u64)> {
    served.into_iter().flat_map(|served| &served.counts)
}
