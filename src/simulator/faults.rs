//! Ways in which a response goes wrong.

mod bodies;

use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use bodies::Slow;

use crate::clock;
use crate::simulator::answer::Answer;
use crate::simulator::seconds::Seconds;
use crate::simulator::verify::refusal;

/// One fault of a call. In texts, `{url}` is replaced by the call's path and query, including
/// the signature: gateways do echo them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// `FAIL` with a code, in a response of HTTP status 200 as the service's own.
    Error { code: u32, info: Option<String> },
    /// A gateway's HTML page under any status in 200..=599.
    HttpStatus { status: u16, body: Option<String> },
    /// The true response, later.
    Latency { seconds: Seconds },
    /// Half of the true response with the length of the whole, then a closed connection.
    Truncated,
    /// This text instead of the response, with status 200.
    Body(String),
    /// The true response with `count` in place of one row's count.
    BadRow { count: Value },
    /// JSON that reports success and holds nothing that a client knows.
    WrongShape,
    /// This many bytes of JSON white space. `chunked`: without an announced length.
    Huge {
        bytes: u64,
        #[serde(default)]
        chunked: bool,
    },
    /// The true response, one byte at a time.
    Drip { seconds: Seconds },
    /// Status 302 to another location.
    Redirect { location: String },
    /// Status 200 with an empty body.
    Empty,
    /// A connection closed in place of a response.
    Disconnect,
    /// A connection reset in place of a response.
    Reset,
    /// The true response with a `Date` this many seconds ahead of this clock.
    DateSkew { seconds: i64 },
    /// No response, ever.
    Hang,
}

/// In a response's extensions: the connection ends, and the response is not sent.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the scenario ends this connection")]
pub(super) enum Ending {
    Closed,
    Reset,
}

impl Fault {
    /// Why the fault cannot be turned into a response, if so.
    pub(super) fn problem(&self) -> Option<&'static str> {
        match self {
            Self::Error { code: 0, .. } => Some("has the error code 0, which is a success"),
            Self::HttpStatus { status, .. } if !(200..600).contains(status) => {
                Some("has an HTTP status outside 200 to 599")
            }
            Self::Redirect { location } if HeaderValue::from_str(location).is_err() => {
                Some("has a location that cannot stand in a header")
            }
            _ => None,
        }
    }

    /// The fault's key in a scenario.
    pub(super) fn name(&self) -> String {
        match serde_json::to_value(self) {
            Ok(Value::String(name)) => name,
            Ok(Value::Object(fault)) => fault.into_iter().map(|(name, _)| name).collect(),
            _ => String::new(),
        }
    }

    /// The code that the client receives, if any.
    pub(super) fn code(&self, true_code: u32) -> Option<u32> {
        match self {
            Self::Error { code, .. } => Some(*code),
            Self::Latency { .. } | Self::Drip { .. } | Self::DateSkew { .. } => Some(true_code),
            _ => None,
        }
    }

    /// What the client receives in place of `answer`. Waits as long as the fault requires.
    pub(super) async fn apply(self, mut answer: Answer, url: &str) -> Response<Body> {
        match self {
            Self::Error { code, info } => {
                let mut error = refusal(code, "injected error");
                if let Some(info) = info {
                    error.info = info.replace("{url}", url).into();
                }
                json(Answer::Refused(error).text())
            }
            Self::HttpStatus { status, body } => page(status, body.as_deref(), url),
            Self::Latency { seconds } => {
                tokio::time::sleep(seconds.0).await;
                json(answer.text())
            }
            Self::Truncated => answered(Body::new(Slow::half(&answer.text().into()))),
            Self::Body(text) => json(text.replace("{url}", url)),
            Self::BadRow { count } => {
                answer.spoil(count);
                json(answer.text())
            }
            Self::WrongShape => json(
                r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"sucess","Losses":["none"]}"#
                    .to_owned(),
            ),
            Self::Huge { bytes, chunked } => answered(Body::new(Slow::spaces(bytes, chunked))),
            Self::Drip { seconds } => {
                answered(Body::new(Slow::drip(answer.text().into(), seconds.0)))
            }
            Self::Redirect { location } => {
                (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
            }
            Self::Empty => json(String::new()),
            Self::Disconnect => (Extension(Ending::Closed), ()).into_response(),
            Self::Reset => (Extension(Ending::Reset), ()).into_response(),
            Self::DateSkew { seconds } => {
                let date = [(header::DATE, date(seconds))];
                (date, json(answer.text())).into_response()
            }
            Self::Hang => std::future::pending().await,
        }
    }
}

/// A response as the service sends it.
pub(super) fn json(text: String) -> Response<Body> {
    answered(Body::from(text))
}

fn answered(body: Body) -> Response<Body> {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn page(status: u16, text: Option<&str>, url: &str) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let text =
        text.unwrap_or("<html><head><title>Error</title></head><body><h1>Error</h1></body></html>");
    let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (status, html, text.replace("{url}", url)).into_response()
}

/// This clock's time plus `ahead` seconds, as a `Date` header; 1970 at the earliest.
fn date(ahead: i64) -> String {
    let now = clock::now().unix().0;
    let seconds = now.saturating_add_signed(ahead).min(LAST_DATE);
    httpdate::fmt_http_date(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// The last second of the year 9999, the last that a `Date` header can name.
const LAST_DATE: u64 = 253_402_300_799;
