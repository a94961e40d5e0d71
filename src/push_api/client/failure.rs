//! A failed call, and the possible remedies.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::model::catalogue::{Retry, rest_code};
use crate::model::outcome::{FetchError, Outcome};
use crate::model::target_id::TargetId;
use crate::scrubber::Scrubber;

/// The longest error text that is kept, in characters.
pub(super) const MAX_MESSAGE_CHARS: usize = 300;

/// The pause before a query is repeated after a transient failure.
pub(super) const TRANSIENT_PAUSE: Duration = Duration::from_secs(1);

/// The shortest pause before a rate-limited query is repeated. A hash of the target stretches
/// it up to twofold, so that targets refused together do not retry together.
const RATE_LIMIT_PAUSE: Duration = Duration::from_millis(1100);

/// The longest wait that a response can impose.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// The service's code for repeated bad signatures.
pub(super) const TOO_MANY_BAD_SIGNATURES: i64 = 70050;

/// A failed call with its remedy.
pub(super) struct Failure {
    pub(super) error: FetchError,
    pub(super) remedy: Remedy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    None,
    OtherHost,
    Pause(Duration),
    FreshSignature,
    /// Within the remaining time of the call. The call was lost together with a kept
    /// connection, and is not counted.
    FreshConnection(Duration),
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

    /// A call that the HTTP client could not complete.
    pub(super) fn lost(error: FetchError, scrubber: &Scrubber) -> Self {
        let message = scrubber.scrub(&error.message, MAX_MESSAGE_CHARS);
        FetchError { message, ..error }.into()
    }

    /// The same for a call that was lost together with a kept connection. [`Line::call`]
    /// knows the remaining time.
    ///
    /// [`Line::call`]: super::line::Line::call
    pub(super) fn stale(self) -> Self {
        Self {
            remedy: Remedy::FreshConnection(Duration::ZERO),
            ..self
        }
    }

    /// Records that the response forbids further calls until `wait` is over. A shorter pause
    /// is then no remedy.
    pub(super) fn not_before(mut self, wait: Option<Duration>) -> Self {
        let Some(wait) = wait else { return self };
        self.error.retry_after = Some(wait);
        self.error.message = format!("{} (Retry-After: {} s)", self.error.message, wait.as_secs());
        if matches!(self.remedy, Remedy::Pause(pause) if pause < wait) {
            self.remedy = Remedy::None;
        }
        self
    }
}

/// The wait that a response requires (RFC 9110, section 10.2.3: seconds, or a moment, which
/// is compared with `now`), at most 5 min. `None` if it requires none.
pub(super) fn retry_after(headers: &HeaderMap, now: Duration) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = value.parse() {
        Duration::from_secs(seconds)
    } else {
        let moment = httpdate::parse_http_date(value).ok()?;
        moment.duration_since(UNIX_EPOCH).ok()?.saturating_sub(now)
    };
    (!wait.is_zero()).then_some(wait.min(MAX_RETRY_AFTER))
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_moment_and_is_bounded() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = Duration::from_secs(784_111_777);
        for (value, wait) in [
            ("30", Some(30 * SECOND)),
            (" 1 ", Some(SECOND)),
            ("0", None),
            ("86400", Some(MAX_RETRY_AFTER)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30 * SECOND)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:00:00 GMT", None),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(MAX_RETRY_AFTER)),
            ("", None),
            ("-5", None),
            ("soon", None),
            ("1.5", None),
        ] {
            let headers = [(RETRY_AFTER, value.parse().unwrap())]
                .into_iter()
                .collect();
            assert_eq!(retry_after(&headers, now), wait, "{value:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_pause_that_is_shorter_than_the_wait_asked_for_is_no_remedy() {
        for (wait, remedy) in [
            (None, Remedy::Pause(SECOND)),
            (Some(SECOND), Remedy::Pause(SECOND)),
            (Some(30 * SECOND), Remedy::None),
        ] {
            let failure = Failure {
                error: FetchError::new(Outcome::HttpStatus, "503"),
                remedy: Remedy::Pause(SECOND),
            };
            let failure = failure.not_before(wait);
            assert_eq!((failure.error.retry_after, failure.remedy), (wait, remedy));
        }
    }
}
