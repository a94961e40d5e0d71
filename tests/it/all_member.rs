//! Pushes to all users, tags and lists of users, beside those that follow chat messages.

use std::time::Duration;

use timpush_exporter::model::push::Push;
use timpush_exporter::model::reading::{Api, CountKey, FunnelStep, Platform};
use timpush_exporter::model::window::{Range, UnixSeconds};
use timpush_exporter::simulator::Scenario;
use tokio::time::sleep;

use crate::lab::{BINARY, Exporter, Lab, Metrics, SHOP, UNLIMITED, failing, refuses};

const ALL_MEMBER: &str = "push=\"all_member\"";
const NORMAL: &str = "push=\"normal\"";

fn configuration(lab: &Lab, all_member: bool) -> std::path::PathBuf {
    let text = format!(
        "listen: 127.0.0.1:0\ncalls_per_second: 50\n\
         defaults: {{interval: 1s, timeout: 2s, lag: 10s, step: 1s, all_member: {all_member}}}\napps:\n{}",
        Lab::app("shop", SHOP, &lab.url),
    );
    lab.write("timpush.yml", &text)
}

/// The simulator's truth about the window that the scrape is about.
fn truth(lab: &Lab, metrics: &Metrics, push: Push, platform: Option<Platform>) -> u64 {
    let labels = [
        format!("push=\"{push}\""),
        format!("api=\"{}\"", Api::statistics(push)),
    ];
    let labels = labels.each_ref().map(String::as_str);
    let edge = |name: &str| {
        let seconds = metrics.sum(name, &labels).unwrap();
        UnixSeconds(format!("{seconds:.0}").parse().unwrap())
    };
    let range = Range {
        start: edge("timpush_window_start_timestamp_seconds"),
        end: edge("timpush_window_end_timestamp_seconds"),
    };
    let truth = lab.simulator.truth(SHOP, Api::statistics(push), range);
    truth.unwrap().counts()[&CountKey::Funnel(FunnelStep::Sent, platform)]
}

fn whole(value: Option<f64>) -> u64 {
    format!("{:.0}", value.unwrap()).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_population_has_its_own_series_with_its_own_truth() {
    let lab = Lab::start(UNLIMITED).await;
    let exporter = Exporter::run(&configuration(&lab, true)).await;
    let metrics = exporter
        .until("the counters of both", |metrics| {
            [NORMAL, ALL_MEMBER].iter().all(|push| {
                metrics.sum("timpush_sent_pushes_total", &[push]).is_some()
                    && metrics.sum("timpush_lost_pushes_total", &[push]).is_some()
            })
        })
        .await;
    for push in Push::ALL {
        let label = format!("push=\"{push}\"");
        let sent = metrics.sum("timpush_window_sent_pushes", &[&label]);
        assert_eq!(whole(sent), truth(&lab, &metrics, push, None), "{push}");
    }
    let online = [ALL_MEMBER, "platform=\"online\""];
    let sent = metrics.sum("timpush_window_platform_sent_pushes", &online);
    let expected = truth(&lab, &metrics, Push::AllMember, Some(Platform::ONLINE));
    assert_eq!(whole(sent), expected);
    let normal = [NORMAL, "platform=\"online\""];
    assert_eq!(
        metrics.sum("timpush_window_platform_sent_pushes", &normal),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_no_call_is_about_them() {
    let lab = Lab::start(UNLIMITED).await;
    let exporter = Exporter::run(&configuration(&lab, false)).await;
    let metrics = exporter
        .until("counters", |metrics| {
            metrics.sum("timpush_sent_pushes_total", &[]).is_some()
        })
        .await;
    assert_eq!(metrics.series("timpush_target_up", &[ALL_MEMBER]), []);
    let calls = lab.simulator.calls();
    let populations = calls.iter().filter_map(|call| Some(call.api?.push()));
    assert!(populations.into_iter().all(|push| push == Push::Normal));
}

/// The service refuses questions about pushes to all users.
fn not_enabled() -> Scenario {
    failing(&Api::of(Push::AllMember).map(|api| refuses(api, 90045)))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_without_them_is_told_once_asked_rarely_and_loses_nothing_else() {
    let lab = Lab::start(UNLIMITED).await;
    lab.simulator.set_scenario(not_enabled());
    let config = configuration(&lab, true);
    let exporter = Exporter::run(&config).await;
    exporter
        .until("the refusals and the counters", |metrics| {
            metrics.sum("timpush_target_consecutive_failures", &[ALL_MEMBER]) == Some(2.0)
                && metrics
                    .sum("timpush_sent_pushes_total", &[NORMAL])
                    .is_some()
        })
        .await;
    // Polls are a second apart.
    sleep(Duration::from_secs(4)).await;
    let metrics = exporter.metrics().await;
    assert_eq!(metrics.sum("timpush_target_up", &[NORMAL]), Some(2.0));
    assert_eq!(metrics.sum("timpush_target_up", &[ALL_MEMBER]), Some(0.0));
    let calls = lab.simulator.calls();
    let refused = calls.iter().filter(|call| call.code == Some(90045));
    assert_eq!(refused.count(), 2);
    let lines = exporter.log_lines();
    let told = lines.iter().filter(|line| line["code"] == 90045);
    assert_eq!(told.count(), 2, "{}", exporter.log());

    // One population's answer is shown though the other has none.
    let output = std::process::Command::new(BINARY)
        .args(["query", "--config", config.to_str().unwrap()])
        .output()
        .unwrap();
    let (shown, told) = (output.stdout, output.stderr);
    let (shown, told) = (
        String::from_utf8(shown).unwrap(),
        String::from_utf8(told).unwrap(),
    );
    assert!(output.status.success(), "{told}");
    assert!(shown.starts_with("shop in lab, "), "{shown}");
    assert!(told.contains("90045"), "{told}");
}
