//! The meaning of codes, and what to do about them: data, embedded in the binary.

mod losses;
mod refusals;

pub use losses::{CodeClass, Meaning, decided, loss_code, reason};
pub use refusals::{RestClass, RestCode, Retry, rest_code, rest_codes};
