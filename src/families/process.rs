//! What belongs to no target.

use super::{Family, gauge, histogram};

pub const CLOCK: Family = gauge(
    "timpush_clock_timestamp_seconds",
    "This machine's clock; against the time of the scrape it shows whether other timestamps can be trusted.",
);
pub const REQUEST_DURATION: Family = histogram(
    "timpush_api_request_duration_seconds",
    "How long an HTTP call to the service took, from its start to the end of the body or to its failure.",
);
pub const POLL_DURATION: Family = histogram(
    "timpush_poll_duration_seconds",
    "How long a poll of a target took, with the waits for the limit and the retries.",
);
pub const POLL_LATENESS: Family = histogram(
    "timpush_poll_lateness_seconds",
    "How long after its due time a poll of a target began.",
);
pub const CLOCK_SKEW: Family = gauge(
    "timpush_clock_skew_seconds",
    "This machine's clock minus the service's, from the Date header of the latest answer; skew breaks signatures and windows.",
);
pub const RELOAD_SUCCESSFUL: Family = gauge(
    "timpush_config_last_reload_successful",
    "1 if the configuration was accepted when it was last read, else 0.",
);
pub const RELOAD_SUCCESS_TIME: Family = gauge(
    "timpush_config_last_reload_success_timestamp_seconds",
    "When the configuration in use was read.",
);
pub const BUILD_INFO: Family = gauge("timpush_build_info", "1; what this program was built from.");
pub const SHARD_INFO: Family = gauge(
    "timpush_shard_info",
    "1; which of how many shards this process is.",
);
pub const SHARD_APPS: Family = gauge("timpush_shard_apps", "Apps that this process polls.");
pub const CONFIGURED_APPS: Family = gauge(
    "timpush_configured_apps",
    "Apps in the configuration, of all shards together.",
);
