//! Health and configuration of the targets.

use super::{Family, gauge};

pub const UP: Family = gauge(
    "timpush_target_up",
    "1 if the latest poll of the target's API succeeded, else 0.",
);
pub const LAST_SUCCESS: Family = gauge(
    "timpush_target_last_success_timestamp_seconds",
    "Unix time of the last successful poll of the target's API, 0 before the first.",
);
pub const LAST_NONZERO: Family = gauge(
    "timpush_target_last_nonzero_timestamp_seconds",
    "Unix time at which the latest non-empty window ended, 0 before the first.",
);
pub const FAILURES: Family = gauge(
    "timpush_target_consecutive_failures",
    "Failed polls of the target's API since the last success.",
);
pub const TARGET_INFO: Family = gauge(
    "timpush_target_info",
    "SDKAppID and configured host of a target, always 1.",
);
pub const WINDOW_SECONDS: Family = gauge(
    "timpush_target_window_seconds",
    "Configured length of the rolling window in seconds.",
);
pub const INTERVAL_SECONDS: Family = gauge(
    "timpush_target_interval_seconds",
    "Configured time between two polls in seconds.",
);
pub const LAG_SECONDS: Family = gauge(
    "timpush_target_lag_seconds",
    "Configured delay between the end of the window and the poll in seconds.",
);
pub const SERIES: Family = gauge(
    "timpush_target_series",
    "Data series served for the target: window gauges, descriptions and counters, but not health series.",
);
pub const SERIES_LIMIT: Family = gauge(
    "timpush_target_series_limit",
    "Configured limit of data series. The smallest counts beyond it are summed under err_code other.",
);
pub const FOLDED: Family = gauge(
    "timpush_target_folded_codes",
    "Codes summed under err_code other, in the window gauges and in the counters.",
);
