//! What goes wrong, for whom and when: the text of a drill.
//!
//! ```json
//! {"rules": [
//!   {"match": {"api": "normal_push_loss"}, "times": 2, "fault": {"error": {"code": 60007}}},
//!   {"match": {"sdkappid": 1400000001}, "from": 60, "for": 300, "fault": "disconnect"}
//! ], "incidents": [
//!   {"sdkappid": 1400000001, "platform": "apns", "code": "403", "info": "InvalidProviderToken", "for": 900}
//! ]}
//! ```
//!
//! Rules spoil the service's responses; incidents change what it counts.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::injection::Injection;
use super::seconds::Seconds;
use crate::config::document::{Format, values};
use crate::files::{self, ReadError};
use crate::model::reading::Api;
use crate::simulator::answer::Behaviour;
use crate::simulator::faults::Fault;

/// The largest file, in bytes: enough for thousands of rules.
const MAX_BYTES: u64 = 1 << 20;

/// A drill: the service's behaviour, and the rules by which it fails. Without rules nothing
/// fails.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    pub behaviour: Behaviour,
    /// The first rule that fits a call decides its fault.
    pub rules: Vec<Rule>,
    /// Losses in addition to those of the apps themselves.
    pub incidents: Vec<Injection>,
    /// Whether only those incidents happen, and none of the apps' own.
    pub calm: bool,
}

/// Which calls fail and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    #[serde(rename = "match", default)]
    pub calls: Match,
    pub fault: Fault,
    /// How many calls fail before the rule is used up; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// When the rule begins, in seconds since the scenario was set.
    #[serde(default)]
    pub from: Seconds,
    /// How long the rule lasts, in seconds; absent: until another scenario is set.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Seconds>,
}

impl Rule {
    fn problem(&self) -> Option<&'static str> {
        match self.times {
            Some(0) => Some("has `times: 0`, which never fails a call"),
            _ => self.fault.problem(),
        }
    }
}

/// The calls that a rule applies to; an absent field fits every call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdkappid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<Api>,
}

/// Why a scenario cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    #[error("cannot read the scenario {}", path.display())]
    Read { path: PathBuf, source: ReadError },
    #[error("the scenario {0}")]
    Syntax(String),
    #[error("the scenario has a mistake")]
    Content(#[from] serde_json::Error),
    #[error("the scenario's {list}[{index}] {problem}")]
    Entry {
        list: &'static str,
        index: usize,
        problem: &'static str,
    },
}

impl Scenario {
    /// Reads a file: YAML or TOML by its extension, else JSON, with a configuration's bounds
    /// on depth and aliases. An empty file is the default scenario.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let unreadable = |source| ScenarioError::Read {
            path: path.to_owned(),
            source,
        };
        let contents = files::read(path, MAX_BYTES).map_err(unreadable)?;
        let text = contents.text().map_err(unreadable)?;
        match Format::of(path) {
            Some(format @ (Format::Yaml | Format::Toml)) => {
                let tree = values(text, format)
                    .map_err(|error| ScenarioError::Syntax(error.to_string()))?;
                serde_json::from_value::<Self>(tree.into())?.checked()
            }
            _ if text.trim().is_empty() => Ok(Self::default()),
            _ => Self::from_json(text),
        }
    }

    pub fn from_json(text: &str) -> Result<Self, ScenarioError> {
        serde_json::from_str::<Self>(text)?.checked()
    }

    fn checked(self) -> Result<Self, ScenarioError> {
        let rules = self.rules.iter().map(Rule::problem).enumerate();
        let incidents = self.incidents.iter().map(Injection::problem).enumerate();
        let rules = rules.map(|(index, problem)| ("rules", index, problem));
        let incidents = incidents.map(|(index, problem)| ("incidents", index, problem));
        for (list, index, problem) in rules.chain(incidents) {
            if let Some(problem) = problem {
                return Err(ScenarioError::Entry {
                    list,
                    index,
                    problem,
                });
            }
        }
        Ok(self)
    }
}

