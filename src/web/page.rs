//! The page at `/`: what is wrong and what to do, for the person who was woken up.

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

use super::chart::Chart;
use super::{Served, stylesheet};
use crate::catalogue::CodeClass;
use crate::clock;
use crate::reading::{Api, Stage};
use crate::status::words;
use crate::status::{Concern, Level, LossStatus, Moment, Status, TargetStatus, Trend};

/// Seconds after which the browser asks again by itself.
const REFRESH_AFTER: u64 = 30;

/// Targets shown with all their losses; with a filter there are hardly ever more.
const MAX_CARDS: usize = 12;

/// Up to so many, each target is open without a click.
const FEW_TARGETS: usize = 4;

/// Targets named in a line each, below the cards.
const MAX_LINES: usize = 500;

/// Codes shown per target at once; the others are behind a click.
const MAX_OPEN_CODES: usize = 5;

/// Nothing may be loaded but the style sheet, and nothing may run.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

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

pub(super) async fn page(State(served): State<Arc<Served>>, Query(wish): Query<Wish>) -> Response {
    let status = Status::of(&served.snapshot.load(), clock::now(), wish.app());
    respond(&status, &wish)
}

fn respond(status: &Status, wish: &Wish) -> Response {
    let page = Page::new(status, wish);
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
#[template(path = "page.html", config = "src/web/templates/askama.toml")]
struct Page<'a> {
    status: &'a Status,
    app: Option<&'a str>,
    paused: bool,
    version: &'static str,
    style: &'static str,
    cards: &'a [TargetStatus],
    lines: &'a [TargetStatus],
    /// Targets that are not even named.
    cut: usize,
}

impl<'a> Page<'a> {
    fn new(status: &'a Status, wish: &'a Wish) -> Self {
        let (cards, rest) = status.targets.split_at(status.targets.len().min(MAX_CARDS));
        let (lines, cut) = rest.split_at(rest.len().min(MAX_LINES));
        Self {
            status,
            app: wish.app(),
            paused: wish.refresh == "off",
            version: env!("CARGO_PKG_VERSION"),
            style: stylesheet::path(),
            cards,
            lines,
            cut: cut.len(),
        }
    }

    fn is_unknown(&self) -> bool {
        self.app.is_some_and(|app| !self.status.apps.contains(app))
    }

    fn is_chosen(&self, app: &str) -> bool {
        self.app == Some(app)
    }

    fn is_open(&self, target: &TargetStatus) -> bool {
        target.state.needs_attention() || self.status.targets.len() <= FEW_TARGETS
    }

    fn lines_are_open(&self) -> bool {
        self.lines
            .first()
            .is_some_and(|target| target.state.needs_attention())
    }

    /// This page with another wish.
    fn link(&self, app: Option<&str>, paused: bool) -> String {
        let app = app.map(|app| format!("app={}", utf8_percent_encode(app, NON_ALPHANUMERIC)));
        let paused = paused.then(|| "refresh=off".to_owned());
        let wishes: Vec<String> = app.into_iter().chain(paused).collect();
        if wishes.is_empty() {
            "/".to_owned()
        } else {
            format!("/?{}", wishes.join("&"))
        }
    }

    fn all_link(&self) -> String {
        self.link(None, self.paused)
    }

    fn pause_link(&self) -> String {
        self.link(self.app, !self.paused)
    }

    fn app_link(&self, app: &str) -> String {
        self.link(Some(app), self.paused)
    }

    fn json_link(&self) -> String {
        format!(
            "/api/v1{}",
            self.link(self.app, false).replacen('/', "/targets", 1)
        )
    }

    fn plural(&self, count: usize, noun: &str) -> String {
        words::plural(count, noun)
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

    fn ago(&self, time: &Moment) -> String {
        format!("{} ago", words::duration(time.until(self.status.time)))
    }

    fn ahead(&self, time: &Moment) -> String {
        match self.status.time.until(*time) {
            0 => "now".to_owned(),
            seconds => format!("in {}", words::duration(seconds)),
        }
    }

    /// The codes of a target, each with its overall row and its platforms'; those that are
    /// shown at once, and the others.
    fn codes<'t>(&self, target: &'t TargetStatus) -> (Vec<Code<'t>>, Vec<Code<'t>>) {
        let mut shown: Vec<Code<'t>> = target
            .losses
            .chunk_by(|a, b| a.stage == b.stage && a.err_code == b.err_code)
            .map(Code)
            .collect();
        let others = shown.split_off(shown.len().min(MAX_OPEN_CODES));
        (shown, others)
    }

