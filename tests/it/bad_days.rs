//! What goes wrong, one test each: the right outcome, the target down, the last good values
//! until they are stale, other targets untouched, memory bounded, and a log line that
//! says what to do.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use timpush_exporter::simulator::Scenario;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::lab::{Exporter, GAME, Lab, Metrics, SHOP, UNLIMITED};

const SHOP_LOSS: [&str; 2] = [r#"app="shop""#, r#"api="normal_push_loss""#];

/// Polls every second, so that a test sees many polls; values are stale after 4 s.
fn config(lab: &Lab, shop_url: &str) -> std::path::PathBuf {
    let text = format!(
        "listen: 127.0.0.1:0\ncalls_per_second: 50\nscrape_interval: 1s\n\
         defaults: {{interval: 1s, timeout: 2s, stale_after: 4s, lag: 10s, step: 1s}}\napps:\n{}{}",
        Lab::app("shop", SHOP, shop_url),
        Lab::app("game", GAME, &lab.url),
    );
    lab.write("timpush.yml", &text)
}

fn up(metrics: &Metrics, app: &str) -> Option<f64> {
    metrics.sum(
        "timpush_target_up",
        &[&format!(r#"app="{app}""#), SHOP_LOSS[1]],
    )
}

fn has_losses(metrics: &Metrics, app: &str) -> bool {
    let app = format!(r#"app="{app}""#);
    metrics
        .sum("timpush_window_lost_pushes", &[&app])
        .is_some_and(|lost| lost > 0.0)
        && metrics
            .sum("timpush_window_platform_lost_pushes", &[&app])
            .is_some()
}

/// Waits until the failure shows, then checks all that a failure must and must not do.
async fn check_failure(exporter: &Exporter, outcome: &str, code: Option<i64>) {
    let label = format!(r#"outcome="{outcome}""#);
    let failed = exporter
        .until(outcome, |metrics| {
            let labels = [SHOP_LOSS[0], SHOP_LOSS[1], label.as_str()];
            up(metrics, "shop") == Some(0.0)
                && metrics
                    .sum("timpush_api_requests_total", &labels)
                    .is_some_and(|calls| calls > 0.0)
        })
        .await;
    assert!(
        failed
            .sum("timpush_target_consecutive_failures", &SHOP_LOSS)
            .unwrap()
            >= 1.0
    );
    if let Some(code) = code {
        let label = format!(r#"code="{code}""#);
        assert!(
            failed
                .sum("timpush_api_errors_total", &[SHOP_LOSS[0], &label])
                .is_some(),
            "{}",
            failed.0
        );
    }
    let line = exporter
        .log_lines()
        .into_iter()
        .find(|line| {
            line["app"] == "shop" && line["api"] == "normal_push_loss" && line["outcome"] == outcome
        })
        .unwrap_or_else(|| panic!("no log line\n{}", exporter.log()));
    assert_eq!(
        (&line["level"], &line["region"]),
        (&json!("WARN"), &json!("lab"))
    );
    assert_eq!(line["code"].as_i64(), code);
    assert!(line["advice"].as_str().unwrap().len() > 10, "{line}");
    // The other app goes on being polled.
    let success = |metrics: &Metrics| {
        metrics
            .sum(
                "timpush_target_last_success_timestamp_seconds",
                &[r#"app="game""#, SHOP_LOSS[1]],
            )
            .unwrap()
    };
    let before = success(&failed);
    let later = exporter
        .until("a poll of the other app", |metrics| {
            success(metrics) >= before + 2.0
        })
        .await;
    assert_eq!(up(&later, "game"), Some(1.0));
    assert!(has_losses(&later, "game"));
    assert!(
        exporter.peak_memory() < 100 << 20,
        "{} bytes",
        exporter.peak_memory()
    );
}

/// A good start, then the fault for one app: everything that a failure does.
async fn fails_as(fault: serde_json::Value, outcome: &str, code: Option<i64>) {
    let lab = Lab::start(UNLIMITED).await;
    let exporter = Exporter::run(&config(&lab, &lab.url)).await;
    exporter
        .until("a good start", |metrics| {
            ["shop", "game"]
                .iter()
                .all(|app| up(metrics, app) == Some(1.0) && has_losses(metrics, app))
        })
        .await;
    let scenario = json!({"rules": [{"match": {"sdkappid": SHOP}, "fault": fault}]});
    lab.simulator
        .set_scenario(Scenario::from_json(&scenario.to_string()).unwrap());
    let first = exporter
        .until("the failure", |metrics| up(metrics, "shop") == Some(0.0))
        .await;
    assert!(
        has_losses(&first, "shop"),
        "the last good values are gone at once"
    );
    check_failure(&exporter, outcome, code).await;
    let stale = exporter
        .until("staleness", |metrics| !has_losses(metrics, "shop"))
        .await;
    // The other API's values go stale on their own.
    for (name, labels) in [
        ("timpush_window_lost_pushes", &SHOP_LOSS[..1]),
        ("timpush_error_description_info", &SHOP_LOSS[..1]),
        ("timpush_window_end_timestamp_seconds", &SHOP_LOSS),
    ] {
        assert!(stale.sum(name, labels).is_none(), "{name}");
    }
    assert_eq!(up(&stale, "shop"), Some(0.0));
    assert!(
        stale
            .sum("timpush_target_last_success_timestamp_seconds", &SHOP_LOSS)
            .unwrap()
            > 1.0
    );
    // And back.
    lab.simulator.set_scenario(Scenario::default());
    exporter
        .until("recovery", |metrics| {
            up(metrics, "shop") == Some(1.0) && has_losses(metrics, "shop")
        })
        .await;
}

macro_rules! bad_days {
    ($($name:ident: $fault:tt => $outcome:literal, $code:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                fails_as(json!($fault), $outcome, $code).await;
            }
        )*
    };
}

bad_days! {
    a_wrong_region: {"error": {"code": 60026}} => "bad_request", Some(60026);
    an_expired_signature: {"error": {"code": 70001}} => "auth", Some(70001);
    an_ip_address_that_is_not_allowed: {"error": {"code": 60021}} => "permission", Some(60021);
    a_service_that_is_not_enabled: {"error": {"code": 90045}} => "not_enabled", Some(90045);
    calls_over_the_limit: {"error": {"code": 60007}} => "rate_limited", Some(60007);
    an_internal_error: {"error": {"code": 90102}} => "transient", Some(90102);
    a_server_error: {"http_status": {"status": 502}} => "http_status", None;
    a_redirect: {"redirect": {"location": "http://127.0.0.1:1/"}} => "http_status", None;
    html_instead_of_json: {"http_status": {"status": 200}} => "malformed", None;
    an_empty_body: "empty" => "malformed", None;
    an_answer_of_another_shape: "wrong_shape" => "malformed", None;
    an_answer_with_one_bad_row: {"bad_row": {"count": -1}} => "malformed", None;
    a_truncated_body: "truncated" => "connect", None;
    a_connection_closed_without_an_answer: "disconnect" => "connect", None;
    a_connection_reset: "reset" => "connect", None;
    a_body_of_a_gibibyte: {"huge": {"bytes": 1_073_741_824}} => "too_large", None;
    a_body_of_a_gibibyte_of_unknown_length: {"huge": {"bytes": 1_073_741_824, "chunked": true}} => "too_large", None;
    a_slow_drip: {"drip": {"seconds": 0.2}} => "timeout", None;
    no_answer_at_all: "hang" => "timeout", None;
}

/// A failure from the start on, for what cannot be changed while the program runs.
async fn fails_from_the_start(shop_url: &str, lab: &Lab, outcome: &str, code: Option<i64>) {
    let exporter = Exporter::run(&config(lab, shop_url)).await;
    check_failure(&exporter, outcome, code).await;
    assert!(!has_losses(&exporter.metrics().await, "shop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key() {
    let lab = Lab::start(UNLIMITED).await;
    lab.write("shop.key", "not the key of this app, and made up");
    fails_from_the_start(&lab.url, &lab, "auth", Some(70009)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_nobody_knows_is_counted_as_other() {
    let lab = Lab::start(UNLIMITED).await;
    let scenario =
        json!({"rules": [{"match": {"sdkappid": SHOP}, "fault": {"error": {"code": 12345}}}]});
    lab.simulator
        .set_scenario(Scenario::from_json(&scenario.to_string()).unwrap());
    let exporter = Exporter::run(&config(&lab, &lab.url)).await;
    let metrics = exporter
        .until("the code", |metrics| {
            metrics
                .sum("timpush_api_errors_total", &SHOP_LOSS)
                .is_some()
        })
        .await;
    assert!(
        metrics
            .sum(
                "timpush_api_errors_total",
                &[SHOP_LOSS[0], r#"code="other""#]
            )
            .is_some()
    );
    assert!(
        exporter
            .log_lines()
            .iter()
            .any(|line| line["code"] == 12345 && line["outcome"] == "unknown_code")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_name_that_does_not_resolve() {
    let lab = Lab::start(UNLIMITED).await;
    fails_from_the_start("https://push.invalid", &lab, "connect", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_nobody_listens_on() {
    let lab = Lab::start(UNLIMITED).await;
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    fails_from_the_start(&format!("http://{free}"), &lab, "connect", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate() {
    let lab = Lab::start(UNLIMITED).await;
    let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let ca_file = lab.write("ca.pem", &certificate.pem());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut server = JoinSet::new();
    server.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // The client ends the handshake.
            let _ = tokio::time::timeout(Duration::from_secs(5), acceptor.accept(stream)).await;
        }
    });
    let path = self::config(&lab, &format!("https://localhost:{port}"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("ca_file: {}\n{text}", ca_file.display())).unwrap();
    let exporter = Exporter::run(&path).await;
    check_failure(&exporter, "tls", None).await;
    assert!(exporter.log().contains("expired"), "{}", exporter.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_read_sends_nothing_and_heals_by_itself() {
    let lab = Lab::start(UNLIMITED).await;
    let path = config(&lab, &lab.url);
    let key = std::fs::read_to_string(lab.path("shop.key")).unwrap();
    let exporter = Exporter::run(&path).await;
    exporter
        .until("a good start", |metrics| up(metrics, "shop") == Some(1.0))
        .await;
    // A rotated key: the service refuses the old signature, and the new key is not there yet.
    std::fs::remove_file(lab.path("shop.key")).unwrap();
    let scenario =
        json!({"rules": [{"match": {"sdkappid": SHOP}, "fault": {"error": {"code": 70009}}}]});
    lab.simulator
        .set_scenario(Scenario::from_json(&scenario.to_string()).unwrap());
    exporter
        .until("the refusal", |metrics| up(metrics, "shop") == Some(0.0))
        .await;
    lab.simulator.set_scenario(Scenario::default());
    lab.write("shop.key", &key);
    exporter
        .until("recovery", |metrics| up(metrics, "shop") == Some(1.0))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_differs_from_the_services_shows_in_its_own_metric() {
    let lab = Lab::start(UNLIMITED).await;
    let scenario = json!({"rules": [{"fault": {"date_skew": {"seconds": -3600}}}]});
    lab.simulator
        .set_scenario(Scenario::from_json(&scenario.to_string()).unwrap());
    let exporter = Exporter::run(&config(&lab, &lab.url)).await;
    exporter
        .until("the skew", |metrics| {
            metrics
                .sum("timpush_clock_skew_seconds", &[r#"region="lab""#])
                .is_some_and(|skew| (3598.0..3605.0).contains(&skew))
        })
        .await;
}
