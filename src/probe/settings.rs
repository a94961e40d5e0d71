//! The settings to write into the configuration.

use serde::Serialize;

use super::all_member::UNWATCHED;
use super::finding::Finding;
use super::freshness::Freshness;
use super::resolution::Resolution;
use super::settling::Settling;
use super::sums::{ServiceDays, Sums};
use super::text;
use crate::config::Polling;
use crate::model::window::DAY;

/// The default `step`, in seconds.
const STEP: u64 = 60;

/// Values for keys of the configuration; absent if no change is needed.
#[derive(Clone, Debug, Serialize)]
pub struct Proposal {
    pub lag: Setting<String>,
    pub step: Setting<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Setting<String>>,
    pub counters: Setting<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_member: Option<Setting<bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_offset: Option<Setting<String>>,
}

/// One key's value.
#[derive(Clone, Debug, Serialize)]
pub struct Setting<T> {
    /// `null` when nothing was measured: keep what is configured.
    pub value: Option<T>,
    pub reason: String,
}

fn setting<T>(value: impl Into<Option<T>>, reason: impl Into<String>) -> Setting<T> {
    Setting {
        value: value.into(),
        reason: reason.into(),
    }
}

impl Proposal {
    /// Lines to paste; those without a value are comments.
    pub fn yaml(&self) -> String {
        let flag = |setting: &Setting<bool>| Setting {
            value: setting.value.map(|on| on.to_string()),
            reason: setting.reason.clone(),
        };
        let (counters, all_member) = (flag(&self.counters), self.all_member.as_ref().map(flag));
        // A plain +08:00 is a number to some readers of YAML.
        let offset = self.day_offset.as_ref().map(|offset| Setting {
            value: offset.value.as_ref().map(|text| format!("{text:?}")),
            reason: offset.reason.clone(),
        });
        [
            ("lag", Some(&self.lag)),
            ("step", Some(&self.step)),
            ("window", self.window.as_ref()),
            ("counters", Some(&counters)),
            ("all_member", all_member.as_ref()),
            ("day_offset", offset.as_ref()),
        ]
        .into_iter()
        .filter_map(|(key, setting)| setting.map(|setting| setting.yaml(key)))
        .collect()
    }
}

impl Setting<String> {
    fn yaml(&self, key: &str) -> String {
        match &self.value {
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
    freshness: &Freshness,
    settling: &Settling,
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
            None => setting(None, "unknown, so keep what is configured (default 1m)"),
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

fn lag(freshness: &Freshness, settling: &Settling) -> Setting<String> {
    let minutes = |seconds: u64| text(seconds.next_multiple_of(60).max(60));
    match (settling.after, freshness.newest) {
        (Some(after), _) => setting(
            minutes(after),
            format!("counts were there {after} s after a push at the latest"),
        ),
        (None, Some(newest)) if freshness.is_of_today == Some(false) && newest < 6 * DAY => {
            setting(minutes(newest), "the newest data is that old")
        }
        _ if settling.is_moving => setting(
            None,
            "counts still grew half an hour after a push, so keep what is configured (default 2m); \
             timpush_late_pushes shows how many come too late for it",
        ),
        _ => setting(
            None,
            "not measured, so keep what is configured (default 2m)",
        ),
    }
}

fn counters(
    days: &Sums,
    service_days: Option<&ServiceDays>,
    freshness: &Freshness,
) -> Setting<bool> {
    let passes = days.verdict.passes();
    let elsewhere = service_days.is_some_and(ServiceDays::passes);
    match (passes, freshness.is_of_today) {
        (_, Some(false)) => setting(
            false,
            "today has no data, so counters of the day would stand at 0 until it is over",
        ),
        (Some(true), _) => setting(true, "adjacent days add up"),
        (Some(false), _) if elsewhere => {
            setting(true, "adjacent days add up with the day_offset below")
        }
        (Some(false), _) => setting(false, "adjacent days do not add up"),
        (None, _) => setting(
            None,
            "unknown, so keep what is configured (default true); the daemon checks it every day",
        ),
    }
}
