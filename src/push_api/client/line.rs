//! One HTTP call: the request, the result of the response, and the metrics.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, DATE, HeaderMap};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::body::{Body, Understand};
use super::failure::{Failure, Remedy, TRANSIENT_PAUSE, retry_after};
use crate::clock;
use crate::config::target::Target;
use crate::config::{Config, Proxy};
use crate::model::outcome::{FetchError, Outcome};
use crate::model::push::Push;
use crate::model::reading::{Api, Reading};
use crate::model::region::Endpoint;
use crate::model::target_id::TargetId;
use crate::model::task::{MAX_LISTED, TaskList, TaskReadings};
use crate::model::trace::{Id, Trace, Trail};
use crate::model::window::{Range, UnixSeconds};
use crate::push_api::signer::Signed;
use crate::push_api::transport::{Connection, Route, Transport, TransportError};
use crate::push_api::wire::{self, Answer};
use crate::scrubber::Scrubber;
use crate::self_metrics::SelfMetrics;

/// Everything but the unreserved characters of RFC 3986.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One query, the same for all its calls.
pub(super) struct Call<'a, R> {
    pub(super) target: &'a Target,
    pub(super) id: TargetId,
    /// The last segment of the URL's path.
    pub(super) command: &'static str,
    /// JSON.
    pub(super) body: String,
    /// How a response is parsed.
    pub(super) read: R,
    /// The API, if calls are counted and timed; calls about traces and tasks are not.
    pub(super) api: Option<Api>,
}

impl<'a, R> Call<'a, R> {
    fn new(
        target: &'a Target,
        command: &'static str,
        body: &Value,
        api: Option<Api>,
        read: R,
    ) -> Self {
        Self {
            target,
            id: target.id(),
            command,
            body: body.to_string(),
            read,
            api,
        }
    }
}

impl<'a> Call<'a, ()> {
    /// A query for the counts of a range.
    pub(super) fn counts(
        target: &'a Target,
        api: Api,
        range: Range,
    ) -> Call<'a, impl Understand<Reading>> {
        let read = move |body: &[u8], scrubber: &Scrubber| wire::parse(api, body, scrubber);
        // Without tasks, all of them are counted together (documents 71894 and 71895).
        let body = counted(api, range, &[]);
        Call::new(target, api.as_str(), &body, Some(api), read)
    }

    /// A query for the counts of several tasks.
    pub(super) fn tasks(
        target: &'a Target,
        api: Api,
        range: Range,
        tasks: &[Id],
    ) -> Call<'a, impl Understand<TaskReadings>> {
        let read = move |body: &[u8], scrubber: &Scrubber| wire::parse_tasks(api, body, scrubber);
        let body = counted(api, range, tasks);
        Call::new(target, api.as_str(), &body, None, read)
    }

    /// A query about one push.
    pub(super) fn trace(target: &'a Target, trail: &Trail) -> Call<'a, impl Understand<Trace>> {
        let body = match trail {
            Trail::Push { push } => json!({ "PushID": push.as_str() }),
            Trail::Task { task, user } => {
                json!({ "TaskID": task.as_str(), "UserID": user.as_str() })
            }
        };
        Call::new(target, trail.command(), &body, None, wire::parse_trace)
    }

    /// A query for the tasks scheduled in a range, the latest first.
    pub(super) fn scheduled(
        target: &'a Target,
        range: Range,
        order: &str,
    ) -> Call<'a, impl Understand<TaskList>> {
        let body = json!({
            "Sdkappid": target.app.sdk_app_id,
            "Offset": 0,
            "Want": MAX_LISTED,
            "OrderBy": order,
            "Asc": false,
            "BeginTime": civil(range.start),
            "EndTime": civil(range.end),
        });
        Call::new(
            target,
            "list_sched_task",
            &body,
            None,
            wire::parse_scheduled,
        )
    }
}

fn counted(api: Api, range: Range, tasks: &[Id]) -> Value {
    let (start, end) = (range.start.0, range.end.0);
    let tasks: Vec<&str> = tasks.iter().map(Id::as_str).collect();
    match api.push() {
        Push::Normal => json!({ "StartTime": start, "EndTime": end }),
        Push::AllMember => json!({ "StartTime": start, "EndTime": end, "TaskID": tasks }),
    }
}

/// How a call is made.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) connection: Connection,
    /// The call's deadline.
    pub(super) within: Duration,
}

/// The line to the service.
pub(super) struct Line {
    transport: Transport,
    /// Scrubs the proxy's password.
    proxy: Scrubber,
    metrics: Arc<SelfMetrics>,
}

impl Line {
    pub(super) fn new(config: &Config, metrics: Arc<SelfMetrics>) -> Result<Self, TransportError> {
        let (ca_file, proxy) = (&config.global.ca_file, config.global.proxy_url.as_ref());
        let secrets = proxy.map(Proxy::secrets).unwrap_or_default();
        Ok(Self {
            transport: Transport::new(ca_file.as_deref(), proxy)?,
            proxy: Scrubber::new(secrets.iter().map(|secret| secret.as_str())),
            metrics,
        })
    }

