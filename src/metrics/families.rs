//! Every family that is read from the snapshot, declared once with its help.

mod calls;
mod counters;
mod health;
mod knowledge;

use std::collections::BTreeMap;

use super::{Family, Kind, Labels, Sink};
use crate::clock::Now;
use crate::model::reading::{Api, CountKey, Funnel, FunnelStep, Loss, LossKey, Platform, Reading};
use crate::model::target_id::TargetId;
use crate::model::window::UnixSeconds;
use crate::target::counters::Served;
use crate::target::snapshot::{Good, TargetState};

pub use counters::{ANCHOR, TOTAL};
pub(super) use knowledge::write_codes;
pub use knowledge::{CODE_INFO, code_labels};

pub(super) const fn gauge(name: &'static str, help: &'static str) -> Family<'static> {
    Family {
        name,
        kind: Kind::Gauge,
        help,
    }
}

/// A gauge over the rolling window.
macro_rules! window {
    ($name:literal, $help:literal) => {
        gauge(
            $name,
            concat!($help, " in the rolling window. Successive values overlap: not for rate() or sum_over_time()."),
        )
    };
}

const LOST: Family = window!(
    "timpush_window_lost_pushes",
    "Pushes lost, by stage and error code over all platforms (normal_push_loss, ReadyToSendLoss and PostSendDeliveredLoss)"
);
const PLATFORM_LOST: Family = window!(
    "timpush_window_platform_lost_pushes",
    "Pushes lost, by stage, platform and error code (normal_push_loss, PlatformReadyToSendLoss and PlatformPostSendDeliveredLoss); the service's overall figures are another measurement and not their sum,"
);

type Step = (FunnelStep, Family<'static>, Family<'static>);

/// The steps of the funnel, overall and by platform.
const FUNNEL: [Step; 4] = [
    (
        FunnelStep::Sendable,
        window!(
            "timpush_window_sendable_pushes",
            "Devices that could be pushed to (normal_push_statistics, TotalCount)"
        ),
        window!(
            "timpush_window_platform_sendable_pushes",
            "Devices that could be pushed to, by platform (normal_push_statistics, TotalCount)"
        ),
    ),
    (
        FunnelStep::Sent,
        window!(
            "timpush_window_sent_pushes",
            "Pushes handed to a channel (normal_push_statistics, SentCount)"
        ),
        window!(
            "timpush_window_platform_sent_pushes",
            "Pushes handed to a channel, by platform (normal_push_statistics, SentCount)"
        ),
    ),
    (
        FunnelStep::Delivered,
        window!(
            "timpush_window_delivered_pushes",
            "Pushes whose device sent a receipt (normal_push_statistics, DeliveredCount); some channels have no receipts"
        ),
        window!(
            "timpush_window_platform_delivered_pushes",
            "Pushes whose device sent a receipt, by platform (normal_push_statistics, DeliveredCount); fcm has no receipts"
        ),
    ),
    (
        FunnelStep::Clicked,
        window!(
            "timpush_window_clicked_pushes",
            "Pushes that a person opened (normal_push_statistics, ClickCount)"
        ),
        window!(
            "timpush_window_platform_clicked_pushes",
            "Pushes that a person opened, by platform (normal_push_statistics, ClickCount)"
        ),
    ),
];

