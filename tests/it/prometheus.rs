//! A real Prometheus server on this machine.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::lab::{PATIENCE, free_port, get, http};

/// What makes the server prefer protobuf. Until version 3 that came with native histograms.
pub(crate) fn preferring_protobuf() -> &'static str {
    let output = Command::new("prometheus")
        .arg("--version")
        .output()
        .expect("prometheus is installed");
    let says = String::from_utf8(output.stdout).unwrap();
    if says.starts_with("prometheus, version 2.") {
        "--enable-feature=native-histograms"
    } else {
        "--enable-feature=created-timestamp-zero-ingestion"
    }
}

/// The server as a child process, ended with the value.
pub(crate) struct Prometheus {
    child: Child,
    pub(crate) url: String,
    folder: TempDir,
}

impl Prometheus {
    /// Starts with a configuration; its data is its own.
    pub(crate) async fn start(config: &str) -> Self {
        Self::start_in(config, tempfile::tempdir().unwrap(), &[]).await
    }

    /// Starts with the data in the folder's `data`, and more arguments.
    pub(crate) async fn start_in(config: &str, folder: TempDir, arguments: &[&str]) -> Self {
        let path = folder.path().join("prometheus.yml");
        std::fs::write(&path, config).unwrap();
        let port = free_port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", path.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg("--storage.tsdb.retention.time=30d")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(File::create(log(folder.path())).unwrap())
            .spawn()
            .expect("prometheus is installed");
        let server = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
            folder,
        };
        let start = Instant::now();
        while !server.is_ready().await {
            assert!(start.elapsed() < PATIENCE, "{}", server.log());
            sleep(Duration::from_millis(100)).await;
        }
        server
    }

    async fn is_ready(&self) -> bool {
        let answer = http().get(format!("{}/-/ready", self.url)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// An instant query: its result, a list of series.
    pub(crate) async fn query(&self, promql: &str) -> Vec<Value> {
        let url = reqwest::Url::parse_with_params(
            &format!("{}/api/v1/query", self.url),
            [("query", promql)],
        )
        .unwrap();
        let answer: Value = serde_json::from_str(&get(url.as_str()).await.1).unwrap();
        answer["data"]["result"]
            .as_array()
            .unwrap_or_else(|| panic!("{promql}: {answer}"))
            .clone()
    }

    /// The value of a query that gives one series.
    pub(crate) async fn value(&self, promql: &str) -> f64 {
        let result = self.query(promql).await;
        assert_eq!(result.len(), 1, "{promql}: {result:?}");
        number(&result[0]["value"][1])
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(log(self.folder.path())).unwrap()
    }

    /// Ends the server and gives the lines of its log that warn of something.
    pub(crate) fn complaints(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log()
            .lines()
            .filter(|line| {
                // Prometheus 3 writes levels in capitals.
                let line = line.to_ascii_lowercase();
                line.contains("level=warn") || line.contains("level=error")
            })
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log(folder: &Path) -> std::path::PathBuf {
    folder.join("log")
}

/// A number as the server writes it.
pub(crate) fn number(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}
