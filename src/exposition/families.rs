//! Every family that is read from the snapshot, declared once with its help.

mod counters;
mod health;
mod knowledge;

use std::collections::{BTreeMap, BTreeSet};

use super::{Family, Kind, Sink};
use crate::clock::Now;
use crate::counters::Served;
use crate::reading::{Api, CountKey, Funnel, FunnelStep, Loss, LossKey, Platform, Reading};
use crate::snapshot::{Good, Targets};
use crate::target::TargetId;
use crate::window::UnixSeconds;

pub use counters::{ANCHOR, TOTAL};
pub use knowledge::{CODE_INFO, code_labels};
pub(super) use knowledge::{write_codes, write_error_codes};

const fn gauge(name: &'static str, help: &'static str) -> Family<'static> {
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
/// Walks the targets as they are at one moment.
pub(super) struct Writer<'a> {
    targets: &'a Targets,
    now: Now,
    /// Counters as they are served now, by target and API.
    counted: BTreeMap<(&'a TargetId, Api), Served>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(targets: &'a Targets, now: Now) -> Self {
        let counted = targets.iter().flat_map(|(id, state)| {
            let apis = state.apis.keys();
            apis.filter_map(move |api| Some(((id, *api), state.counted(*api, now)?)))
        });
        Self {
            targets,
            now,
            counted: counted.collect(),
        }
    }

    /// Writes all families that belong to targets: the same ones in the same order,
    /// whatever the targets.
    pub(super) fn write(&self, sink: &mut impl Sink) {
        self.losses(sink);
        self.funnels(sink);
        self.windows(sink);
        self.counters(sink);
        self.descriptions(sink);
        self.health(sink);
        self.settings(sink);
    }

    /// The codes of all losses that are served.
    pub(super) fn codes(&self) -> BTreeSet<&LossKey> {
        let counted = self.counted.values().flat_map(|served| {
            served.counts.keys().filter_map(|key| match key {
                CountKey::Loss(key) => Some(key),
                CountKey::Funnel(..) => None,
            })
        });
        self.loss_rows()
            .map(|(_, key, _)| key)
            .chain(counted)
            .collect()
    }

    fn losses(&self, sink: &mut impl Sink) {
        for (family, per_platform) in [(LOST, false), (PLATFORM_LOST, true)] {
            sink.family(family);
            for (id, key, loss) in self
                .loss_rows()
                .filter(|(_, key, _)| key.platform.is_some() == per_platform)
            {
                let platform = key.platform.map(|platform| platform.to_string());
                let labels = row_labels(id, key, platform.as_deref(), []);
                sink.sample(&labels, number(loss.count));
            }
        }
    }

    fn funnels(&self, sink: &mut impl Sink) {
        for (step, overall_family, platform_family) in FUNNEL {
            sink.family(overall_family);
            for (id, overall, _) in self.funnel_rows() {
                sink.sample(&target_labels(id), number(overall.get(step)));
            }
            sink.family(platform_family);
            for (id, _, platforms) in self.funnel_rows() {
                for (platform, funnel) in platforms {
                    let [app, region] = target_labels(id);
                    sink.sample(
                        &[app, region, ("platform", &platform.to_string())],
                        number(funnel.get(step)),
                    );
                }
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
            for (id, state) in self.targets {
                for api in state.apis.keys() {
                    if let Some(good) = state.current(*api, self.now.steady) {
                        let [app, region] = target_labels(id);
                        sink.sample(&[app, region, ("api", api.as_str())], edge(good).as_f64());
                    }
                }
            }
        }
    }

    fn loss_rows(&self) -> impl Iterator<Item = (&'a TargetId, &'a LossKey, &'a Loss)> {
        let now = self.now.steady;
        self.targets.iter().flat_map(move |(id, state)| {
            let rows = match state
                .current(Api::NormalPushLoss, now)
                .map(|good| &good.reading)
            {
                Some(Reading::Loss(rows)) => Some(rows),
                _ => None,
            };
            rows.into_iter()
                .flatten()
                .map(move |(key, loss)| (id, key, loss))
        })
    }

    fn funnel_rows(
        &self,
    ) -> impl Iterator<Item = (&'a TargetId, &'a Funnel, &'a BTreeMap<Platform, Funnel>)> {
        let now = self.now.steady;
        self.targets.iter().filter_map(move |(id, state)| {
            match state
                .current(Api::NormalPushStatistics, now)
                .map(|good| &good.reading)
            {
                Some(Reading::Statistics { overall, platforms }) => Some((id, overall, platforms)),
                _ => None,
            }
        })
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
