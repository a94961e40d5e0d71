//! Canaries: a key and its signatures are looked for in everything the program can print.

use std::process::Command;

use serde_json::json;
use timpush_exporter::simulator::Scenario;
use timpush_exporter::usersig::decode;

use crate::lab::{BINARY, Exporter, GAME, Lab, SHOP, UNLIMITED, get};

/// Made up. No word of it occurs anywhere else.
const CANARY: &str = "canarybird-7f3a9c-feedseed-51b2-nestling-0d9e-plumage";

/// Fails if the text holds a part of the key, or anything that decodes as a signature.
fn check(place: &str, text: &str) {
    for fragment in CANARY.as_bytes().windows(10) {
        let fragment = std::str::from_utf8(fragment).unwrap();
        assert!(!text.contains(fragment), "the key is in {place}: {text}");
    }
    let alphabet = |c: char| c.is_ascii_alphanumeric() || "*-_".contains(c);
    for run in text
        .split(|c: char| !alphabet(c))
        .filter(|run| run.len() >= 40)
    {
        // A signature may have been cut, or have something in front of it.
        for start in (0..run.len()).filter(|start| run[*start..].starts_with("eJ")) {
            assert!(
                run.len() - start < 40,
                "a signature may be in {place}: {run}"
            );
        }
        assert!(decode(run).is_err(), "a signature is in {place}");
    }
}

fn output(arguments: &[&str]) -> String {
    let output = Command::new(BINARY).args(arguments).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// A lab in which every app's key is the canary.
async fn canaries() -> Lab {
    Lab::start_with_keys(UNLIMITED, |_| CANARY.to_owned()).await
}

fn config(lab: &Lab) -> String {
    let text = format!(
        "listen: 127.0.0.1:0\ncalls_per_second: 50\ndefaults: {{interval: 1s, timeout: 2s, lag: 10s, step: 1s}}\napps:\n{}{}",
        Lab::app("shop", SHOP, &lab.url),
        Lab::app("game", GAME, &lab.url)
    );
    lab.write("timpush.yml", &text).to_str().unwrap().to_owned()
}

/// Answers that show the call's URL, signature included, in every place they can.
fn echoes() -> Vec<(&'static str, serde_json::Value)> {
    let answer = |info: &str, description: &str| {
        format!(
            r#"{{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"{info}","ReadyToSendLoss":[{{"ErrCode":"-1","ErrCount":1,"ErrInfo":"{description}"}}]}}"#
        )
    };
    vec![
        (
            "ErrorInfo",
            json!({"error": {"code": 91000, "info": "cannot serve {url}"}}),
        ),
        (
            "an auth ErrorInfo",
            json!({"error": {"code": 70009, "info": "{url}"}}),
        ),
        (
            "a gateway's page",
            json!({"http_status": {"status": 502, "body": "<p>{url} is not there</p>"}}),
        ),
        (
            "a gateway's page with 200",
            json!({"http_status": {"status": 200, "body": "<p>{url}</p>"}}),
        ),
        (
            "a redirect",
            json!({"redirect": {"location": "http://127.0.0.1:1/{url}"}}),
        ),
        ("broken JSON", json!({"body": "{\"ActionStatus\": {url}"})),
        ("ErrInfo", json!({"body": answer("", "POST {url} failed")})),
        (
            "ErrCode",
            json!({"body": answer("", "x").replace("-1", "{url}")}),
        ),
        (
            "a wrapper's name",
            json!({"body": r#"{"ActionStatus":"OK","ErrorCode":0,"{url}":[1]}"#}),
        ),
    ]
}

/// Runs the daemon through every echo and reads all that it serves and logs.
async fn echoes_show_no_secret(log_format: &str) {
    let lab = canaries().await;
    let config = config(&lab);
    let exporter = Exporter::start(&[
        "run",
        "--config",
        &config,
        "--log-level",
        "trace",
        "--log-format",
        log_format,
    ])
    .await;
    for (place, fault) in echoes() {
        // A success in between keeps the back-off short.
        lab.simulator.set_scenario(Scenario::default());
        let (before, failures) = (asked(&lab), "timpush_target_consecutive_failures");
        exporter
            .until("recovery", |metrics| {
                asked(&lab) > before && metrics.sum(failures, &[]) == Some(0.0)
            })
            .await;
        let scenario = json!({"rules": [{"fault": fault}]});
        lab.simulator
            .set_scenario(Scenario::from_json(&scenario.to_string()).unwrap());
        let before = asked(&lab);
        exporter.until(place, |_| asked(&lab) > before + 1).await;
        check(place, &exporter.metrics().await.0);
        for path in ["/", "/api/v1/targets"] {
            check(place, &get(&format!("{}{path}", exporter.url)).await.1);
        }
    }
    check("the log", &exporter.log());
    check("the output", &exporter.output());
    assert!(
        exporter.log().lines().count() > 20,
        "the log says little\n{}",
        exporter.log()
    );
}

fn asked(lab: &Lab) -> usize {
    let calls = lab.simulator.calls();
    calls
        .iter()
        .filter(|call| call.sdk_app_id == Some(SHOP))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_a_json_log_a_page_or_a_metric_whatever_is_echoed() {
    echoes_show_no_secret("json").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_a_text_log_a_page_or_a_metric_whatever_is_echoed() {
    echoes_show_no_secret("text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_what_a_command_prints() {
    let lab = canaries().await;
    let config = config(&lab);
    let now = jiff::Timestamp::now().as_second();
    let (from, to) = ((now - 7200).to_string(), (now - 3600).to_string());
    let query = [
        "query", "--config", &config, "--app", "shop", "--from", &from, "--to", &to,
    ];
    let filled = lab.path("filled").to_str().unwrap().to_owned();
    let backfill = [
        "backfill", "--config", &config, "--app", "shop", "--from", &from, "--to", &to, "--step",
        "1h", "--output", &filled,
    ];
    check("check-config", &output(&["check-config", &config]));
    check("help", &output(&["--help"]));
    for command in [
        "run",
        "demo",
        "simulate",
        "check-config",
        "query",
        "probe",
        "backfill",
        "healthcheck",
        "usersig",
    ] {
        check("help", &output(&[command, "--help"]));
    }
    for (place, fault) in echoes() {
        let scenario = json!({"rules": [{"fault": fault}]});
        lab.simulator
            .set_scenario(Scenario::from_json(&scenario.to_string()).unwrap());
        check(place, &output(&query));
        check(place, &output(&backfill));
        for path in [lab.path("filled"), lab.path("filled.part")] {
            if let Ok(text) = std::fs::read_to_string(&path) {
                check(place, &text);
                std::fs::remove_file(path).unwrap();
            }
        }
    }
    let broken = lab.write(
        "broken.yml",
        &format!("apps: [{{secret_key: {CANARY}, secret_key_file: [{CANARY}}}]"),
    );
    check(
        "a broken file",
        &output(&["check-config", broken.to_str().unwrap()]),
    );
}

#[test]
fn an_error_that_ends_in_a_panic_shows_no_secret() {
    let url = format!(
        "POST /v4/timpush/x?usersig=eJ{}&random=1 with {CANARY}",
        "wxyz".repeat(40)
    );
    let scrubber = timpush_exporter::scrubber::Scrubber::new([CANARY]);
    let error =
        timpush_exporter::model::outcome::FetchError::refused(91000, &scrubber.scrub(&url, 200));
    let panic = std::panic::catch_unwind(|| panic!("{error:?} {error}")).unwrap_err();
    check("a panic", panic.downcast_ref::<String>().unwrap());
}
