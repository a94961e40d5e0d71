//! Metrics, health, and a page for people.

mod assets;
mod bodies;
mod chart;
mod lifecycle;
mod metrics;
pub mod negotiation;
mod page;
mod renderer;
mod targets;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

pub use lifecycle::Lifecycle;

use crate::clock;
use crate::config::Web;
use crate::model::language::Language;
use crate::self_metrics::SelfMetrics;
use crate::target::snapshot::Snapshot;
use bodies::Source;
use metrics::Metrics;
use renderer::Renderer;

/// The source of all responses.
pub struct Content {
    snapshot: Arc<Snapshot>,
    metrics: Metrics,
    /// The base of the page's links to an app's dashboard.
    grafana_url: Option<String>,
    /// The page's language for browsers that prefer none of its languages.
    language: Language,
    lifecycle: Arc<Lifecycle>,
    /// Once ready, always ready: a target that fails later is no reason to restart.
    ready: AtomicBool,
}

impl Content {
    pub fn new(
        snapshot: Arc<Snapshot>,
        metrics: Arc<SelfMetrics>,
        web: &Web,
        lifecycle: Arc<Lifecycle>,
    ) -> Self {
        let source = Source {
            snapshot: Arc::clone(&snapshot),
            metrics,
            clock: Box::new(clock::now),
            renderer: Renderer::start(),
        };
        Self {
            snapshot,
            metrics: Metrics::new(source, web.openmetrics_created),
            grafana_url: web.grafana_url.clone(),
            language: Language::default(),
            lifecycle,
            ready: AtomicBool::new(false),
        }
    }

    /// With the configured language.
    #[must_use]
    pub fn speaking(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// Whether every target has had an outcome for each of its APIs, good or bad.
    fn is_ready(&self) -> bool {
        let ready = self.ready.load(Ordering::Relaxed) || self.snapshot.is_known();
        if ready {
            self.ready.store(true, Ordering::Relaxed);
        }
        ready
    }
}

/// All paths. Any other path is 404, a wrong method 405.
pub fn router(served: Arc<Content>) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/static/{name}", get(assets::serve))
        .route(targets::PATH, get(targets::targets))
        .route("/metrics", get(metrics::metrics))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(lifecycle::reload))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(served)
}

/// One of our paths for one app, or for all, with more parameters.
fn link(path: &str, app: Option<&str>, more: impl IntoIterator<Item = String>) -> String {
    let app = app.map(|app| format!("app={}", utf8_percent_encode(app, NON_ALPHANUMERIC)));
    let parameters: Vec<String> = app.into_iter().chain(more).collect();
    if parameters.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", parameters.join("&"))
    }
}

async fn healthy() -> &'static str {
    "healthy\n"
}

async fn ready(State(served): State<Arc<Content>>) -> (StatusCode, &'static str) {
    if served.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: some targets have not been polled yet\n",
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
