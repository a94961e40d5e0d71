//! `codes.md`: how many codes are known of each vendor, from which documents, and how
//! reliable they are. This test writes it with `UPDATE_GOLDEN=1`, and checks it otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use serde::Deserialize;

use super::super::{Sure, VendorCode, vendor_codes};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    name: String,
    title: String,
    url: Option<String>,
}

fn sources() -> Vec<Source> {
    serde_json::from_str(include_str!("../../../sources.json")).unwrap()
}

const HEAD: &str = "\
# Codes of lost pushes that the catalogue knows

Made by `UPDATE_GOLDEN=1 cargo test --lib catalogue` from `vendor_codes.json` and `sources.json`: do not edit.

A code is known officially if the vendor's own document says what it means, from a third party if only
somebody else's copy of such a document does, and inferred if the reason is documented and its number is
likely; meanings of inferred codes begin with \"Probably\". Codes of 80xxxxxx and 81xxxxxx are shared:
Huawei, HarmonyOS and Honor use each other's where they have none of their own, and a platform without a
documented name uses HarmonyOS's.

| vendor | codes | reasons | official | third party | inferred | documents |
| --- | ---: | ---: | ---: | ---: | ---: | --- |
";

fn table() -> String {
    let rows = vendor_codes();
    let mut vendors: BTreeMap<&str, Vec<&VendorCode>> = BTreeMap::new();
    for row in &rows {
        vendors.entry(&row.vendor).or_default().push(row);
    }
    let sources = sources();
    let mut text = HEAD.to_owned();
    for (vendor, rows) in vendors {
        let sure = |sure| rows.iter().filter(|row| row.sure == sure).count();
        let codes: BTreeSet<&str> = rows.iter().map(|row| row.code.as_str()).collect();
        let documents: Vec<&str> = sources
            .iter()
            .map(|source| source.name.as_str())
            .filter(|name| rows.iter().any(|row| row.source == *name))
            .collect();
        writeln!(
            text,
            "| {vendor} | {} | {} | {} | {} | {} | {} |",
            codes.len(),
            rows.len(),
            sure(Sure::Official),
            sure(Sure::ThirdParty),
            sure(Sure::Inferred),
            documents.join(", ")
        )
        .unwrap();
    }
    text += "\n| document | title | rows |\n| --- | --- | ---: |\n";
    for Source { name, title, url } in &sources {
        let title = match url {
            Some(url) => format!("[{title}]({url})"),
            None => title.clone(),
        };
        let count = rows.iter().filter(|row| row.source == *name).count();
        writeln!(text, "| {name} | {title} | {count} |").unwrap();
    }
    text
}

#[test]
fn the_table_of_the_catalogue_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/model/catalogue/codes.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, table()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, table(), "run it with UPDATE_GOLDEN=1");
}

#[test]
fn every_row_names_its_document_and_every_document_is_named() {
    let sources = sources();
    let known: BTreeSet<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(known.len(), sources.len());
    let rows = vendor_codes();
    let named: BTreeSet<&str> = rows.iter().map(|row| row.source.as_str()).collect();
    assert_eq!(named, known);
}
