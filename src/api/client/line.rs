//! One HTTP call: what is sent, how much of the answer is read, and what is counted.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap};
use tokio::time::{Instant, timeout};

use super::failure::{Failure, Remedy, TRANSIENT_PAUSE};
use crate::api::error::{FetchError, Outcome};
use crate::api::signer::Signed;
use crate::api::transport::{self, TransportError};
use crate::api::wire::{self, Answer};
use crate::clock;
use crate::config::{Config, ProxyUrl};
use crate::reading::{Api, Reading};
use crate::region::Endpoint;
use crate::scrubber::Scrubber;
use crate::self_metrics::SelfMetrics;
use crate::target::{Target, TargetId};
use crate::window::Range;

/// The largest answer that is read, in bytes. Real ones are a few kilobytes.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// Longest text of an error that is kept, in characters.
const MAX_MESSAGE_CHARS: usize = 300;

/// Everything but the unreserved characters of RFC 3986.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What one fetch asks, over all its calls.
pub(super) struct Call<'a> {
    pub(super) target: &'a Target,
    pub(super) id: TargetId,
    pub(super) api: Api,
    pub(super) range: Range,
}

/// The line to the service.
pub(super) struct Line {
    http: reqwest::Client,
    proxy: Option<ProxyUrl>,
    metrics: Arc<SelfMetrics>,
}

impl Line {
    pub(super) fn new(config: &Config, metrics: Arc<SelfMetrics>) -> Result<Self, TransportError> {
        Ok(Self {
            http: transport::client(config.ca_file.as_deref(), config.proxy_url.as_ref())?,
            proxy: config.proxy_url.clone(),
            metrics,
        })
    }

    /// Makes a call, which is counted and timed. Asks no limiter.
    pub(super) async fn call(
        &self,
        call: &Call<'_>,
        host: &Endpoint,
        signed: &Signed,
    ) -> Result<Reading, Failure> {
        let target = call.target;
        let started = Instant::now();
        let deadline = target.app.polling.timeout;
        let result = timeout(deadline, self.exchange(call, host, signed))
            .await
            .unwrap_or_else(|_| {
                let message = format!(
                    "no whole answer from {} within {deadline:?}",
                    host.authority()
                );
                Err(FetchError::new(Outcome::Timeout, message).into())
            });
        let outcome = result
            .as_ref()
            .map_or_else(|failure| failure.error.outcome, |_| Outcome::Ok);
        self.metrics
            .request(&call.id, call.api, outcome, started.elapsed());
        if let Err(Failure {
            error: FetchError {
                code: Some(code), ..
            },
            ..
        }) = &result
        {
            self.metrics.error_code(&call.id, call.api, *code);
        }
        result
    }

    async fn exchange(
        &self,
        call: &Call<'_>,
        host: &Endpoint,
        signed: &Signed,
    ) -> Result<Reading, Failure> {
        let scrubber = self.scrubber(signed);
        let lost = |error| {
            let error: FetchError = transport::classify(error, host.authority());
            let message = scrubber.scrub(&error.message, MAX_MESSAGE_CHARS);
            Failure::from(FetchError { message, ..error })
        };
        let app = &call.target.app;
        let url = format!(
            "{}/v4/timpush/{}?sdkappid={}&identifier={}&usersig={}&random={}&contenttype=json",
            host.origin(),
            call.api,
            app.sdk_app_id,
            utf8_percent_encode(app.identifier.as_str(), QUERY),
            signed.sig.expose(),
            random(),
        );
        let body = format!(
            r#"{{"StartTime":{},"EndTime":{}}}"#,
            call.range.start.0, call.range.end.0
        );
        let mut response = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await
            .map_err(lost)?;
        self.note_clock_skew(&call.target.region.name, response.headers());
        let status = response.status();
        if status != StatusCode::OK {
            let message = format!(
                "{} answered with HTTP status {}",
                host.authority(),
                status.as_u16()
            );
            return Err(Failure {
                remedy: if status.is_server_error() {
                    Remedy::Pause(TRANSIENT_PAUSE)
                } else {
                    Remedy::None
                },
                error: FetchError::new(Outcome::HttpStatus, message),
            });
        }
        let too_large = || {
            let message = format!(
                "the answer of {} is larger than {MAX_BODY} bytes",
                host.authority()
            );
            FetchError::new(Outcome::TooLarge, message)
        };
        if response
            .content_length()
            .is_some_and(|length| length > MAX_BODY as u64)
        {
            return Err(too_large().into());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(too_large().into());
            }
            body.extend_from_slice(&chunk);
        }
        match wire::parse(call.api, &body, &scrubber) {
            Ok(Answer::Good(reading)) => Ok(reading),
            Ok(Answer::Refused { code, info }) => Err(Failure::refused(code, &info, &call.id)),
            Err(error) => {
                let message = scrubber.scrub(&error.to_string(), MAX_MESSAGE_CHARS);
                Err(FetchError::new(Outcome::Malformed, message).into())
            }
        }
    }

    fn scrubber(&self, signed: &Signed) -> Scrubber {
        let proxy = self.proxy.as_ref().map(ProxyUrl::expose);
        Scrubber::new(
            [signed.sig.expose(), signed.key.expose()]
                .into_iter()
                .chain(proxy),
        )
    }

    fn note_clock_skew(&self, region: &str, headers: &HeaderMap) {
        let date = headers
            .get(DATE)
            .and_then(|date| date.to_str().ok())
            .and_then(|date| httpdate::parse_http_date(date).ok())
            .and_then(|date| date.duration_since(UNIX_EPOCH).ok());
        if let Some(date) = date {
            self.metrics
                .clock_skew(region, clock::now().wall.as_secs_f64() - date.as_secs_f64());
        }
    }
}

/// The `random` parameter: any 32-bit number (document 71898); it only keeps caches apart.
fn random() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    #[expect(clippy::cast_possible_truncation, reason = "any 32 bits will do")]
    let bits = RandomState::new().hash_one(0_u8) as u32;
    bits
}
