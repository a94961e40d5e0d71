//! Overrides from environment variables: `TIMPUSH_DEFAULTS__STALE_AFTER=5m` sets
//! `defaults.stale_after`. Only single values of the top level, `web` and `defaults`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::proxy;
use super::schema::{Kind, OVERRIDABLE, closest};

const PREFIX: &str = "TIMPUSH_";

/// The shard that `run` serves, and the number of shards: command-line options, not settings.
pub const SHARD: [&str; 2] = ["TIMPUSH_SHARD_INDEX", "TIMPUSH_SHARD_TOTAL"];

/// This program's variables from the process environment, and the proxy variables. A variable that
/// is not UTF-8 cannot be one of the program's settings; a proxy variable that is not UTF-8 is
/// passed on with U+FFFD in it, to be refused.
pub fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let value = if proxy::variables().any(|known| known == name) {
                value.to_string_lossy().into_owned()
            } else if name.starts_with(PREFIX) {
                value.into_string().ok()?
            } else {
                return None;
            };
            Some((name, value))
        })
        .collect()
}

/// Every variable that overrides a setting: its name, the key's path and its kind.
fn settings() -> impl Iterator<Item = (String, String, Kind)> {
    OVERRIDABLE.into_iter().flat_map(|(table, keys)| {
        keys.iter().map(move |(key, kind)| {
            let path = format!("{table}{key}");
            let name = path.replace('.', "__").to_uppercase();
            (format!("{PREFIX}{name}"), path, *kind)
        })
    })
}

/// Puts the overrides into `tree`. Returns the paths that were set, and the variables that set
/// them. An empty variable counts as not set, as compose files and charts leave empty ones behind.
/// White space around a value is cut, as files of variables with Windows line endings leave it
/// behind.
pub(super) fn overlay(
    tree: &mut Map<String, Value>,
    env: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut overridden = BTreeMap::new();
    for (variable, path, kind) in settings() {
        let text = env.get(&variable).map_or("", |text| text.trim());
        if text.is_empty() {
            continue;
        }
        let (keys, key) = match path.split_once('.') {
            None => (Some(&mut *tree), path.as_str()),
            Some((table, key)) => {
                let value = tree.entry(table).or_insert(Value::Null);
                if value.is_null() {
                    *value = Value::Object(Map::new());
                }
                (value.as_object_mut(), key)
            }
        };
        // The check refuses anything but a table, whatever its content.
        if let Some(keys) = keys {
            keys.insert(key.to_owned(), typed(text, kind));
            overridden.insert(path, variable);
        }
    }
    overridden
}

/// The value that the text would be in a file. Text of the wrong kind stays text, for the check to
/// refuse.
fn typed(text: &str, kind: Kind) -> Value {
    let parsed = match kind {
        // The YAML spellings.
        Kind::Flag => match text {
            "true" | "True" | "TRUE" => Some(Value::Bool(true)),
            "false" | "False" | "FALSE" => Some(Value::Bool(false)),
            _ => None,
        },
        Kind::Number => serde_json::from_str(text).ok().filter(Value::is_number),
        Kind::Text => None,
    };
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Variables with our prefix that are not settings, each with the setting that was probably meant.
/// `keys` are the variables that hold the apps' secret keys.
pub(super) fn unknown<'a>(
    env: &'a BTreeMap<String, String>,
    keys: &BTreeSet<&str>,
) -> Vec<(&'a str, String)> {
    let known: Vec<String> = settings().map(|(variable, ..)| variable).collect();
    env.keys()
        .filter(|name| name.starts_with(PREFIX) && !is_of_kubernetes(name))
        .filter(|name| !known.contains(name) && !keys.contains(name.as_str()))
        .filter(|name| !SHARD.contains(&name.as_str()))
        .map(|name| {
            let hint = closest(name, known.iter().map(String::as_str))
                .map(|near| format!("; did you mean {near}?"))
                .unwrap_or_default();
            let text = format!("unknown environment variable, which is ignored{hint}");
            (name.as_str(), text)
        })
        .collect()
}

