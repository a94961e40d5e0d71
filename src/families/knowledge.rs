//! Classes of error codes, and their descriptions by the service.

use super::{Family, gauge};

pub const CODE_INFO: Family = gauge(
    "timpush_error_code_info",
    "Class of a served error code in the built-in catalogue, always 1. Overall losses have platform=\"all\".",
);
pub const DESCRIPTION_INFO: Family = gauge(
    "timpush_error_description_info",
    "Most frequent description (ErrInfo) of an error code in the latest window, always 1. Overall losses have platform=\"all\".",
);
