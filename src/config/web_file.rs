//! The file that `web.config_file` names: TLS, users and headers in the format of the Prometheus
//! exporter-toolkit, so that a file for other exporters works here, too.
//!
//! Settings that the toolkit would silently ignore are refused or reported here.

mod algorithms;
mod clients;
mod san;
#[cfg(test)]
mod tests;
mod tls;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use rustls::ServerConfig;
use serde_json::Value;
use zeroize::Zeroizing;

use super::file::Raw;
use super::findings::Findings;
use super::key::{PUBLIC, Place};
use super::read::{Mistake, Read};
use super::schema::Group;
use super::section::{Section, is_harmless, unlike};
use super::{Problems, Secrets, duration, file};

/// The headers that may be set, and their allowed values; any value if none are listed.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// The maximum cost of a bcrypt hash, as a power of two: some 4 s of one core for each wrong
/// password.
const MAX_COST: u32 = 16;

/// The minimum cost of bcrypt; with a lower one, no password matches.
const MIN_COST: u32 = 4;

/// The content of a checked file.
pub struct WebFile {
    /// Absent for plain HTTP.
    pub tls: Option<Arc<ServerConfig>>,
    /// Added to every response that does not set them itself.
    pub headers: HeaderMap,
    /// Without any, no password is required.
    pub users: BTreeMap<String, PasswordHash>,
    pub rate_limit: Option<RateLimit>,
    /// Like [`super::Config::notices`].
    pub notices: Vec<String>,
}

/// The limit of requests, over all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The time after which one more request is allowed; not 0.
    pub interval: Duration,
    /// The maximum number of requests at once; at least 1.
    pub burst: u32,
}

/// A password's bcrypt hash. Whoever has it can guess the password offline, so it cannot be
/// printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: Zeroizing<String>,
    cost: u32,
}

impl PasswordHash {
    /// A hash in the format of `htpasswd -B`.
    pub fn new(text: &str) -> Option<Self> {
        let cost = bcrypt::HashParts::from_str(text).ok()?.get_cost();
        (cost >= MIN_COST).then(|| Self {
            text: Zeroizing::new(text.to_owned()),
            cost,
        })
    }

    /// The binary logarithm of the number of rounds per check.
    pub fn cost(&self) -> u32 {
        self.cost
    }

    /// The hash itself, to detect changes.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether this is the hash of `password`. This is slow.
    pub fn is_of(&self, password: &[u8]) -> bool {
        bcrypt::verify(password, &self.text).unwrap_or(false)
    }
}

/// The result of reading a file, valid or not.
pub struct Loaded {
    /// The files that were read, so that a change to any of them triggers another read. The web
    /// file is the first.
    pub files: Vec<PathBuf>,
    pub result: Result<WebFile, Problems>,
}

/// Reads the file and all files that it names. Relative paths inside are relative to its directory.
pub fn load(path: &Path) -> Loaded {
    let mut files = vec![path.to_owned()];
    let result = file::read_yaml(path)
        .map_err(|error| Problems::one(&path.display().to_string(), &error.to_string()))
        .and_then(|raw| {
            check(&raw, path, &mut files)
                .map_err(|problems| problems.in_file(path, raw.lines().as_ref()))
        });
    Loaded { files, result }
}

fn check(raw: &Raw, path: &Path, files: &mut Vec<PathBuf>) -> Result<WebFile, Problems> {
    let findings = Findings::default();
    let place = Place {
        file: path,
        env: &BTreeMap::new(),
        open_to_others: raw.contents.open_to_others(),
        is_public: raw.contents.is_public(),
        secrets: Secrets::Check,
    };
    let top = Section::new(Group::WebFile, &raw.tree, &place, &findings);
    let tls = top
        .table("tls_server_config", Group::WebFileTls)
        .filter(|section| !section.table.is_empty())
        .and_then(|section| tls::read(&section, files));
    let headers = top
        .table("http_server_config", Group::WebFileHttp)
        .map(|section| http(&section))
        .unwrap_or_default();
    let users = users(&top);
    if place.is_public && !users.is_empty() {
        top.notice("basic_auth_users", &format!("are in a file that {PUBLIC}"));
    }
    let rate_limit = top
        .table("rate_limit", Group::WebFileRate)
        .and_then(|section| rate_limit(&section));
    let notices = findings.finish()?;
    let name = path.display();
    Ok(WebFile {
        tls,
        headers,
        users,
        rate_limit,
        notices: notices
            .into_iter()
            .map(|notice| format!("{name}: {notice}"))
            .collect(),
    })
}

