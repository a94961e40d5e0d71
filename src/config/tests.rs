//! The configuration as a whole. All keys and hosts here are made up.

mod example;
mod files;
mod lines;
mod secrets;
mod tasks;

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A key as the console would show it, but made up.
const MADE_UP_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// The keys that an app needs.
const USUAL: [&str; 4] = [
    "sdk_app_id: 1",
    "identifier: a",
    "secret_key_env: MADE_UP",
    "regions: [china]",
];

/// A directory that holds one configuration file.
struct Written {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

fn write(name: &str, text: impl AsRef<[u8]>) -> Written {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    set_mode(&path, 0o600);
    Written {
        _directory: directory,
        path,
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) {}

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn load(text: &str) -> Result<Config, Problems> {
    load_with(text, &[], Secrets::Skip)
}

fn load_with(text: &str, variables: &[(&str, &str)], secrets: Secrets) -> Result<Config, Problems> {
    Config::load(&write("timpush.yml", text).path, &env(variables), secrets)
}

fn problems(text: &str) -> String {
    load(text).err().map_or(String::new(), |p| p.bare())
}

/// A configuration with `text` at the top level and one app.
fn top(text: &str) -> String {
    format!("{text}\napps: [{{{}}}]\n", USUAL.join(", "))
}

/// A configuration with one app that has `text` in addition to the required keys. If `text` begins
/// with a required key, it replaces that key.
fn app(text: &str) -> String {
    let key = text.split(':').next();
    let mut keys: Vec<&str> = USUAL
        .into_iter()
        .filter(|usual| usual.split(':').next() != key)
        .collect();
    keys.push(text);
    format!("apps: [{{{}}}]\n", keys.join(", "))
}

#[test]
fn a_minimal_file_gets_every_default() {
    let config = load(&top("")).ok().unwrap();
    assert_eq!(config.global.listen.to_string(), "0.0.0.0:10898");
    assert_eq!(config.global.scrape_interval, Duration::from_secs(60));
    assert_eq!(config.global.rollover_hold, Duration::from_secs(150));
    assert_eq!(config.global.zero_hold, Duration::from_secs(150));
    assert_eq!(
        (config.global.ca_file, config.global.state_file),
        (None, None)
    );
    assert!(config.global.proxy_url.is_none());
    assert_eq!(config.web, Web::BUILT_IN);
    assert_eq!(config.notices, [""; 0]);
    let app = &config.apps[0];
    assert_eq!(app.name, "1");
    assert_eq!(app.calls_per_second.to_bits(), 0.9_f64.to_bits());
    assert_eq!(app.day_offset, DayOffset::DEFAULT);
    assert_eq!(app.polling, Polling::BUILT_IN);
}

#[test]
fn an_app_overrides_defaults_which_override_what_is_built_in() {
    let config = load(
        "
        calls_per_second: 0.5
        day_offset: -03:00
        defaults: {interval: 5m, statistics: false, lag: 3m}
        apps:
          - {name: a, sdk_app_id: 1, identifier: a, secret_key_env: MADE_UP, regions: [china]}
          - {name: b, sdk_app_id: 2, identifier: a, secret_key_env: MADE_UP, regions: [china],
             interval: 1h, statistics: true, day_offset: Z, calls_per_second: 0.25}
        ",
    )
    .ok()
    .unwrap();
    let facts: Vec<_> = config
        .apps
        .iter()
        .map(|app| {
            let p = &app.polling;
            let offset = app.day_offset.to_string();
            let times = [p.interval, p.lag, p.stale_after].map(|d| d.as_secs());
            (times, p.statistics, offset, app.calls_per_second)
        })
        .collect();
    assert_eq!(
        facts,
        [
            ([300, 180, 900], false, "-03:00".to_owned(), 0.5),
            ([3600, 180, 10_800], true, "+00:00".to_owned(), 0.25),
        ]
    );
}

#[test]
fn each_mistake_in_a_file_is_named_with_its_path() {
    let data = include_str!("../../tests/data/config_problems.txt");
    let rows = data.split("\n\n").skip(1);
    for row in rows {
        let mut lines = row.trim_end().lines();
        let text = match lines.next().unwrap().split_once(' ').unwrap() {
            ("file", text) => text.to_owned(),
            ("top", text) => top(text),
            ("app", text) => app(text),
            (other, _) => panic!("{other} is not a kind of row"),
        };
        let expected: Vec<&str> = lines.map(|line| &line["=> ".len()..]).collect();
        assert_eq!(problems(&text), expected.join("\n"), "{text}");
    }
}

#[test]
fn all_mistakes_are_reported_together_and_apps_stay_together() {
    let text = "
        listen: here
        web: {color: red}
        defaults: {step: 7m}
        apps:
          - {name: x, sdk_app_id: 0, identifier: a, secret_key_env: MADE_UP, regions: [mars]}
          - {name: x, sdk_app_id: 1, identifier: '', secret_key_env: MADE_UP, regions: [china]}
    ";
    assert_eq!(
        problems(text)
            .lines()
            .map(|line| line.split(": ").next().unwrap())
            .collect::<Vec<_>>(),
        [
            "listen",
            "defaults.step",
            "web.color",
            "apps[0].sdk_app_id",
            "apps[0].regions[0]",
            "apps[1].identifier",
            "apps[1].name",
        ]
    );
}

#[test]
fn what_is_odd_but_allowed_is_a_notice() {
    let config = load(
        "
        calls_per_second: 2
        zero_hold: 30s
        rollover_hold: 5m
        state_file: state.json
        web: {config_file: web.yml, enable_lifecycle: false, openmetrics_created: true}
        defaults: {timeout: 2s, counters: true}
        apps:
          - {sdk_app_id: '1', identifier: an admin, secret_key_env: MADE_UP, series_limit: 9,
             regions: [{name: lab, url: 'http://10.0.0.1', insecure: true}]}
        ",
    )
    .ok()
    .unwrap();
    assert_eq!(
        config.notices,
        [
            "zero_hold: is shorter than scrape_interval (1m); scrapes may miss the 0 before a new series' value".to_owned(),
            "calls_per_second: is above the service's 1 per second; calls are refused unless the console raised the limit".to_owned(),
            "defaults.timeout: is below 3s, the time that the service may take to respond".to_owned(),
            "apps[0].identifier: is not 1 to 32 letters, digits, _ and -, as the service requires".to_owned(),
            "apps[0].regions[0].url: signatures travel unencrypted to this host, as `insecure` allows".to_owned(),
        ]
    );
}

#[test]
fn one_host_on_this_machine_may_stand_for_many_regions() {
    let text = app(
        "regions: [{name: china, url: 'http://127.0.0.1:1'}, {name: lab, url: 'http://127.0.0.1:1'}]",
    );
    assert_eq!(problems(&text), "");
}

#[test]
fn a_variable_stands_over_the_file_and_is_named_in_problems() {
    let text = top("defaults: {interval: 2m}");
    let variables = [
        ("TIMPUSH_DEFAULTS__INTERVAL", "3m"),
        ("TIMPUSH_EXPORTER_HOST", "10.0.0.1"),
    ];
    let config = load_with(&text, &variables, Secrets::Skip).ok().unwrap();
    assert_eq!(config.apps[0].polling.interval, Duration::from_secs(180));
    assert_eq!(
        config.notices,
        ["TIMPUSH_EXPORTER_HOST: unknown environment variable, which is ignored"]
    );

    let variables = [
        ("TIMPUSH_DEFAULTS__INTERVAL", "soon"),
        ("TIMPUSH_PROXY_URL", "http://user:canary@ proxy"),
    ];
    let problems = load_with(&text, &variables, Secrets::Skip).err().unwrap();
    assert_eq!(
        problems.to_string(),
        "proxy_url: must be http(s)://[user:password@]host[:port]; percent-encode special characters in user and password (set by TIMPUSH_PROXY_URL)\n\
         defaults.interval: must be a duration such as 30s, 5m, 2h30m or 7d (set by TIMPUSH_DEFAULTS__INTERVAL)\n\
         2 problems"
    );
}

/// Any value at all, with known keys often enough to pass the first check.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_u32..10).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        prop::sample::select(vec![
            "china",
            "MADE_UP",
            "1h",
            "0s",
            "90s",
            "7d",
            "+08:00",
            "https://lab.example"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 12, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any_key(), inner, 0..14)
                .prop_map(|table| Value::Object(table.into_iter().collect())),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    let known: Vec<&str> = [
        schema::Group::Top,
        schema::Group::Web,
        schema::Group::App,
        schema::Group::Region,
    ]
    .into_iter()
    .flat_map(schema::Group::keys)
    .collect();
    prop_oneof![20 => prop::sample::select(known).prop_map(str::to_owned), 1 => "\\PC{0,6}"]
}

proptest! {
    #[test]
    fn no_tree_makes_the_check_panic_or_fail_without_a_reason(
        tree in prop::collection::btree_map(any_key(), any_value(), 0..12),
        app in prop::collection::btree_map(any_key(), any_value(), 0..20),
    ) {
        let mut tree: Map<String, Value> = tree.into_iter().collect();
        let mut element = json!({"sdk_app_id": 1, "identifier": "a", "secret_key_env": "A", "regions": ["china"]});
        element.as_object_mut().unwrap().extend(app);
        tree.insert("apps".to_owned(), json!([element]));
        let place = key::Place {
            file: Path::new("timpush.yml"),
            env: &env(&[]),
            open_to_others: 0,
            is_public: false,
            secrets: Secrets::Skip,
        };
        if let Err(problems) = Config::from_tree(tree, &place) {
            prop_assert!(problems.iter().all(|problem| !problem.text.contains("bug")), "{problems}");
        }
    }
}
