//! A simulator in this process and the real binary beside it.

use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use timpush_exporter::model::reading::Api;
use timpush_exporter::simulator::{Handle, Limits, Options, Scenario, SimApp, Simulator};
use timpush_exporter::usersig::SecretKey;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_timpush-exporter");

/// The simulator's made-up apps.
pub(crate) const SHOP: u32 = 1_400_000_001;
pub(crate) const GAME: u32 = 1_400_000_002;

/// Limits that nobody runs into.
pub(crate) const UNLIMITED: Limits = Limits {
    spacing: Duration::ZERO,
    signature_block: Duration::ZERO,
};

/// A rule that refuses every call of an API with a code.
pub(crate) fn refuses(api: Api, code: u32) -> Value {
    json!({"match": {"api": api}, "fault": {"error": {"code": code}}})
}

/// A service that fails by these rules.
pub(crate) fn failing(rules: &[Value]) -> Scenario {
    Scenario::from_json(&json!({ "rules": rules }).to_string()).unwrap()
}

/// A simulated service with its made-up apps, and a folder with their keys.
pub(crate) struct Lab {
    pub(crate) simulator: Handle,
    pub(crate) url: String,
    folder: TempDir,
    _task: JoinSet<()>,
}

impl Lab {
    pub(crate) async fn start(limits: Limits) -> Self {
        Self::start_with_keys(limits, key_of).await
    }

    /// With apps of these numbers, which are called `app-` and the number.
    pub(crate) async fn start_with_numbers(limits: Limits, numbers: Range<u32>) -> Self {
        let admin = SimApp::made_up().remove(0).admins.remove(0);
        let key = SecretKey::new(&key_of("")).unwrap();
        let app = |number| SimApp::new(number, key.clone(), admin.clone());
        Self::start_with_apps(limits, numbers.map(app).collect(), key_of).await
    }

    /// `key_of` gives the key of the app with a name.
    pub(crate) async fn start_with_keys(limits: Limits, key_of: fn(&str) -> String) -> Self {
        Self::start_with_apps(limits, SimApp::made_up(), key_of).await
    }

    async fn start_with_apps(
        limits: Limits,
        mut apps: Vec<SimApp>,
        key_of: fn(&str) -> String,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for app in &mut apps {
            let key = key_of(&app.name);
            fs::write(folder.path().join(format!("{}.key", app.name)), &key).unwrap();
            app.key = SecretKey::new(&key).unwrap();
        }
        let options = Options {
            apps,
            limits,
            ..Options::default()
        };
        let simulator = Simulator::bind(([127, 0, 0, 1], 0).into(), options)
            .await
            .unwrap();
        let (url, handle) = (simulator.url(), simulator.handle());
        let mut task = JoinSet::new();
        task.spawn(simulator.run(std::future::pending()));
        Self {
            simulator: handle,
            url,
            folder,
            _task: task,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the lab's folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// An app of a configuration, polling `url`.
    pub(crate) fn app(name: &str, sdk_app_id: u32, url: &str) -> String {
        format!(
            "  - {{name: {name}, sdk_app_id: {sdk_app_id}, identifier: administrator, \
             secret_key_file: {name}.key, regions: [{{name: lab, url: \"{url}\"}}]}}\n"
        )
    }
}

/// A made-up key, as long as the console's.
fn key_of(app: &str) -> String {
    format!("{app:k<64}")
}

/// The real program as a child process, ended with the value.
pub(crate) struct Exporter {
    child: Child,
    pub(crate) url: String,
    stdout: PathBuf,
    stderr: PathBuf,
    _folder: TempDir,
}

impl Exporter {
    /// `run` with this configuration.
    pub(crate) async fn run(config: &Path) -> Self {
        Self::start(&[
            "run",
            "--config",
            config.to_str().unwrap(),
            "--log-format",
            "json",
        ])
        .await
    }

    /// Starts the program and waits until it serves.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[]).await
    }

    /// The same with environment variables.
    pub(crate) async fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(BINARY);
        let command = command.args(arguments).envs(variables.iter().copied());
        Self::spawn(command).await
    }

