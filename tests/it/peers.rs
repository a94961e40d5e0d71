//! Programs of others that must agree with ours. `./tests/all` installs them.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::sleep;

use crate::lab::{BINARY, Exporter, Lab, Metrics, SHOP, UNLIMITED};
use crate::prometheus::Prometheus;

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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs prometheus"]
async fn a_real_prometheus_scrapes_for_a_minute_without_a_warning() {
    let demo = Exporter::start(&["demo", "--listen", "127.0.0.1:0"]).await;
    let prometheus = Prometheus::start(&format!(
        "global: {{scrape_interval: 5s}}\nscrape_configs:\n- job_name: timpush-exporter\n  honor_labels: true\n  \
         static_configs: [{{targets: [\"{}\"]}}]\n",
        demo.url.trim_start_matches("http://")
    ))
    .await;
    sleep(Duration::from_secs(60)).await;
    for (promql, series) in [
        (
            "count by (app, region, push) (timpush_window_platform_lost_pushes)",
            3,
        ),
        ("count by (stage) (timpush_window_lost_pushes)", 2),
        ("count by (stage) (timpush_lost_pushes_total)", 2),
        ("timpush_window_sent_pushes > 0", 3),
        ("timpush_sent_pushes_total > 0", 3),
        ("up == 1", 1),
        ("timpush_target_up == 1", 6),
        ("timpush_counters_enabled == 1", 3),
        ("count(timpush_error_code_info)", 1),
        ("{exported_app!=\"\"}", 0),
    ] {
        let found = prometheus.query(promql).await;
        assert_eq!(found.len(), series, "{promql}: {found:?}");
    }
    // The join of the contract, from a loss to its class.
    let classes = prometheus
        .query(
            "count by (class) (timpush_window_platform_lost_pushes * on (stage, platform, err_code) group_left (class) \
             group by (stage, platform, err_code, class) (timpush_error_code_info))",
        )
        .await;
    assert!(classes.len() >= 2, "{classes:?}");
    assert!(prometheus.value("count_over_time(up[2m])").await >= 10.0);
    assert_eq!(prometheus.complaints(), [""; 0]);
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
