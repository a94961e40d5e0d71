//! Asks one question: signature, limiter, call, and what to try when a call fails.

mod pair;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap};
use tokio::time::{Instant, sleep, timeout};

use super::backup::BackupUse;
use super::error::{FetchError, Outcome, chain};
use super::limiter::Limiter;
use super::signer::{NoSignature, Signed, Signer};
use super::transport::{self, TransportError};
use super::wire::{self, Answer};
use crate::catalogue::{Retry, rest_code};
use crate::clock;
use crate::config::{App, Config, ProxyUrl};
use crate::fetch::Fetch;
use crate::reading::{Api, Reading};
use crate::region::Endpoint;
use crate::scrubber::Scrubber;
use crate::self_metrics::SelfMetrics;
use crate::target::{Target, TargetId, expand};
use crate::window::Range;

/// The largest answer that is read, in bytes. Real ones are a few kilobytes.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// The pause before a transient failure is asked again.
const TRANSIENT_PAUSE: Duration = Duration::from_secs(1);

/// The shortest pause before a rate-limited question is asked again. It is stretched up to
/// twofold by a hash of the target, so that targets refused together come back apart.
const RATE_LIMIT_PAUSE: Duration = Duration::from_millis(1100);

/// The service's code for repeated bad signatures.
const TOO_MANY_BAD_SIGNATURES: i64 = 70050;

/// Longest text of an error that is kept, in characters.
const MAX_MESSAGE_CHARS: usize = 300;

/// Everything but the unreserved characters of RFC 3986.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Asks the service in the name of all configured apps.
pub struct Client {
    http: reqwest::Client,
    /// By the app's name.
    signers: HashMap<String, Arc<Signer>>,
    /// By SDKAppID, which is what the service counts calls by.
    limiters: HashMap<u32, Arc<Limiter>>,
    backups: HashMap<TargetId, Arc<BackupUse>>,
    proxy: Option<ProxyUrl>,
    metrics: Arc<SelfMetrics>,
}

impl Client {
    pub fn new(config: &Config, metrics: Arc<SelfMetrics>) -> Result<Self, TransportError> {
        let nobody = Self {
            http: transport::client(config.ca_file.as_deref(), config.proxy_url.as_ref())?,
            signers: HashMap::new(),
            limiters: HashMap::new(),
            backups: HashMap::new(),
            proxy: config.proxy_url.clone(),
            metrics,
        };
        nobody.successor(config)
    }

    /// A client for another configuration that goes on with what this one knows: above all
    /// the limits, which the service counts by SDKAppID whoever asks. Keys are read again.
    pub fn successor(&self, config: &Config) -> Result<Self, TransportError> {
        let signer = |app: &Arc<App>| {
            let known = self.signers.get(&app.name);
            let signer = known
                .filter(|signer| signer.is_of(app))
                .map_or_else(|| Arc::new(Signer::new(Arc::clone(app))), Arc::clone);
            signer.reread();
            (app.name.clone(), signer)
        };
        let limiter = |app: &Arc<App>| {
            let known = self.limiters.get(&app.sdk_app_id);
            let limiter = known
                .filter(|limiter| limiter.is_of(app.calls_per_second))
                .map_or_else(|| Arc::new(Limiter::new(app.calls_per_second)), Arc::clone);
            (app.sdk_app_id, limiter)
        };
        let backup = |target: &Target| {
            let id = target.id();
            let known = self.backups.get(&id).cloned().unwrap_or_default();
            (id, known)
        };
        Ok(Self {
            http: transport::client(config.ca_file.as_deref(), config.proxy_url.as_ref())?,
            signers: config.apps.iter().map(signer).collect(),
            limiters: config.apps.iter().map(limiter).collect(),
            backups: expand(config).iter().map(backup).collect(),
            proxy: config.proxy_url.clone(),
            metrics: Arc::clone(&self.metrics),
        })
    }

    fn signature(&self, signer: &Signer, app: &str) -> Result<Signed, FetchError> {
        let current = signer.current(clock::now()).map_err(|error| match error {
            NoSignature::Key(error) => FetchError {
                outcome: Outcome::Auth,
                code: None,
                message: format!("{}; nothing was sent", chain(&error)),
                advice: "make the key readable for the exporter; it is read again at the next poll".to_owned(),
            },
            NoSignature::Paused(rest) => FetchError {
                message: format!(
                    "the service asked for silence after repeated bad signatures; nothing is sent for another {} s",
                    rest.as_secs() + 1
                ),
                ..FetchError::refused(TOO_MANY_BAD_SIGNATURES, "")
            },
        })?;
        self.metrics.usersig_expiry(app, current.sig.expires_at);
        Ok(current)
    }

