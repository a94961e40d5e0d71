//! Counters since the start of the day, and gauges about their state.

use super::{Sink, Writer, labels, number};
use crate::families::day;
use crate::model::reading::{Api, CountKey};

impl Writer<'_> {
    pub(super) fn counters(&self, sink: &mut impl Sink) {
        let target = labels::target(self.id);
        let losses = self.counted.get(&Api::losses(self.id.push));
        for (family, per_platform) in day::COUNTS.losses() {
            sink.family(family);
            let Some(served) = losses else { continue };
            for (key, count) in &served.counts {
                if let CountKey::Loss(key) = key
                    && key.platform.is_some() == per_platform
                {
                    labels::loss(target, key, |labels| {
                        sink.counted(labels, number(*count), served.since);
                    });
                }
            }
        }
        let statistics = self.counted.get(&Api::statistics(self.id.push));
        for (step, overall, platforms) in day::COUNTS.funnel {
            sink.family(overall);
            let Some(served) = statistics else {
                sink.family(platforms);
                continue;
            };
            if let Some(count) = served.counts.get(&CountKey::Funnel(step, None)) {
                sink.counted(&target, number(*count), served.since);
            }
            sink.family(platforms);
            for (key, count) in &served.counts {
                if let CountKey::Funnel(of, Some(platform)) = key
                    && *of == step
                {
                    labels::platform(target, *platform, |labels| {
                        sink.counted(labels, number(*count), served.since);
                    });
                }
            }
        }
        self.about_counters(sink);
    }

    fn about_counters(&self, sink: &mut impl Sink) {
        sink.family(day::ANCHOR);
        let mut anchors = self.counted.values().map(|served| served.anchor);
        if let Some(anchor) = anchors.next()
            && anchors.all(|other| other == anchor)
        {
            sink.sample(&labels::target(self.id), anchor.as_f64());
        }
        sink.family(day::LATE);
        let loss = self.state.apis.get(&Api::losses(self.id.push));
        let late = loss.and_then(|api| api.ledger.late_pushes());
        for (stage, late) in late
            .filter(|_| self.state.has_counters())
            .into_iter()
            .flatten()
        {
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
            sink.sample(&labels::stage(self.id, *stage), *late as f64);
        }
        sink.family(day::REVISED_DOWN);
        let served = self.counted.get(&Api::losses(self.id.push));
        for (stage, revised) in served.iter().flat_map(|served| &served.revised_down) {
            sink.sample(&labels::stage(self.id, *stage), number(*revised));
        }
    }

    /// What is known about how the service counts.
    pub(super) fn proofs(&self, sink: &mut impl Sink) {
        let labels = labels::target(self.id);
        sink.family(day::ENABLED);
        sink.sample(&labels, f64::from(u8::from(self.state.has_counters())));
        sink.family(day::RESOLVED);
        if let Some(resolved) = self.state.resolved {
            sink.sample(&labels, f64::from(u8::from(resolved)));
        }
    }
}
