mod table;

use std::collections::BTreeSet;

use super::super::{loss_code, reason};
use super::*;
use crate::model::reading::{ErrCode, Platform};

/// Every platform that the program can encounter: the documented numbers, and one other.
fn platforms() -> impl Iterator<Item = Option<Platform>> {
    let listed = (0..).map(Platform).take(Platform::NAMES.len() + 1);
    listed.map(Some).chain([None])
}

#[test]
fn vendor_codes_say_what_they_mean_and_what_to_do() {
    let rows = vendor_codes();
    assert_eq!(rows.len(), 323);
    let mut seen = BTreeSet::new();
    for row in rows {
        let name = format!("{} {}", row.vendor, row.code);
        let texts = [&row.meaning, &row.advice];
        let is_plain = |text: &&String| text.ends_with('.') && text.is_ascii();
        assert!(texts.iter().all(is_plain), "{name}");
        let known = Platform::NAMES.contains(&row.vendor.as_str());
        assert!(
            known || ["tencent", "harmonyos"].contains(&row.vendor.as_str()),
            "{name}"
        );
        assert!(row.code == ANY || row.code.parse::<i64>().is_ok(), "{name}");
        assert!(row.code != ANY || row.words.is_some(), "{name}");
        assert!(row.reason.is_none() || row.words.is_none(), "{name}");
        let key = (row.vendor, row.code, row.reason, row.words);
        assert!(seen.insert(key), "{name} is there twice");
    }
}

#[test]
fn rows_of_one_code_are_of_the_same_stage() {
    for row in vendor_codes() {
        let entry = &ENTRIES[&row.vendor][&row.code];
        assert_eq!(row.stage, entry.stage, "{} {}", row.vendor, row.code);
    }
}

#[test]
fn every_row_is_the_answer_to_something_that_the_program_can_see() {
    for row in vendor_codes() {
        // A number that no vendor uses represents the undocumented numbers.
        let code = ErrCode::new(if row.code == ANY { "987654" } else { &row.code });
        let words = row.words.iter().chain(&row.reason);
        let description = words.map(String::as_str).collect::<String>();
        let expected = row.to_meaning();
        let is_answer = |stage, platform| {
            let seen = reason(stage, platform, &code, &description);
            let class = loss_code(stage, platform, &code, &description).class;
            // If there are several reasons, the class is that of the code.
            let class_fits = row.reason.is_some() || class == row.class;
            class_fits
                && seen.advice == expected.advice
                && seen.meaning.starts_with(&expected.meaning)
        };
        let is_matched = Stage::ALL
            .into_iter()
            .any(|stage| platforms().any(|platform| is_answer(stage, platform)));
        assert!(is_matched, "{} {} {description}", row.vendor, row.code);
    }
}

#[test]
fn no_row_answers_at_another_stage_than_its_own() {
    for row in vendor_codes() {
        for stage in Stage::ALL {
            let entry = entry(&row.vendor, &row.code, stage);
            assert_eq!(
                entry.is_some(),
                row.stage.is_none_or(|only| only == stage),
                "{stage} {} {}",
                row.vendor,
                row.code
            );
        }
    }
}
