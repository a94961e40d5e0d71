//! What the service sees of us.

use std::time::Duration;

use timpush_exporter::simulator::Limits;
use tokio::time::sleep;

use crate::lab::{Exporter, GAME, Lab, SHOP};

#[tokio::test(flavor = "multi_thread")]
async fn the_service_gets_at_most_one_call_a_second_and_app() {
    let lab = Lab::start(Limits::default()).await;
    // Two regions of one app, and another app: 8 + 4 calls in 10 s.
    let regions = format!(
        "regions: [{{name: one, url: \"{0}\"}}, {{name: two, url: \"{0}\"}}]",
        lab.url,
    );
    let text = format!(
        "listen: 127.0.0.1:0\ndefaults: {{interval: 10s, lag: 10s, step: 5s}}\napps:\n  \
         - {{name: shop, sdk_app_id: {SHOP}, identifier: administrator, secret_key_file: shop.key, {regions}}}\n{}",
        Lab::app("game", GAME, &lab.url)
    );
    let exporter = Exporter::run(&lab.write("timpush.yml", &text)).await;
    let calls = |app| -> Vec<_> {
        let calls = lab.simulator.calls().into_iter();
        calls.filter(|call| call.sdk_app_id == Some(app)).collect()
    };
    let metrics = exporter
        .until("calls that waited", |metrics| {
            let labels = [r#"app="shop""#];
            let waited = metrics.sum("timpush_api_throttle_wait_seconds_total", &labels);
            waited > Some(1.0) && [SHOP, GAME].iter().all(|app| calls(*app).len() >= 8)
        })
        .await;
    for app in [SHOP, GAME] {
        let calls = calls(app);
        assert!(calls.iter().all(|call| call.verdict == 0));
        for pair in calls.windows(2) {
            assert!(
                pair[1].at.duration_since(pair[0].at) >= Duration::from_secs(1),
                "{app}"
            );
        }
    }
    assert_eq!(
        metrics.sum("timpush_api_requests_total", &[r#"outcome="rate_limited""#]),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_bad_signatures_are_followed_by_silence() {
    let lab = Lab::start(Limits {
        spacing: Duration::ZERO,
        ..Limits::default()
    })
    .await;
    lab.write("shop.key", "not the key of this app, and made up");
    let text = format!(
        "listen: 127.0.0.1:0\ncalls_per_second: 50\ndefaults: {{interval: 1s, lag: 10s, step: 1s}}\napps:\n{}",
        Lab::app("shop", SHOP, &lab.url)
    );
    let exporter = Exporter::run(&lab.write("timpush.yml", &text)).await;
    exporter
        .until("code 70050", |metrics| {
            metrics
                .sum("timpush_api_errors_total", &[r#"code="70050""#])
                .is_some()
        })
        .await;
    let calls = lab.simulator.calls().len();
    sleep(Duration::from_secs(8)).await;
    assert_eq!(lab.simulator.calls().len(), calls);
    assert!(exporter.log().contains("nothing is sent for another"));
}
