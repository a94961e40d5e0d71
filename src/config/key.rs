//! The source of an app's secret key. No text of this module contains a key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::read::Read;
use super::section::Section;
use super::{KeyError, KeySource, Secrets};
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
        self.text(key).and_then(|text| {
            if text == "~" || text.starts_with("~/") {
                self.refuse(
                    key,
                    "starts with ~, which only a shell expands; use the full path",
                );
                return None;
            }
            if text.chars().any(char::is_control) {
                self.refuse(key, "must not hold line breaks or other control characters");
                return None;
            }
            let directory = self.place().file.parent().unwrap_or(Path::new(""));
            Some(directory.join(text))
        })
    }
}

/// The one key source that an app names; unless secrets are skipped, it must hold a key.
pub(super) fn read(section: &Section) -> Option<KeySource> {
    let given: Vec<&str> = SOURCES.into_iter().filter(|key| section.has(key)).collect();
    let key = match given[..] {
        [key] => key,
        [] => {
            section.findings().refuse(
                section.path(),
                "has no secret key; give secret_key_file or secret_key_env",
            );
            return None;
        }
        _ => {
            let text = format!("has {}; keep one of them", given.join(" and "));
            section.findings().refuse(section.path(), &text);
            return None;
        }
    };
    let source = match key {
        "secret_key_file" => section
            .path_in(key)
            .and_then(|path| Some(KeySource::File(path))),
        "secret_key_env" => section.text(key).and_then(|text| variable(section, text)),
        _ => section.text(key).and_then(|text| inline(section, text)),
    }
    .given()?;
    let looked_at = match (&source, section.place().secrets) {
        (KeySource::Inline(_), _) | (_, Secrets::Check) => source.look(),
        (_, Secrets::Skip) => return Some(source),
    };
    match looked_at {
        Ok((secret, is_public)) => {
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
        Err(error) => {
            section.refuse(key, &with_cause(&error));
            None
        }
    }
}

fn variable(section: &Section, text: &str) -> Option<KeySource> {
    let is_name = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.starts_with(|c: char| c.is_ascii_digit());
    if !is_name {
        section.refuse(
            "secret_key_env",
            "must be the name of an environment variable (letters, digits and _), not the key itself",
        );
        return None;
    }
    Some(KeySource::Env(text.to_owned()))
}

fn inline(section: &Section, text: &str) -> Option<KeySource> {
    let place = section.place();
    if place.open_to_others != 0 {
        section.refuse(
            "secret_key",
            &format!(
                "is in a file that not only its owner may use; run: chmod 600 {}",
                shell::file(place.file)
            ),
        );
        return None;
    }
    section
        .accept("secret_key", SecretKey::new(text))
        .map(KeySource::Inline)
}

fn with_cause(error: &KeyError) -> String {
    match error {
        KeyError::File { source, .. } => format!("{error}: {source}"),
        KeyError::Unusable { source, .. } => format!("{error}: {source}"),
        _ => error.to_string(),
    }
}
