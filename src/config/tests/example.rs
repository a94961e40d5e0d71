//! The configurations shown in the documentation.

use super::*;
use crate::config::plan::Plan;

#[test]
fn the_sample_of_the_documentation_passes_with_its_plan() {
    let config = load(
        r#"
apps:
  - name: shop
    sdk_app_id: 1400000001
    identifier: administrator
    secret_key_file: /run/secrets/shop.key
    regions: [singapore]
  - name: game
    sdk_app_id: 1400000002
    identifier: administrator
    secret_key_env: GAME_KEY
    interval: 2m
    regions:
      - china
      - {name: lab, url: "http://127.0.0.1:9000"}
"#,
    )
    .ok()
    .unwrap();
    assert_eq!(config.notices, [""; 0]);
    let rows = Plan::of(&config).rows;
    let calls: Vec<_> = rows
        .iter()
        .map(|row| (row.app.as_str(), row.calls_per_poll))
        .collect();
    assert_eq!(calls, [("shop", 4), ("game", 8)]);
}

const EXAMPLE: &str = include_str!("../../../deploy/timpush.example.yml");

/// The example with every key switched on: a `#` is removed unless prose follows it.
fn example_with_everything() -> String {
    let mut lines = Vec::new();
    for line in EXAMPLE.lines() {
        let indent = line.len() - line.trim_start().len();
        match line.trim_start().strip_prefix('#') {
            Some(rest) if !rest.is_empty() && (!rest.starts_with(' ') || is_setting(rest)) => {
                lines.push(format!("{}{rest}", &line[..indent]));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

/// Two spaces and a key, as in the elements of a commented-out list.
fn is_setting(rest: &str) -> bool {
    rest.strip_prefix("  ").is_some_and(|rest| {
        let key = rest.split(':').next().unwrap_or("");
        rest.contains(':') && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    })
}

#[test]
fn the_example_passes_as_it_is_and_with_everything_switched_on() {
    let plain = load(EXAMPLE).map_err(|problems| problems.to_string());
    let full = load(&example_with_everything()).map_err(|problems| problems.to_string());
    let (plain, full) = (plain.ok().unwrap(), full.ok().unwrap());
    assert_eq!(plain.notices, [""; 0]);
    assert_eq!((plain.apps.len(), full.apps.len()), (2, 3));
    // Values that the example calls defaults are defaults.
    let (global, others) = (&plain.global, &full.global);
    assert_eq!(global.listen, others.listen);
    assert_eq!(global.scrape_interval, others.scrape_interval);
    assert_eq!(global.rollover_hold, others.rollover_hold);
    assert_eq!(global.zero_hold, others.zero_hold);
    assert_eq!(plain.apps[0].polling, full.apps[0].polling);
    assert_eq!(plain.apps[0].day_offset, full.apps[0].day_offset);
    let rates = [&plain, &full].map(|config| config.apps[0].calls_per_second.to_bits());
    assert_eq!(rates[0], rates[1]);
}

#[test]
fn every_key_of_the_schema_is_in_the_example() {
    let full = example_with_everything();
    for group in [
        schema::Group::Top,
        schema::Group::Web,
        schema::Group::Defaults,
        schema::Group::App,
        schema::Group::Region,
    ] {
        for key in group.keys() {
            let there = full.lines().any(|line| {
                let line = line.trim_start().trim_start_matches("- ");
                line.strip_prefix(key)
                    .is_some_and(|rest| rest.starts_with(':'))
            });
            assert!(there, "{group:?} {key}");
        }
    }
}

#[test]
fn a_value_in_brackets_after_a_key_in_a_readme_is_the_default() {
    let example = example_with_everything();
    let defaults: Vec<&str> = example.lines().map(str::trim).collect();
    let readmes = [
        include_str!("../../../README.md"),
        include_str!("../../../README.zh-CN.md"),
    ];
    for readme in readmes {
        let mut checked = 0;
        for key in [schema::Group::Top, schema::Group::Defaults]
            .map(schema::Group::keys)
            .into_iter()
            .flatten()
        {
            for rest in readme.split(&format!("`{key}`")).skip(1) {
                let Some((number, unit)) = bracketed(rest) else {
                    continue;
                };
                let default = format!("{key}: {number}{unit}");
                assert!(defaults.contains(&default.as_str()), "{default}");
                checked += 1;
            }
        }
        assert!(checked >= 3, "{checked}");
    }
}

/// The number and the unit, as the configuration writes it, of ` (1 h)` or `（1 小时）`.
fn bracketed(text: &str) -> Option<(&str, char)> {
    let text = text.trim_start().strip_prefix(['(', '（'])?;
    let (number, rest) = text.split_once(' ')?;
    let unit = match rest.chars().next()? {
        'd' | '天' => 'd',
        'h' | '小' => 'h',
        'm' | '分' => 'm',
        's' | '秒' => 's',
        _ => return None,
    };
    number.parse::<u32>().ok().map(|_| (number, unit))
}

#[test]
fn sixty_apps_share_settings_through_anchors_and_merge_keys() {
    let head = "
x-shared: &shared {identifier: administrator, secret_key_env: MADE_UP, regions: [china], interval: 5m}
x-slow: &slow {interval: 20m, stale_after: 1h}
apps:";
    let plain = (1..=59).map(|n| format!("  - {{<<: *shared, sdk_app_id: {n}, name: app{n}}}"));
    let last = "  - {<<: [*slow, *shared], sdk_app_id: 60, stale_after: 2h}";
    let lines: Vec<String> = [head.to_owned()]
        .into_iter()
        .chain(plain)
        .chain([last.to_owned()])
        .collect();
    let text = lines.join("\n");
    let config = load(&text).map_err(|problems| problems.to_string());
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.notices, [""; 0]);
    assert_eq!(config.apps.len(), 60);
    let minutes = |n: usize| config.apps[n].polling.interval.as_secs() / 60;
    assert_eq!((minutes(0), minutes(58), minutes(59)), (5, 5, 20));
    // An app's own values win over merged ones.
    assert_eq!(config.apps[59].polling.stale_after.as_secs(), 7200);
}

#[test]
fn merge_keys_without_a_table_and_extensions_below_the_top_are_refused() {
    let refused = |text: &str| load(text).err().unwrap().bare();
    let app = "sdk_app_id: 1, identifier: a, secret_key_env: MADE_UP, regions: [china]";
    assert_eq!(
        refused(&format!("apps: [{{{app}, <<: 1}}]")),
        "apps[0].<<: unknown key; a YAML merge key requires a table or a list of tables"
    );
    assert_eq!(
        refused(&format!("apps: [{{{app}, x-a: 1}}]")),
        "apps[0].x-a: unknown key"
    );
}
