//! What the calls about each target came to.

use super::{Family, counter, gauge};

pub const REQUESTS: Family = counter(
    "timpush_api_requests_total",
    "HTTP calls to the service by how they ended, retries included, but without those that broke with a kept connection and were made again. An outcome other than ok appears when it first occurs, and is 0 for a while.",
);
pub const ERRORS: Family = counter(
    "timpush_api_errors_total",
    "Answers of the service that refused with an error code. A code is 0 for a while from its first sight.",
);
pub const RETRIES: Family = counter(
    "timpush_api_retries_total",
    "HTTP calls that repeated a question within the same poll.",
);
pub const THROTTLE_WAIT: Family = counter(
    "timpush_api_throttle_wait_seconds_total",
    "Time that calls waited for the limit of calls per second of their SDKAppID.",
);
pub const BACKUP_IN_USE: Family = gauge(
    "timpush_target_backup_in_use",
    "1 while the region's backup host answers in place of its main host.",
);
pub const USERSIG_EXPIRY: Family = gauge(
    "timpush_usersig_expiry_timestamp_seconds",
    "When the signature in use expires; it is renewed at half of its life.",
);
