//! Counts over the rolling window.

use super::{CountFamilies, Family, StepFamilies, gauge};
use crate::model::reading::FunnelStep;

/// A gauge over the rolling window.
macro_rules! window {
    ($name:literal, $help:literal) => {
        gauge(
            $name,
            concat!($help, " in the rolling window. Successive values overlap: do not use rate() or sum_over_time()."),
        )
    };
}

const LOST: Family = window!(
    "timpush_window_lost_pushes",
    "Pushes lost on all platforms, by stage and error code (normal_push_loss, ReadyToSendLoss and PostSendDeliveredLoss),"
);

const PLATFORM_LOST: Family = window!(
    "timpush_window_platform_lost_pushes",
    "Pushes lost, by stage, platform and error code (normal_push_loss, PlatformReadyToSendLoss and PlatformPostSendDeliveredLoss, not a breakdown of the overall gauges),"
);

/// The steps of the funnel, overall and by platform.
const FUNNEL: [StepFamilies; 4] = [
    (
        FunnelStep::Sendable,
        window!(
            "timpush_window_sendable_pushes",
            "Devices eligible for a push (normal_push_statistics, TotalCount)"
        ),
        window!(
            "timpush_window_platform_sendable_pushes",
            "Devices eligible for a push, by platform (normal_push_statistics, TotalCount)"
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
            "Pushes confirmed by a receipt from the device (normal_push_statistics, DeliveredCount; some channels have no receipts)"
        ),
        window!(
            "timpush_window_platform_delivered_pushes",
            "Pushes confirmed by a receipt from the device, by platform (normal_push_statistics, DeliveredCount; fcm has no receipts)"
        ),
    ),
    (
        FunnelStep::Clicked,
        window!(
            "timpush_window_clicked_pushes",
            "Pushes opened by the user (normal_push_statistics, ClickCount)"
        ),
        window!(
            "timpush_window_platform_clicked_pushes",
            "Pushes opened by the user, by platform (normal_push_statistics, ClickCount)"
        ),
    ),
];

/// The counts of the rolling window.
pub const COUNTS: CountFamilies = CountFamilies {
    lost: LOST,
    platform_lost: PLATFORM_LOST,
    funnel: FUNNEL,
};

pub const START: Family = gauge(
    "timpush_window_start_timestamp_seconds",
    "Unix time at which the window of the current values begins.",
);

pub const END: Family = gauge(
    "timpush_window_end_timestamp_seconds",
    "Unix time at which the window of the current values ends.",
);
