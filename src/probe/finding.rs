//! One measurement, with its queries and responses as evidence.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::model::outcome::{FetchError, Outcome};
use crate::model::reading::{Api, Reading};
use crate::model::window::{Range, UnixSeconds};
use crate::poll::additivity::AnswerCounts;

/// One verdict and its evidence.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub verdict: &'static str,
    pub explanation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    pub evidence: Vec<Asked>,
}

/// One query and its response.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    pub api: &'static str,
    pub from: String,
    pub to: String,
    /// When the response arrived.
    pub at: String,
    /// As in the label `outcome`.
    pub outcome: &'static str,
    /// The overall counts by stage or step, without zeros.
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
            Ok(reading) => (Outcome::Ok, AnswerCounts::from(reading).by_row()),
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

impl Finding {
    pub(super) fn write(&self, title: &str, out: &mut dyn Write) -> io::Result<()> {
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
