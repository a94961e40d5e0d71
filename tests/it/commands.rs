//! Exit codes and what the commands print.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use serde_json::{Value, json};
use timpush_exporter::simulator::Scenario;

use crate::lab::{BINARY, Exporter, Lab, SHOP, UNLIMITED, failing};

fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY)
        .args(arguments)
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn assert_fails(output: &Output, with: i32, words: &str) {
    let said = stderr(output);
    assert_eq!(code(output), Some(with), "{said}");
    assert!(said.contains(words), "{said}");
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn wrong_usage_is_64_and_help_is_0() {
    assert_eq!(code(&run(&["--help"])), Some(0));
    assert_eq!(code(&run(&["--version"])), Some(0));
    for arguments in [
        &["--nonsense"][..],
        &["nonsense"],
        &["query"],
        &["run", "--log-level", "loud"],
    ] {
        assert_eq!(code(&run(arguments)), Some(64), "{arguments:?}");
    }
}

#[test]
fn a_mistyped_command_or_flag_is_answered_with_the_right_one() {
    for (arguments, meant) in [
        (&["qery"][..], "'query'"),
        (&["check-confg"], "'check-config'"),
        (&["run", "--confg", "x.yml"], "'--config'"),
        (&["query", "--outptu", "json"], "'--output'"),
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), Some(64), "{arguments:?}");
        assert!(stderr(&output).contains(meant), "{}", stderr(&output));
    }
}

#[test]
fn errors_before_the_start_are_json_where_the_log_is() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("timpush.yml");
    let missing = missing.to_str().unwrap();
    for arguments in [
        &["--log-format", "json", "--config", missing][..],
        &["run", "--log-format=json", "--config", missing],
        &["check-config", missing, "--log-format", "json"],
        &["run", "--log-format", "json", "--nonsense"],
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), Some(64), "{arguments:?}");
        let lines = stderr(&output);
        assert_eq!(lines.lines().count(), 1, "{lines}");
        let line: Value = serde_json::from_str(&lines).unwrap();
        assert_eq!(line["level"], "ERROR");
        assert!(line["message"].as_str().is_some_and(|text| text.len() > 10));
    }
}

