//! Tasks: pushes to all users, to a tag or to listed users.

use super::{CountFamilies, Family, counts, gauge};

/// The counts of tasks.
pub const COUNTS: CountFamilies = counts!(
    gauge,
    " since the task began. A task ends, so compare values, not rates.",
    "timpush_task_lost_pushes":
        "Pushes of a task lost on all platforms, by stage and error code (all_member_push_loss),",
    "timpush_task_platform_lost_pushes":
        "Pushes of a task lost, by stage, platform and error code (all_member_push_loss, not a breakdown of the overall gauges),",
    "timpush_task_sendable_pushes":
        "Devices eligible for a push of a task (all_member_push_statistics, TotalCount)",
    "timpush_task_platform_sendable_pushes":
        "Devices eligible for a push of a task, by platform (all_member_push_statistics, TotalCount)",
    "timpush_task_sent_pushes":
        "Pushes of a task handed to a channel (all_member_push_statistics, SentCount)",
    "timpush_task_platform_sent_pushes":
        "Pushes of a task handed to a channel, by platform (all_member_push_statistics, SentCount)",
    "timpush_task_delivered_pushes":
        "Pushes of a task confirmed by a receipt from the device (all_member_push_statistics, DeliveredCount; some channels have no receipts)",
    "timpush_task_platform_delivered_pushes":
        "Pushes of a task confirmed by a receipt from the device, by platform (all_member_push_statistics, DeliveredCount; fcm has no receipts)",
    "timpush_task_clicked_pushes":
        "Pushes of a task opened by the user (all_member_push_statistics, ClickCount)",
    "timpush_task_platform_clicked_pushes":
        "Pushes of a task opened by the user, by platform (all_member_push_statistics, ClickCount)",
);

pub const INFO: Family = gauge(
    "timpush_task_info",
    "Name and type of a watched task, and whether it is known from the list of scheduled tasks or from the file, always 1.",
);
pub const START: Family = gauge(
    "timpush_task_start_timestamp_seconds",
    "Unix time at which a watched task began.",
);
pub const DISPATCHED: Family = gauge(
    "timpush_scheduled_task_dispatched",
    "1 if the service has started a scheduled task's push, else 0.",
);
pub const DISPATCH_FAILED: Family = gauge(
    "timpush_scheduled_task_dispatch_failed",
    "1 if the service could not start a scheduled task's push, else 0.",
);
pub const SCHEDULED_FOR: Family = gauge(
    "timpush_scheduled_task_scheduled_timestamp_seconds",
    "Unix time for which a task is scheduled.",
);
pub const SCHEDULED_INFO: Family = gauge(
    "timpush_scheduled_task_info",
    "Name, type and status of a scheduled task, and the task that it started, always 1.",
);
pub const UP: Family = gauge(
    "timpush_tasks_up",
    "1 if every query of the latest round over an app's tasks succeeded, else 0.",
);
pub const LAST_SUCCESS: Family = gauge(
    "timpush_tasks_last_success_timestamp_seconds",
    "Unix time of the latest round over an app's tasks in which every query succeeded, 0 before the first.",
);
pub const KNOWN: Family = gauge(
    "timpush_tasks",
    "Tasks younger than the configured age: watched, left_out because of the configured maximum, or unknown to the service.",
);
pub const FILE_PROBLEMS: Family = gauge(
    "timpush_task_file_problems",
    "Lines of the file of tasks that cannot be used; 1 also if the file cannot be read. Absent without a file.",
);