/// A scenario in effect.
pub(super) struct Running {
    pub(super) scenario: Scenario,
    since: Instant,
    /// Failed calls so far, by rule.
    used: Vec<u32>,
}

impl Running {
    pub(super) fn new(scenario: Scenario, now: Instant) -> Self {
        Self {
            used: vec![0; scenario.rules.len()],
            since: now,
            scenario,
        }
    }

    /// The fault of a call that arrives at `now`, if any. Counts that call.
    pub(super) fn fault(
        &mut self,
        sdk_app_id: Option<u32>,
        api: Option<Api>,
        now: Instant,
    ) -> Option<Fault> {
        let age = now.saturating_duration_since(self.since);
        let rules = self.scenario.rules.iter().zip(&mut self.used);
        for (rule, used) in rules {
            let begun = age >= rule.from.0;
            let over = rule
                .lasting
                .is_some_and(|lasting| age >= rule.from.0.saturating_add(lasting.0));
            let fits = (rule.calls.sdkappid.is_none() || rule.calls.sdkappid == sdk_app_id)
                && (rule.calls.api.is_none() || rule.calls.api == api);
            if begun && !over && fits && rule.times.is_none_or(|times| *used < times) {
                *used = used.saturating_add(1);
                return Some(rule.fault.clone());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;
    use std::time::Duration;

    fn complaint(text: &str) -> String {
        let error = Scenario::from_json(text).unwrap_err();
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        format!("{error}: {source}")
    }

    #[test]
    fn unknown_keys_are_refused_with_their_place_and_the_known_ones() {
        for (text, part) in [
            (
                r#"{"rule": []}"#,
                "unknown field `rule`, expected one of `behaviour`, `rules`, `incidents`, `calm`",
            ),
            (
                r#"{"rules": [{"fault": "reset", "time": 1}]}"#,
                "unknown field `time`",
            ),
            (
                r#"{"rules": [{"fault": "reset", "match": {"app": 1}}]}"#,
                "unknown field `app`, expected `sdkappid` or `api`",
            ),
            (
                r#"{"rules": [{"fault": {"error": {"code": 1, "text": ""}}}]}"#,
                "unknown field `text`, expected `code` or `info`",
            ),
            (
                r#"{"rules": [{"fault": "explode"}]}"#,
                "unknown variant `explode`",
            ),
            (r#"{"rules": [{}]}"#, "missing field `fault`"),
            (
                r#"{"rules": [{"fault": "reset", "match": {"api": "loss"}}]}"#,
                "unknown variant `loss`, expected one of `normal_push_loss`",
            ),
            (
                r#"{"behaviour": {"shape": "round"}}"#,
                "unknown variant `round`",
            ),
            (
                r#"{"rules": [{"fault": "reset", "from": -1}]}"#,
                "seconds of at least 0",
            ),
            (
                r#"{"rules": [{"fault": "reset", "times": 0}]}"#,
                "rules[0] has `times: 0`",
            ),
            (
                r#"{"rules": [{"fault": "hang"}, {"fault": {"http_status": {"status": 99}}}]}"#,
                "rules[1] ",
            ),
            (
                r#"{"incidents": [{"platform": "apns", "code": ""}]}"#,
                "incidents[0] has an empty `code`",
            ),
            (
                r#"{"incidents": [{"platform": "nokia", "code": "1"}]}"#,
                "unknown platform `nokia`",
            ),
        ] {
            let complaint = complaint(text);
            assert!(complaint.contains(part), "{text}: {complaint}");
        }
    }

    #[test]
    fn what_is_nested_too_deep_or_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let complaint = |name: &str| {
            let error = Scenario::read(&folder.path().join(name)).unwrap_err();
            let source = error.source().map(ToString::to_string);
            source.unwrap_or_else(|| error.to_string())
        };
        std::fs::write(folder.path().join("a.yml"), "- ".repeat(8984)).unwrap();
        std::fs::write(folder.path().join("a.json"), "[".repeat(100_000)).unwrap();
        files::tests::fifo(&folder.path().join("pipe"));
        for (name, part) in [
            (
                "a.yml",
                "the scenario is nested more than 32 levels deep, line 1",
            ),
            ("a.json", "at line 1"),
            ("pipe", "it is a named pipe, not a regular file"),
        ] {
            let complaint = complaint(name);
            assert!(complaint.contains(part), "{name}: {complaint}");
        }
    }

    #[test]
    fn yaml_toml_and_json_say_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Scenario::read(&path).unwrap()
        };
        let json = read(
            "a.json",
            r#"{"behaviour": {"shape": "results_array"}, "rules": [
                {"match": {"sdkappid": 4294967295, "api": "normal_push_loss"}, "times": 2, "from": 0.5, "for": 3, "fault": {"error": {"code": 60007, "info": "Slow Down"}}},
                {"fault": "reset"}],
                "incidents": [{"platform": "apns", "code": "403", "info": "InvalidProviderToken", "for": 900}]}"#,
        );
        let yaml = "behaviour: {shape: results_array}\nrules:\n  - match: {sdkappid: 4294967295, api: normal_push_loss}\n    times: 2\n    from: 0.5\n    for: 3\n    fault: {error: {code: 60007, info: Slow Down}}\n  - fault: reset\nincidents:\n  - {platform: apns, code: \"403\", info: InvalidProviderToken, for: 900}\n";
        assert_eq!(read("a.yml", yaml), json);
        let toml = "behaviour = {shape = \"results_array\"}\n[[rules]]\nmatch = {sdkappid = 4294967295, api = \"normal_push_loss\"}\ntimes = 2\nfrom = 0.5\nfor = 3\nfault = {error = {code = 60007, info = \"Slow Down\"}}\n[[rules]]\nfault = \"reset\"\n[[incidents]]\nplatform = \"apns\"\ncode = \"403\"\ninfo = \"InvalidProviderToken\"\nfor = 900\n";
        assert_eq!(read("a.toml", toml), json);
        assert_eq!(
            Scenario::from_json(&serde_json::to_string(&json).unwrap()).unwrap(),
            json
        );
    }

    #[test]
    fn every_format_bears_what_editors_leave_around_a_text() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("a.json", "{\"calm\": true}\n"),
            ("a.yml", "calm: true\n"),
            ("a.toml", "calm = true\n"),
        ] {
            let read = |text: &str| {
                let path = folder.path().join(name);
                std::fs::write(&path, text).unwrap();
                Scenario::read(&path).unwrap()
            };
            let windows = text.replace('\n', "\r\n");
            for text in [text, text.trim_end(), &format!("\u{feff}{windows}\r\n")] {
                assert!(read(text).calm, "{name}: {text:?}");
            }
            for text in ["", " \n", "\u{feff}"] {
                assert_eq!(read(text), Scenario::default(), "{name}: {text:?}");
            }
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Scenario::read(Path::new("/nowhere/drill.yml")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/drill.yml"));
    }

    #[tokio::test(start_paused = true)]
    async fn rules_fit_by_app_api_time_and_use() {
        let scenario = Scenario::from_json(
            r#"{"rules": [
                {"match": {"sdkappid": 1, "api": "normal_push_loss"}, "times": 2, "fault": "reset"},
                {"match": {"api": "normal_push_statistics"}, "from": 10, "for": 5, "fault": "hang"}]}"#,
        )
        .unwrap();
        let start = Instant::now();
        let mut running = Running::new(scenario, start);
        let (loss, statistics) = (Some(Api::NormalPushLoss), Some(Api::NormalPushStatistics));
        for (at, app, api, fault) in [
            (0, Some(1), loss, Some(Fault::Reset)),
            (0, Some(2), loss, None),
            (0, None, None, None),
            (1, Some(1), loss, Some(Fault::Reset)),
            (2, Some(1), loss, None),
            (9, Some(1), statistics, None),
            (10, Some(1), statistics, Some(Fault::Hang)),
            (14, Some(2), statistics, Some(Fault::Hang)),
            (15, Some(2), statistics, None),
        ] {
            let now = start + Duration::from_secs(at);
            assert_eq!(running.fault(app, api, now), fault, "{at} s {app:?}");
        }
    }
}