#[test]
fn a_reader_that_goes_away_ends_a_command_quietly() {
    let check = [
        "check-config",
        concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/deploy/compose/example/exporter/timpush.yml"
        ),
        "--without-secrets",
    ];
    let fill = ["backfill", "--demo", "--step", "1h"];
    for arguments in [&["--help"][..], &["query", "--help"], &check, &fill] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(BINARY)
            .args(arguments)
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        assert_eq!(code(&output), Some(0), "{arguments:?} {output:?}");
        assert!(!stderr(&output).contains("ipe"), "{}", stderr(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_line_of_the_log_says_what_starts_and_an_argument_says_where() {
    let lab = Lab::start(UNLIMITED).await;
    let text = format!(
        "listen: 127.0.0.1:1\napps:\n{}",
        Lab::app("shop", SHOP, &lab.url)
    );
    let config = lab.write("timpush.yml", &text);
    let config = config.to_str().unwrap();
    let variables = [
        ("TIMPUSH_EXPORTER_PORT", "tcp://10.0.0.1:10898"),
        ("TIMPUSH_EXPORTER_SERVICE_HOST", "10.0.0.1"),
    ];
    let start = ["run", "--config", config, "--listen", "localhost:0"];
    let exporter = Exporter::start_with(&start, &variables).await;
    let log = exporter.log();
    let first = log.lines().next().unwrap();
    for part in [
        "version=",
        "revision=",
        "apps=1",
        "targets=1",
        "timpush.yml",
    ] {
        assert!(first.contains(part), "{part}\n{log}");
    }
    assert!(exporter.url.starts_with("http://127.0.0.1:"), "{log}");
    assert!(
        !log.contains("TIMPUSH_EXPORTER") && !log.contains("timpush_exporter::"),
        "{log}"
    );
}

#[test]
fn without_a_configuration_the_way_out_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(BINARY)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(code(&output), Some(64));
    for part in ["timpush.yml", "/etc/timpush-exporter", "demo"] {
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
}

#[test]
fn check_config_reports_every_problem_and_exits_with_64() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timpush.yml");
    fs::write(&path, "listen: here\napps: [{}, {name: x, sdk_app_id: 1, identifier: a, secret_key_env: NO, regions: []}]").unwrap();
    let output = run(&["check-config", path.to_str().unwrap(), "--without-secrets"]);
    assert_eq!(code(&output), Some(64));
    let (said, file) = (stderr(&output), &path);
    for (line, path) in [
        (1, "listen: "),
        (2, "apps[0].sdk_app_id: "),
        (2, "apps[0].identifier: "),
        (2, "apps[0].regions: "),
        (2, "apps[1] (x).regions: must not be empty"),
    ] {
        let start = format!("{}:{line}: {path}", file.display());
        assert!(
            said.lines().any(|line| line.starts_with(&start)),
            "{start}\n{said}"
        );
    }
    assert!(said.ends_with("\n6 problems\n"), "{said}");
    assert_eq!(stdout(&output), "");

    // Named in another way, or found where `run` finds it, the file is the same.
    let named = Command::new(BINARY)
        .args(["check-config", "--without-secrets", "--config"])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(stderr(&named), said);
    for command in [&["check-config", "--without-secrets"][..], &["run"]] {
        let found = Command::new(BINARY)
            .args(command)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(code(&found), Some(64));
        let shown = said.replace(&format!("{}/", folder.path().display()), "");
        let found = stderr(&found);
        assert!(found.starts_with(&shown[..40]), "{found}");
        assert!(
            found.contains("timpush.yml:2: apps[1] (x).regions: must not be empty"),
            "{found}"
        );
    }
    assert_fails(
        &run(&["check-config", "a.yml", "--config", "b.yml"]),
        64,
        "cannot be used with",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_that_simulate_prints_can_be_polled() {
    let mut simulator = Command::new(BINARY)
        .args(["simulate", "--listen", "127.0.0.1:0"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(simulator.stdout.take().unwrap()));
    let mut text = "listen: 127.0.0.1:0\n".to_owned();
    while text.matches("regions:").count() < 2 {
        text.push_str(&lines.next().unwrap().unwrap());
        text.push('\n');
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timpush.yml");
    fs::write(&path, &text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let output = run(&["check-config", path.to_str().unwrap()]);
    assert_eq!(code(&output), Some(0), "{}\n{text}", stderr(&output));
    let exporter = Exporter::run(&path).await;
    exporter
        .until("all up", |metrics| {
            metrics.sum("timpush_target_up", &[]) == Some(4.0)
        })
        .await;
    simulator.kill().unwrap();
    simulator.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_daemon_ends_well_and_a_taken_port_does_not() {
    let lab = Lab::start(UNLIMITED).await;
    lab.simulator
        .set_scenario(failing(&[json!({"fault": "hang"})]));
    let text = format!(
        "listen: 127.0.0.1:0\napps:\n{}",
        Lab::app("shop", SHOP, &lab.url)
    );
    let config = lab.write("timpush.yml", &text);
    let mut exporter = Exporter::run(&config).await;
    let taken = exporter.url.trim_start_matches("http://").to_owned();
    lab.write("timpush.yml", &text.replace("127.0.0.1:0", &taken));
    let second = run(&["run", "--config", config.to_str().unwrap()]);
    assert_eq!(code(&second), Some(1));
    assert!(
        stderr(&second).contains(&format!("cannot listen on {taken}")),
        "{}",
        stderr(&second)
    );
    // A call that hangs does not hold the end up.
    assert_eq!(exporter.stop("TERM").await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn query_shows_people_a_table_and_machines_json() {
    let lab = Lab::start(UNLIMITED).await;
    let text = format!("apps:\n{}", Lab::app("shop", SHOP, &lab.url));
    let config = lab.write("timpush.yml", &text);
    let now = jiff::Timestamp::now().as_second();
    let day = [(now - 90_000).to_string(), (now - 3600).to_string()];
    let query = [
        "query",
        "--config",
        config.to_str().unwrap(),
        "--app",
        "shop",
        "--from",
        &day[0],
        "--to",
        &day[1],
    ];
    let table = run(&query);
    assert_eq!(code(&table), Some(0), "{}", stderr(&table));
    let text = stdout(&table);
    for part in [
        "not sent: ",
        "% of ",
        " sendable",
        "sent and not delivered: ",
        "ready_to_send",
        "apns",
        "rows under 1 % (--all shows them)",
        "of churn",
        "What to do",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("token_invalid"), "{text}");
    let advice: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("- ")?.split_once(": "))
        .map(|(_, advice)| advice)
        .collect();
    let once: std::collections::BTreeSet<&str> = advice.iter().copied().collect();
    assert_eq!(advice.len(), once.len(), "{text}");
    let all = run(&[&query[..], &["--all"]].concat());
    for part in ["token_invalid", "all "] {
        assert!(stdout(&all).contains(part), "{part}\n{}", stdout(&all));
    }
    let json = run(&[&query[..], &["--output", "json"]].concat());
    let answers: Value = serde_json::from_str(&stdout(&json)).unwrap();
    let losses = answers[0]["losses"].as_array().unwrap();
    assert!(losses.len() > 10);
    for key in [
        "stage",
        "of",
        "platform",
        "err_code",
        "description",
        "class",
        "advice",
    ] {
        assert!(losses.iter().all(|row| row[key].is_string()), "{key}");
    }
    let shares: f64 = losses
        .iter()
        .filter(|row| row["platform"] == "all" && row["stage"] == "ready_to_send")
        .map(|row| row["share"].as_f64().unwrap())
        .sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");

    let old = run(&[
        "query",
        "--config",
        config.to_str().unwrap(),
        "--app",
        "shop",
        "--from",
        "0",
        "--to",
        &day[1],
    ]);
    assert_fails(&old, 64, "the earliest time to ask from is");
    let nobody = run(&[&query[..4], &["nobody"], &query[5..]].concat());
    assert_eq!(code(&nobody), Some(64));
    lab.simulator
        .set_scenario(failing(&[json!({"fault": {"error": {"code": 90045}}})]));
    let refused = run(&query);
    assert_fails(&refused, 1, "not_enabled 90045");
}

#[tokio::test(flavor = "multi_thread")]
async fn query_takes_the_only_app_and_times_as_people_write_them() {
    let lab = Lab::start(UNLIMITED).await;
    let [shop, game] =
        [("shop", SHOP), ("game", crate::lab::GAME)].map(|(name, id)| Lab::app(name, id, &lab.url));
    let config = lab.write("timpush.yml", &format!("apps:\n{shop}"));
    let query = ["query", "--config", config.to_str().unwrap()];
    let today = jiff::Timestamp::now().to_string();
    let today = format!("{}T00:00+08:00", &today[..10]);
    for when in [
        &[][..],
        &["--since", "1h"],
        &["--from", "-2h", "--to", "now"],
        &["--from", "-2d", "--to", "-1d12h"],
        &["--from", "-2d", "--to", &today],
    ] {
        let output = run(&[&query[..], when].concat());
        assert_eq!(code(&output), Some(0), "{when:?} {}", stderr(&output));
        let text = stdout(&output);
        assert!(text.starts_with("shop in lab, "), "{text}");
    }
    let both = run(&[&query[..], &["--from", "-2h", "--since", "1h"]].concat());
    assert_eq!(code(&both), Some(64));
    lab.write("timpush.yml", &format!("apps:\n{shop}{game}"));
    assert_fails(&run(&query), 64, "name one of shop, game");
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_tells_a_daemon_that_answers_from_one_that_does_not() {
    let demo = Exporter::start(&["demo", "--listen", "127.0.0.1:0"]).await;
    let check = |url: String| {
        let output = Command::new(BINARY)
            .args(["healthcheck", "--url", &url])
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    assert_eq!(
        check(format!("{}/-/healthy", demo.url)),
        (Some(0), String::new())
    );
    let (code, error) = check(format!("{}/nothing", demo.url));
    assert_eq!(code, Some(1));
    assert!(error.contains("404"), "{error}");
    let free = crate::lab::free_port();
    let (code, error) = check(format!("http://127.0.0.1:{free}/-/healthy"));
    assert_eq!(code, Some(1));
    assert!(error.contains("connect"), "{error}");
}

#[test]
fn the_configuration_of_the_composition_can_be_used() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/deploy/compose/example/exporter/timpush.yml"
    );
    let output = run(&["check-config", path, "--without-secrets"]);
    assert_eq!(code(&output), Some(0), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn query_shows_losses_without_shares_while_the_statistics_are_refused() {
    let lab = Lab::start(UNLIMITED).await;
    let scenario = r#"{"rules": [{"match": {"api": "normal_push_statistics"}, "fault": {"error": {"code": 60007}}}]}"#;
    lab.simulator
        .set_scenario(Scenario::from_json(scenario).unwrap());
    let apps = Lab::app("shop", SHOP, &lab.url);
    let config = lab.write(
        "timpush.yml",
        &format!("calls_per_second: 100\napps:\n{apps}"),
    );
    let output = run(&["query", "--config", config.to_str().unwrap()]);
    let (table, errors) = (stdout(&output), stderr(&output));
    assert_eq!(code(&output), Some(0), "{errors}");
    assert!(table.contains(" not sent"), "{table}");
    assert!(!table.contains("% of "), "{table}");
    assert!(
        errors.contains("no shares of what was sent: shop/lab: "),
        "{errors}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_tells_of_one_push_step_by_step_and_errors_as_sentences() {
    let lab = Lab::start(UNLIMITED).await;
    let text = format!("apps:\n{}", Lab::app("shop", SHOP, &lab.url));
    let config = lab.write("timpush.yml", &text);
    let trace = |arguments: &[&str]| {
        let begin = ["trace", "--config", config.to_str().unwrap()];
        run(&[&begin[..], arguments].concat())
    };
    for (arguments, parts) in [
        (
            &["--push-id", "no-token-1"][..],
            &[
                "shop in lab, push no-token-1",
                "push token: none",
                "failed",
                "code -2 token not uploaded",
                "- config: The device reported no push token.",
            ][..],
        ),
        (
            &["--push-id", "opened-1"],
            &["taken by the vendor", "The push was opened."],
        ),
        (
            &["--task-id", "silent-1", "--user-id", "user1"],
            &["task silent-1 for user user1", "no receipt came"],
        ),
    ] {
        let output = trace(arguments);
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        for part in parts {
            assert!(
                stdout(&output).contains(part),
                "{part}\n{}",
                stdout(&output)
            );
        }
        assert!(!stdout(&output).contains("made-up-token"));
    }
    let json = trace(&["--push-id", "no-token-1", "--output", "json"]);
    let told: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(told[0]["push_id"], "no-token-1");
    let device = &told[0]["devices"][0];
    assert_eq!(device["causes"][0]["class"], "config");
    assert_eq!(device["steps"][1]["err_code"], -2);
    assert_eq!(device["steps"][1]["state"], "failed");
    for (arguments, expected, part) in [
        (
            &["--push-id", "unknown-1"][..],
            1,
            "knows nothing of push unknown-1",
        ),
        (&["--task-id", "unknown-1", "--user-id", "u"], 1, "90049"),
        (&["--push-id", ""], 64, "must not be empty"),
        (&["--task-id", "a"], 64, "--user-id"),
        (
            &["--push-id", "a", "--task-id", "b", "--user-id", "c"],
            64,
            "cannot be used with",
        ),
        (&[], 64, "--push-id"),
    ] {
        let output = trace(arguments);
        assert_eq!(code(&output), Some(expected), "{arguments:?}");
        assert!(
            stderr(&output).contains(part),
            "{part}\n{}",
            stderr(&output)
        );
    }
    let calls = lab.simulator.calls();
    assert!(calls.iter().all(|call| call.api.is_none()));
    assert_eq!(calls.last().map(|call| call.verdict), Some(90049));
}