    /// One HTTP call, counted and timed.
    async fn call(
        &self,
        call: &Call<'_>,
        host: &Endpoint,
        signed: &Signed,
    ) -> Result<Reading, Failure> {
        let target = call.target;
        let Some(limiter) = self.limiters.get(&target.app.sdk_app_id) else {
            return Err(unconfigured(target).into());
        };
        let permit = limiter.acquire().await;
        self.metrics.throttled(&target.app.name, permit.waited);
        let result = self.call_at_once(call, host, signed).await;
        drop(permit);
        result
    }

    /// The same without asking the limiter.
    async fn call_at_once(
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

impl Fetch for Client {
    async fn fetch(&self, target: &Target, api: Api, range: Range) -> Result<Reading, FetchError> {
        let id = target.id();
        let (Some(signer), Some(backup)) =
            (self.signers.get(&target.app.name), self.backups.get(&id))
        else {
            return Err(unconfigured(target));
        };
        let mut signature = self.signature(signer, &target.app.name)?;
        let mut hosts = backup.order(&target.region, Instant::now()).into_iter();
        let mut host = hosts.next().unwrap_or(&target.region.main);
        let (mut paused, mut renewed) = (false, false);
        let mut unreachable: Option<FetchError> = None;
        let call = Call {
            target,
            id,
            api,
            range,
        };
        loop {
            let result = self.call(&call, host, &signature).await;
            if !result
                .as_ref()
                .is_err_and(|failure| failure.error.outcome.is_unreachable())
            {
                let is_backup = backup.answered(&target.region, host, Instant::now());
                self.metrics.backup_in_use(&call.id, is_backup);
            }
            let failure = match result {
                Ok(reading) => return Ok(reading),
                Err(failure) => failure,
            };
            match failure.remedy {
                Remedy::OtherHost => match hosts.next() {
                    Some(other) => {
                        host = other;
                        unreachable = Some(failure.error);
                    }
                    None => return Err(both(unreachable, failure.error)),
                },
                Remedy::Pause(pause) if !paused => {
                    paused = true;
                    sleep(pause).await;
                }
                Remedy::FreshSignature if !renewed => {
                    match signer.renew(&signature, clock::now()) {
                        Some(fresh) => {
                            renewed = true;
                            self.metrics
                                .usersig_expiry(&target.app.name, fresh.sig.expires_at);
                            signature = fresh;
                        }
                        None => return Err(failure.error),
                    }
                }
                Remedy::Silence => {
                    signer.pause(clock::now());
                    return Err(failure.error);
                }
                Remedy::None | Remedy::Pause(_) | Remedy::FreshSignature => {
                    return Err(failure.error);
                }
            }
            self.metrics.retry(&call.id, api);
        }
    }
}

/// What one fetch asks, over all its calls.
struct Call<'a> {
    target: &'a Target,
    id: TargetId,
    api: Api,
    range: Range,
}

/// A failed call with what may help.
struct Failure {
    error: FetchError,
    remedy: Remedy,
}

#[derive(Clone, Copy)]
enum Remedy {
    None,
    OtherHost,
    Pause(Duration),
    FreshSignature,
    /// Nothing at all may be sent for a while.
    Silence,
}

impl Failure {
    fn refused(code: i64, info: &str, id: &TargetId) -> Self {
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

/// The error of the host that was asked first, with a word on the second one's.
fn both(first: Option<FetchError>, second: FetchError) -> FetchError {
    match first {
        None => second,
        Some(first) => FetchError {
            message: format!("{}; then {}", first.message, second.message),
            ..first
        },
    }
}

fn unconfigured(target: &Target) -> FetchError {
    FetchError::new(
        Outcome::BadRequest,
        format!("{} is not part of this client's configuration", target.id()),
    )
}

/// The `random` parameter: any 32-bit number (document 71898); it only keeps caches apart.
fn random() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    #[expect(clippy::cast_possible_truncation, reason = "any 32 bits will do")]
    let bits = RandomState::new().hash_one(0_u8) as u32;
    bits
}

#[cfg(test)]
mod tests;
