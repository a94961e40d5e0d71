//! Counters since the day's start, and what there is to know about them.

use super::{CountFamilies, Family, Sink, Step, Writer, counter, gauge, labels, number};
use crate::model::reading::{Api, CountKey, FunnelStep};

/// The service's sum over the day so far.
macro_rules! day {
    ($name:literal, $help:literal) => {
        counter(
            $name,
            concat!($help, " since the day's start; for increase() and rate(). With replicas: max without (instance) (increase(...))."),
        )
    };
}

const LOST: Family = day!(
    "timpush_lost_pushes_total",
    "Pushes lost, by stage and error code over all platforms (normal_push_loss),"
);
const PLATFORM_LOST: Family = day!(
    "timpush_platform_lost_pushes_total",
    "Pushes lost, by stage, platform and error code (normal_push_loss); not a part of the overall counters,"
);

/// The steps of the funnel, overall and by platform.
const FUNNEL: [Step; 4] = [
    (
        FunnelStep::Sendable,
        day!(
            "timpush_sendable_pushes_total",
            "Devices that could be pushed to"
        ),
        day!(
            "timpush_platform_sendable_pushes_total",
            "Devices that could be pushed to, by platform,"
        ),
    ),
    (
        FunnelStep::Sent,
        day!("timpush_sent_pushes_total", "Pushes handed to a channel"),
        day!(
            "timpush_platform_sent_pushes_total",
            "Pushes handed to a channel, by platform,"
        ),
    ),
    (
        FunnelStep::Delivered,
        day!(
            "timpush_delivered_pushes_total",
            "Pushes whose device sent a receipt"
        ),
        day!(
            "timpush_platform_delivered_pushes_total",
            "Pushes whose device sent a receipt, by platform (fcm has no receipts),"
        ),
    ),
    (
        FunnelStep::Clicked,
        day!(
            "timpush_clicked_pushes_total",
            "Pushes that a person opened"
        ),
        day!(
            "timpush_platform_clicked_pushes_total",
            "Pushes that a person opened, by platform,"
        ),
    ),
];

/// The counts since the day's start.
pub const TOTAL: CountFamilies = CountFamilies {
    lost: LOST,
    platform_lost: PLATFORM_LOST,
    funnel: FUNNEL,
};

pub const ANCHOR: Family = gauge(
    "timpush_day_anchor_timestamp_seconds",
    "Start of the day that the counters served now belong to; absent while losses and statistics are of different days, as after an outage of one of them over midnight.",
);
const ENABLED: Family = gauge(
    "timpush_counters_enabled",
    "1 if there are counters; 0 if they are switched off, or the service's counts proved not to add up.",
);
const LATE: Family = gauge(
    "timpush_late_pushes",
    "How many more overall losses the last closed day had when it was read again 6 h after it closed.",
);
const REVISED_DOWN: Family = gauge(
    "timpush_revised_down_pushes",
    "How far the service's overall loss of the day now stands below the counters served, which never step down.",
);
const RESOLVED: Family = gauge(
    "timpush_window_resolved",
    "1 if the service was seen to tell ranges inside a day apart, 0 if its data looks like whole days; absent while unknown.",
);

impl Writer<'_> {
    pub(super) fn counters(&self, sink: &mut impl Sink) {
        let losses = self.counted.get(&Api::NormalPushLoss);
        for (family, per_platform) in TOTAL.losses() {
            sink.family(family);
            let Some(served) = losses else { continue };
            for (key, count) in &served.counts {
                if let CountKey::Loss(key) = key
                    && key.platform.is_some() == per_platform
                {
                    labels::loss(self.id, key, |labels| {
                        sink.counted(labels, number(*count), served.anchor);
                    });
                }
            }
        }
        let statistics = self.counted.get(&Api::NormalPushStatistics);
        for (step, overall, platforms) in TOTAL.funnel {
            sink.family(overall);
            let Some(served) = statistics else {
                sink.family(platforms);
                continue;
            };
            if let Some(count) = served.counts.get(&CountKey::Funnel(step, None)) {
                sink.counted(&labels::target(self.id), number(*count), served.anchor);
            }
            sink.family(platforms);
            for (key, count) in &served.counts {
                if let CountKey::Funnel(of, Some(platform)) = key
                    && *of == step
                {
                    labels::platform(self.id, *platform, |labels| {
                        sink.counted(labels, number(*count), served.anchor);
                    });
                }
            }
        }
        self.about_counters(sink);
    }

    fn about_counters(&self, sink: &mut impl Sink) {
        sink.family(ANCHOR);
        let mut anchors = self.counted.values().map(|served| served.anchor);
        if let Some(anchor) = anchors.next()
            && anchors.all(|other| other == anchor)
        {
            sink.sample(&labels::target(self.id), anchor.as_f64());
        }
        sink.family(LATE);
        let loss = self.state.apis.get(&Api::NormalPushLoss);
        let late = loss.and_then(|api| api.ledger.late_pushes());
        for (stage, late) in late
            .filter(|_| self.state.has_counters())
            .into_iter()
            .flatten()
        {
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
            sink.sample(&labels::stage(self.id, *stage), *late as f64);
        }
        sink.family(REVISED_DOWN);
        let served = self.counted.get(&Api::NormalPushLoss);
        for (stage, revised) in served.iter().flat_map(|served| &served.revised_down) {
            sink.sample(&labels::stage(self.id, *stage), number(*revised));
        }
    }

    /// What is known of the service's way to count.
    pub(super) fn proofs(&self, sink: &mut impl Sink) {
        let labels = labels::target(self.id);
        sink.family(ENABLED);
        sink.sample(&labels, f64::from(u8::from(self.state.has_counters())));
        sink.family(RESOLVED);
        if let Some(resolved) = self.state.resolved {
            sink.sample(&labels, f64::from(u8::from(resolved)));
        }
    }
}
