//! What `probe` finds out about services that behave differently.

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
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

fn behaving(behaviour: Behaviour) -> Scenario {
    Scenario {
        behaviour,
        ..Scenario::default()
    }
}

fn verdicts(report: &Value) -> Value {
    let verdict = |key: &str| (key.to_owned(), report[key]["verdict"].clone());
    let keys = [
        "day_additivity",
        "hour_additivity",
        "edges",
        "resolution",
        "settling",
        "call_limit",
    ];
    Value::Object(keys.into_iter().map(verdict).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_count_differently_are_told_apart() {
    let plain = Behaviour::default();
    let whole_days = Behaviour {
        whole_days: true,
        ..plain
    };
    let inclusive_end = Behaviour {
        inclusive_end: true,
        ..plain
    };
    for (behaviour, hours, edges, resolution, step) in [
        (plain, "additive", "half_open", "1m", "1m"),
        (whole_days, "not_additive", "buckets", "1d", "1d"),
        (inclusive_end, "", "inclusive", "1m", "1m"),
    ] {
        let lab = Lab::start(UNLIMITED).await;
        lab.simulator.set_scenario(behaving(behaviour));
        let report = report(&probe(&lab, 100.0, &["--output", "json"]));
        let mut expected = json!({
            "day_additivity": "additive",
            "hour_additivity": hours,
            "edges": edges,
            "resolution": resolution,
            "settling": "skipped",
            "call_limit": "not_seen",
        });
        if behaviour.inclusive_end {
            // Whether something happened in these very seconds is the data's affair.
            for key in ["day_additivity", "hour_additivity"] {
                expected[key] = report[key]["verdict"].clone();
                assert!(
                    ["additive", "inclusive_edges"].contains(&expected[key].as_str().unwrap()),
                    "{report}"
                );
            }
        }
        assert_eq!(verdicts(&report), expected, "{behaviour:?}\n{report:#}");
        assert_eq!(report["settings"]["step"]["value"], step);
        assert_eq!(report["settings"]["counters"]["value"], true);
        assert_eq!(report["settings"]["lag"]["value"], Value::Null);
        let evidence = report["day_additivity"]["evidence"].as_array().unwrap();
        assert!(evidence.len() >= 3);
        assert!(evidence.iter().all(|asked| asked["outcome"] == "ok"
            && asked["from"].as_str().unwrap().ends_with('Z')
            && asked["counts"]["ready_to_send"].as_u64().unwrap() > 0));
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
