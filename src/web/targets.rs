//! `/api/v1/targets`: the page's facts as JSON.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Served;
use super::page::Wish;
use crate::clock;
use crate::status::Status;

pub(super) async fn targets(
    State(served): State<Arc<Served>>,
    Query(wish): Query<Wish>,
) -> Response {
    let app = wish.app();
    let status = Status::of(&served.snapshot.load(), clock::now(), app);
    let unknown = app.filter(|app| !status.apps.contains(*app));
    let (code, body) = match unknown {
        None => (StatusCode::OK, json!({"status": "success", "data": status})),
        Some(app) => (
            StatusCode::NOT_FOUND,
            json!({"status": "error", "errorType": "not_found", "error": format!("there is no app {app:?}")}),
        ),
    };
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (code, headers, body.to_string()).into_response()
}
