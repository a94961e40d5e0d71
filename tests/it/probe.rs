//! What `probe` finds out about services that behave differently.

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use timpush_exporter::model::reading::{Api, CountKey, FunnelStep};
use timpush_exporter::model::window::{DayOffset, Range, UnixSeconds, day_anchor};
use timpush_exporter::simulator::{Behaviour, Limits, Scenario};

use crate::lab::{BINARY, Exporter, Lab, SHOP, UNLIMITED, failing};

fn probe(lab: &Lab, calls_per_second: f64, more: &[&str]) -> Output {
    let app = Lab::app("shop", SHOP, &lab.url);
    let text = format!("calls_per_second: {calls_per_second}\napps:\n{app}");
    let config = lab.write("timpush.yml", &text);
    Command::new(BINARY)
        .args(["probe", "--config", config.to_str().unwrap()])
        .args(["--app", "shop", "--quick"])
        .args(more)
        .output()
        .unwrap()
}

fn report(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let reports: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reports.as_array().unwrap().len(), 1);
    reports[0].clone()
}

/// Probes a simulated service and checks what follows from edges and resolution.
async fn named(behaviour: Behaviour, edges: &str, step: &str) -> Value {
    let lab = Lab::start(UNLIMITED).await;
    lab.simulator.set_scenario(Scenario {
        behaviour,
        ..Scenario::default()
    });
    let report = report(&probe(&lab, 100.0, &["--output", "json"]));
    for (key, verdict) in [
        ("edges", edges),
        ("resolution", step),
        ("settling", "skipped"),
        ("call_limit", "not_seen"),
    ] {
        assert_eq!(report[key]["verdict"], verdict, "{key} {report:#}");
    }
    assert_eq!(report["settings"]["step"]["value"], step);
    assert_eq!(report["settings"]["counters"]["value"], true);
    assert_eq!(report["settings"]["lag"]["value"], Value::Null);
    let evidence = report["day_additivity"]["evidence"].as_array().unwrap();
    assert!(evidence.len() >= 3);
    assert!(evidence.iter().all(|asked| asked["outcome"] == "ok"
        && asked["from"].as_str().unwrap().ends_with('Z')
        && asked["counts"]["ready_to_send"].as_u64().unwrap() > 0));
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_service_is_named_so() {
    let report = named(Behaviour::default(), "half_open", "1m").await;
    assert_eq!(report["day_additivity"]["verdict"], "additive");
    assert_eq!(report["hour_additivity"]["verdict"], "additive");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_bucketed_service_is_named_so() {
    let behaviour = Behaviour {
        whole_days: true,
        ..Behaviour::default()
    };
    let report = named(behaviour, "buckets", "1d").await;
    assert_eq!(report["day_additivity"]["verdict"], "additive");
    assert_eq!(report["hour_additivity"]["verdict"], "not_additive");
    assert_eq!(report["settings"]["window"]["value"], "1d");
}

/// Runs the daemon with the settings that the probe prints and gives its counters.
async fn advised(behaviour: Behaviour, offset: DayOffset) {
    let lab = Lab::start(UNLIMITED).await;
    lab.simulator.set_scenario(Scenario {
        behaviour,
        ..Scenario::default()
    });
    let output = probe(&lab, 100.0, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, settings) = text.split_once("\nSettings to use, ").unwrap();
    let (settings, _) = settings.split_once("\nWhat was measured:").unwrap();
    let (place, settings) = settings.split_once(":\n\n").unwrap();
    assert!(place.ends_with("in the app"), "{place}");
    assert!(settings.contains("\nstep: 1d  # "), "{settings}");
    assert!(settings.contains("\ncounters: true  # "), "{settings}");
    let config = format!(
        "listen: 127.0.0.1:0\ncalls_per_second: 50\ndefaults: {{interval: 2s, timeout: 2s}}\napps:\n  \
         - name: shop\n    sdk_app_id: {SHOP}\n    identifier: administrator\n    secret_key_file: shop.key\n    \
         regions: [{{name: lab, url: \"{}\"}}]\n    {}\n",
        lab.url,
        settings.trim_end().replace('\n', "\n    "),
    );
    // The settings have pushes to all users watched, too.
    let normal = &["push=\"normal\""];
    let before = now();
    let exporter = Exporter::run(&lab.write("advised.yml", &config)).await;
    let metrics = exporter
        .until("counters", |metrics| {
            let counted = |name| metrics.sum(name, normal).is_some();
            counted("timpush_lost_pushes_total") && counted("timpush_sent_pushes_total")
        })
        .await;
    assert_eq!(metrics.sum("timpush_counters_enabled", normal), Some(1.0));
    let day = day_anchor(before, offset);
    let sent = |end: UnixSeconds| {
        let api = Api::NormalPushStatistics;
        let range = Range { start: day, end };
        let counts = lab.simulator.truth(SHOP, api, range).unwrap().counts();
        let sent = counts.get(&CountKey::Funnel(FunnelStep::Sent, None));
        sent.copied().unwrap_or(0)
    };
    let served = metrics.sum("timpush_sent_pushes_total", normal).unwrap();
    // Shortly after midnight it is the day before, and then 0.
    if before.0 - day.0 > 1200 {
        let (least, most) = (sent(before), sent(UnixSeconds(now().0 + 1)));
        let number = |count: u64| f64::from(u32::try_from(count).unwrap());
        assert!(
            (number(least)..=number(most)).contains(&served),
            "{served}, not {least} to {most}"
        );
        let anchor = metrics.sum("timpush_day_anchor_timestamp_seconds", normal);
        assert_eq!(anchor, Some(day.as_f64()));
    }
}

fn now() -> UnixSeconds {
    let now = jiff::Timestamp::now().as_second();
    UnixSeconds(now.try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_for_a_service_of_whole_days_give_counters_that_are_right() {
    for (utc_days, offset) in [(false, DayOffset::DEFAULT), (true, DayOffset::UTC)] {
        let behaviour = Behaviour {
            whole_days: true,
            utc_days,
            ..Behaviour::default()
        };
        advised(behaviour, offset).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inclusive_edges_are_named_so() {
    let behaviour = Behaviour {
        inclusive_end: true,
        ..Behaviour::default()
    };
    let report = named(behaviour, "inclusive", "1m").await;
    // Whether something happened in these very seconds is the data's affair.
    for key in ["day_additivity", "hour_additivity"] {
        let verdict = report[key]["verdict"].as_str().unwrap();
        assert!(
            ["additive", "inclusive_edges"].contains(&verdict),
            "{key} {report:#}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_an_sdk_app_id_is_seen_and_otherwise_kept() {
    // A service in ten times the hurry; what is asked of it does not change.
    let lab = Lab::start(Limits {
        spacing: Duration::from_millis(100),
        ..Limits::default()
    })
    .await;
    let output = probe(&lab, 9.0, &[]);
    let (text, log) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(0), "{log}");
    for part in [
        "Adjacent days: additive",
        "Call limit: per_sdk_app_id",
        "\nstep: 1m  # ",
        "\ncounters: true  # ",
        "\n# lag: ",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let (_, settings) = text.split_once("Settings to use, ").unwrap();
    let (settings, _) = settings.split_once("\nWhat was measured:").unwrap();
    let settings = settings.split_once('\n').unwrap().1.replace('\n', "\n    ");
    let app = format!(
        "  - name: shop\n    sdk_app_id: {SHOP}\n    identifier: administrator\n    secret_key_file: shop.key\n    regions: [china]\n{settings}"
    );
    let pasted = lab.write("pasted.yml", &format!("apps:\n{app}"));
    let check = Command::new(BINARY)
        .arg("check-config")
        .arg(&pasted)
        .output()
        .unwrap();
    assert_eq!(check.status.code(), Some(0), "{check:?}\n{app}");
    let refused = lab
        .simulator
        .calls()
        .iter()
        .filter(|call| call.verdict != 0)
        .count();
    assert_eq!(refused, 1, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_refuses_ends_the_probe_with_its_advice() {
    let lab = Lab::start(UNLIMITED).await;
    let refusal = json!({"fault": {"error": {"code": 90045}}});
    lab.simulator.set_scenario(failing(&[refusal]));
    let output = probe(&lab, 100.0, &[]);
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("shop/lab: not_enabled 90045: "), "{log}");
    assert!(output.stdout.is_empty());
    let elsewhere = probe(&lab, 100.0, &["--region", "nowhere"]);
    assert_eq!(elsewhere.status.code(), Some(64));
}
