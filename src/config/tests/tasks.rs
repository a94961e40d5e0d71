//! Which tasks are watched: `defaults` and the app, key by key.

use super::*;
use crate::config::plan::Plan;

#[test]
fn an_app_overrides_single_keys_of_the_defaults_and_can_switch_them_off() {
    let config = load(
        "
        defaults: {tasks: {scheduled: true, max: 30, age: 2d}}
        apps:
          - {name: a, sdk_app_id: 1, identifier: x, secret_key_env: MADE_UP, regions: [china]}
          - {name: b, sdk_app_id: 2, identifier: x, secret_key_env: MADE_UP, regions: [china], tasks: {max: 5}}
          - {name: c, sdk_app_id: 3, identifier: x, secret_key_env: MADE_UP, regions: [china],
             tasks: {scheduled: false, file: sent.jsonl, interval: 1m}}
          - {name: d, sdk_app_id: 4, identifier: x, secret_key_env: MADE_UP, regions: [china], tasks: {scheduled: false}}
        ",
    );
    let config = config.map_err(|problems| problems.to_string());
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    let day = Duration::from_secs(86_400);
    let inherited = Tasks {
        scheduled: true,
        max: 30,
        age: 2 * day,
        ..Tasks::BUILT_IN
    };
    assert_eq!(config.apps[0].tasks.as_ref(), Some(&inherited));
    let fewer = Tasks {
        max: 5,
        ..inherited.clone()
    };
    assert_eq!(config.apps[1].tasks.as_ref(), Some(&fewer));
    let own = config.apps[2].tasks.as_ref().unwrap();
    assert_eq!((own.scheduled, own.max, own.age), (false, 30, 2 * day));
    assert_eq!(own.interval, Duration::from_secs(60));
    // Relative to the configuration's directory.
    assert!(own.file.as_ref().unwrap().ends_with("sent.jsonl"));
    assert!(own.file.as_ref().unwrap().is_absolute());
    assert_eq!(config.apps[3].tasks, None);
    let calls: Vec<u32> = Plan::of(&config)
        .rows
        .iter()
        .map(|row| row.calls_per_round)
        .collect();
    assert_eq!(calls, [13, 3, 12, 0]);
}

#[test]
fn nothing_is_asked_about_tasks_by_default() {
    let config = load(&top("")).ok().unwrap();
    assert_eq!(config.apps[0].tasks, None);
    assert_eq!(Plan::of(&config).rows[0].calls_per_round, 0);
}
