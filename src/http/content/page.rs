//! The page at `/`: what is wrong and what to do, for the person who was woken up.

mod cards;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, REFRESH,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{Content, assets};
use crate::clock;
use crate::status::words;
use crate::status::{Clock, Concern, Moment, Status, TargetStatus};

/// Seconds after which the browser asks again by itself.
const REFRESH_AFTER: u64 = 30;

/// Targets shown with all their losses; with a filter there are hardly ever more.
const MAX_CARDS: usize = 12;

/// Of so many targets, each is open without a click; of more, those that need somebody.
const FEW_TARGETS: usize = 4;

/// Targets named in a line each, below the cards.
const MAX_LINES: usize = 500;

/// The dashboard of one app, of `dashboards/timpush-app.json`.
const APP_DASHBOARD: &str = "timpush-app";

/// Nothing may be loaded but the style sheet and the icon, and nothing may run.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What the page's address asks for.
#[derive(Default, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    app: String,
    #[serde(default)]
    refresh: String,
}

impl Wish {
    /// The app that is asked for; an empty name, as of a form without a choice, is none.
    pub(super) fn app(&self) -> Option<&str> {
        (!self.app.is_empty()).then_some(self.app.as_str())
    }
}

pub(super) async fn page(State(served): State<Arc<Content>>, Query(wish): Query<Wish>) -> Response {
    let status = Status::of(&served.snapshot.load(), clock::now(), wish.app());
    respond(&status, &wish, served.grafana_url.as_deref())
}

fn respond(status: &Status, wish: &Wish, grafana_url: Option<&str>) -> Response {
    let page = Page::new(status, wish, grafana_url);
    // An app that is not there is an error of who asks, and must not look like good news.
    let code = if page.is_unknown() {
        StatusCode::NOT_FOUND
    } else {
        StatusCode::OK
    };
    let Ok(body) = page.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    let mut response = (code, headers, body).into_response();
    if !page.paused {
        // A header, since it comes with a way to stop it: checkers flag the element alone.
        response.headers_mut().insert(REFRESH, REFRESH_AFTER.into());
    }
    response
}

#[derive(Template)]
#[template(path = "page.html", config = "src/http/content/templates/askama.toml")]
struct Page<'a> {
    status: &'a Status,
    app: Option<&'a str>,
    grafana_url: Option<&'a str>,
    paused: bool,
    version: &'static str,
    style: &'static str,
    icon: &'static str,
    cards: &'a [TargetStatus],
    urgent_lines: &'a [TargetStatus],
    calm_lines: &'a [TargetStatus],
    /// Targets that are not even named.
    cut: usize,
}

impl<'a> Page<'a> {
    fn new(status: &'a Status, wish: &'a Wish, grafana_url: Option<&'a str>) -> Self {
        let (cards, rest) = status.targets.split_at(status.targets.len().min(MAX_CARDS));
        let (lines, cut) = rest.split_at(rest.len().min(MAX_LINES));
        let urgent = lines.partition_point(|target| target.state.needs_attention());
        let (urgent_lines, calm_lines) = lines.split_at(urgent);
        Self {
            status,
            app: wish.app(),
            grafana_url,
            paused: wish.refresh == "off",
            version: env!("CARGO_PKG_VERSION"),
            style: assets::style(),
            icon: assets::icon(),
            cards,
            urgent_lines,
            calm_lines,
            cut: cut.len(),
        }
    }

    fn is_unknown(&self) -> bool {
        self.app.is_some_and(|app| !self.status.apps.contains(app))
    }

    fn is_chosen(&self, app: &str) -> bool {
        self.app == Some(app)
    }

    /// Whether a target is shown without a click. `place` counts from 0.
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates pass references"
    )]
    fn is_open(&self, target: &TargetStatus, place: &usize) -> bool {
        *place < FEW_TARGETS
            && (target.state.needs_attention() || self.status.targets.len() <= FEW_TARGETS)
    }

    fn all_link(&self) -> String {
        link(None, self.paused)
    }

    fn pause_link(&self) -> String {
        link(self.app, !self.paused)
    }

    fn app_link(&self, app: &str) -> String {
        link(Some(app), self.paused)
    }

    fn json_link(&self) -> String {
        format!(
            "/api/v1{}",
            link(self.app, false).replacen('/', "/targets", 1)
        )
    }

    fn cut_words(&self) -> String {
        let verbs = if self.cut == 1 {
            ("needs", "is")
        } else {
            ("need", "are")
        };
        format!(
            "{} that {} less attention {} not on this page.",
            words::plural(self.cut, "more target"),
            verbs.0,
            verbs.1
        )
    }

    /// The app's dashboard, where one is configured.
    fn dashboard(&self, target: &TargetStatus) -> Option<String> {
        let base = self.grafana_url?.trim_end_matches('/');
        let value = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        Some(format!(
            "{base}/d/{APP_DASHBOARD}?var-app={}&var-region={}",
            value(&target.app),
            value(&target.region)
        ))
    }

    /// Whether a browser may put parts of the word on two lines.
    fn may_break(word: &str) -> bool {
        word.contains(['-', '/', '_', '.'])
    }
}

/// Times with the whole time on hover. They are markup, of digits and our own words.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::unused_self,
    reason = "as templates call it"
)]
impl Page<'_> {
    fn at(&self, clock: &Clock, time: &Moment) -> String {
        stamp(*clock, *time, &clock.at(*time))
    }

    fn since(&self, clock: &Clock, time: &Moment) -> String {
        stamp(*clock, *time, &clock.since(*time))
    }

    fn ago(&self, clock: &Clock, time: &Moment) -> String {
        stamp(*clock, *time, &clock.ago(*time))
    }

    fn ahead(&self, clock: &Clock, time: &Moment) -> String {
        stamp(*clock, *time, &clock.ahead(*time))
    }
}

fn stamp(clock: Clock, time: Moment, words: &str) -> String {
    let whole = clock.whole(time);
    format!("<time datetime=\"{time}\" title=\"{whole}\">{words}</time>")
}

/// This page with another wish.
fn link(app: Option<&str>, paused: bool) -> String {
    let app = app.map(|app| format!("app={}", utf8_percent_encode(app, NON_ALPHANUMERIC)));
    let paused = paused.then(|| "refresh=off".to_owned());
    let wishes: Vec<String> = app.into_iter().chain(paused).collect();
    if wishes.is_empty() {
        "/".to_owned()
    } else {
        format!("/?{}", wishes.join("&"))
    }
}

#[cfg(test)]
mod tests;
