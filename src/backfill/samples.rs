//! Series with their samples, and the families they belong to.

use std::collections::BTreeMap;

use super::replay::Frame;
use crate::exposition::{Family, Kind};
use crate::reading::{Api, CountKey, FunnelStep, LossKey, Platform};
use crate::window::UnixSeconds;

/// A series of one target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Series {
    Window(CountKey),
    WindowStart(Api),
    WindowEnd(Api),
    Total(CountKey),
    DayAnchor,
}

/// The samples of one target's series, in order of time.
pub type Samples = BTreeMap<Series, Vec<(UnixSeconds, u64)>>;

/// Adds what was served at one stop about one API. Both APIs' counters are of the same day,
/// whose start is told with the losses.
pub fn add(samples: &mut Samples, api: Api, frame: Frame) {
    let at = frame.at;
    let mut put = |series, value| samples.entry(series).or_default().push((at, value));
    if let Some((range, counts)) = frame.window {
        put(Series::WindowStart(api), range.start.0);
        put(Series::WindowEnd(api), range.end.0);
        for (key, count) in counts {
            put(Series::Window(key), count);
        }
    }
    if let Some(served) = frame.counters {
        if api == Api::NormalPushLoss {
            put(Series::DayAnchor, served.anchor.0);
        }
        for (key, count) in served.counts {
            put(Series::Total(key), count);
        }
    }
}

impl Series {
    /// The family; a counter's name is without `_total`, which `OpenMetrics` adds to samples.
    pub fn family(&self) -> Family<'static> {
        match self {
            Self::Window(key) => of_count(key, &WINDOW),
            Self::WindowStart(_) => WINDOW_START,
            Self::WindowEnd(_) => WINDOW_END,
            Self::Total(key) => of_count(key, &TOTAL),
            Self::DayAnchor => DAY_ANCHOR,
        }
    }

    /// The labels after `app` and `region`, in the order of the contract.
    pub fn labels(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Window(key) | Self::Total(key) => count_labels(key),
            Self::WindowStart(api) | Self::WindowEnd(api) => vec![("api", api.to_string())],
            Self::DayAnchor => Vec::new(),
        }
    }
}

/// Every label name that a series of ours has.
pub const LABELS: [&str; 6] = ["app", "region", "api", "stage", "platform", "err_code"];

fn count_labels(key: &CountKey) -> Vec<(&'static str, String)> {
    let platform =
        |platform: Option<Platform>| platform.map(|number| ("platform", number.to_string()));
    match key {
        CountKey::Loss(LossKey {
            stage,
            platform: of,
            code,
        }) => [("stage", stage.to_string())]
            .into_iter()
            .chain(platform(*of))
            .chain([("err_code", code.to_string())])
            .collect(),
        CountKey::Funnel(_, of) => platform(*of).into_iter().collect(),
    }
}

/// Families of counts: losses overall and by platform, then each step of the funnel, overall
/// and by platform.
type CountFamilies = [Family<'static>; 10];

fn of_count(key: &CountKey, families: &CountFamilies) -> Family<'static> {
    let (step, platform) = match key {
        CountKey::Loss(key) => (0, key.platform),
        CountKey::Funnel(FunnelStep::Sendable, platform) => (2, *platform),
        CountKey::Funnel(FunnelStep::Sent, platform) => (4, *platform),
        CountKey::Funnel(FunnelStep::Delivered, platform) => (6, *platform),
        CountKey::Funnel(FunnelStep::Clicked, platform) => (8, *platform),
    };
    families[step + usize::from(platform.is_some())]
}

/// All families in the order in which they are written.
pub fn families() -> impl Iterator<Item = Family<'static>> {
    WINDOW
        .into_iter()
        .chain([WINDOW_START, WINDOW_END])
        .chain(TOTAL)
        .chain([DAY_ANCHOR])
}

const fn gauge(name: &'static str, help: &'static str) -> Family<'static> {
    Family {
        name,
        kind: Kind::Gauge,
        help,
    }
}

// The help texts are the daemon's own: the integration tests compare them.

macro_rules! window {
    ($name:literal, $help:literal) => {
        gauge(
            concat!("timpush_window_", $name),
            concat!($help, " in the rolling window. Successive values overlap: not for rate() or sum_over_time()."),
        )
    };
}

macro_rules! day {
    ($name:literal, $help:literal) => {
        Family {
            name: concat!("timpush_", $name),
            kind: Kind::Counter,
            help: concat!($help, " since the day's start; for increase() and rate(). With replicas: max without (instance) (increase(...))."),
        }
    };
}

const WINDOW: CountFamilies = [
    window!(
        "lost_pushes",
        "Pushes lost, by stage and error code over all platforms (normal_push_loss, ReadyToSendLoss and PostSendDeliveredLoss)"
    ),
    window!(
        "platform_lost_pushes",
        "Pushes lost, by stage, platform and error code (normal_push_loss, PlatformReadyToSendLoss and PlatformPostSendDeliveredLoss); the service's overall figures are another measurement and not their sum,"
    ),
    window!(
        "sendable_pushes",
        "Devices that could be pushed to (normal_push_statistics, TotalCount)"
    ),
    window!(
        "platform_sendable_pushes",
        "Devices that could be pushed to, by platform (normal_push_statistics, TotalCount)"
    ),
    window!(
        "sent_pushes",
        "Pushes handed to a channel (normal_push_statistics, SentCount)"
    ),
    window!(
        "platform_sent_pushes",
        "Pushes handed to a channel, by platform (normal_push_statistics, SentCount)"
    ),
    window!(
        "delivered_pushes",
        "Pushes whose device sent a receipt (normal_push_statistics, DeliveredCount); some channels have no receipts"
    ),
    window!(
        "platform_delivered_pushes",
        "Pushes whose device sent a receipt, by platform (normal_push_statistics, DeliveredCount); fcm has no receipts"
    ),
    window!(
        "clicked_pushes",
        "Pushes that a person opened (normal_push_statistics, ClickCount)"
    ),
    window!(
        "platform_clicked_pushes",
        "Pushes that a person opened, by platform (normal_push_statistics, ClickCount)"
    ),
];
const WINDOW_START: Family = gauge(
    "timpush_window_start_timestamp_seconds",
    "Start of the window that the values served now cover.",
);
const WINDOW_END: Family = gauge(
    "timpush_window_end_timestamp_seconds",
    "End of the window that the values served now cover.",
);
const TOTAL: CountFamilies = [
    day!(
        "lost_pushes",
        "Pushes lost, by stage and error code over all platforms (normal_push_loss),"
    ),
    day!(
        "platform_lost_pushes",
        "Pushes lost, by stage, platform and error code (normal_push_loss); not a part of the overall counters,"
    ),
    day!("sendable_pushes", "Devices that could be pushed to"),
    day!(
        "platform_sendable_pushes",
        "Devices that could be pushed to, by platform,"
    ),
    day!("sent_pushes", "Pushes handed to a channel"),
    day!(
        "platform_sent_pushes",
        "Pushes handed to a channel, by platform,"
    ),
    day!("delivered_pushes", "Pushes whose device sent a receipt"),
    day!(
        "platform_delivered_pushes",
        "Pushes whose device sent a receipt, by platform (fcm has no receipts),"
    ),
    day!("clicked_pushes", "Pushes that a person opened"),
    day!(
        "platform_clicked_pushes",
        "Pushes that a person opened, by platform,"
    ),
];
const DAY_ANCHOR: Family = gauge(
    "timpush_day_anchor_timestamp_seconds",
    "Start of the day that the counters served now belong to.",
);
