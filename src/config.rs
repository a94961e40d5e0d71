//! The configuration: raw file and environment in, a checked [`Config`] out.
//!
//! Nothing else in the program sees an unchecked value, and nothing here knows what the
//! values are used for.
//!
//! ```text
//! file         the file's text, with document: YAML, TOML or JSON -> tree of values
//!   bounds       how deep and how large it may be, aliases expanded
//! environment  TIMPUSH_ variables over the tree
//! proxy        proxy_url, or the variables that all programs share
//! check        tree -> Config, every problem collected in findings
//!   section      one table: typed values, unknown keys; with values, those of one key only
//!   app          one element of apps, with key, regions, polling, tasks
//!   across       rules over several apps, with plan
//! lines        where the file has what a problem is about
//! web_file     the file that web.config_file names: TLS, passwords, headers
//! schema       which keys there are; those that hold one value are a row of a table in keys
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

/// Whether to look for what a configuration refers to on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Secret files and variables hold keys, and the other files are in place.
    Check,
    /// Only the configuration itself, for CI: the machine that checks is not the one
    /// that runs. An inline key is still only accepted in a file of mode 600.
    Skip,
}

/// A configuration that keeps every rule of its schema.
pub struct Config {
    pub global: Global,
    pub web: Web,
    /// At least one; names and SDKAppID-region pairs are unique.
    pub apps: Vec<Arc<App>>,
    /// What the operator should know though it is no mistake: odd keys, features that are
    /// not in effect yet, unknown environment variables. Each is a full sentence with
    /// the key's path.
    pub notices: Vec<String>,
}

impl Config {
    /// Reads a file, puts the overrides of `env` (see [`variables`]) over it, and checks
    /// the whole. Relative paths inside are relative to the file's directory.
    ///
    /// Keys in variables are looked for in the process environment, since that is where
    /// each signing will read them.
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
    /// How long a series that appears is 0 before its value.
    pub zero: Duration,
}

/// One SDKAppID with what is needed to ask about it.
#[derive(PartialEq)]
pub struct App {
    /// The value of the label `app`.
    pub name: String,
    pub sdk_app_id: u32,
    pub identifier: Identifier,
    pub key: KeySource,
    /// Calls that the service may get for this SDKAppID, over all regions and APIs: above 0,
    /// and infinite only for a simulated service without a limit.
    pub calls_per_second: f64,
    pub day_offset: DayOffset,
    /// The configuration's; here because they belong to how an app's counters are shown.
    pub holds: Holds,
    /// At least one; names are unique within the app.
    pub regions: Vec<Region>,
    pub polling: Polling,
    /// Absent where no tasks are watched.
    pub tasks: Option<Tasks>,
}

/// Where an app's secret key is. Files and variables are read at each signing, so that a
/// rotated key needs no restart.
#[derive(PartialEq, Eq)]
pub enum KeySource {
    File(PathBuf),
    Env(String),
    Inline(SecretKey),
}

/// Why a key could not be read. Says where it was looked for, never what was there.
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
    /// Reads the key now. A file may keep its reader waiting; see [`files::apart`].
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

    /// The key, and whether every user of the machine can read the file that it is in.
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
