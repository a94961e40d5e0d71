//! Counters since the start of the day, and gauges about their state.

use super::{CountFamilies, Family, StepFamilies, counter, gauge};
use crate::model::reading::FunnelStep;

/// A count of the service over the day so far.
macro_rules! day {
    ($name:literal, $help:literal) => {
        counter(
            $name,
            concat!($help, " since the start of the day. Use with increase() or rate(); with replicas, max without (instance) (increase(...))."),
        )
    };
}

const LOST: Family = day!(
    "timpush_lost_pushes_total",
    "Pushes lost on all platforms, by stage and error code (normal_push_loss),"
);

const PLATFORM_LOST: Family = day!(
    "timpush_platform_lost_pushes_total",
    "Pushes lost, by stage, platform and error code (normal_push_loss, not a breakdown of the overall counters),"
);

/// The steps of the funnel, overall and by platform.
const FUNNEL: [StepFamilies; 4] = [
    (
        FunnelStep::Sendable,
        day!(
            "timpush_sendable_pushes_total",
            "Devices eligible for a push"
        ),
        day!(
            "timpush_platform_sendable_pushes_total",
            "Devices eligible for a push, by platform,"
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
            "Pushes confirmed by a receipt from the device"
        ),
        day!(
            "timpush_platform_delivered_pushes_total",
            "Pushes confirmed by a receipt from the device, by platform (fcm has no receipts),"
        ),
    ),
    (
        FunnelStep::Clicked,
        day!("timpush_clicked_pushes_total", "Pushes opened by the user"),
        day!(
            "timpush_platform_clicked_pushes_total",
            "Pushes opened by the user, by platform,"
        ),
    ),
];

/// The counts since the start of the day.
pub const COUNTS: CountFamilies = CountFamilies {
    lost: LOST,
    platform_lost: PLATFORM_LOST,
    funnel: FUNNEL,
};

pub const ANCHOR: Family = gauge(
    "timpush_day_anchor_timestamp_seconds",
    "Unix time at which the day of the current counters began. Absent while losses and statistics cover different days, for example after one API was down over midnight.",
);

pub const ENABLED: Family = gauge(
    "timpush_counters_enabled",
    "1 if counters are served, 0 if they are disabled or the service's counts do not add up.",
);

pub const LATE: Family = gauge(
    "timpush_late_pushes",
    "Increase of the last closed day's overall loss between its close and a second query 6 h later.",
);

pub const REVISED_DOWN: Family = gauge(
    "timpush_revised_down_pushes",
    "Difference between the served counters, which never decrease, and the service's lower overall loss for the day.",
);

pub const RESOLVED: Family = gauge(
    "timpush_window_resolved",
    "1 if the service resolves ranges shorter than a day, 0 if its data looks like whole days. Absent while unknown.",
);
