//! Programs of others that must agree with ours. `./tests/all` installs them.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::lab::{BINARY, Exporter, Lab, Metrics, PATIENCE, SHOP, UNLIMITED, get};

/// Lints an exposition; promtool says nothing of one without faults.
pub(crate) fn promtool_has_nothing_to_say(exposition: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed");
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(exposition.as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(
        (output.status.code(), String::from_utf8(said).unwrap()),
        (Some(0), String::new())
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs promtool"]
async fn the_demos_metrics_pass_promtool_without_a_word() {
    let demo = Exporter::start(&["demo", "--listen", "127.0.0.1:0"]).await;
    let metrics = demo
        .until("all kinds of metrics", |metrics| {
            metrics
                .sum("timpush_window_platform_lost_pushes", &[])
                .is_some()
                && metrics
                    .sum("timpush_window_platform_clicked_pushes", &[])
                    .is_some()
        })
        .await;
    promtool_has_nothing_to_say(&metrics.0);
}

/// A PromQL instant query against a Prometheus server.
pub(crate) async fn query(prometheus: &str, promql: &str) -> Vec<Value> {
    let url =
        reqwest::Url::parse_with_params(&format!("{prometheus}/api/v1/query"), [("query", promql)])
            .unwrap();
    let answer: Value = serde_json::from_str(&get(url.as_str()).await.1).unwrap();
    answer["data"]["result"]
        .as_array()
        .unwrap_or_else(|| panic!("{promql}: {answer}"))
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs prometheus"]
async fn a_real_prometheus_scrapes_for_a_minute_without_a_warning() {
    let demo = Exporter::start(&["demo", "--listen", "127.0.0.1:0"]).await;
    let config = format!(
        "global: {{scrape_interval: 5s}}\nscrape_configs:\n- job_name: timpush-exporter\n  honor_labels: true\n  \
         static_configs: [{{targets: [\"{}\"]}}]\n",
        demo.url.trim_start_matches("http://")
    );
    let mut server = Prometheus::start(&config, &[]).await;
    let prometheus = server.url.clone();
    sleep(Duration::from_secs(60)).await;
    let up = query(&prometheus, "up").await;
    assert_eq!((up.len(), &up[0]["value"][1]), (1, &Value::from("1")));
    for (promql, series) in [
        (
            "count by (app, region) (timpush_window_platform_lost_pushes)",
            2,
        ),
        ("count by (stage) (timpush_window_lost_pushes)", 2),
        ("timpush_window_sent_pushes > 0", 2),
        ("timpush_target_up == 1", 4),
        ("count(timpush_error_code_info)", 1),
        ("{exported_app!=\"\"}", 0),
    ] {
        let found = query(&prometheus, promql).await;
        assert_eq!(found.len(), series, "{promql}: {found:?}");
    }
    // The join of the contract, from a loss to its class.
    let classes = query(
        &prometheus,
        "count by (class) (timpush_window_platform_lost_pushes * on (stage, platform, err_code) group_left (class) \
         group by (stage, platform, err_code, class) (timpush_error_code_info))",
    )
    .await;
    assert!(classes.len() >= 2, "{classes:?}");
    let scrapes = query(&prometheus, "count_over_time(up[2m])").await;
    assert!(
        scrapes[0]["value"][1]
            .as_str()
            .unwrap()
            .parse::<u32>()
            .unwrap()
            >= 10
    );
    let complaints = server.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// A Prometheus server, ended with the value.
pub(crate) struct Prometheus {
    child: Child,
    pub(crate) url: String,
    folder: TempDir,
}

impl Prometheus {
    /// Waits until it serves.
    pub(crate) async fn start(config: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prometheus.yml");
        std::fs::write(&path, config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", path.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("prometheus is installed");
        let server = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
            folder,
        };
        let start = Instant::now();
        while reqwest_ready(&server.url).await.is_none() {
            assert!(start.elapsed() < PATIENCE, "{}", server.log());
            sleep(Duration::from_millis(100)).await;
        }
        server
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Ends the server, and gives what it warned of.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let log = self.log();
        let complaints = log
            .lines()
            .filter(|line| line.contains("level=warn") || line.contains("level=error"));
        complaints.map(str::to_owned).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn reqwest_ready(prometheus: &str) -> Option<()> {
    let response = crate::lab::http()
        .get(format!("{prometheus}/-/ready"))
        .send()
        .await
        .ok()?;
    response.status().is_success().then_some(())
}

/// Signs with the vendor's own library at the time of our signature, and compares.
const COMPARE: &str = r"
import base64, json, sys, time, zlib
import TLSSigAPIv2
ours, app, key, identifier = sys.argv[1], int(sys.argv[2]), sys.stdin.read(), sys.argv[3]
def decode(sig):
    return json.loads(zlib.decompress(base64.b64decode(sig.translate(str.maketrans('*-_', '+/=')))))
document = decode(ours)
time.time = lambda: document['TLS.time']
theirs = decode(TLSSigAPIv2.TLSSigAPIv2(app, key).gen_sig(identifier, document['TLS.expire']))
assert document == theirs, (document, theirs)
print(document['TLS.time'], document['TLS.expire'])
";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs tls-sig-api-v2"]
async fn the_vendors_own_library_makes_the_same_signature() {
    let lab = Lab::start(UNLIMITED).await;
    let config = lab.write(
        "timpush.yml",
        &format!("apps:\n{}", Lab::app("shop", SHOP, &lab.url)),
    );
    let output = Command::new(BINARY)
        .args([
            "usersig",
            "--config",
            config.to_str().unwrap(),
            "--app",
            "shop",
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let (signature, expires) = printed.trim_end().split_once("\nexpires ").unwrap();
    let mut python = Command::new("python3")
        .args(["-c", COMPARE, signature, &SHOP.to_string(), "administrator"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let key = std::fs::read_to_string(lab.path("shop.key")).unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(key.as_bytes())
        .unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "the libraries differ");
    let times = String::from_utf8(output.stdout).unwrap();
    let times: Vec<i64> = times
        .split_whitespace()
        .map(|time| time.parse().unwrap())
        .collect();
    let expiry = jiff::Timestamp::from_second(times[0] + times[1]).unwrap();
    assert_eq!(expires, expiry.to_string());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs promtool"]
async fn a_failing_target_still_passes_promtool() {
    let lab = Lab::start(UNLIMITED).await;
    lab.write("shop.key", "not the key of this app, and made up");
    let text = format!(
        "listen: 127.0.0.1:0\ndefaults: {{interval: 5s, step: 5s}}\napps:\n{}",
        Lab::app("shop", SHOP, &lab.url)
    );
    let exporter = Exporter::run(&lab.write("timpush.yml", &text)).await;
    let failed = |metrics: &Metrics| metrics.sum("timpush_api_errors_total", &[]).is_some();
    promtool_has_nothing_to_say(&exporter.until("a code", failed).await.0);
}
