//! The embedded rows of vendors' codes, grouped by vendor and code.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::{CodeClass, Meaning};
use crate::model::reading::Stage;

/// A row of the embedded file: one reason behind a vendor's code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VendorCode {
    /// A platform's name, `tencent` for the service's own codes, or `harmonyos`, which has no
    /// documented platform number.
    vendor: String,
    /// A number, or [`ANY`] where the documents name a reason without its number.
    code: String,
    /// The only stage at which the code means this; receipts come after sending only.
    stage: Option<Stage>,
    /// The vendor's name of one of several reasons behind the code.
    reason: Option<String>,
    /// The row, including its class, applies if and only if the description has these words.
    words: Option<String>,
    class: CodeClass,
    meaning: String,
    advice: String,
    /// A name in `sources.json`.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the table of sources"))]
    source: String,
    sure: Sure,
}

/// How reliable a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sure {
    /// Stated in the vendor's own document.
    Official,
    /// Stated in a third party's copy of the vendor's document.
    ThirdParty,
    /// The reason is documented; this number for it is likely.
    Inferred,
}

/// In place of a code: any code for which the vendor has no row.
pub(super) const ANY: &str = "*";

/// What is known about a vendor's code.
#[derive(Debug, Default)]
pub(super) struct Entry {
    stage: Option<Stage>,
    /// The meaning of the code, whatever the description.
    meaning: Option<Meaning>,
    /// Decisive words of descriptions, in lower case.
    decided: Vec<(String, Meaning)>,
    /// Names of single reasons that the description may contain, in lower case.
    named: Vec<(String, Meaning)>,
}

impl Entry {
    pub(super) fn meaning(&self) -> Option<&Meaning> {
        self.meaning.as_ref()
    }

    /// The meaning that a description, in lower case, decides.
    pub(super) fn decided(&self, text: &str) -> Option<&Meaning> {
        first_in(&self.decided, text)
    }

    /// The single reason that a description, in lower case, names.
    pub(super) fn named(&self, text: &str) -> Option<&Meaning> {
        first_in(&self.named, text)
    }

    fn new(rows: &[VendorCode]) -> Self {
        let of = |name: fn(&VendorCode) -> Option<&String>| {
            let mut found: Vec<(String, Meaning)> = rows
                .iter()
                .filter_map(|row| Some((name(row)?.to_ascii_lowercase(), row.to_meaning())))
                .collect();
            // One name may be the beginning of another.
            found.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
            found
        };
        let general: Vec<&VendorCode> = rows.iter().filter(|row| row.words.is_none()).collect();
        Self {
            stage: rows.first().and_then(|row| row.stage),
            meaning: (!general.is_empty()).then(|| merge(&general)),
            decided: of(|row| row.words.as_ref()),
            named: of(|row| row.reason.as_ref()),
        }
    }
}

impl VendorCode {
    fn to_meaning(&self) -> Meaning {
        Meaning {
            class: self.class,
            meaning: self.hedged(),
            advice: self.advice.clone(),
        }
    }

    /// The meaning, with a note if it is uncertain.
    fn hedged(&self) -> String {
        match self.sure {
            Sure::Official | Sure::ThirdParty => self.meaning.clone(),
            Sure::Inferred => match self.meaning.strip_prefix("Receipt: ") {
                Some(reason) => format!("Probably a receipt: {reason}"),
                None => format!("Probably: {}", self.meaning),
            },
        }
    }
}

fn first_in<'a>(names: &'a [(String, Meaning)], text: &str) -> Option<&'a Meaning> {
    let mut names = names.iter();
    names
        .find(|(name, _)| text.contains(name))
        .map(|(_, meaning)| meaning)
}

/// One meaning for all reasons that share a code.
fn merge(rows: &[&VendorCode]) -> Meaning {
    let classes: Vec<CodeClass> = rows.iter().map(|row| row.class).collect();
    let class = CodeClass::of_all(&classes);
    match rows {
        [row] => Meaning {
            class,
            meaning: match &row.reason {
                Some(reason) => format!("{} ({reason})", row.hedged()),
                None => row.hedged(),
            },
            advice: row.advice.clone(),
        },
        rows => {
            let each = |text: fn(&VendorCode) -> String| {
                let parts: Vec<String> = rows
                    .iter()
                    .map(|row| {
                        format!("{}: {}", row.reason.as_deref().unwrap_or("else"), text(row))
                    })
                    .collect();
                parts.join(" ")
            };
            Meaning {
                class,
                meaning: format!("One of several reasons. {}", each(VendorCode::hedged)),
                advice: format!(
                    "It depends on the description. {}",
                    each(|row| row.advice.clone())
                ),
            }
        }
    }
}

/// The entries by vendor, then by code.
static ENTRIES: LazyLock<BTreeMap<String, BTreeMap<String, Entry>>> = LazyLock::new(|| {
    let mut grouped: BTreeMap<String, BTreeMap<String, Vec<VendorCode>>> = BTreeMap::new();
    for row in vendor_codes() {
        let codes = grouped.entry(row.vendor.clone()).or_default();
        codes.entry(row.code.clone()).or_default().push(row);
    }
    let of_vendor = |codes: BTreeMap<String, Vec<VendorCode>>| {
        let entries = codes.into_iter();
        entries
            .map(|(code, rows)| (code, Entry::new(&rows)))
            .collect()
    };
    let vendors = grouped.into_iter();
    vendors
        .map(|(vendor, codes)| (vendor, of_vendor(codes)))
        .collect()
});

/// The entry for a vendor's code at a stage.
pub(super) fn entry(vendor: &str, code: &str, stage: Stage) -> Option<&'static Entry> {
    let entry = ENTRIES.get(vendor)?.get(code)?;
    entry
        .stage
        .is_none_or(|only| only == stage)
        .then_some(entry)
}

#[expect(clippy::expect_used, reason = "the embedded file is parsed by a test")]
fn vendor_codes() -> Vec<VendorCode> {
    serde_json::from_str(include_str!("../vendor_codes.json")).expect("embedded data")
}
