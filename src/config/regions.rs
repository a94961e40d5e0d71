//! An app's regions: known names, or the user's own hosts.

use std::str::FromStr;

use serde_json::Value;

use super::read::{Mistake, Read};
use super::schema::{Group, closest};
use super::section::{Section, unlike};
use crate::model::region::{Endpoint, Region};

/// The maximum length of the name of a user's own host, in bytes; it is a label's value.
const LONGEST_NAME: usize = 64;

/// An app's regions with their paths; `None` for each refused one.
pub(super) fn read(app: &Section) -> Vec<(String, Option<Region>)> {
    app.list("regions")
        .iter()
        .enumerate()
        .map(|(n, value)| {
            let key = format!("regions[{n}]");
            let path = app.at(&key);
            let region = match value {
                Value::String(name) => app.accept(&key, known(name)),
                Value::Object(_) => app
                    .within(Group::Region, path.clone(), value)
                    .and_then(|section| custom(&section)),
                other => {
                    let text = "must be a known name or a table of name and url";
                    app.refuse(&key, &unlike(text, other).to_string());
                    None
                }
            };
            (path, region)
        })
        .collect()
}

fn known(name: &str) -> Result<Region, Mistake> {
    Region::known(name)
        .ok_or_else(|| match closest(name, Region::names()) {
            Some(near) => format!("is not a known region; did you mean {near}?"),
            None => format!(
                "is not a known region; give one of {}, or name and url of a host of your own",
                Region::names().collect::<Vec<_>>().join(", ")
            ),
        })
        .map_err(Mistake::from)
}

/// The user's own host. It may have a known region's name: a gateway in front of the service is
/// still that region, and the label of its series should not change.
fn custom(section: &Section) -> Option<Region> {
    for key in ["name", "url"] {
        if !section.has(key) {
            section.refuse(key, "is missing");
        }
    }
    let name = section.parsed("name", |text| {
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
        if text.len() <= LONGEST_NAME && text.bytes().all(is_plain) {
            return Ok(text.to_owned());
        }
        Err(format!(
            "must be at most {LONGEST_NAME} lower-case letters, digits, _ and -"
        ))
    });
    let insecure = section.flag("insecure");
    let url = section
        .parsed("url", Endpoint::from_str)
        .and_then(|endpoint| allowed(section, endpoint, insecure));
    insecure.or(false)?;
    Some(Region::custom(name.given()?, url.given()?))
}

fn allowed(section: &Section, endpoint: Endpoint, insecure: Read<bool>) -> Option<Endpoint> {
    let unknown = insecure == Read::Refused;
    if endpoint.is_encrypted() || endpoint.is_loopback() || unknown {
        return Some(endpoint);
    }
    if insecure.given() == Some(true) {
        section.notice(
            "url",
            "signatures travel unencrypted to this host, as `insecure` allows",
        );
        return Some(endpoint);
    }
    section.refuse(
        "url",
        "would send signatures unencrypted to another machine; use https, or add `insecure: true` if the network between is yours",
    );
    None
}
