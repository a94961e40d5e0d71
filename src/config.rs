//! The configuration: raw file and environment in, a checked [`Config`] out.
//!
//! No other code sees an unchecked value, and nothing here depends on what the values are used for.
//!
//! ```text
//! file         the file's text, with document: YAML, TOML or JSON -> tree of values
//!   bounds       how deep and how large it may be, aliases expanded; lines reads YAML for it
//! environment  TIMPUSH_ variables over the tree
//! proxy        proxy_url, or the variables that all programs share
//! check        tree -> Config, every problem collected in findings
//!   section      one table: typed values, unknown keys; with values, those of one key only
//!   app          one element of apps, with key, regions, polling, tasks
//!   across       rules over several apps, with plan
//! lines        the line of each problem in the file, where YAML or JSON has one
//! web_file     the file that web.config_file names: TLS, passwords, headers
//! schema       the existing keys; those that hold one value are rows of a table in keys
//! ```

mod across;
mod app;
mod bounds;
mod certificates;
mod check;
pub(crate) mod document;
mod duplicates;
pub mod duration;
mod environment;
mod file;
mod findings;
mod key;
mod keys;
mod lines;
pub mod listen;
pub mod plan;
mod polling;
mod proxy;
mod read;
mod redact;
mod regions;
mod schema;
mod section;
pub mod target;
mod tasks;
#[cfg(test)]
mod tests;
mod values;
pub mod web_file;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::files::{self, ReadError, Stuck};
use crate::model::region::Region;
use crate::model::window::DayOffset;
use crate::usersig::{Identifier, SecretKey, SecretKeyError};

pub use certificates::{CertificatesError, certificates};
pub use environment::{SHARD, variables};
pub use file::{NotFound, PLACES, find};
pub use findings::{Problem, Problems};
pub use keys::{Global, Polling, Tasks, Web};
pub use proxy::Proxy;

/// Whether to check on this machine what a configuration refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Secret files and variables hold keys, and the other files exist.
    Check,
    /// Only the configuration itself, for CI: the machine that checks is not the machine that runs.
    /// An inline key is still accepted only in a file of mode 600.
    Skip,
}

/// A configuration that satisfies all rules of its schema.
pub struct Config {
    pub global: Global,
    pub web: Web,
    /// At least one; names and SDKAppID-region pairs are unique.
    pub apps: Vec<Arc<App>>,
    /// What the operator should know although it is not a mistake: odd keys, features that are not
    /// in effect yet, unknown environment variables. Each notice is a full sentence with the key's
    /// path.
    pub notices: Vec<String>,
}

impl Config {
    /// Reads a file, applies the overrides of `env` (see [`variables`]), and checks the result.
    /// Relative paths inside are relative to the file's directory.
    ///
    /// Keys in variables are looked up in the process environment, since each signing reads them
    /// from there.
    pub fn load(
        path: &Path,
        env: &BTreeMap<String, String>,
        secrets: Secrets,
    ) -> Result<Self, Problems> {
        let named = path.display().to_string();
        let mut raw =
            file::read(path).map_err(|error| Problems::one(&named, &error.to_string()))?;
        let place = key::Place {
            file: path,
            env,
            open_to_others: raw.contents.open_to_others(),
            is_public: raw.contents.is_public(),
            secrets,
        };
        Self::from_tree(mem::take(&mut raw.tree), &place)
            .map_err(|problems| problems.in_file(path, raw.lines().as_ref()))
    }

    fn from_tree(mut tree: Map<String, Value>, place: &key::Place) -> Result<Self, Problems> {
        let findings = findings::Findings::new(environment::overlay(&mut tree, place.env));
        let config = check::check(&tree, place, &findings);
        if let Some(config) = &config {
            for (variable, text) in environment::unknown(place.env, &config.key_variables()) {
                findings.notice(variable, &text);
            }
        }
        let finished = findings.finish();
        let notices = finished.map_err(|problems| problems.with_apps(&tree))?;
        match config {
            Some(config) => Ok(Self { notices, ..config }),
            None => Err(Problems::one(
                &place.file.display().to_string(),
                "is refused for an unknown reason; this is a bug, please report it",
            )),
        }
    }

