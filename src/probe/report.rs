//! The results, with stable names for machines and in words for people.

use std::io::{self, Write};

use serde::Serialize;

use super::finding::Finding;
use super::settings::Proposal;
use crate::model::push::Push;

/// All results for one target. All times are RFC 3339 in UTC.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub app: String,
    pub region: String,
    pub push: Push,
    /// The API whose counts were compared: losses, or statistics when nothing was lost.
    pub api: &'static str,
    pub measured_at: String,
    /// `additive`, `inclusive_edges`, `exclusive_edges`, `not_additive`, `unknown`.
    pub day_additivity: Finding,
    /// The same for days at +08:00 or +00:00, whichever adds up or was tried last; only if
    /// days at the app's own `day_offset` do not add up.
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
    /// `unwatched`, `none`, `not_enabled`, `unknown`; absent where such pushes are polled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_member: Option<Finding>,
    pub settings: Proposal,
}

impl Report {
    /// Writes the report for people: the settings as YAML, then the findings behind them.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{} in {}, measured with {} at {}",
            self.app, self.region, self.api, self.measured_at
        )?;
        let place = if self.settings.day_offset.is_some() {
            "in the app"
        } else {
            "under `defaults:` or in the app"
        };
        writeln!(out, "\nSettings to use, {place}:\n")?;
        out.write_all(self.settings.yaml().as_bytes())?;
        writeln!(out, "\nWhat was measured:")?;
        let service_days = self.service_day_additivity.as_ref();
        let findings = [
            ("Adjacent days", Some(&self.day_additivity)),
            ("Adjacent days elsewhere", service_days),
            ("Adjacent hours", Some(&self.hour_additivity)),
            ("Edges of a range", Some(&self.edges)),
            ("Resolution", Some(&self.resolution)),
            ("Today's data", Some(&self.freshness)),
            ("Settling", Some(&self.settling)),
            ("Call limit", Some(&self.call_limit)),
            ("Pushes to all users", self.all_member.as_ref()),
        ];
        for (title, finding) in findings {
            if let Some(finding) = finding {
                finding.write(title, out)?;
            }
        }
        Ok(())
    }
}
