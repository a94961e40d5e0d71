//! The outcomes of a query, as a closed set, and what the operator should do about them.

use std::fmt;
use std::time::Duration;

use crate::model::catalogue::{RestClass, rest_code};

/// The value of the label `outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Ok,
    RateLimited,
    Auth,
    Permission,
    NotEnabled,
    BadRequest,
    Transient,
    UnknownCode,
    /// Any deadline passed, including that of connecting.
    Timeout,
    /// The name does not resolve, the connection is refused or reset, or the body ended
    /// before its length.
    Connect,
    Tls,
    /// Any HTTP status except 200, including redirects.
    HttpStatus,
    /// A complete body that is not a response of this API.
    Malformed,
    TooLarge,
    /// This machine had no descriptor, memory, port or thread left, or a key's file is on a
    /// mount that hangs.
    Local,
}

impl Outcome {
    pub const ALL: [Self; 15] = [
        Self::Ok,
        Self::RateLimited,
        Self::Auth,
        Self::Permission,
        Self::NotEnabled,
        Self::BadRequest,
        Self::Transient,
        Self::UnknownCode,
        Self::Timeout,
        Self::Connect,
        Self::Tls,
        Self::HttpStatus,
        Self::Malformed,
        Self::TooLarge,
        Self::Local,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::RateLimited => "rate_limited",
            Self::Auth => "auth",
            Self::Permission => "permission",
            Self::NotEnabled => "not_enabled",
            Self::BadRequest => "bad_request",
            Self::Transient => "transient",
            Self::UnknownCode => "unknown_code",
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::HttpStatus => "http_status",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Local => "local",
        }
    }

    /// Whether the host itself could not be reached, so that another host of the same region
    /// may still respond.
    pub fn is_unreachable(self) -> bool {
        matches!(self, Self::Timeout | Self::Connect | Self::Tls)
    }

    /// Whether the host itself sent nothing.
    pub fn is_silent(self) -> bool {
        self.is_unreachable() || self == Self::Local
    }

    /// What to do if the service sent no code of its own.
    fn advice(self) -> &'static str {
        match self {
            Self::Timeout => {
                "check the network path to the host; the service itself gives up after 3 s, so a `timeout` below that cannot work"
            }
            Self::Connect => {
                "check the host's name and port, DNS, the firewall and the proxy between this machine and the host"
            }
            Self::Tls => {
                "check this machine's clock and whether something between here and the host replaces certificates; extra roots go into `ca_file`"
            }
            Self::HttpStatus => {
                "the service responds to every query with status 200, so a gateway or proxy responded instead: check the region's host and the proxy"
            }
            Self::Malformed => {
                "something other than the push API responded, or the API changed: compare with `timpush-exporter query` and report it"
            }
            Self::TooLarge => {
                "no response of the push API is that large: check what listens on the region's host"
            }
            Self::Local => {
                "look at this machine's limits: open files (`ulimit -n`), memory, threads"
            }
            Self::Auth => "check the identifier, the secret key and this machine's clock",
            Self::Ok
            | Self::RateLimited
            | Self::Permission
            | Self::NotEnabled
            | Self::BadRequest
            | Self::Transient
            | Self::UnknownCode => "look the code up in the service's list of REST API error codes",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a query failed. All its texts are scrubbed: they contain no key, no signature and no
/// URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchError {
    pub outcome: Outcome,
    /// The service's own code, if the response contained one.
    pub code: Option<i64>,
    /// What happened, with the service's own words, if any.
    pub message: String,
    /// What the operator should do.
    pub advice: String,
    /// The wait that the response required (`Retry-After`), at most 5 min.
    pub retry_after: Option<Duration>,
}

impl FetchError {
    pub fn new(outcome: Outcome, message: impl Into<String>) -> Self {
        Self {
            outcome,
            code: None,
            message: message.into(),
            advice: outcome.advice().to_owned(),
            retry_after: None,
        }
    }

    /// A response that refuses the query with the service's own `code`.
    pub fn refused(code: i64, info: &str) -> Self {
        let known = rest_code(code);
        let outcome = known.map_or(Outcome::UnknownCode, |known| match known.class {
            RestClass::RateLimited => Outcome::RateLimited,
            RestClass::Auth => Outcome::Auth,
            RestClass::Permission => Outcome::Permission,
            RestClass::NotEnabled => Outcome::NotEnabled,
            RestClass::Request => Outcome::BadRequest,
            RestClass::Transient => Outcome::Transient,
            RestClass::Unknown => Outcome::UnknownCode,
        });
        let meaning = known.map_or("a code that is not in the catalogue", |known| {
            known.meaning.as_str()
        });
        let message = if info.is_empty() {
            meaning.to_owned()
        } else {
            format!("{meaning} (the service says: {info})")
        };
        Self {
            outcome,
            code: Some(code),
            message,
            advice: known
                .map_or(outcome.advice(), |known| known.advice.as_str())
                .to_owned(),
            retry_after: None,
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.outcome.as_str())?;
        if let Some(code) = self.code {
            write!(f, " {code}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for FetchError {}

/// An error with its causes, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_labels_are_the_contracts() {
        let labels: Vec<&str> = Outcome::ALL
            .iter()
            .map(|outcome| outcome.as_str())
            .collect();
        assert_eq!(
            labels,
            [
                "ok",
                "rate_limited",
                "auth",
                "permission",
                "not_enabled",
                "bad_request",
                "transient",
                "unknown_code",
                "timeout",
                "connect",
                "tls",
                "http_status",
                "malformed",
                "too_large",
                "local",
            ]
        );
    }

    #[test]
    fn codes_of_each_class_end_in_their_outcome() {
        for (code, outcome) in [
            (60007, Outcome::RateLimited),
            (70009, Outcome::Auth),
            (70001, Outcome::Auth),
            (60021, Outcome::Permission),
            (90009, Outcome::Permission),
            (90045, Outcome::NotEnabled),
            (90100, Outcome::BadRequest),
            (60026, Outcome::BadRequest),
            (90102, Outcome::Transient),
            (91000, Outcome::Transient),
            (90103, Outcome::Auth),
            (12345, Outcome::UnknownCode),
        ] {
            let error = FetchError::refused(code, "");
            assert_eq!((error.outcome, error.code), (outcome, Some(code)));
            assert!(!error.advice.is_empty(), "{code}");
        }
    }
}