    /// The environment variables that hold keys.
    fn key_variables(&self) -> BTreeSet<&str> {
        self.apps
            .iter()
            .filter_map(|app| match &app.key {
                KeySource::Env(name) => Some(name.as_str()),
                KeySource::File(_) | KeySource::Inline(_) => None,
            })
            .collect()
    }
}

/// How long counters wait for scrapes to see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holds {
    /// How long a closed day's final counters are served after `anchor + lag`.
    pub rollover: Duration,
    /// How long a new series is 0 before it shows its value.
    pub zero: Duration,
}

/// One SDKAppID with everything needed to query it.
#[derive(PartialEq)]
pub struct App {
    /// The value of the label `app`.
    pub name: String,
    pub sdk_app_id: u32,
    pub identifier: Identifier,
    pub key: KeySource,
    /// The maximum rate of calls for this SDKAppID, over all regions and APIs, in calls per second:
    /// above 0, and infinite only for a simulated service without a limit.
    pub calls_per_second: f64,
    pub day_offset: DayOffset,
    /// The configuration's holds; here because they determine how an app's counters are shown.
    pub holds: Holds,
    /// At least one; names are unique within the app.
    pub regions: Vec<Region>,
    pub polling: Polling,
    /// Absent where no tasks are watched.
    pub tasks: Option<Tasks>,
}

/// Where an app's secret key is stored. Files and variables are read at each signing, so a rotated
/// key needs no restart.
#[derive(PartialEq, Eq)]
pub enum KeySource {
    File(PathBuf),
    Env(String),
    Inline(SecretKey),
}

/// Why a key could not be read. Names the place of the key, never its content.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot read the secret key from {}", path.display())]
    File { path: PathBuf, source: ReadError },
    #[error("the environment variable {0}, which should hold the secret key, is not set")]
    Unset(String),
    #[error("the environment variable {0}, which should hold the secret key, is not valid UTF-8")]
    NotText(String),
    #[error("cannot read the secret key")]
    Stuck(#[source] Stuck),
    #[error("{place} holds no usable secret key")]
    Unusable {
        place: String,
        source: SecretKeyError,
    },
}

impl KeySource {
    /// Reads the key now. A file may block its reader; see [`files::apart`].
    pub fn read(&self) -> Result<SecretKey, KeyError> {
        self.look().map(|(key, _)| key)
    }

    /// The file that holds the key, if one does.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Env(_) | Self::Inline(_) => None,
        }
    }

    /// The key, and whether every user of the machine can read the file that holds it.
    fn look(&self) -> Result<(SecretKey, bool), KeyError> {
        match self {
            Self::Inline(key) => Ok((key.clone(), false)),
            Self::File(path) => {
                let unreadable = |source| KeyError::File {
                    path: path.clone(),
                    source,
                };
                let contents = files::read(path, files::MAX_KEY).map_err(unreadable)?;
                let text = contents.text().map_err(unreadable)?;
                let key = key_in(text, || path.display().to_string())?;
                Ok((key, contents.is_public()))
            }
            Self::Env(name) => {
                let text = std::env::var(name).map_err(|error| match error {
                    std::env::VarError::NotPresent => KeyError::Unset(name.clone()),
                    std::env::VarError::NotUnicode(_) => KeyError::NotText(name.clone()),
                })?;
                let text = Zeroizing::new(text);
                let key = key_in(&text, || format!("the environment variable {name}"))?;
                Ok((key, false))
            }
        }
    }
}

fn key_in(text: &str, place: impl FnOnce() -> String) -> Result<SecretKey, KeyError> {
    SecretKey::new(text).map_err(|source| KeyError::Unusable {
        place: place(),
        source,
    })
}
