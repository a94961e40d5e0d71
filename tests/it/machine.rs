//! A machine that runs out of something.

use std::fmt::Write;
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep};

use crate::lab::{BINARY, Exporter, Lab, Metrics, PATIENCE, UNLIMITED};

/// More than the program holds open by itself.
const DESCRIPTORS: u32 = 64;

/// Each with a call under way.
const APPS: u32 = 100;

/// A service without any data that responds once it is told to, and ends the connection.
async fn service(respond: watch::Receiver<bool>) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = r#"{"ActionStatus":"OK","ErrorCode":0}"#;
    let response = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut calls = JoinSet::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut respond, response) = (respond.clone(), response.clone());
            calls.spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                respond.wait_for(|respond| *respond).await.unwrap();
                let _ = stream.write_all(response.as_bytes()).await;
            });
        }
    });
    (url, task)
}

/// Runs into the limit, and checks what is said, and that it heals. Returns the
/// outcomes of calls, in order.
async fn out_of_descriptors(key: &str) -> Vec<String> {
    let lab = Lab::start(UNLIMITED).await;
    let (respond, told) = watch::channel(false);
    let (url, _task) = service(told).await;
    let mut apps = String::new();
    for id in 1..=APPS {
        let regions = format!("regions: [{{name: lab, url: \"{url}\"}}]");
        writeln!(
            apps,
            "  - {{name: shop{id}, sdk_app_id: {id}, identifier: administrator, {key}, {regions}}}"
        )
        .unwrap();
    }
    // An interval in which a busy machine makes all calls with the descriptors that there are.
    let config = format!(
        "listen: 127.0.0.1:0\ndefaults: {{interval: 4s, timeout: 1m, counters: false, statistics: false}}\ncalls_per_second: 50\napps:\n{apps}"
    );
    let path = lab.write("timpush.yml", &config);
    let mut command = Command::new("sh");
    let limited = format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\"");
    command
        .args(["-c", &limited, BINARY, "run", "--log-format", "json"])
        .arg("--config")
        .arg(path)
        .env("MADE_UP_KEY", "made up");
    let exporter = Exporter::spawn(&mut command).await;
    let start = Instant::now();
    let failure = loop {
        let lines = exporter.log_lines();
        let failed = lines.into_iter().find(|line| !line["outcome"].is_null());
        if let Some(failed) = failed {
            break failed;
        }
        assert!(start.elapsed() < PATIENCE, "{}", exporter.log());
        sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(failure["outcome"], "local", "{failure}");
    let said = failure.to_string();
    for words in [
        "this process has no file descriptor left (limit 64)",
        "ulimit -n",
        "LimitNOFILE",
    ] {
        assert!(said.contains(words), "{said}");
    }
    respond.send(true).unwrap();
    let all_up = |metrics: &Metrics| metrics.sum("timpush_target_up", &[]) == Some(f64::from(APPS));
    let metrics = exporter.until("recovery", all_up).await;
    // A series of an outcome is 0 at first, so that its being there tells of it.
    let mut outcomes: Vec<String> = metrics
        .series("timpush_api_requests_total", &[])
        .iter()
        .filter_map(|(series, _)| Some(series.split_once("outcome=\"")?.1.split_once('"')?.0))
        .map(str::to_owned)
        .collect();
    outcomes.sort_unstable();
    outcomes.dedup();
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_descriptor_is_this_machines_fault_and_heals_by_itself() {
    let outcomes = out_of_descriptors("secret_key_env: MADE_UP_KEY").await;
    assert_eq!(outcomes, ["local", "ok"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_no_descriptor_is_left_for_is_this_machines_fault_too() {
    let outcomes = out_of_descriptors("secret_key_file: shop.key").await;
    // Without a key nothing is called.
    assert!(
        outcomes == ["ok"] || outcomes == ["local", "ok"],
        "{outcomes:?}"
    );
}