/// Families of counts: losses overall and by platform, then each step of the funnel, overall
/// and by platform.
pub type CountFamilies = [Family<'static>; 10];

const fn in_order(
    lost: Family<'static>,
    platform_lost: Family<'static>,
    funnel: &[Step; 4],
) -> CountFamilies {
    let [sendable, sent, delivered, clicked] = funnel;
    [
        lost,
        platform_lost,
        sendable.1,
        sendable.2,
        sent.1,
        sent.2,
        delivered.1,
        delivered.2,
        clicked.1,
        clicked.2,
    ]
}

/// The counts of the rolling window.
pub const WINDOW: CountFamilies = in_order(LOST, PLATFORM_LOST, &FUNNEL);

pub const WINDOW_START: Family = gauge(
    "timpush_window_start_timestamp_seconds",
    "Start of the window that the values served now cover.",
);
pub const WINDOW_END: Family = gauge(
    "timpush_window_end_timestamp_seconds",
    "End of the window that the values served now cover.",
);

/// Walks one target as it is at one moment.
pub(super) struct Writer<'a> {
    id: &'a TargetId,
    state: &'a TargetState,
    now: Now,
    /// Counters as they are served now.
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

    /// Writes all families that belong to targets: the same ones in the same order,
    /// whatever the target.
    pub(super) fn write(&self, sink: &mut impl Sink) {
        let mut data = Counting { sink, samples: 0 };
        self.losses(&mut data);
        self.funnels(&mut data);
        self.windows(&mut data);
        self.counters(&mut data);
        self.descriptions(&mut data);
        let series = data.samples;
        self.health(sink);
        self.settings(sink);
        self.bounds(series, sink);
        self.calls(sink);
    }

    /// The codes of all losses that are served, each once and in order.
    pub(super) fn codes(&self) -> Vec<&LossKey> {
        let counted = self.counted.values().flat_map(|served| {
            served.counts.keys().filter_map(|key| match key {
                CountKey::Loss(key) => Some(key),
                CountKey::Funnel(..) => None,
            })
        });
        let window = self.loss_rows().map(|(key, _)| key);
        let mut codes: Vec<&LossKey> = window.chain(counted).collect();
        // Two sorted runs.
        codes.sort();
        codes.dedup();
        codes
    }

    fn losses(&self, sink: &mut impl Sink) {
        for (family, per_platform) in [(LOST, false), (PLATFORM_LOST, true)] {
            sink.family(family);
            for (key, loss) in self
                .loss_rows()
                .filter(|(key, _)| key.platform.is_some() == per_platform)
            {
                let platform = key.platform.map(|platform| platform.to_string());
                let labels = row_labels(self.id, key, platform.as_deref(), []);
                sink.sample(&labels, number(loss.count));
            }
        }
    }

    fn funnels(&self, sink: &mut impl Sink) {
        let [app, region] = target_labels(self.id);
        for (step, overall_family, platform_family) in FUNNEL {
            sink.family(overall_family);
            let Some((overall, platforms)) = self.funnel() else {
                sink.family(platform_family);
                continue;
            };
            sink.sample(&[app, region], number(overall.get(step)));
            sink.family(platform_family);
            for (platform, funnel) in platforms {
                let platform = platform.to_string();
                let labels = [app, region, ("platform", &platform)];
                sink.sample(&labels, number(funnel.get(step)));
            }
        }
    }

    fn windows(&self, sink: &mut impl Sink) {
        for (family, edge) in [
            (
                WINDOW_START,
                (|good| good.range.start) as fn(&Good) -> UnixSeconds,
            ),
            (WINDOW_END, |good| good.range.end),
        ] {
            sink.family(family);
            for api in self.state.apis.keys() {
                if let Some(good) = self.state.current(*api, self.now.steady) {
                    let [app, region] = target_labels(self.id);
                    sink.sample(&[app, region, ("api", api.as_str())], edge(good).as_f64());
                }
            }
        }
    }

    fn loss_rows(&self) -> impl Iterator<Item = (&'a LossKey, &'a Loss)> {
        let good = self.state.current(Api::NormalPushLoss, self.now.steady);
        let rows = match good.map(|good| &good.reading) {
            Some(Reading::Loss(rows)) => Some(rows),
            _ => None,
        };
        rows.into_iter().flatten()
    }

    fn funnel(&self) -> Option<(&'a Funnel, &'a BTreeMap<Platform, Funnel>)> {
        let good = self
            .state
            .current(Api::NormalPushStatistics, self.now.steady)?;
        match &good.reading {
            Reading::Statistics { overall, platforms } => Some((overall, platforms)),
            Reading::Loss(_) => None,
        }
    }
}

/// Counts the samples that pass.
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

fn target_labels(id: &TargetId) -> [(&'static str, &str); 2] {
    [("app", &id.app), ("region", &id.region)]
}

fn row_labels<'a, const N: usize>(
    id: &'a TargetId,
    key: &'a LossKey,
    platform: Option<&'a str>,
    more: [(&'static str, &'a str); N],
) -> Vec<(&'static str, &'a str)> {
    let mut labels = target_labels(id).to_vec();
    labels.push(("stage", key.stage.as_str()));
    labels.extend(platform.map(|platform| ("platform", platform)));
    labels.push(("err_code", key.code.as_str()));
    labels.extend(more);
    labels
}

/// A count as a sample's value.
#[expect(
    clippy::cast_precision_loss,
    reason = "samples are floats in every format; exact up to 2^53"
)]
fn number(count: u64) -> f64 {
    count as f64
}
