//! The page at `/`: what is wrong and what to do, for the on-call person.

mod cards;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, REFRESH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{Content, assets, targets};
use crate::clock;
use crate::model::catalogue::CodeClass;
use crate::model::language::Language;
use crate::status::words::Words;
use crate::status::{Clock, Concern, Moment, Runbook, Status, TargetStatus};

/// Seconds after which the browser reloads the page by itself.
const REFRESH_AFTER: u64 = 30;

/// How many targets are shown with all their losses; with a filter, there are rarely more.
const MAX_CARDS: usize = 12;

/// Up to this many targets, each is open without a click; with more, only those that need
/// attention.
const FEW_TARGETS: usize = 4;

/// How many targets have one line each, below the cards.
const MAX_LINES: usize = 500;

/// How many apps can be chosen from a list; with more, the name is typed.
const MAX_CHOICES: usize = 500;

/// The dashboard for one app, in `dashboards/timpush-app.json`.
const APP_DASHBOARD: &str = "timpush-app";

/// Nothing may be loaded except the style sheet and the icon, and nothing may run.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The query parameters.
#[derive(Default, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    app: String,
    #[serde(default)]
    refresh: String,
    #[serde(default)]
    lang: String,
}

impl Wish {
    /// The requested app; an empty name, as from a form without a choice, is none.
    pub(super) fn app(&self) -> Option<&str> {
        (!self.app.is_empty()).then_some(self.app.as_str())
    }

    fn language(&self) -> Option<Language> {
        self.lang.parse().ok()
    }
}

pub(super) async fn page(
    State(served): State<Arc<Content>>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Response {
    // In this order: the address, the browser's preference, the configuration.
    let accepted = || {
        let header = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
        Language::accepted(header)
    };
    let language = wish.language().or_else(accepted).unwrap_or(served.language);
    let targets = served.snapshot.load();
    let status = Status::of_first(MAX_CARDS, &targets, clock::now(), wish.app(), language);
    respond(&status, &wish, served.grafana_url.as_deref())
}

fn respond(status: &Status, wish: &Wish, grafana_url: Option<&str>) -> Response {
    let page = Page::new(status, wish, grafana_url);
    // An unknown app is an error of the client, and must not look like good news.
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
        (CONTENT_LANGUAGE, page.language.tag()),
        (VARY, "Accept-Language"),
    ];
    let mut response = (code, headers, body).into_response();
    if !page.paused {
        // A header, since the page has a way to stop it and checkers flag only the element.
        response.headers_mut().insert(REFRESH, REFRESH_AFTER.into());
    }
    response
}

#[derive(Template)]
#[template(path = "page.html", config = "src/http/content/templates/askama.toml")]
struct Page<'a> {
    status: &'a Status,
    w: &'static Words,
    language: Language,
    /// The language of the page that the link for the other language leads to.
    other: Language,
    /// Whether the address sets the language.
    wished: bool,
    app: Option<&'a str>,
    grafana_url: Option<&'a str>,
    paused: bool,
    version: &'static str,
    style: &'static str,
    icon: &'static str,
    cards: &'a [TargetStatus],
    urgent_lines: &'a [TargetStatus],
    calm_lines: &'a [TargetStatus],
    /// How many targets are not even named.
    cut: usize,
}

impl<'a> Page<'a> {
    fn new(status: &'a Status, wish: &'a Wish, grafana_url: Option<&'a str>) -> Self {
        let (cards, rest) = status.targets.split_at(status.targets.len().min(MAX_CARDS));
        let (lines, cut) = rest.split_at(rest.len().min(MAX_LINES));
        let urgent = lines.partition_point(|target| target.state.needs_attention());
        let (urgent_lines, calm_lines) = lines.split_at(urgent);
        let language = status.clock.language;
        let other = match language {
            Language::English => Language::Chinese,
            Language::Chinese => Language::English,
        };
        Self {
            status,
            w: status.clock.words(),
            language,
            other,
            wished: wish.language().is_some(),
            app: wish.app(),
            grafana_url,
            paused: wish.refresh == "off",
            version: env!("CARGO_PKG_VERSION"),
            style: &assets::STYLE.path,
            icon: &assets::ICON.path,
            cards,
            urgent_lines,
            calm_lines,
            cut: cut.len(),
        }
    }

    fn is_unknown(&self) -> bool {
        self.app.is_some_and(|app| !self.status.apps.contains(app))
    }

    /// Whether there is an app to choose: with only one app, everything is shown anyway.
    fn offers_apps(&self) -> bool {
        self.status.apps.len() > 1
    }

    fn lists_apps(&self) -> bool {
        self.status.apps.len() <= MAX_CHOICES
    }

    fn is_chosen(&self, app: &str) -> bool {
        self.app == Some(app)
    }

    /// Whether a target is open without a click. `place` counts from 0.
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates pass references"
    )]
    fn is_open(&self, target: &TargetStatus, place: &usize) -> bool {
        *place < FEW_TARGETS
            && (target.state.needs_attention() || self.status.targets.len() <= FEW_TARGETS)
    }

    fn spoken(&self) -> Option<Language> {
        self.wished.then_some(self.language)
    }

    fn all_link(&self) -> String {
        link(None, self.paused, self.spoken())
    }

    fn pause_link(&self) -> String {
        link(self.app, !self.paused, self.spoken())
    }

    fn app_link(&self, app: &str) -> String {
        link(Some(app), self.paused, self.spoken())
    }

    fn language_link(&self) -> String {
        link(self.app, self.paused, Some(self.other))
    }

    fn json_link(&self) -> String {
        super::link(targets::PATH, self.app, None)
    }

    /// The app's dashboard, if one is configured.
    fn dashboard(&self, target: &TargetStatus) -> Option<String> {
        let base = self.grafana_url?.trim_end_matches('/');
        let value = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        Some(format!(
            "{base}/d/{APP_DASHBOARD}?var-app={}&var-region={}&var-push={}",
            value(&target.app),
            value(&target.region),
            target.push,
        ))
    }

    /// The verdict's words, each with the space that follows it.
    fn headline(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = self.status.verdict.text.as_str();
        let words = text.split_inclusive([' ', '，', '、', '；', '：', '（']);
        words.map(|word| {
            word.strip_suffix(' ')
                .map_or((word, ""), |word| (word, " "))
        })
    }

    /// Whether a browser may wrap the word.
    fn may_break(word: &str) -> bool {
        word.contains(['-', '/', '_', '.'])
    }
}

/// Times with the complete time on hover. They are markup, made of digits and our own words.
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

/// Names in the page's language.
impl Page<'_> {
    fn level_words(&self) -> &'static str {
        self.w.level(self.status.verdict.level)
    }

    fn state_words(&self, target: &TargetStatus) -> &'static str {
        self.w.state(target.state)
    }

    /// Each class of losses with its meaning.
    fn classes(&self) -> [(&'static str, &'static str); CodeClass::ALL.len()] {
        CodeClass::ALL.map(|class| (class.as_str(), self.w.class(class)))
    }
}

/// A link to this page with other parameters.
fn link(app: Option<&str>, paused: bool, language: Option<Language>) -> String {
    let paused = paused.then(|| "refresh=off".to_owned());
    let language = language.map(|language| format!("lang={}", language.tag()));
    super::link("/", app, paused.into_iter().chain(language))
}

#[cfg(test)]
mod tests;
