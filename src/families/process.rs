//! Families of the process itself, which belong to no target.

use super::{Family, gauge, histogram};

pub const CLOCK: Family = gauge(
    "timpush_clock_timestamp_seconds",
    "Unix time of this machine's clock. Compare it with the time of the scrape before trusting other timestamps.",
);
pub const REQUEST_DURATION: Family = histogram(
    "timpush_api_request_duration_seconds",
    "Duration of HTTP calls to the service in seconds, until the end of the body or the failure.",
);
pub const POLL_DURATION: Family = histogram(
    "timpush_poll_duration_seconds",
    "Duration of polls of a target in seconds, including retries and waits for the rate limit.",
);
pub const POLL_LATENESS: Family = histogram(
    "timpush_poll_lateness_seconds",
    "Delay of polls of a target after their due time in seconds.",
);
pub const CLOCK_SKEW: Family = gauge(
    "timpush_clock_skew_seconds",
    "This machine's clock minus the service's in seconds, from the Date header of the latest response. Skew breaks signatures and windows.",
);
pub const RELOAD_SUCCESSFUL: Family = gauge(
    "timpush_config_last_reload_successful",
    "1 if the latest load of the configuration succeeded, else 0.",
);
pub const RELOAD_SUCCESS_TIME: Family = gauge(
    "timpush_config_last_reload_success_timestamp_seconds",
    "Unix time at which the configuration in use was loaded.",
);
pub const BUILD_INFO: Family = gauge(
    "timpush_build_info",
    "Version, revision and compiler of this build, always 1.",
);
pub const SHARD_INFO: Family = gauge(
    "timpush_shard_info",
    "Number of this process's shard and of all shards, always 1.",
);
pub const SHARD_APPS: Family = gauge("timpush_shard_apps", "Apps polled by this process.");
pub const CONFIGURED_APPS: Family = gauge(
    "timpush_configured_apps",
    "Apps in the configuration of all shards together.",
);
