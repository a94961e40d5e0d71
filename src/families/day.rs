//! Counters since the start of the day, and gauges about their state.

use super::{CountFamilies, Family, counter, counts, gauge};

/// The counts since the start of the day.
pub const COUNTS: CountFamilies = counts!(
    counter,
    " since the start of the day. Use with increase() or rate(); with replicas, max without (instance) (increase(...)).",
    "timpush_lost_pushes_total":
        "Pushes lost on all platforms, by stage and error code (normal_push_loss),",
    "timpush_platform_lost_pushes_total":
        "Pushes lost, by stage, platform and error code (normal_push_loss, not a breakdown of the overall counters),",
    "timpush_sendable_pushes_total":
        "Devices eligible for a push",
    "timpush_platform_sendable_pushes_total":
        "Devices eligible for a push, by platform,",
    "timpush_sent_pushes_total":
        "Pushes handed to a channel",
    "timpush_platform_sent_pushes_total":
        "Pushes handed to a channel, by platform,",
    "timpush_delivered_pushes_total":
        "Pushes confirmed by a receipt from the device",
    "timpush_platform_delivered_pushes_total":
        "Pushes confirmed by a receipt from the device, by platform (fcm has no receipts),",
    "timpush_clicked_pushes_total":
        "Pushes opened by the user",
    "timpush_platform_clicked_pushes_total":
        "Pushes opened by the user, by platform,",
);

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
