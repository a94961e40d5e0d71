//! Every format and encoding says the same, to our own readers and to those of others.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use axum::middleware::{Next, from_fn};
use timpush_exporter::clock;
use timpush_exporter::config::Web;
use timpush_exporter::http::content::{Content, Lifecycle, router};
use timpush_exporter::model::outcome::Outcome;
use timpush_exporter::model::reading::Api;
use timpush_exporter::self_metrics::SelfMetrics;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::decode::{self, Values};
use crate::golden;
use crate::lab::{PATIENCE, http};
use crate::prometheus::{Prometheus, preferring_protobuf};

const TEXT: &str = "text/plain;version=0.0.4";
const NEW_TEXT: &str = "text/plain;version=1.0.0;escaping=allow-utf-8";
const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";
const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

/// Serves what one poll found, and polls no more.
struct Still {
    url: String,
    /// Type and encoding of each answer to `/metrics`.
    answers: Arc<Mutex<Vec<(String, String)>>>,
    _task: JoinSet<()>,
}

impl Still {
    /// Serves everybody in the format that they ask for, or all in that of `accept`.
    async fn start(created: bool, accept: Option<&'static str>) -> Self {
        let (targets, snapshot) = golden::sample(clock::now());
        let metrics = SelfMetrics::new(&targets).unwrap();
        let took = Duration::from_millis(120);
        metrics.request(&targets[0].id(), Api::NormalPushLoss, Outcome::Ok, took);
        metrics.error_code(&targets[0].id(), Api::NormalPushStatistics, 60_007);
        metrics.poll_ended(Duration::from_millis(1500));
        let answers: Arc<Mutex<Vec<_>>> = Arc::default();
        let noted = Arc::clone(&answers);
        let note = from_fn(move |mut request: Request, next: Next| {
            let noted = Arc::clone(&noted);
            async move {
                if let Some(accept) = accept {
                    let accept = HeaderValue::from_static(accept);
                    request.headers_mut().insert(ACCEPT, accept);
                }
                let response = next.run(request).await;
                let header = |name| {
                    let value = response.headers().get(name);
                    value.map_or("", |value| value.to_str().unwrap()).to_owned()
                };
                let answer = (header(CONTENT_TYPE), header(CONTENT_ENCODING));
                noted.lock().unwrap().push(answer);
                response
            }
        });
        let served = Content::new(
            snapshot,
            Arc::new(metrics),
            &Web {
                openmetrics_created: created,
                ..Web::BUILT_IN
            },
            Arc::new(Lifecycle::new(None, false)),
        );
        let router = router(Arc::new(served)).layer(note);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut task = JoinSet::new();
        task.spawn(async { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            answers,
            _task: task,
        }
    }

    /// The decoded body.
    async fn get(&self, accept: &str, encoding: &str) -> Vec<u8> {
        let response = http()
            .get(format!("{}/metrics", self.url))
            .header("accept", accept)
            .header("accept-encoding", encoding)
            .send()
            .await
            .unwrap();
        let encoded = response.headers().get("content-encoding").cloned();
        let body = response.bytes().await.unwrap();
        let mut bytes = Vec::new();
        match encoded.as_ref().map(|name| name.to_str().unwrap()) {
            None => bytes.extend(body),
            Some("gzip") => {
                let mut member = flate2::bufread::GzDecoder::new(&body[..]);
                member.read_to_end(&mut bytes).unwrap();
            }
            Some("zstd") => bytes = zstd::decode_all(&body[..]).unwrap(),
            Some(other) => panic!("{other}"),
        }
        bytes
    }
}

/// Those that are the same from one scrape to the next.
fn still(values: Values) -> Values {
    let still = |(name, _): &(String, BTreeMap<_, _>)| {
        !name.starts_with("process_") && name != "timpush_clock_timestamp_seconds"
    };
    values.into_iter().filter(|(key, _)| still(key)).collect()
}

fn text(body: Vec<u8>) -> Values {
    still(decode::text(&String::from_utf8(body).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_in_every_encoding_holds_the_same_values() {
    let exporter = Still::start(false, None).await;
    let expected = text(exporter.get(TEXT, "identity").await);
    assert!(expected.len() > 100);
    for encoding in ["identity", "gzip", "zstd"] {
        for accept in [TEXT, NEW_TEXT, OPENMETRICS] {
            assert_eq!(text(exporter.get(accept, encoding).await), expected);
        }
        let body = exporter.get(PROTOBUF, encoding).await;
        let mut created = Values::new();
        assert_eq!(
            still(decode::protobuf(&body, &mut created)),
            expected,
            "{encoding}"
        );
        let anchor = expected
            .iter()
            .find(|((name, _), _)| name == "timpush_day_anchor_timestamp_seconds");
        let anchor = anchor.map(|(_, value)| *value).unwrap();
        let anchored = expected
            .keys()
            .filter(|(name, _)| name.ends_with("_pushes_total"));
        // Their zeros begin when those of the day before are over.
        let starts: Vec<f64> = created.values().copied().collect();
        assert!(
            starts
                .iter()
                .all(|start| start.to_bits() == starts[0].to_bits())
        );
        assert!((60.0..3600.0).contains(&(starts[0] - anchor)), "{starts:?}");
        assert!(created.keys().eq(anchored));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn created_series_are_there_only_when_wanted() {
    let body = Still::start(true, None)
        .await
        .get(OPENMETRICS, "gzip")
        .await;
    let values = text(body);
    let created = |name: &str| name.ends_with("_created");
    let count = values.keys().filter(|(name, _)| created(name)).count();
    let counters = values
        .keys()
        .filter(|(name, _)| name.ends_with("_pushes_total"));
    assert_eq!((count, count > 10), (counters.count(), true));
    let plain = Still::start(true, None).await.get(TEXT, "gzip").await;
    assert!(!text(plain).keys().any(|(name, _)| created(name)));
}

/// Reads an exposition as strictly as the library can, and prints its samples.
const READ: &str = r"
import json, sys
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics
read = {'text': parser, 'openmetrics': openmetrics}[sys.argv[1]].text_string_to_metric_families
text = sys.stdin.buffer.read().decode()
print(json.dumps([[s.name, s.labels, s.value] for family in read(text) for s in family.samples]))
";

fn read_by_python(parser: &str, body: &[u8]) -> Values {
    let mut python = Command::new("python3")
        .args(["-c", READ, parser])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(body).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "the {parser} parser refuses");
    let samples: Vec<(String, BTreeMap<String, String>, f64)> =
        serde_json::from_slice(&output.stdout).unwrap();
    let mut values = Values::new();
    for (name, labels, value) in samples {
        decode::add(&mut values, &name, labels, value);
    }
    values
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs prometheus-client"]
async fn the_python_clients_strict_parsers_read_the_same_values() {
    for created in [false, true] {
        let exporter = Still::start(created, None).await;
        for (parser, accept) in [
            ("text", TEXT),
            ("text", NEW_TEXT),
            ("openmetrics", OPENMETRICS),
        ] {
            let body = exporter.get(accept, "zstd").await;
            let expected = text(body.clone());
            assert_eq!(still(read_by_python(parser, &body)), expected, "{accept}");
        }
    }
}

#[test]
#[ignore = "needs prometheus-client"]
fn the_golden_files_pass_the_python_clients_strict_parser() {
    for name in [
        "document_sample.openmetrics",
        "document_sample_created.openmetrics",
    ] {
        let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
        let body = std::fs::read(path).unwrap();
        let expected = decode::text(&String::from_utf8(body.clone()).unwrap());
        assert_eq!(read_by_python("openmetrics", &body), expected);
    }
}

/// What a server stored of an exporter, without the labels that it added.
async fn stored(server: &Prometheus) -> Values {
    let start = Instant::now();
    let result = loop {
        let result = server.query("{job=\"it\",__name__=~\"timpush_.*\"}").await;
        if !result.is_empty() {
            break result;
        }
        assert!(start.elapsed() < PATIENCE, "nothing was scraped");
        sleep(Duration::from_millis(200)).await;
    };
    let mut values = Values::new();
    for series in result {
        let mut labels: BTreeMap<String, String> =
            serde_json::from_value(series["metric"].clone()).unwrap();
        let name = labels.remove("__name__").unwrap();
        labels.retain(|name, _| name != "job" && name != "instance");
        let value = series["value"][1].as_str().map(str::parse::<f64>);
        decode::add(&mut values, &name, labels, value.unwrap().unwrap());
    }
    still(values)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs prometheus"]
async fn a_real_prometheus_stores_the_same_values_from_every_format() {
    for (accept, arguments, media) in [
        (None, &[][..], "application/openmetrics-text"),
        (
            None,
            &[preferring_protobuf()],
            "application/vnd.google.protobuf",
        ),
        // It cannot be told to prefer text.
        (Some(TEXT), &[], "text/plain; version=0.0.4"),
        (Some(NEW_TEXT), &[], "text/plain; version=1.0.0"),
    ] {
        let exporter = Still::start(false, accept).await;
        let config = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: it\n  honor_labels: true\n  \
             static_configs: [{{targets: [\"{}\"]}}]\n",
            exporter.url.trim_start_matches("http://")
        );
        let server = Prometheus::start_in(&config, tempfile::tempdir().unwrap(), arguments).await;
        let stored = stored(&server).await;
        let (of, encoding) = exporter.answers.lock().unwrap()[0].clone();
        assert!(
            of.starts_with(media) && encoding == "gzip",
            "{of} {encoding}"
        );
        let expected = text(exporter.get(TEXT, "identity").await);
        assert_eq!(stored, expected, "{media}");
        let complaints = server.complaints();
        let about = |line: &&String| line.contains("scrape");
        assert_eq!(complaints.iter().find(about), None, "{media}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs promtool"]
async fn promtool_has_nothing_to_say_about_a_compressed_scrape() {
    let body = Still::start(false, None).await.get(NEW_TEXT, "gzip").await;
    crate::peers::promtool_has_nothing_to_say(&String::from_utf8(body).unwrap());
}
