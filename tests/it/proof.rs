//! What the daemon makes of a service whose counts do not add up, or not inside a day.

use timpush_exporter::simulator::{Behaviour, Scenario};

use crate::lab::{Exporter, Lab, SHOP, UNLIMITED};

async fn daemon(lab: &Lab, behaviour: Behaviour, day_offset: &str) -> Exporter {
    lab.simulator.set_scenario(Scenario {
        behaviour,
        ..Scenario::default()
    });
    let text = format!(
        "listen: 127.0.0.1:0\ncalls_per_second: 50\nday_offset: \"{day_offset}\"\n\
         defaults: {{interval: 2s, timeout: 2s, lag: 10s, step: 1s, statistics: false}}\napps:\n{}",
        Lab::app("shop", SHOP, &lab.url),
    );
    Exporter::run(&lab.write("timpush.yml", &text)).await
}

const WHOLE_DAYS: Behaviour = Behaviour {
    whole_days: true,
    ..DEFAULT
};

const DEFAULT: Behaviour = Behaviour {
    shape: timpush_exporter::simulator::Shape::Flat,
    numeric_codes: false,
    whole_days: false,
    utc_days: false,
    inclusive_end: false,
    settling_seconds: 0,
};

#[tokio::test(flavor = "multi_thread")]
async fn counts_that_add_up_are_served_as_counters() {
    for behaviour in [
        DEFAULT,
        Behaviour {
            inclusive_end: true,
            ..DEFAULT
        },
    ] {
        let lab = Lab::start(UNLIMITED).await;
        let exporter = daemon(&lab, behaviour, "+08:00").await;
        let metrics = exporter
            .until("counters and the resolution", |metrics| {
                metrics.sum("timpush_lost_pushes_total", &[]).is_some()
                    && metrics.sum("timpush_window_resolved", &[]).is_some()
            })
            .await;
        assert_eq!(metrics.sum("timpush_counters_enabled", &[]), Some(1.0));
        assert_eq!(metrics.sum("timpush_window_resolved", &[]), Some(1.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_days_add_up_and_are_named_so() {
    let lab = Lab::start(UNLIMITED).await;
    let exporter = daemon(&lab, WHOLE_DAYS, "+08:00").await;
    let metrics = exporter
        .until("the resolution", |metrics| {
            metrics.sum("timpush_window_resolved", &[]) == Some(0.0)
        })
        .await;
    assert_eq!(metrics.sum("timpush_counters_enabled", &[]), Some(1.0));
    assert!(
        exporter
            .log_lines()
            .iter()
            .any(|line| line["level"] == "WARN"
                && line["advice"]
                    .as_str()
                    .is_some_and(|advice| advice.contains("1d"))),
        "{}",
        exporter.log()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_begin_elsewhere_do_not_add_up_and_give_no_counters() {
    let lab = Lab::start(UNLIMITED).await;
    let exporter = daemon(&lab, WHOLE_DAYS, "+00:00").await;
    let metrics = exporter
        .until("the verdict", |metrics| {
            metrics.sum("timpush_counters_enabled", &[]) == Some(0.0)
        })
        .await;
    for name in [
        "timpush_lost_pushes_total",
        "timpush_platform_lost_pushes_total",
        "timpush_day_anchor_timestamp_seconds",
    ] {
        assert!(metrics.series(name, &[]).is_empty(), "{name}");
    }
    let later = exporter
        .until("gauges all the same", |metrics| {
            metrics.sum("timpush_window_lost_pushes", &[]).is_some()
        })
        .await;
    assert_eq!(later.sum("timpush_target_up", &[]), Some(1.0));
    assert!(
        exporter.log().contains("counters are disabled"),
        "{}",
        exporter.log()
    );
}
