//! A call that failed, and what may help against it.

use std::time::Duration;

use crate::api::error::{FetchError, Outcome};
use crate::api::transport;
use crate::catalogue::{Retry, rest_code};
use crate::scrubber::Scrubber;
use crate::target::TargetId;

/// Longest text of an error that is kept, in characters.
pub(super) const MAX_MESSAGE_CHARS: usize = 300;

/// The pause before a transient failure is asked again.
pub(super) const TRANSIENT_PAUSE: Duration = Duration::from_secs(1);

/// The shortest pause before a rate-limited question is asked again. It is stretched up to
/// twofold by a hash of the target, so that targets refused together come back apart.
const RATE_LIMIT_PAUSE: Duration = Duration::from_millis(1100);

/// The service's code for repeated bad signatures.
pub(super) const TOO_MANY_BAD_SIGNATURES: i64 = 70050;

/// A failed call with what may help.
pub(super) struct Failure {
    pub(super) error: FetchError,
    pub(super) remedy: Remedy,
}

#[derive(Clone, Copy)]
pub(super) enum Remedy {
    None,
    OtherHost,
    Pause(Duration),
    FreshSignature,
    /// Nothing at all may be sent for a while.
    Silence,
}

impl Failure {
    pub(super) fn refused(code: i64, info: &str, id: &TargetId) -> Self {
        let error = FetchError::refused(code, info);
        let never = rest_code(code).is_some_and(|known| known.retry == Retry::Never);
        let remedy = match error.outcome {
            Outcome::Auth if code == TOO_MANY_BAD_SIGNATURES => Remedy::Silence,
            Outcome::Auth => Remedy::FreshSignature,
            Outcome::RateLimited if !never => {
                Remedy::Pause(RATE_LIMIT_PAUSE.mul_f64(1.0 + id.fraction("rate limit")))
            }
            Outcome::Transient => Remedy::Pause(TRANSIENT_PAUSE),
            _ => Remedy::None,
        };
        Self { error, remedy }
    }

    /// A call that the HTTP client could not bring to an end.
    pub(super) fn lost(error: reqwest::Error, host: &str, scrubber: &Scrubber) -> Self {
        let error = transport::classify(error, host);
        let message = scrubber.scrub(&error.message, MAX_MESSAGE_CHARS);
        FetchError { message, ..error }.into()
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let remedy = if error.outcome.is_unreachable() {
            Remedy::OtherHost
        } else {
            Remedy::None
        };
        Self { error, remedy }
    }
}
