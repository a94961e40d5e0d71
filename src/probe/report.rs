//! What was measured, with stable names for machines and in words for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::settings::Settings;
use crate::additivity::Counts;
use crate::api::{FetchError, Outcome};
use crate::reading::{Api, Reading};
use crate::window::{Range, UnixSeconds};

/// Everything measured of one target. All times are RFC 3339 in UTC.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub app: String,
    pub region: String,
    /// The API whose counts were compared: losses, or statistics when nothing was lost.
    pub api: &'static str,
    pub measured_at: String,
    /// `additive`, `inclusive_edges`, `exclusive_edges`, `not_additive`, `unknown`.
    pub day_additivity: Finding,
    /// The same for days at +08:00; only if days at the app's own `day_offset` do not add up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_day_additivity: Option<Finding>,
    /// As `day_additivity`, for two hours inside a closed day.
    pub hour_additivity: Finding,
    /// `half_open`, `inclusive`, `exclusive`, `buckets`, `unknown`.
    pub edges: Finding,
    /// `1m`, `5m`, `1h`, `6h`, `1d`, `unknown`; `seconds`: the same.
    pub resolution: Finding,
    /// `today`, `not_today`, `unknown`; `seconds`: the newest data is at most this old.
    pub freshness: Finding,
    /// `settled`, `still_moving`, `unknown`, `skipped`; `seconds`: the age from which a push
    /// is counted, at most.
    pub settling: Finding,
    /// `per_sdk_app_id`, `per_api`, `not_seen`, `unknown`.
    pub call_limit: Finding,
    pub settings: Settings,
}

/// One verdict and what it rests on.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub verdict: &'static str,
    pub explanation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    pub evidence: Vec<Asked>,
}

/// One question and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    pub api: &'static str,
    pub from: String,
    pub to: String,
    /// When the answer was there.
    pub at: String,
    /// As the label `outcome`.
    pub outcome: &'static str,
    /// The overall counts by stage or step, without those that are 0.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Asked {
    pub(super) fn new(
        api: Api,
        range: Range,
        at: UnixSeconds,
        answer: &Result<Reading, FetchError>,
    ) -> Self {
        let (outcome, counts) = match answer {
            Ok(reading) => (Outcome::Ok, Counts::from(reading).by_row()),
            Err(error) => (error.outcome, BTreeMap::new()),
        };
        Self {
            api: api.as_str(),
            from: range.start.to_string(),
            to: range.end.to_string(),
            at: at.to_string(),
            outcome: outcome.as_str(),
            counts,
        }
    }
}

impl Report {
    /// Writes the report for people, with the settings as YAML at the end.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{} in {}, measured with {} at {}",
            self.app, self.region, self.api, self.measured_at
        )?;
        let service_days = self.service_day_additivity.as_ref();
        let findings = [
            ("Adjacent days", Some(&self.day_additivity)),
            ("Adjacent days at +08:00", service_days),
            ("Adjacent hours", Some(&self.hour_additivity)),
            ("Edges of a range", Some(&self.edges)),
            ("Resolution", Some(&self.resolution)),
            ("Today's data", Some(&self.freshness)),
            ("Settling", Some(&self.settling)),
            ("Call limit", Some(&self.call_limit)),
        ];
        for (title, finding) in findings {
            if let Some(finding) = finding {
                finding.write(title, out)?;
            }
        }
        writeln!(out, "\nSettings to use, under `defaults:` or in the app:\n")?;
        out.write_all(self.settings.yaml().as_bytes())
    }
}

impl Finding {
    pub(super) fn new(
        verdict: &'static str,
        explanation: impl Into<String>,
        evidence: Vec<Asked>,
    ) -> Self {
        Self {
            verdict,
            explanation: explanation.into(),
            seconds: None,
            evidence,
        }
    }

    fn write(&self, title: &str, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n{title}: {}\n  {}", self.verdict, self.explanation)?;
        let has_several_apis = self
            .evidence
            .windows(2)
            .any(|pair| pair[0].api != pair[1].api);
        for asked in &self.evidence {
            let counts: Vec<String> = asked
                .counts
                .iter()
                .map(|(row, count)| format!("{row} {count}"))
                .collect();
            let answer = match (asked.outcome, counts.is_empty()) {
                ("ok", true) => "nothing".to_owned(),
                ("ok", false) => counts.join(", "),
                (outcome, _) => outcome.to_owned(),
            };
            let api = if has_several_apis {
                format!("{}  ", asked.api)
            } else {
                String::new()
            };
            writeln!(out, "    {} to {}  {api}{answer}", asked.from, asked.to)?;
        }
        Ok(())
    }
}
