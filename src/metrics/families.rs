//! Every family that is read from the snapshot, declared once with its help.

mod calls;
mod counters;
mod health;
mod knowledge;
pub mod labels;

use std::collections::BTreeMap;

use super::{Family, Kind, Labels, Sink};
use crate::clock::Now;
use crate::model::reading::{Api, CountKey, Funnel, FunnelStep, Loss, LossKey, Platform, Reading};
use crate::model::target_id::TargetId;
use crate::model::window::UnixSeconds;
use crate::target::counters::Served;
use crate::target::snapshot::{Good, TargetState};

pub use counters::{ANCHOR, TOTAL};
pub use knowledge::CODE_INFO;
pub(super) use knowledge::write_codes;

pub(super) const fn gauge(name: &'static str, help: &'static str) -> Family<'static> {
    Family {
        name,
        kind: Kind::Gauge,
        help,
    }
}

pub(super) const fn counter(name: &'static str, help: &'static str) -> Family<'static> {
    Family {
        name,
        kind: Kind::Counter,
        help,
    }
}

/// Of the process, whatever its targets are.
pub(super) const CLOCK: Family = gauge(
    "timpush_clock_timestamp_seconds",
    "This machine's clock; against the time of the scrape it shows whether other timestamps can be trusted.",
);

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

/// The families of all counts, which differ in what the counts cover.
pub struct CountFamilies {
    lost: Family<'static>,
    platform_lost: Family<'static>,
    funnel: [Step; 4],
}

impl CountFamilies {
    /// The family of a count.
    pub fn of(&self, key: &CountKey) -> Family<'static> {
        match key {
            CountKey::Loss(key) if key.platform.is_none() => self.lost,
            CountKey::Loss(_) => self.platform_lost,
            CountKey::Funnel(step, platform) => {
                let [sendable, sent, delivered, clicked] = self.funnel;
                let (_, overall, by_platform) = match step {
                    FunnelStep::Sendable => sendable,
                    FunnelStep::Sent => sent,
                    FunnelStep::Delivered => delivered,
                    FunnelStep::Clicked => clicked,
                };
                if platform.is_none() {
                    overall
                } else {
                    by_platform
                }
            }
        }
    }

    /// All of them in the order in which they are served.
    pub fn all(&self) -> impl Iterator<Item = Family<'static>> {
        let funnel = self.funnel.into_iter();
        let funnel = funnel.flat_map(|(_, overall, by_platform)| [overall, by_platform]);
        [self.lost, self.platform_lost].into_iter().chain(funnel)
    }

    /// Losses overall and by platform.
    fn losses(&self) -> [(Family<'static>, bool); 2] {
        [(self.lost, false), (self.platform_lost, true)]
    }
}

/// The counts of the rolling window.
pub const WINDOW: CountFamilies = CountFamilies {
    lost: LOST,
    platform_lost: PLATFORM_LOST,
    funnel: FUNNEL,
};

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
        for (family, per_platform) in WINDOW.losses() {
            sink.family(family);
            for (key, loss) in self
                .loss_rows()
                .filter(|(key, _)| key.platform.is_some() == per_platform)
            {
                let value = number(loss.count);
                labels::loss(self.id, key, |labels| sink.sample(labels, value));
            }
        }
    }

    fn funnels(&self, sink: &mut impl Sink) {
        for (step, overall_family, platform_family) in WINDOW.funnel {
            sink.family(overall_family);
            let Some((overall, platforms)) = self.funnel() else {
                sink.family(platform_family);
                continue;
            };
            sink.sample(&labels::target(self.id), number(overall.get(step)));
            sink.family(platform_family);
            for (platform, funnel) in platforms {
                let value = number(funnel.get(step));
                labels::platform(self.id, *platform, |labels| sink.sample(labels, value));
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
                    sink.sample(&labels::api(self.id, *api), edge(good).as_f64());
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

/// A count as a sample's value.
#[expect(
    clippy::cast_precision_loss,
    reason = "samples are floats in every format; exact up to 2^53"
)]
fn number(count: u64) -> f64 {
    count as f64
}
