//! What the check accepts works: values at their bounds and of every odd kind, polled by the
//! real program.

use std::fs;
use std::path::Path;
use std::process::Command;

use timpush_exporter::simulator::{Options, SimApp, Simulator};
use timpush_exporter::usersig::{Identifier, SecretKey};
use tokio::task::JoinSet;

use crate::lab::{BINARY, Exporter, UNLIMITED};

/// A text in quotes of YAML.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn check(config: &Path) -> String {
    let output = Command::new(BINARY)
        .arg("check-config")
        .arg(config)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_check_accepts_is_polled() {
    let longest = "é".repeat(128);
    let rows = [
        // name, identifier, the key's text in its file, more keys of the app
        ("a: b", "administrator", "made up\n", ""),
        ("#x", "a b", " made up \r\n", ""),
        ("null", "a&b=c#d?e/f%20+", "\u{feff}made up", ""),
        ("0123", "é😀", "made up", "lag: 5d11h58m"),
        (
            "it's \"so\"",
            "'\"\\",
            "ключ",
            "window: 6d23h, lag: 0s, step: 1s",
        ),
        (
            "{a}",
            "~",
            "\n\nmade up\n\n",
            "window: 5d, step: 1d, lag: 0s",
        ),
        (&longest, "-", "k", "window: 1s, step: 1s, lag: 0s"),
        ("-", " ", "made up", "interval: 1d, stale_after: 1d"),
        ("$HOME", "*", "made up", "timeout: 300s, series_limit: 1"),
        ("%s\u{2028}x", "null", "made up", "day_offset: \"-12:00\""),
        (
            ".",
            "0123",
            "made up",
            "day_offset: \"+14:00\", counters: false, lag: 6d",
        ),
        ("<b>", &"x".repeat(256), "made up", "statistics: false"),
        ("\\", "\u{202e}", "made up", "series_limit: 1000000"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let apps = rows.iter().enumerate().map(|(n, (_, identifier, key, _))| {
        let id = u32::MAX - u32::try_from(n).unwrap();
        let identifier = Identifier::new(identifier).unwrap();
        SimApp::new(id, SecretKey::new(key).unwrap(), identifier)
    });
    let options = Options {
        apps: apps.collect(),
        limits: UNLIMITED,
        ..Options::default()
    };
    let simulator = Simulator::bind(([127, 0, 0, 1], 0).into(), options)
        .await
        .unwrap();
    let port = simulator.local_addr().port();
    let mut task = JoinSet::new();
    task.spawn(simulator.run(std::future::pending()));

    // Forms of a URL that mean the same, and forms of a number.
    let urls = [
        format!("http://127.0.0.1:{port}"),
        format!("HTTP://127.0.0.1:{port}/"),
        format!(" http://127.1:{port}"),
        format!("http://localhost:{port}/"),
    ];
    let mut text = String::from("calls_per_second: 100\napps:\n");
    for (n, (name, identifier, key, more)) in rows.iter().enumerate() {
        let id = u32::MAX - u32::try_from(n).unwrap();
        let id = [id.to_string(), format!("'0{id}'")][n % 2].clone();
        let file = format!("it's key {n} of #x.key");
        fs::write(folder.path().join(&file), key).unwrap();
        let url = quoted(&urls[n % urls.len()]);
        let (name, identifier, file) = (quoted(name), quoted(identifier), quoted(&file));
        let region = ["lab", "china", "'0'", "-_"][n % 4];
        let comma = if more.is_empty() { "" } else { ", " };
        let app = format!(
            "  - {{name: {name}, sdk_app_id: {id}, identifier: {identifier}, secret_key_file: {file}, \
             regions: [{{name: {region}, url: {url}}}]{comma}{more}}}\n"
        );
        text.push_str(&app);
    }
    for listen in ["127.0.0.1:0", "'[::1]:0'", "0.0.0.0:0", "'[::]:0'"] {
        let config = folder.path().join("it's #1: timpush.YML");
        fs::write(&config, format!("listen: {listen}\n{text}")).unwrap();
        let probe = std::net::TcpListener::bind(listen.trim_matches('\''));
        if probe.is_err() {
            // A machine without IPv6, which the check says.
            continue;
        }
        check(&config);
        let mut exporter = Exporter::run(&config).await;
        if listen == "127.0.0.1:0" {
            let expected = rows.len() * 2 - 1;
            exporter
                .until("all up", |metrics| {
                    metrics.sum("timpush_target_up", &[])
                        == Some(f64::from(u32::try_from(expected).unwrap()))
                })
                .await;
            let log = exporter.log();
            assert!(!log.contains("bad_request"), "{log}");
        }
        assert_eq!(exporter.stop("TERM").await, Some(0), "{}", exporter.log());
    }
}