    /// Makes a call, which is counted and timed. Does not wait for a limiter.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        call: &Call<'_, impl Understand<T>>,
        host: &Endpoint,
        signed: &Signed,
        way: Way,
    ) -> Result<T, Failure> {
        let started = Instant::now();
        let exchange = self.exchange(call, host, signed, way.connection);
        let mut result = timeout(way.within, exchange).await.unwrap_or_else(|_| {
            let message = format!(
                "no complete response from {} within {:?}",
                self.transport.route(host),
                call.target.app.polling.timeout
            );
            Err(FetchError::new(Outcome::Timeout, message).into())
        });
        if let Err(Failure {
            remedy: Remedy::FreshConnection(left),
            ..
        }) = &mut result
        {
            *left = way.within.saturating_sub(started.elapsed());
            return result;
        }
        let Some(api) = call.api else {
            return result;
        };
        let outcome = result
            .as_ref()
            .map_or_else(|failure| failure.error.outcome, |_| Outcome::Ok);
        self.metrics
            .request(&call.id, api, outcome, started.elapsed());
        if let Err(Failure {
            error: FetchError {
                code: Some(code), ..
            },
            ..
        }) = &result
        {
            self.metrics.error_code(&call.id, api, *code);
        }
        result
    }

    async fn exchange<T: Send + 'static>(
        &self,
        call: &Call<'_, impl Understand<T>>,
        host: &Endpoint,
        signed: &Signed,
        connection: Connection,
    ) -> Result<T, Failure> {
        let scrubber = signed.scrubber.and(&self.proxy);
        let app = &call.target.app;
        let url = format!(
            "{}/v4/timpush/{}?sdkappid={}&identifier={}&usersig={}&random={}&contenttype=json",
            host.origin(),
            call.command,
            app.sdk_app_id,
            utf8_percent_encode(app.identifier.as_str(), QUERY),
            signed.sig.expose(),
            random(),
        );
        let sent = clock::now();
        let route = self.transport.route(host);
        let request = self
            .transport
            .client(connection)
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT_ENCODING, "identity")
            .body(call.body.clone());
        let response = match self.transport.send(request).await {
            Ok(response) => response,
            Err(lost) => {
                let is_stale = lost.is_stale;
                let error = self.transport.classify(lost, &route).await;
                let failure = Failure::lost(error, &scrubber);
                return Err(if is_stale { failure.stale() } else { failure });
            }
        };
        let arrived = clock::now();
        let date = date(response.headers());
        let retry_after = retry_after(response.headers(), date.unwrap_or(arrived.wall));
        let answer = answer(call.read, &route, response, &scrubber)
            .await
            .map_err(|failure| failure.not_before(retry_after))?;
        // Only here is it certain that the service itself responded, and not a gateway.
        if let Some(date) = date {
            let middle = (sent.wall + arrived.wall) / 2;
            let ahead = middle.as_secs_f64() - date.as_secs_f64();
            self.metrics.clock_skew(&call.target.region.name, ahead);
        }
        match answer {
            Answer::Good(said) => Ok(said),
            Answer::Refused { code, info } => {
                Err(Failure::refused(code, &info, &call.id).not_before(retry_after))
            }
        }
    }
}

async fn answer<T: Send + 'static>(
    read: impl Understand<T>,
    route: &Route<'_>,
    response: Response,
    scrubber: &Scrubber,
) -> Result<Answer<T>, Failure> {
    let host = route.host;
    let status = response.status();
    if status != StatusCode::OK {
        let message = format!("{host} responded with HTTP status {}", status.as_u16());
        return Err(Failure {
            remedy: if status.is_server_error() {
                Remedy::Pause(TRANSIENT_PAUSE)
            } else {
                Remedy::None
            },
            error: FetchError::new(Outcome::HttpStatus, message),
        });
    }
    let body = Body::read(response, route, scrubber).await?;
    Ok(body.answer(read, host, scrubber).await?)
}

/// A moment as the service writes it in UTC: `2025-06-01 10:00:00`.
fn civil(at: UnixSeconds) -> String {
    let seconds = i64::try_from(at.0).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    TimeZone::UTC.to_datetime(at).strftime("%F %T").to_string()
}

/// The time of the response by its sender's clock, since 1970.
fn date(headers: &HeaderMap) -> Option<Duration> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    date.duration_since(UNIX_EPOCH).ok()
}

/// The `random` parameter: any 32-bit number (document 71898); it only keeps caches apart.
fn random() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    #[expect(clippy::cast_possible_truncation, reason = "any 32 bits will do")]
    let bits = RandomState::new().hash_one(0_u8) as u32;
    bits
}
