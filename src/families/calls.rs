//! Outcomes and costs of the API calls of each target.

use super::{Family, counter, gauge};

pub const REQUESTS: Family = counter(
    "timpush_api_requests_total",
    "HTTP calls to the service by outcome, including retries but not calls repeated because a kept connection broke. Outcomes other than ok appear when they first occur, at 0 for a short time.",
);
pub const ERRORS: Family = counter(
    "timpush_api_errors_total",
    "Responses of the service that refused a call, by error code. Codes appear when they first occur, at 0 for a short time.",
);
pub const RETRIES: Family = counter(
    "timpush_api_retries_total",
    "HTTP calls that repeated a query within the same poll.",
);
pub const THROTTLE_WAIT: Family = counter(
    "timpush_api_throttle_wait_seconds_total",
    "Total time in seconds that calls waited for the rate limit of their SDKAppID.",
);
pub const BACKUP_IN_USE: Family = gauge(
    "timpush_target_backup_in_use",
    "1 while the region's backup host is used in place of its main host, else 0.",
);
pub const USERSIG_EXPIRY: Family = gauge(
    "timpush_usersig_expiry_timestamp_seconds",
    "Unix time at which the signature in use expires. It is renewed at half of its lifetime.",
);