    /// Starts a command that becomes the program, and waits until it serves.
    pub(crate) async fn spawn(command: &mut Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (stdout, stderr) = (folder.path().join("stdout"), folder.path().join("stderr"));
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        let mut exporter = Self {
            child,
            url: String::new(),
            stdout,
            stderr,
            _folder: folder,
        };
        let start = Instant::now();
        while exporter.url.is_empty() {
            let log = exporter.log();
            assert!(
                start.elapsed() < PATIENCE && exporter.child.try_wait().unwrap().is_none(),
                "{log}"
            );
            if let Some((_, rest)) = log.split_once("serving on ") {
                let end = rest
                    .find(|c: char| c.is_whitespace() || c == '"')
                    .unwrap_or(rest.len());
                exporter.url = rest[..end].to_owned();
            }
            sleep(Duration::from_millis(20)).await;
        }
        exporter
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap()
    }

    /// The lines of a JSON log.
    pub(crate) fn log_lines(&self) -> Vec<Value> {
        self.log()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub(crate) async fn metrics(&self) -> Metrics {
        let (status, body) = get(&format!("{}/metrics", self.url)).await;
        assert_eq!(status, 200);
        Metrics(body)
    }

    /// Scrapes until the metrics are as expected.
    pub(crate) async fn until(&self, what: &str, expected: impl Fn(&Metrics) -> bool) -> Metrics {
        let start = Instant::now();
        loop {
            let metrics = self.metrics().await;
            if expected(&metrics) {
                return metrics;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{what} did not come\n{}\n{}",
                metrics.0,
                self.log()
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The most memory that the process ever held, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            * 1024
    }

    pub(crate) fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(status.success());
    }

    /// Asks the process to end, and waits for it.
    pub(crate) async fn stop(&mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < PATIENCE, "still running\n{}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A scrape in the text format.
pub(crate) struct Metrics(pub(crate) String);

impl Metrics {
    /// The series of `name` that have all of `labels`, each written as `label="value"`.
    pub(crate) fn series(&self, name: &str, labels: &[&str]) -> Vec<(&str, f64)> {
        self.0
            .lines()
            .filter(|line| {
                line.strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with(['{', ' ']))
            })
            .filter(|line| labels.iter().all(|label| line.contains(label)))
            .map(|line| {
                let (series, value) = line.rsplit_once(' ').unwrap();
                (series, value.parse().unwrap())
            })
            .collect()
    }

    /// The sum over those series; absent if there are none.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let series = self.series(name, labels);
        (!series.is_empty()).then(|| series.iter().map(|(_, value)| value).sum())
    }
}

/// Waits until something is reached; if it never is, shows the exporter's log.
pub(crate) async fn until(what: &str, exporter: &Exporter, mut reached: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !reached().await {
        assert!(start.elapsed() < PATIENCE, "{what}\n{}", exporter.log());
        sleep(Duration::from_millis(100)).await;
    }
}

static HELD: Mutex<Vec<TcpSocket>> = Mutex::new(Vec::new());

/// A port that nobody else is given before the tests end, though its own server comes late, twice
/// or never: a bound socket holds it against every other bind and outgoing connection.
pub(crate) fn free_port() -> u16 {
    let holder = TcpSocket::new_v4().unwrap();
    holder.bind(([127, 0, 0, 1], 0).into()).unwrap();
    // A server that sets it too may listen on the port all the same.
    holder.set_reuseaddr(true).unwrap();
    let port = holder.local_addr().unwrap().port();
    HELD.lock().unwrap().push(holder);
    port
}

pub(crate) async fn get(url: &str) -> (u16, String) {
    let response = http().get(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// A client for plain HTTP on this machine.
pub(crate) fn http() -> reqwest::Client {
    // The library is built without a TLS provider of its own; one must be there all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}
