//! Counters since the day's start, and what there is to know about them.

use super::{CountFamilies, Family, StepFamilies, counter, gauge};
use crate::model::reading::FunnelStep;

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
const FUNNEL: [StepFamilies; 4] = [
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
pub const COUNTS: CountFamilies = CountFamilies {
    lost: LOST,
    platform_lost: PLATFORM_LOST,
    funnel: FUNNEL,
};

pub const ANCHOR: Family = gauge(
    "timpush_day_anchor_timestamp_seconds",
    "Start of the day that the counters served now belong to; absent while losses and statistics are of different days, as after an outage of one of them over midnight.",
);

pub const ENABLED: Family = gauge(
    "timpush_counters_enabled",
    "1 if there are counters; 0 if they are switched off, or the service's counts proved not to add up.",
);

pub const LATE: Family = gauge(
    "timpush_late_pushes",
    "How many more overall losses the last closed day had when it was read again 6 h after it closed.",
);

pub const REVISED_DOWN: Family = gauge(
    "timpush_revised_down_pushes",
    "How far the service's overall loss of the day now stands below the counters served, which never step down.",
);

pub const RESOLVED: Family = gauge(
    "timpush_window_resolved",
    "1 if the service was seen to tell ranges inside a day apart, 0 if its data looks like whole days; absent while unknown.",
);
