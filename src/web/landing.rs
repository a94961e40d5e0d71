//! The page at `/`: where to go from here, and how every target is doing.

use std::fmt::Write;

use crate::clock::Now;
use crate::snapshot::{ApiState, TargetState, Targets};
use crate::window::UnixSeconds;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-bottom:1px solid #8884}\
.wide{overflow-x:auto}\
.up{color:#157f3b}.down{color:#c62828;font-weight:600}.new{color:#777}\
@media(prefers-color-scheme:dark){.up{color:#5fd38a}.down{color:#ff8a80}.new{color:#aaa}}\
small{color:#777}";

/// The whole page. Every text that came from outside is escaped.
pub(super) fn render(targets: &Targets, now: Now, ready: bool) -> String {
    let apis = || targets.values().flat_map(|target| target.apis.values());
    let failing = apis()
        .filter(|api| !api.up && api.last_error.is_some())
        .count();
    let waiting = apis()
        .filter(|api| !api.up && api.last_error.is_none())
        .count();
    let verdict = match (failing, waiting) {
        (0, 0) => "All targets answer.".to_owned(),
        (0, waiting) => format!(
            "{waiting} of {} questions were not asked yet.",
            apis().count()
        ),
        (failing, _) => format!("{failing} of {} questions fail.", apis().count()),
    };
    let mut rows = String::new();
    for target in targets.values() {
        for (api, state) in &target.apis {
            row(&mut rows, target, api.as_str(), state, now);
        }
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>timpush-exporter</title><style>{STYLE}</style></head>\n<body>\n\
         <h1>timpush-exporter</h1>\n\
         <p>Prometheus exporter for offline push loss of Tencent Cloud Chat, version {version}.</p>\n\
         <ul><li><a href=\"/metrics\">Metrics</a>, for Prometheus</li>\
         <li><a href=\"/-/healthy\">Health</a>: the process runs</li>\
         <li><a href=\"/-/ready\">Readiness</a>: {ready}</li></ul>\n\
         <h2>Targets</h2>\n<p>{verdict}</p>\n<div class=\"wide\"><table>\n\
         <thead><tr><th>App</th><th>Region</th><th>Question</th><th>Health</th>\
         <th>Last success</th><th>Last error</th></tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n\
         </body></html>\n",
        version = env!("CARGO_PKG_VERSION"),
        ready = if ready {
            "every target was asked"
        } else {
            "some targets were not asked yet"
        },
    )
}

fn row(out: &mut String, target: &TargetState, api: &str, state: &ApiState, now: Now) {
    let (class, health) = match (state.up, &state.last_error) {
        (true, _) => ("up", "up".to_owned()),
        (false, Some(_)) => (
            "down",
            format!("down, {} failed", state.consecutive_failures),
        ),
        (false, None) => ("new", "not asked yet".to_owned()),
    };
    let success = match state.last_success {
        Some(at) => format!("{at} <small>({})</small>", age(at, now)),
        None => "never".to_owned(),
    };
    let error = match &state.last_error {
        Some(last) => format!(
            "{} <small>({})</small><br>{}<br><strong>{}</strong>",
            last.at,
            age(last.at, now),
            escape(&last.error.to_string()),
            escape(&last.error.advice)
        ),
        None => "none".to_owned(),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "<tr><td>{}</td><td>{}</td><td>{api}</td><td class=\"{class}\">{health}</td><td>{success}</td><td>{error}</td></tr>",
        escape(&target.target.app.name),
        escape(&target.target.region.name),
    );
}

fn age(at: UnixSeconds, now: Now) -> String {
    let seconds = now.unix().0.saturating_sub(at.0);
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        _ => format!("{} h ago", seconds / 3600),
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_foreign_text_stays_text() {
        assert_eq!(escape("<script>'\"&"), "&lt;script&gt;&#39;&quot;&amp;");
    }
}
