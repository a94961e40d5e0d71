//! An app's regions: known names, or the user's own hosts.

use serde_json::{Map, Value};

use super::read::Read;
use super::schema::{Group, closest};
use super::section::{Section, kind};
use crate::model::region::{Endpoint, Region};

/// The maximum length of the name of a user's own host, in bytes; it is a label's value.
const LONGEST_NAME: usize = 64;

/// An app's regions with their paths; `None` for each refused one.
pub(super) fn read(app: &Section) -> Vec<(String, Option<Region>)> {
    app.list("regions")
        .iter()
        .enumerate()
        .map(|(n, value)| {
            let path = app.at(&format!("regions[{n}]"));
            let region = match value {
                Value::String(name) => known(app, &path, name),
                Value::Object(table) => custom(app, &path, table),
                other => {
                    app.findings().refuse(
                        &path,
                        &format!(
                            "must be a known name or a table of name and url, not {}",
                            kind(other)
                        ),
                    );
                    None
                }
            };
            (path, region)
        })
        .collect()
}

fn known(app: &Section, path: &str, name: &str) -> Option<Region> {
    let region = Region::known(name);
    if region.is_none() {
        let text = match closest(name, Region::names()) {
            Some(near) => format!("is not a known region; did you mean {near}?"),
            None => format!(
                "is not a known region; give one of {}, or name and url of a host of your own",
                Region::names().collect::<Vec<_>>().join(", ")
            ),
        };
        app.findings().refuse(path, &text);
    }
    region
}

/// The user's own host. It may have a known region's name: a gateway in front of the service is
/// still that region, and the label of its series should not change.
fn custom(app: &Section, path: &str, table: &Map<String, Value>) -> Option<Region> {
    let section = app.within(Group::Region, path.to_owned(), table);
    for key in ["name", "url"] {
        if !section.has(key) {
            section.refuse(key, "is missing");
        }
    }
    let name = section.text("name").and_then(|text| {
        let usual = text.len() <= LONGEST_NAME
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b));
        if !usual {
            section.refuse(
                "name",
                &format!("must be at most {LONGEST_NAME} lower-case letters, digits, _ and -"),
            );
        }
        usual.then(|| text.to_owned())
    });
    let insecure = section.flag("insecure");
    let url = section.text("url").and_then(|text| {
        let endpoint = section.accept("url", text.parse::<Endpoint>())?;
        allowed(&section, endpoint, insecure)
    });
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
