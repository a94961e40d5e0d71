//! Files that are not what the configuration takes them for: the program refuses them,
//! names them, and goes on.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::lab::{BINARY, Exporter, GAME, Lab, SHOP, UNLIMITED, get, http};

const NOT_A_FILE: &str = "it is a named pipe, not a regular file";

fn fifo(path: &Path) {
    // In place of what was there.
    let _ = fs::remove_file(path);
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

fn config(lab: &Lab, more: &str) -> PathBuf {
    let text = format!(
        "listen: 127.0.0.1:0\ncalls_per_second: 50\n{more}\n\
         defaults: {{interval: 1s, timeout: 2s, lag: 10s, step: 1s}}\napps:\n{}{}",
        Lab::app("shop", SHOP, &lab.url),
        Lab::app("game", GAME, &lab.url)
    );
    lab.write("timpush.yml", &text)
}

async fn reload(exporter: &Exporter) -> (u16, String) {
    let url = format!("{}/-/reload", exporter.url);
    let response = http().post(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// 350 bytes that stand for gigabytes.
fn laughs() -> String {
    let level = |(below, name): (char, char)| {
        let list = vec![format!("*{below}"); 9].join(", ");
        format!("{name}: &{name} [{list}]\n")
    };
    let levels: String = "abcdefgh"
        .chars()
        .zip("bcdefghi".chars())
        .map(level)
        .collect();
    format!("a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n{levels}")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_stops_reloads_polls_or_the_end_of_the_program() {
    let lab = Lab::start(UNLIMITED).await;
    let path = config(&lab, "");
    let mut exporter = Exporter::run(&path).await;
    exporter
        .until("polls", |metrics| {
            metrics.sum("timpush_target_up", &[]) == Some(4.0)
        })
        .await;
    let good = fs::read_to_string(&path).unwrap();
    let key = lab.path("shop.key");
    let key_text = fs::read_to_string(&key).unwrap();

    // A key that cannot be read is a problem of the new configuration.
    fifo(&key);
    let (status, text) = reload(&exporter).await;
    assert_eq!(status, 400, "{text}");
    let expected = format!(
        "apps[0] (shop).secret_key_file: cannot read the secret key from {}: {NOT_A_FILE}\n",
        key.display()
    );
    assert!(text.starts_with(&format!("{}:", path.display())), "{text}");
    assert!(text.ends_with(&expected), "{text}");
    fs::remove_file(&key).unwrap();
    fs::write(&key, key_text).unwrap();

    for (bad, part) in [
        (
            "- ".repeat(8984) + "x",
            "nested more than 32 levels deep, line 1",
        ),
        (laughs(), "holds more than 1000000 keys and values"),
        (
            format!("ca_file: /dev/zero\n{good}"),
            "/dev/zero: it is a device, not a regular file",
        ),
    ] {
        fs::write(&path, bad).unwrap();
        let (status, text) = reload(&exporter).await;
        assert_eq!(status, 400, "{text}");
        assert!(text.contains(part), "{text}");
        exporter.signal("HUP");
    }
    // The configuration itself is no file either.
    fifo(&path);
    let (status, text) = reload(&exporter).await;
    assert_eq!(status, 400, "{text}");
    assert!(text.contains(NOT_A_FILE), "{text}");
    fs::remove_file(&path).unwrap();
    fs::write(&path, good).unwrap();
    assert_eq!(
        reload(&exporter).await,
        (200, "reloaded: unchanged\n".to_owned())
    );

    assert_eq!(get(&format!("{}/-/healthy", exporter.url)).await.0, 200);
    fifo(&key);
    assert_eq!(exporter.stop("TERM").await, Some(0), "{}", exporter.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_file_that_would_break_the_parser_leaves_the_former_in_effect() {
    let lab = Lab::start(UNLIMITED).await;
    let web = lab.write("web.yml", "rate_limit: {interval: 0}\n");
    let path = config(&lab, "web: {config_file: web.yml}");
    let mut exporter = Exporter::run(&path).await;
    for (n, bad) in ["- ".repeat(8984) + "x", laughs()].into_iter().enumerate() {
        fs::write(&web, bad).unwrap();
        exporter
            .until("the refusal", |_| {
                exporter.log().matches("the former settings stay").count() > n
            })
            .await;
    }
    fifo(&web);
    exporter
        .until("the refusal", |_| exporter.log().contains(NOT_A_FILE))
        .await;
    assert_eq!(exporter.stop("TERM").await, Some(0), "{}", exporter.log());
}

#[test]
fn check_config_names_every_file_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fifo(&path("pipe"));
    fifo(&path("pipe.yml"));
    let app = "apps: [{sdk_app_id: 1, identifier: a, regions: [china], secret_key_file: pipe}]";
    fs::write(path("a.yml"), app).unwrap();
    fs::write(path("deep.yml"), "- ".repeat(8984)).unwrap();
    fs::write(path("laughs.yml"), laughs()).unwrap();
    for (name, part) in [
        ("a.yml", NOT_A_FILE),
        ("pipe.yml", NOT_A_FILE),
        ("deep.yml", "nested more than 32 levels deep"),
        ("laughs.yml", "holds more than 1000000 keys and values"),
    ] {
        let mut command = Command::new(BINARY);
        let output = command
            .arg("check-config")
            .arg(path(name))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{name}: {said}");
        assert!(said.contains(part), "{name}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_file_is_written_in_its_interval_and_read_at_the_next_start() {
    let lab = Lab::start(UNLIMITED).await;
    let state = lab.path("state.json");
    let path = config(&lab, "state_file: state.json\nstate_interval: 1s");
    let mut exporter = Exporter::run(&path).await;
    exporter
        .until("the state file", |metrics| {
            metrics.sum("timpush_sent_pushes_total", &[]).is_some() && state.exists()
        })
        .await;
    let mode = fs::metadata(&state).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(exporter.stop("TERM").await, Some(0), "{}", exporter.log());
    let text = fs::read_to_string(&state).unwrap();
    assert_eq!(text.lines().count(), 3, "{text}");

    fs::write(lab.path(".state.json.abc123.tmp"), "half").unwrap();
    let mut exporter = Exporter::run(&path).await;
    assert_eq!(exporter.stop("KILL").await, None);
    assert!(!exporter.log().contains("state file"), "{}", exporter.log());
    assert!(!lab.path(".state.json.abc123.tmp").exists());

    let damaged = text.replacen("shop", "shot", 1);
    fs::write(&state, damaged).unwrap();
    let mut exporter = Exporter::run(&path).await;
    assert_eq!(exporter.stop("TERM").await, Some(0));
    let log = exporter.log();
    assert!(
        log.contains("some targets of the state file cannot be used"),
        "{log}"
    );
}
