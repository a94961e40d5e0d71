//! `/api/v1/targets`: the page's facts as JSON.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::Content;
use super::page::Wish;
use crate::clock;
use crate::model::language::Language;
use crate::status::Status;

/// In the manner of the Prometheus API.
#[derive(Serialize)]
struct Answer<'a> {
    status: &'static str,
    data: &'a Status,
}

pub(super) async fn targets(
    State(served): State<Arc<Content>>,
    Query(wish): Query<Wish>,
) -> Response {
    let app = wish.app();
    let status = Status::of(
        &served.snapshot.load(),
        clock::now(),
        app,
        Language::English,
    );
    let unknown = app.filter(|app| !status.apps.contains(*app));
    let (code, body) = match unknown {
        None => {
            let answer = Answer {
                status: "success",
                data: &status,
            };
            match serde_json::to_string(&answer) {
                Ok(body) => (StatusCode::OK, body),
                Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        }
        Some(app) => (
            StatusCode::NOT_FOUND,
            json!({"status": "error", "errorType": "not_found", "error": format!("there is no app {app:?}")}).to_string(),
        ),
    };
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (code, headers, body).into_response()
}
