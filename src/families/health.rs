//! How the targets are doing, and how they are configured.

use super::{Family, gauge};

pub const UP: Family = gauge(
    "timpush_target_up",
    "1 if the latest poll of the target's API succeeded, else 0.",
);
pub const LAST_SUCCESS: Family = gauge(
    "timpush_target_last_success_timestamp_seconds",
    "When an answer of the target's API was last published; 0 before the first.",
);
pub const LAST_NONZERO: Family = gauge(
    "timpush_target_last_nonzero_timestamp_seconds",
    "End of the latest window that held any count; 0 before the first.",
);
pub const FAILURES: Family = gauge(
    "timpush_target_consecutive_failures",
    "Failed polls of the target's API since the last success.",
);
pub const TARGET_INFO: Family = gauge(
    "timpush_target_info",
    "1; the SDKAppID and the configured host of a target.",
);
pub const WINDOW_SECONDS: Family = gauge(
    "timpush_target_window_seconds",
    "Configured length of the rolling window.",
);
pub const INTERVAL_SECONDS: Family = gauge(
    "timpush_target_interval_seconds",
    "Configured time between two polls.",
);
pub const LAG_SECONDS: Family = gauge(
    "timpush_target_lag_seconds",
    "Configured time by which the window's end lies behind now.",
);
pub const SERIES: Family = gauge(
    "timpush_target_series",
    "Data series that are served for the target: gauges of the window, descriptions and counters, not health.",
);
pub const SERIES_LIMIT: Family = gauge(
    "timpush_target_series_limit",
    "Configured limit of data series; the smallest counts beyond are summed up under err_code other.",
);
pub const FOLDED: Family = gauge(
    "timpush_target_folded_codes",
    "Codes that are summed up under err_code other, in the window and in the counters.",
);
