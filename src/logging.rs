//! The destination and the format of log lines.

use std::ffi::OsString;
use std::io::IsTerminal;

use clap::ValueEnum;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Whether a terminal gets colours: not if it cannot show them, nor if the user does not want any
/// (no-color.org).
fn is_colourful(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    !no_color && variable("TERM").is_none_or(|term| term != "dumb")
}

/// From now on, log lines go to standard error.
///
/// Libraries may log only errors, whatever the level: their finer levels print requests, and a
/// request's URL contains a signature.
pub fn init(format: LogFormat, level: Level) {
    let own = LevelFilter::from_level(level);
    let filter = Targets::new()
        .with_default(own.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), own);
    let registry = tracing_subscriber::registry().with(filter);
    // A second call happens only in tests, where the first one stays in effect.
    let _ = match format {
        LogFormat::Text => {
            let ansi =
                std::io::stderr().is_terminal() && is_colourful(|name| std::env::var_os(name));
            registry
                .with(
                    fmt::layer()
                        .with_target(false)
                        .with_writer(std::io::stderr)
                        .with_ansi(ansi),
                )
                .try_init()
        }
        LogFormat::Json => {
            let layer = fmt::layer()
                .json()
                .flatten_event(true)
                .with_writer(std::io::stderr);
            registry.with(layer).try_init()
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_left_out_where_they_are_not_wanted() {
        for (no_color, term, expected) in [
            (None, None, true),
            (None, Some("xterm"), true),
            (Some(""), Some("xterm"), true),
            (Some("1"), Some("xterm"), false),
            (None, Some("dumb"), false),
        ] {
            let variable = |name: &str| match name {
                "NO_COLOR" => no_color.map(OsString::from),
                _ => term.map(OsString::from),
            };
            assert_eq!(is_colourful(variable), expected, "{no_color:?} {term:?}");
        }
    }
}
