//! The settings to write into the configuration.

use serde::Serialize;
use serde_json::Value;

use super::all_member::UNWATCHED;
use super::finding::Finding;
use super::freshness::NOT_TODAY;
use super::resolution::Resolution;
use super::settling::MOVING;
use super::sums::{ServiceDays, Sums};
use super::text;
use crate::config::Polling;
use crate::model::window::DAY;

/// The default `step`, in seconds.
const STEP: u64 = 60;

/// Values for keys of the configuration; absent if no change is needed.
#[derive(Clone, Debug, Serialize)]
pub struct Proposal {
    pub lag: Setting,
    pub step: Setting,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Setting>,
    pub counters: Setting,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_member: Option<Setting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_offset: Option<Setting>,
}

/// One key's value.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    /// `null` when nothing was measured: keep what is configured.
    pub value: Option<Value>,
    pub reason: String,
}

fn setting(value: impl Into<Value>, reason: impl Into<String>) -> Setting {
    Setting {
        value: Some(value.into()),
        reason: reason.into(),
    }
}

/// To keep what is configured.
fn unmeasured(reason: impl Into<String>) -> Setting {
    Setting {
        value: None,
        reason: reason.into(),
    }
}

impl Proposal {
    /// Lines to paste; those without a value are comments.
    pub fn yaml(&self) -> String {
        [
            ("lag", Some(&self.lag)),
            ("step", Some(&self.step)),
            ("window", self.window.as_ref()),
            ("counters", Some(&self.counters)),
            ("all_member", self.all_member.as_ref()),
            ("day_offset", self.day_offset.as_ref()),
        ]
        .into_iter()
        .filter_map(|(key, setting)| setting.map(|setting| setting.yaml(key)))
        .collect()
    }
}

impl Setting {
    fn yaml(&self, key: &str) -> String {
        match &self.value {
            // A plain +08:00 is a number to some readers of YAML.
            Some(Value::String(text)) if !text.contains(':') => {
                format!("{key}: {text}  # {}\n", self.reason)
            }
            Some(value) => format!("{key}: {value}  # {}\n", self.reason),
            None => format!("# {key}: {}\n", self.reason),
        }
    }
}

/// The settings that follow from the findings; `polling` is the current configuration.
pub(super) fn recommend(
    polling: &Polling,
    days: &Sums,
    service_days: Option<&ServiceDays>,
    resolution: &Resolution,
    freshness: &Finding,
    settling: &Finding,
    all_member: Option<&Finding>,
) -> Proposal {
    let step = match resolution.step {
        Some(step) if step <= STEP || resolution.is_finest => step,
        Some(_) => STEP,
        None => polling.step.as_secs(),
    };
    let window = polling.window.as_secs();
    Proposal {
        lag: lag(freshness, settling),
        step: match resolution.step {
            Some(found) if found == step => setting(
                text(step),
                format!("the service tells ranges of {} apart", text(step)),
            ),
            Some(found) => setting(
                text(STEP),
                format!(
                    "ranges of {} are told apart, and nothing speaks against shorter ones",
                    text(found)
                ),
            ),
            None => unmeasured("unknown, so keep what is configured (default 1m)"),
        },
        window: (!window.is_multiple_of(step)).then(|| {
            setting(
                text(window.next_multiple_of(step)),
                "must be a multiple of the step",
            )
        }),
        counters: counters(days, service_days, freshness),
        all_member: all_member
            .filter(|finding| finding.verdict == UNWATCHED)
            .map(|_| {
                setting(
                    true,
                    "there are pushes to all users that nobody watches; doubles the calls",
                )
            }),
        day_offset: service_days
            .filter(|days| days.passes())
            .map(|days| {
                setting(
                    days.offset.to_string(),
                    "days add up there, and not at the configured offset; a key of the app or the top level",
                )
            }),
    }
}

fn lag(freshness: &Finding, settling: &Finding) -> Setting {
    let minutes = |seconds: u64| text(seconds.next_multiple_of(60).max(60));
    match (settling.seconds, freshness.seconds) {
        (Some(after), _) => setting(
            minutes(after),
            format!("counts were there {after} s after a push at the latest"),
        ),
        (None, Some(newest)) if freshness.verdict == NOT_TODAY && newest < 6 * DAY => {
            setting(minutes(newest), "the newest data is that old")
        }
        _ if settling.verdict == MOVING => unmeasured(
            "counts still grew half an hour after a push, so keep what is configured (default 2m); \
             timpush_late_pushes shows how many come too late for it",
        ),
        _ => unmeasured("not measured, so keep what is configured (default 2m)"),
    }
}

fn counters(days: &Sums, service_days: Option<&ServiceDays>, freshness: &Finding) -> Setting {
    let passes = days.verdict.passes();
    let elsewhere = service_days.is_some_and(ServiceDays::passes);
    match passes {
        _ if freshness.verdict == NOT_TODAY => setting(
            false,
            "today has no data, so counters of the day would stand at 0 until it is over",
        ),
        Some(true) => setting(true, "adjacent days add up"),
        Some(false) if elsewhere => setting(true, "adjacent days add up with the day_offset below"),
        Some(false) => setting(false, "adjacent days do not add up"),
        None => unmeasured(
            "unknown, so keep what is configured (default true); the daemon checks it every day",
        ),
    }
}
