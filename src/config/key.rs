//! The source of an app's secret key. No text of this module contains a key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::read::{Mistake, Read};
use super::section::Section;
use super::{KeySource, Secrets};
use crate::model::outcome::chain;
use crate::shell;
use crate::usersig::SecretKey;

/// The end of a notice about a file that holds a secret.
pub(super) const PUBLIC: &str =
    "every user of this machine can read; run chmod o-r on it, or mount it with mode 0440";

const SOURCES: [&str; 3] = ["secret_key_file", "secret_key_env", "secret_key"];

/// What the check knows about the configuration file besides its text.
pub(super) struct Place<'a> {
    pub(super) file: &'a Path,
    /// The result of [`super::variables`].
    pub(super) env: &'a BTreeMap<String, String>,
    /// The permission bits of the file for group and others; 0 if the system has none.
    pub(super) open_to_others: u32,
    /// Whether every user of the machine can read the file.
    pub(super) is_public: bool,
    pub(super) secrets: Secrets,
}

impl Section<'_> {
    /// The path in a key. Relative paths start at the directory of the file that contains the key,
    /// and nothing in them is expanded.
    pub(super) fn path_in(&self, key: &str) -> Read<PathBuf> {
        self.parsed(key, |text| {
            if text == "~" || text.starts_with("~/") {
                return Err("starts with ~, which only a shell expands; use the full path");
            }
            if text.chars().any(char::is_control) {
                return Err("must not hold line breaks or other control characters");
            }
            let directory = self.place.file.parent().unwrap_or(Path::new(""));
            Ok(directory.join(text))
        })
    }
}

/// The one key source that an app names; unless secrets are skipped, it must hold a key.
pub(super) fn read(section: &Section) -> Option<KeySource> {
    let given: Vec<&str> = SOURCES.into_iter().filter(|key| section.has(key)).collect();
    let key = match given[..] {
        [key] => key,
        [] => {
            let text = "has no secret key; give secret_key_file or secret_key_env";
            section.findings.refuse(&section.path, text);
            return None;
        }
        _ => {
            let text = format!("has {}; keep one of them", given.join(" and "));
            section.findings.refuse(&section.path, &text);
            return None;
        }
    };
    let source = match key {
        "secret_key_file" => section.path_in(key).map(KeySource::File),
        "secret_key_env" => section.parsed(key, variable),
        _ => section.parsed(key, |text| inline(section.place, text)),
    }
    .given()?;
    let is_here = matches!(source, KeySource::Inline(_));
    if section.place.secrets == Secrets::Skip && !is_here {
        return Some(source);
    }
    let looked_at = source.look().map_err(|error| chain(&error));
    let (secret, is_public) = section.accept(key, looked_at)?;
    if is_public {
        section.notice(key, &format!("names a file that {PUBLIC}"));
    }
    if !secret.looks_usual() {
        section.notice(
            key,
            "the key is not 64 hex digits as the console shows it; check that it was copied whole",
        );
    }
    Some(source)
}

fn variable(text: &str) -> Result<KeySource, &'static str> {
    let is_name = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.starts_with(|c: char| c.is_ascii_digit());
    is_name.then(|| KeySource::Env(text.to_owned())).ok_or(
        "must be the name of an environment variable (letters, digits and _), not the key itself",
    )
}

fn inline(place: &Place, text: &str) -> Result<KeySource, Mistake> {
    if place.open_to_others != 0 {
        return Err(format!(
            "is in a file that not only its owner may use; run: chmod 600 {}",
            shell::file(place.file)
        )
        .into());
    }
    let key = SecretKey::new(text).map_err(|error| error.to_string())?;
    Ok(KeySource::Inline(key))
}