/// Whether Kubernetes sets a variable of this name in every container, for a service whose name
/// starts like our variables.
fn is_of_kubernetes(name: &str) -> bool {
    let is_port = |rest: &str| {
        let mut parts = rest.split('_');
        let number = parts.next().is_some_and(|part| part.parse::<u16>().is_ok());
        number
            && parts
                .next()
                .is_some_and(|part| matches!(part, "TCP" | "UDP" | "SCTP"))
    };
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_PORT")
        || name.contains("_SERVICE_PORT_")
        || name
            .match_indices("_PORT_")
            .any(|(at, found)| is_port(&name[at + found.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn tree(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn values_get_the_type_of_their_key() {
        let mut tree = tree(&json!({"defaults": {"lag": "1m"}, "web": null}));
        overlay(
            &mut tree,
            &env(&[
                ("TIMPUSH_CA_FILE", "123"),
                ("TIMPUSH_CALLS_PER_SECOND", "0.5"),
                ("TIMPUSH_DEFAULTS__STALE_AFTER", "5m"),
                ("TIMPUSH_DEFAULTS__STATISTICS", "false"),
                ("TIMPUSH_DEFAULTS__COUNTERS", "no"),
                ("TIMPUSH_DEFAULTS__SERIES_LIMIT", "many"),
                ("TIMPUSH_WEB__ENABLE_LIFECYCLE", "true"),
                ("TIMPUSH_WEB__OPENMETRICS_CREATED", "False\r"),
                ("TIMPUSH_LISTEN", ""),
                ("TIMPUSH_STATE_FILE", " \r\n"),
                ("TIMPUSH_DEFAULTS__WINDOW", " 2h\r"),
            ]),
        );
        assert_eq!(
            Value::Object(tree),
            json!({
                "ca_file": "123",
                "calls_per_second": 0.5,
                "defaults": {"lag": "1m", "stale_after": "5m", "statistics": false, "counters": "no", "series_limit": "many", "window": "2h"},
                "web": {"enable_lifecycle": true, "openmetrics_created": false},
            })
        );
    }

    #[test]
    fn apps_and_tables_cannot_be_overridden() {
        let mut tree = tree(&json!({"defaults": "text"}));
        let before = tree.clone();
        let variables = env(&[
            ("TIMPUSH_APPS", "x"),
            ("TIMPUSH_APPS__0__NAME", "x"),
            ("TIMPUSH_WEB", "x"),
            ("TIMPUSH_DEFAULTS__LAG", "1m"),
            ("timpush_listen", "x"),
            ("TIMPUSH_LISTEN__", "x"),
        ]);
        assert_eq!(overlay(&mut tree, &variables), BTreeMap::new());
        assert_eq!(tree, before);
    }

    #[test]
    fn foreign_variables_are_named_and_keys_are_not() {
        let variables = env(&[
            ("TIMPUSH_EXPORTER_SERVICE_HOST", "10.0.0.1"),
            ("TIMPUSH_EXPORTER_SERVICE_PORT", "10898"),
            ("TIMPUSH_EXPORTER_SERVICE_PORT_HTTP", "10898"),
            ("TIMPUSH_EXPORTER_PORT", "tcp://10.0.0.1:10898"),
            ("TIMPUSH_EXPORTER_PORT_10898_TCP", "tcp://10.0.0.1:10898"),
            ("TIMPUSH_EXPORTER_PORT_10898_TCP_ADDR", "10.0.0.1"),
            ("TIMPUSH_EXPORTER_HOST", "10.0.0.1"),
            ("TIMPUSH_DEFAULTS_INTERVAL", "5m"),
            ("TIMPUSH_SHOP_KEY", "made-up-key"),
            ("TIMPUSH_LISTEN", "127.0.0.1:1"),
            ("PATH", "/bin"),
        ]);
        let text = "unknown environment variable, which is ignored";
        assert_eq!(
            unknown(&variables, &BTreeSet::from(["TIMPUSH_SHOP_KEY"])),
            [
                (
                    "TIMPUSH_DEFAULTS_INTERVAL",
                    format!("{text}; did you mean TIMPUSH_DEFAULTS__INTERVAL?")
                ),
                ("TIMPUSH_EXPORTER_HOST", text.to_owned()),
            ]
        );
    }
}
