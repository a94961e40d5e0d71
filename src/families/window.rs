//! Counts over the rolling window.

use super::{CountFamilies, Family, counts, gauge};

/// The counts of the rolling window.
pub const COUNTS: CountFamilies = counts!(
    gauge,
    " in the rolling window. Successive values overlap: do not use rate() or sum_over_time().",
    "timpush_window_lost_pushes":
        "Pushes lost on all platforms, by stage and error code (normal_push_loss, ReadyToSendLoss and PostSendDeliveredLoss),",
    "timpush_window_platform_lost_pushes":
        "Pushes lost, by stage, platform and error code (normal_push_loss, PlatformReadyToSendLoss and PlatformPostSendDeliveredLoss, not a breakdown of the overall gauges),",
    "timpush_window_sendable_pushes":
        "Devices eligible for a push (normal_push_statistics, TotalCount)",
    "timpush_window_platform_sendable_pushes":
        "Devices eligible for a push, by platform (normal_push_statistics, TotalCount)",
    "timpush_window_sent_pushes":
        "Pushes handed to a channel (normal_push_statistics, SentCount)",
    "timpush_window_platform_sent_pushes":
        "Pushes handed to a channel, by platform (normal_push_statistics, SentCount)",
    "timpush_window_delivered_pushes":
        "Pushes confirmed by a receipt from the device (normal_push_statistics, DeliveredCount; some channels have no receipts)",
    "timpush_window_platform_delivered_pushes":
        "Pushes confirmed by a receipt from the device, by platform (normal_push_statistics, DeliveredCount; fcm has no receipts)",
    "timpush_window_clicked_pushes":
        "Pushes opened by the user (normal_push_statistics, ClickCount)",
    "timpush_window_platform_clicked_pushes":
        "Pushes opened by the user, by platform (normal_push_statistics, ClickCount)",
);

pub const START: Family = gauge(
    "timpush_window_start_timestamp_seconds",
    "Unix time at which the window of the current values begins.",
);

pub const END: Family = gauge(
    "timpush_window_end_timestamp_seconds",
    "Unix time at which the window of the current values ends.",
);
