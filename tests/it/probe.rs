//! What `probe` finds out about services that behave differently.

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use timpush_exporter::simulator::{Behaviour, Fault, Limits, Rule, Scenario};

use crate::lab::{BINARY, Lab, SHOP, UNLIMITED};

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
    let refusal = Fault::Error {
        code: 90045,
        info: None,
    };
    lab.simulator.set_scenario(Rule::always(refusal));
    let output = probe(&lab, 100.0, &[]);
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("shop/lab: not_enabled 90045: "), "{log}");
    assert!(output.stdout.is_empty());
    let elsewhere = probe(&lab, 100.0, &["--region", "nowhere"]);
    assert_eq!(elsewhere.status.code(), Some(64));
}