fn http(section: &Section) -> HeaderMap {
    if section.flag("http2") == Read::Given(true) {
        section.notice(
            "http2",
            "has no effect: HTTP/1.1 is spoken, which every scraper speaks",
        );
    }
    let headers = section.read("headers", |value| {
        let table = value.as_object();
        table.ok_or_else(|| unlike("must be a table of headers", value))
    });
    let headers = headers.given().into_iter().flatten();
    headers
        .filter_map(|(name, value)| header(section, name, value))
        .collect()
}

/// A header to set; an empty one is not set.
fn header(section: &Section, name: &str, value: &Value) -> Option<(HeaderName, HeaderValue)> {
    let Some((known, allowed)) = HEADERS.iter().find(|(known, _)| *known == name) else {
        let names = HEADERS.map(|(name, _)| name).join(", ");
        let text = format!("must hold no other header than {names}");
        section.refuse("headers", &text);
        return None;
    };
    let value = section.accept(&format!("headers.{name}"), header_value(allowed, value))?;
    let name = HeaderName::from_bytes(known.as_bytes()).ok()?;
    value.map(|value| (name, value))
}

fn header_value(allowed: &[&str], value: &Value) -> Result<Option<HeaderValue>, Mistake> {
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Null => "",
        other => return Err(unlike("must be text", other)),
    };
    if text.is_empty() {
        return Ok(None);
    }
    if !allowed.is_empty() && !allowed.contains(&text) {
        return Err(format!("must be {}", allowed.join(" or ")).into());
    }
    let value = HeaderValue::from_str(text);
    let value = value.map_err(|_| "has a character that no header can have")?;
    Ok(Some(value))
}

fn users(top: &Section) -> BTreeMap<String, PasswordHash> {
    let users = top.read("basic_auth_users", |value| {
        // The output of htpasswd has no space after the colon.
        let hint = if value.is_string() {
            "; is a space missing after a colon?"
        } else {
            ""
        };
        let table = value.as_object();
        table.ok_or_else(|| unlike("must be a table of names and hashes", value).and(hint))
    });
    let users = users.given().into_iter().flatten().enumerate();
    users
        .filter_map(|(n, (name, value))| {
            // The text in the place of a name may be the hash or the password.
            let path = if is_harmless(name) {
                format!("basic_auth_users.{name}")
            } else {
                format!("basic_auth_users (number {} by name)", n + 1)
            };
            let hash = top.accept(&path, password_of(name, value))?;
            Some((name.clone(), hash))
        })
        .collect()
}

fn password_of(name: &str, value: &Value) -> Result<PasswordHash, Mistake> {
    if name.is_empty() || name.contains(':') || name.chars().any(char::is_control) {
        return Err("must have a name without colons, which no client can send".into());
    }
    let hash = value
        .as_str()
        .and_then(PasswordHash::new)
        .ok_or("must be a bcrypt hash; this prints one: htpasswd -nBC 10 '' | tr -d ':\\n'")?;
    if hash.cost() > MAX_COST {
        return Err(format!(
            "must have a cost of at most {MAX_COST}; each check would take too long"
        )
        .into());
    }
    Ok(hash)
}

/// `None` without a limit, and after a problem.
fn rate_limit(section: &Section) -> Option<RateLimit> {
    let interval = section.read("interval", |value| match value {
        Value::Number(number) if number.as_u64() == Some(0) => Ok(Duration::ZERO),
        Value::String(text) => interval(text).ok_or("must be a duration such as 100ms or 1s"),
        _ => Err("must be a duration with its unit, such as 100ms or 1s"),
    });
    let interval = interval.or(Duration::ZERO)?;
    if interval.is_zero() {
        return None;
    }
    if !section.has("burst") {
        section.refuse(
            "burst",
            "is missing; without it no request would be answered",
        );
        return None;
    }
    let burst = section.whole("burst", &(1..=1_000_000)).given()?;
    Some(RateLimit { interval, burst })
}

/// Milliseconds in Go's notation, or whole seconds and larger units.
fn interval(text: &str) -> Option<Duration> {
    match text.strip_suffix("ms") {
        Some(number) => number.parse().map(Duration::from_millis).ok(),
        None if text == "0" => Some(Duration::ZERO),
        None => duration::parse(text).ok(),
    }
}
