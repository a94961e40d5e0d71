//! HTTP: the scrape, health, and a page for people. A request never causes a poll.

pub mod auth;
mod connections;
pub mod front;
mod landing;
mod lanes;
mod occasionally;
mod pace;
mod passwords;
mod request;
pub mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::clock;
use crate::exposition::{self, text};
use crate::self_metrics::SelfMetrics;
use crate::snapshot::Snapshot;

/// What requests are answered from.
pub struct Served {
    snapshot: Arc<Snapshot>,
    metrics: Arc<SelfMetrics>,
    /// Once ready, ready for good: a target that fails later is no reason to restart.
    ready: AtomicBool,
}

impl Served {
    pub fn new(snapshot: Arc<Snapshot>, metrics: Arc<SelfMetrics>) -> Self {
        Self {
            snapshot,
            metrics,
            ready: AtomicBool::new(false),
        }
    }

    /// Whether every target had an outcome for each of its APIs, good or bad.
    fn is_ready(&self) -> bool {
        let ready = self.ready.load(Ordering::Relaxed)
            || self
                .snapshot
                .load()
                .values()
                .all(|target| target.is_known());
        if ready {
            self.ready.store(true, Ordering::Relaxed);
        }
        ready
    }
}

/// All paths. Anything else is 404, a wrong method 405.
pub fn router(served: Arc<Served>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(served)
}

async fn metrics(State(served): State<Arc<Served>>) -> Response {
    let mut sink = text::Text::default();
    exposition::write(
        &served.snapshot.load(),
        &served.metrics,
        clock::now(),
        &mut sink,
    );
    ([(CONTENT_TYPE, text::CONTENT_TYPE)], sink.into_body()).into_response()
}

async fn page(State(served): State<Arc<Served>>) -> Response {
    let body = landing::render(&served.snapshot.load(), clock::now(), served.is_ready());
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}

async fn healthy() -> &'static str {
    "healthy\n"
}

async fn ready(State(served): State<Arc<Served>>) -> (StatusCode, &'static str) {
    if served.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: some targets were not asked yet\n",
        )
    }
}

async fn not_found() -> (StatusCode, &'static str) {
    (
        StatusCode::NOT_FOUND,
        "not found; see / for what is served\n",
    )
}

async fn method_not_allowed() -> (StatusCode, &'static str) {
    (StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n")
}
