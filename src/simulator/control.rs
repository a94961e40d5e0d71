//! The control path: sets scenarios, reports the truth and lists calls while the simulator
//! runs.
//!
//! Only for programs of this machine, and not for web pages in its browsers: those send an
//! `Origin`.

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::json;

use crate::model::outcome::chain;
use crate::model::window::{DAY, Range};
use crate::simulator::Handle;
use crate::simulator::scenario::Scenario;
use crate::simulator::{answer, faults};

/// The longest range for which the truth is reported, in seconds: as long as any that the API
/// accepts, and a day.
const MAX_RANGE: u64 = 31 * DAY;

/// In a request's extensions: the peer of the connection.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

fn may_control(peer: Peer, headers: &HeaderMap) -> bool {
    peer.0.ip().to_canonical().is_loopback() && !headers.contains_key(header::ORIGIN)
}

/// Admits only programs of this machine.
pub(super) async fn guard(request: Request, next: Next) -> Response<Body> {
    let peer = request.extensions().get::<Peer>().copied();
    if peer.is_some_and(|peer| may_control(peer, request.headers())) {
        next.run(request).await
    } else {
        problem(
            StatusCode::FORBIDDEN,
            "the control path is for programs on this machine",
        )
    }
}

pub(super) async fn scenario(State(handle): State<Handle>) -> Response<Body> {
    match serde_json::to_string(&handle.scenario()) {
        Ok(text) => faults::json(text),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

pub(super) async fn set_scenario(State(handle): State<Handle>, body: Bytes) -> Response<Body> {
    let scenario = std::str::from_utf8(&body)
        .map_err(|error| error.to_string())
        .and_then(|text| Scenario::from_json(text).map_err(|error| chain(&error)));
    match scenario {
        Ok(scenario) => {
            handle.set_scenario(scenario);
            self::scenario(State(handle)).await
        }
        Err(error) => problem(StatusCode::BAD_REQUEST, &error),
    }
}

pub(super) async fn clear_scenario(State(handle): State<Handle>) -> Response<Body> {
    handle.set_scenario(Scenario::default());
    scenario(State(handle)).await
}

/// A query for the truth.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    sdkappid: u32,
    /// Unix seconds.
    start: u64,
    /// Unix seconds, exclusive.
    end: u64,
}

pub(super) async fn truth(
    State(handle): State<Handle>,
    question: Result<Query<Question>, axum::extract::rejection::QueryRejection>,
) -> Response<Body> {
    let Query(Question {
        sdkappid,
        start,
        end,
    }) = match question {
        Ok(question) => question,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error.body_text()),
    };
    if end.saturating_sub(start) > MAX_RANGE {
        return problem(StatusCode::BAD_REQUEST, "the range is longer than 31 days");
    }
    let range = Range::new(start, end);
    match answer::truths(|api| handle.truth(sdkappid, api, range)) {
        Some(truths) => faults::json(truths.to_string()),
        None => problem(StatusCode::NOT_FOUND, "no app has this sdkappid"),
    }
}

/// The calls, oldest first; `at` is in seconds since the simulator was bound.
pub(super) async fn calls(State(handle): State<Handle>) -> Response<Body> {
    let since = handle.0.since;
    let calls: Vec<_> = handle
        .calls()
        .into_iter()
        .map(|call| {
            json!({
                "at": call.at.saturating_duration_since(since).as_secs_f64(),
                "sdkappid": call.sdk_app_id,
                "api": call.api.map(crate::model::reading::Api::as_str),
                "start": call.range.map(|range| range.start.0),
                "end": call.range.map(|range| range.end.0),
                "verdict": call.verdict,
                "fault": call.fault,
                "code": call.code,
            })
        })
        .collect();
    faults::json(json!({ "calls": calls }).to_string())
}

fn problem(status: StatusCode, text: &str) -> Response<Body> {
    (status, faults::json(json!({ "error": text }).to_string())).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_programs_on_this_machine_may_control() {
        let (none, mut origin) = (HeaderMap::new(), HeaderMap::new());
        origin.insert(header::ORIGIN, HeaderValue::from_static("http://127.0.0.1"));
        for (peer, headers, may) in [
            ("127.0.0.1:1", &none, true),
            ("[::1]:1", &none, true),
            ("[::ffff:127.0.0.1]:1", &none, true),
            ("127.0.0.1:1", &origin, false),
            ("10.0.0.1:1", &none, false),
            ("[::ffff:10.0.0.1]:1", &none, false),
            ("[fe80::1]:1", &none, false),
        ] {
            assert_eq!(
                may_control(Peer(peer.parse().unwrap()), headers),
                may,
                "{peer}"
            );
        }
    }
}
