//! `/api/v1/targets`: the page's facts as JSON.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Content, link};
use crate::clock;
use crate::model::language::Language;
use crate::status::Status;

/// The maximum number of targets in one response, at some 10 KB each.
const MAX_TARGETS: usize = 500;

pub(super) const PATH: &str = "/api/v1/targets";

/// The query parameters.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    app: String,
    /// The position of the first target in the order of names; without it, targets that need
    /// attention come first.
    offset: Option<usize>,
}

/// In the style of the Prometheus API.
#[derive(Serialize)]
struct Answer<'a> {
    status: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    #[serde(flatten)]
    status: &'a Status,
    /// The number of targets that are not in this response.
    #[serde(skip_serializing_if = "is_zero")]
    targets_left_out: usize,
    /// Where to continue; absent in the last response.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

pub(super) async fn targets(
    State(served): State<Arc<Content>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, "bad_data", &error.body_text()),
    };
    let app = (!asked.app.is_empty()).then_some(asked.app.as_str());
    let (status, left_out) = Status::of_part(
        asked.offset,
        MAX_TARGETS,
        &served.snapshot.load(),
        clock::now(),
        app,
        Language::English,
    );
    if let Some(app) = app.filter(|app| !status.apps.contains(*app)) {
        let error = format!("there is no app {app:?}");
        return refuse(StatusCode::NOT_FOUND, "not_found", &error);
    }
    let next = next(asked.offset, status.targets.len(), left_out);
    let answer = Answer {
        status: "success",
        data: Data {
            status: &status,
            targets_left_out: left_out,
            next: next.map(|offset| link(PATH, app, [format!("offset={offset}")])),
        },
    };
    match serde_json::to_string(&answer) {
        Ok(body) => respond(StatusCode::OK, body),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Where to continue after `told` targets: by name from the start, since the targets that need
/// attention may be different a moment later.
fn next(offset: Option<usize>, told: usize, left_out: usize) -> Option<usize> {
    let Some(offset) = offset else {
        return (left_out > 0).then_some(0);
    };
    let end = offset.saturating_add(told);
    (told > 0 && end < told + left_out).then_some(end)
}

fn refuse(code: StatusCode, kind: &str, error: &str) -> Response {
    let body = json!({"status": "error", "errorType": kind, "error": error});
    respond(code, body.to_string())
}

fn respond(code: StatusCode, body: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (code, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_in_one_of_the_answers_by_name() {
        for all in [0_usize, 1, 499, 500, 501, 1000, 1234] {
            let told = |offset: usize| all.saturating_sub(offset).min(MAX_TARGETS);
            let first = next(None, told(0), all - told(0));
            assert_eq!(first, (all > MAX_TARGETS).then_some(0), "{all}");
            let (mut seen, mut at) = (0, Some(0));
            while let Some(offset) = at {
                assert_eq!(offset, seen, "{all}");
                seen += told(offset);
                at = next(Some(offset), told(offset), all - told(offset));
            }
            assert_eq!(seen, all);
        }
        assert_eq!(next(Some(usize::MAX), 0, 7), None);
    }
}
