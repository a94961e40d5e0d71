//! Counters in a real Prometheus against what the simulator knows to have happened.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use timpush_exporter::model::reading::{Api, CountKey, FunnelStep};
use timpush_exporter::model::window::{Range, UnixSeconds};
use tokio::time::sleep;

use crate::lab::{Exporter, Lab, SHOP, UNLIMITED, free_port};
use crate::prometheus::{Prometheus, number};

/// The range of `increase()`. Longer is more exact and slower:
/// `TIMPUSH_TEST_MINUTES=10` is what people use.
fn minutes() -> u64 {
    std::env::var("TIMPUSH_TEST_MINUTES").map_or(3, |text| text.parse().unwrap())
}

/// A day offset by which it is about noon now: midnight has its own tests.
fn noon() -> String {
    let now = jiff::Timestamp::now().as_second();
    let hour = now / 3600 % 24;
    let offset = (12 - hour + 36) % 24;
    let offset = if offset > 12 { offset - 24 } else { offset };
    let sign = if offset < 0 { '-' } else { '+' };
    format!("{sign}{:02}:00", offset.abs())
}

const SENT: &str = "timpush_sent_pushes_total{app=\"shop\"";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs prometheus"]
async fn counters_are_exact_through_kills_and_with_replicas() {
    let lab = Lab::start(UNLIMITED).await;
    let (ports, offset) = ([free_port(), free_port()], noon());
    let configs = ports.map(|port| {
        let text = format!(
            "listen: 127.0.0.1:{port}\ncalls_per_second: 50\nscrape_interval: 5s\nday_offset: \"{offset}\"\n\
             defaults: {{interval: 5s, timeout: 2s, lag: 10s, step: 5s}}\napps:\n{}",
            Lab::app("shop", SHOP, &lab.url),
        );
        lab.write(&format!("{port}.yml"), &text)
    });
    let mut one = Exporter::run(&configs[0]).await;
    let mut two = Exporter::run(&configs[1]).await;
    let prometheus = Prometheus::start(&format!(
        "global: {{scrape_interval: 5s}}\nscrape_configs:\n- job_name: timpush-exporter\n  honor_labels: true\n  \
         static_configs: [{{targets: [\"127.0.0.1:{}\", \"127.0.0.1:{}\"]}}]\n",
        ports[0], ports[1]
    ))
    .await;
    // Two kills of each, at different times, without any notice.
    let third = Duration::from_secs(minutes() * 60 / 3);
    sleep(third).await;
    one.stop("KILL").await;
    one = Exporter::run(&configs[0]).await;
    two.stop("KILL").await;
    two = Exporter::run(&configs[1]).await;
    sleep(third).await;
    two.stop("KILL").await;
    two = Exporter::run(&configs[1]).await;
    sleep(third / 2).await;
    one.stop("KILL").await;
    one = Exporter::run(&configs[0]).await;
    sleep(third / 2 + Duration::from_secs(40)).await;

    let now = prometheus.value("vector(time())").await;
    for port in ports {
        let instance = format!("instance=\"127.0.0.1:{port}\"");
        let counter = samples(&prometheus, &format!("{SENT},{instance}}}")).await;
        let ends = samples(
            &prometheus,
            &format!("timpush_window_end_timestamp_seconds{{app=\"shop\",api=\"normal_push_statistics\",{instance}}}"),
        )
        .await;
        let anchors = samples(
            &prometheus,
            &format!("timpush_day_anchor_timestamp_seconds{{app=\"shop\",{instance}}}"),
        )
        .await;
        assert!(counter.len() > 20, "{} samples", counter.len());
        let anchor = whole(*anchors.values().next().unwrap());
        assert!(anchors.values().all(|other| whole(*other) == anchor));
        let mut before: Option<(u64, u64)> = None;
        for (at, value) in &counter {
            let value = whole(*value);
            // A scrape is of one moment: its window ends where its counters end.
            let end = whole(ends[at]);
            assert_eq!(value, sent(&lab, anchor, end), "at {at}");
            if let Some((earlier, less)) = before {
                assert!(value >= less, "{value} at {at} after {less} at {earlier}");
            }
            before = Some((*at, value));
        }
    }
    // The range of the query, as the exporter's windows saw it.
    let range = minutes();
    let lag = 10.0;
    let edge = |at: f64| whole(((at - lag) / 5.0).floor() * 5.0);
    let truth = sent(&lab, edge(now - 60.0 * number_of(range)), edge(now));
    // Polls and scrapes are 5 s apart, which weighs less in a longer range.
    let allowed = if range < 10 { 0.06 } else { 0.02 };
    let tolerance = number_of(truth) * allowed;
    for promql in [
        format!(
            "increase({SENT},instance=\"127.0.0.1:{}\"}}[{range}m] @ {now})",
            ports[0]
        ),
        format!("max without (instance) (increase({SENT}}}[{range}m] @ {now}))"),
    ] {
        let found = prometheus.value(&promql).await;
        assert!(
            (found - number_of(truth)).abs() <= tolerance,
            "{promql}: {found} of {truth}"
        );
    }
    drop((one, two));
    assert_eq!(
        prometheus
            .complaints()
            .into_iter()
            .filter(|line| !line.contains("connection refused"))
            .collect::<Vec<_>>(),
        [""; 0]
    );
}

/// The simulator's truth: pushes sent in a range.
fn sent(lab: &Lab, start: u64, end: u64) -> u64 {
    let range = Range {
        start: UnixSeconds(start),
        end: UnixSeconds(end),
    };
    let reading = lab
        .simulator
        .truth(SHOP, Api::NormalPushStatistics, range)
        .unwrap();
    reading.counts()[&CountKey::Funnel(FunnelStep::Sent, None)]
}

/// All raw samples of one series, by their time in milliseconds.
async fn samples(prometheus: &Prometheus, selector: &str) -> BTreeMap<u64, f64> {
    let result = prometheus.query(&format!("{selector}[1h]")).await;
    assert_eq!(result.len(), 1, "{selector}: {result:?}");
    let values: &Vec<Value> = result[0]["values"].as_array().unwrap();
    values
        .iter()
        .map(|pair| {
            let at = (pair[0].as_f64().unwrap() * 1000.0).round();
            (whole(at), number(&pair[1]))
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and times of today"
)]
fn whole(value: f64) -> u64 {
    assert!(value >= 0.0 && value.fract() == 0.0, "{value}");
    value as u64
}

#[expect(clippy::cast_precision_loss, reason = "counts of a test")]
fn number_of(count: u64) -> f64 {
    count as f64
}
