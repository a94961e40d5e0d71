//! Counters since the start of the day, and gauges about their state.

use super::{CountFamilies, Family, counter, counts, gauge};

/// The counts since the start of the day.
pub const COUNTS: CountFamilies = counts!(
    counter, "", "_total",
    " since the start of the day. Use with increase() or rate(); with replicas, max without (instance) (increase(...)).",
    lost:
        "Pushes lost on all platforms, by stage and error code (normal_push_loss),",
        "Pushes lost, by stage, platform and error code (normal_push_loss, not a breakdown of the overall counters),",
    sendable:
        "Devices eligible for a push",
        "Devices eligible for a push, by platform,",
    sent:
        "Pushes handed to a channel",
        "Pushes handed to a channel, by platform,",
    delivered:
        "Pushes confirmed by a receipt from the device",
        "Pushes confirmed by a receipt from the device, by platform (fcm has no receipts),",
    clicked:
        "Pushes opened by the user",
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