    /// `APNs 14, Xiaomi 7`.
    fn in_brief(&self, rows: &[LossStatus]) -> String {
        let name = |row: &LossStatus| format!("{} {}", row.platform_words(), row.count_words());
        words::names(&rows.iter().map(name).collect::<Vec<_>>())
    }

    fn api_words(&self, api: &str) -> &'static str {
        if api == Api::NormalPushLoss.as_str() {
            "Losses"
        } else {
            "Statistics"
        }
    }

    fn classes(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        CodeClass::ALL
            .into_iter()
            .map(|class| (class.as_str(), words::class(class)))
    }
}

/// The rows of one code at one stage.
struct Code<'a>(&'a [LossStatus]);

impl Code<'_> {
    /// The rows that say something of their own, and the platforms' that only add detail.
    fn rows(&self) -> (&[LossStatus], &[LossStatus]) {
        let once = |row: &&LossStatus| row.is_overall() && self.explains(row);
        let shown = match self.0.first().filter(once) {
            Some(_) => 1,
            None => self.0.len(),
        };
        self.0.split_at(shown)
    }

    fn code(&self) -> &str {
        self.0.first().map_or("", |row| &row.err_code)
    }

    fn stage(&self) -> &'static str {
        self.0.first().map_or("", |row| words::stage(row.key.stage))
    }

    fn concern(&self) -> Concern {
        let concerns = self.0.iter().map(|row| row.concern);
        concerns.min().unwrap_or(Concern::Steady)
    }

    fn level(&self) -> Level {
        match self.concern() {
            Concern::Repair => Level::Bad,
            Concern::Rising => Level::Warning,
            Concern::Steady => Level::Good,
        }
    }

    fn concern_words(&self) -> Option<&'static str> {
        match self.concern() {
            Concern::Repair => Some("Repair this"),
            Concern::Rising => Some("Rising"),
            Concern::Steady => None,
        }
    }

    /// Whether a row says what to do, and not only where to look for that: in the row of a
    /// platform below it. What is the same on every platform is said once.
    fn explains(&self, row: &LossStatus) -> bool {
        match self.0 {
            [overall, first, ..] if overall.is_overall() => {
                let once = overall.advice == first.advice;
                row.is_overall() == once
            }
            _ => true,
        }
    }

    /// Whether a row's description is news after the rows before it.
    fn describes(&self, row: &LossStatus) -> bool {
        let before = self.0.iter().take_while(|other| other.key != row.key);
        !row.description.is_empty()
            && before
                .last()
                .is_none_or(|last| last.description != row.description)
    }
}

/// What the template says of a row.
impl LossStatus {
    fn platform_words(&self) -> String {
        words::platform(self.key.platform)
    }

    fn class_words(&self) -> &'static str {
        words::class(self.code_class)
    }

    fn count_words(&self) -> String {
        words::count(self.count)
    }

    fn share_words(&self) -> String {
        let place = match self.key.platform {
            None => String::new(),
            platform => format!(" on {}", words::platform(platform)),
        };
        format!(
            "{} of what is lost {}{place}",
            words::percent(self.share),
            words::stage(self.key.stage)
        )
    }

    fn pushes_words(&self) -> Option<String> {
        let share = self.share_of_pushes?;
        Some(format!("{} of {}", words::percent(share), self.pushes()))
    }
}

/// Overall losses of one stage.
struct Lost {
    stage: &'static str,
    count: String,
    trend: Option<Trend>,
}

impl TargetStatus {
    fn lost_by_stage(&self) -> impl Iterator<Item = Lost> {
        self.lost.iter().map(|(stage, count)| {
            let points = self.history.iter().map(|point| {
                let lost = match stage {
                    Stage::ReadyToSend => point.ready_to_send,
                    Stage::PostSendDelivered => point.post_send_delivered,
                };
                (point.end.0, lost)
            });
            Lost {
                stage: words::stage(*stage),
                count: words::count(*count),
                trend: Trend::of(points.collect()),
            }
        })
    }

    fn left_out_words(&self) -> String {
        words::plural(self.losses_left_out, "smaller row")
    }
}

impl Trend {
    fn chart(&self) -> Chart {
        Chart::of(&self.points)
    }
}

#[cfg(test)]
mod tests;
