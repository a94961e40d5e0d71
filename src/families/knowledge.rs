//! What codes mean, and how the service describes them.

use super::{Family, gauge};

pub const CODE_INFO: Family = gauge(
    "timpush_error_code_info",
    "1; the class of an error code that is served now, from the built-in catalogue. platform=\"all\" is for the overall rows.",
);
pub const DESCRIPTION_INFO: Family = gauge(
    "timpush_error_description_info",
    "1; the service's most frequent description of an error code (ErrInfo) in the latest window. platform=\"all\" is for the overall rows.",
);
