//! What a reload changes, in words for the requester and for the log.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::config::{App, Config};
use crate::shell;

/// How many apps of each kind are named; the others are counted.
const NAMED: usize = 10;

/// The keys that are read only at the start.
const AT_RESTART: [&str; 7] = [
    "listen",
    "language",
    "state_file",
    "state_interval",
    "web.config_file",
    "web.grafana_url",
    "web.openmetrics_created",
];

/// The difference between two configurations.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    added: Vec<String>,
    removed: Vec<String>,
    /// Apps with another key, or with other content in the same key file.
    keys: Vec<String>,
    /// Each app with its changed keys.
    changed: Vec<String>,
    settings: Vec<String>,
    at_restart: Vec<String>,
}

impl Difference {
    /// `rotated` are the apps whose key file holds a key other than the one in use.
    pub(super) fn new(old: &Config, next: &Config, rotated: &[String]) -> Self {
        let (before, after) = (by_name(old), by_name(next));
        let rotated: BTreeSet<&str> = rotated.iter().map(String::as_str).collect();
        let missing_in = |apps: &BTreeMap<&str, &App>, others: &BTreeMap<&str, &App>| {
            let names = apps.keys().filter(|name| !others.contains_key(*name));
            names.map(|name| shell::word(name).into_owned()).collect()
        };
        let (mut keys, mut changed) = (Vec::new(), Vec::new());
        for (name, app) in &after {
            let Some(old) = before.get(name) else {
                continue;
            };
            if old.key != app.key || rotated.contains(name) {
                keys.push(shell::word(name).into_owned());
            }
            let differing = app_keys(old, app);
            if !differing.is_empty() {
                changed.push(format!(
                    "{} of {}",
                    differing.join(" and "),
                    shell::word(name)
                ));
            }
        }
        let global = old.global.differing(&next.global).map(str::to_owned);
        let web = old.web.differing(&next.web).map(|key| format!("web.{key}"));
        let (at_restart, settings) = global
            .chain(web)
            .partition(|key| AT_RESTART.contains(&key.as_str()));
        Self {
            added: missing_in(&after, &before),
            removed: missing_in(&before, &after),
            keys,
            changed,
            settings,
            at_restart,
        }
    }

    /// Whether some changes wait for the next start.
    pub(super) fn waits(&self) -> bool {
        !self.at_restart.is_empty()
    }
}

fn by_name(config: &Config) -> BTreeMap<&str, &App> {
    let apps = config.apps.iter().map(Arc::as_ref);
    apps.map(|app| (app.name.as_str(), app)).collect()
}

/// The keys of an app, or their defaults, that differ.
fn app_keys(old: &App, next: &App) -> Vec<&'static str> {
    let rates = [old, next].map(|app| app.calls_per_second.to_bits());
    let own = [
        ("sdk_app_id", old.sdk_app_id != next.sdk_app_id),
        ("identifier", old.identifier != next.identifier),
        ("regions", old.regions != next.regions),
        ("day_offset", old.day_offset != next.day_offset),
        ("tasks", old.tasks != next.tasks),
        ("calls_per_second", rates[0] != rates[1]),
    ];
    let own = own.into_iter().filter(|(_, differs)| *differs);
    own.map(|(key, _)| key)
        .chain(old.polling.differing(&next.polling))
        .collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let apps = |verb: &str, names: &[String]| {
            let noun = if names.len() == 1 { "app" } else { "apps" };
            (!names.is_empty()).then(|| format!("{verb} {noun} {}", few(names)))
        };
        let parts = [
            apps("added", &self.added),
            apps("removed", &self.removed),
            (!self.keys.is_empty()).then(|| format!("key of {} changed", few(&self.keys))),
            (!self.changed.is_empty()).then(|| format!("{} changed", few(&self.changed))),
            (!self.settings.is_empty()).then(|| format!("{} changed", self.settings.join(" and "))),
            self.waits().then(|| {
                format!(
                    "{} changed, which takes effect at the next start only",
                    self.at_restart.join(" and ")
                )
            }),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            return f.write_str("unchanged");
        }
        f.write_str(&parts.join(", "))
    }
}

/// The first names, and the number of the others.
fn few(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMED)].join(" and ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (1..=count).map(|n| format!("app{n}")).collect()
    }

    #[test]
    fn a_difference_is_said_in_one_line_however_large_it_is() {
        let none = Difference::default();
        assert_eq!(none.to_string(), "unchanged");
        let some = Difference {
            added: vec!["shop2".to_owned()],
            removed: vec!["shop".to_owned()],
            keys: vec!["game".to_owned()],
            ..Difference::default()
        };
        assert_eq!(
            some.to_string(),
            "added app shop2, removed app shop, key of game changed"
        );
        let many = Difference {
            added: names(10_000),
            ..Difference::default()
        };
        let text = many.to_string();
        assert!(text.ends_with("app10 and 9990 more"), "{text}");
        assert!(text.starts_with("added apps app1 and "), "{text}");
    }
}
