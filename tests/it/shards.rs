//! Processes that divide one configuration among them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;

use tokio::time::{Instant, sleep};

use timpush_exporter::model::shard::Shard;

use crate::lab::{BINARY, Exporter, Lab, Metrics, PATIENCE, UNLIMITED, http};

const TOTAL: u32 = 3;
const FIRST: u32 = 1_400_000_001;

/// What depends on when a process asked or how often, and not on what it was told.
const OWN: [&str; 6] = [
    "timpush_api_",
    "timpush_target_last_success_",
    "timpush_target_consecutive_",
    "timpush_usersig_",
    "timpush_poll_",
    "timpush_target_last_nonzero_",
];

/// Windows and days that stand still while all are asked.
fn config(lab: &Lab, numbers: Range<u32>) -> PathBuf {
    let apps: String = numbers
        .map(|number| Lab::app(&format!("app-{number}"), number, &lab.url))
        .collect();
    let text = format!(
        "listen: 127.0.0.1:0\ncalls_per_second: 50\nscrape_interval: 1s\n\
         defaults: {{interval: 2s, lag: 10s, step: 1h}}\napps:\n{apps}"
    );
    lab.write("timpush.yml", &text)
}

/// The samples of apps, each a whole line.
fn samples(metrics: &Metrics) -> BTreeSet<&str> {
    let lines = metrics.0.lines();
    lines
        .filter(|line| line.starts_with("timpush_") && line.contains("app=\""))
        .filter(|line| !OWN.iter().any(|own| line.starts_with(own)))
        .collect()
}

/// Waits until the shards together serve exactly what one process does, with counters of all apps.
async fn until_equal(whole: &Exporter, shards: &[Exporter], apps: usize) {
    let start = Instant::now();
    loop {
        let one = whole.metrics().await;
        let mut parts = Vec::new();
        for shard in shards {
            parts.push(shard.metrics().await);
        }
        let one = samples(&one);
        let union: Vec<&str> = parts.iter().flat_map(samples).collect();
        let counters = union
            .iter()
            .filter(|line| line.starts_with("timpush_sent_pushes_total{"))
            .count();
        let is_complete = counters == apps && union.iter().any(|line| line.contains("err_code="));
        // No sample twice, none missing, none more.
        if is_complete
            && union.len() == one.len()
            && union.into_iter().collect::<BTreeSet<_>>() == one
        {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{one:#?}");
        sleep(std::time::Duration::from_millis(200)).await;
    }
}

async fn reload(exporter: &Exporter) -> String {
    let response = http().post(format!("{}/-/reload", exporter.url)).send();
    response.await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_together_serve_what_one_process_does_also_after_a_reload() {
    let numbers = FIRST..FIRST + 8;
    let lab = Lab::start_with_numbers(UNLIMITED, numbers.clone()).await;
    let (last, fewer) = (numbers.end - 1, numbers.start..numbers.end - 1);
    let path = config(&lab, fewer.clone());
    let whole = Exporter::run(&path).await;
    let mut shards = Vec::new();
    for index in 0..TOTAL {
        let mut command = Command::new(BINARY);
        command
            .args(["run", "--log-format", "json", "--config"])
            .arg(&path);
        let (index, total) = (index.to_string(), TOTAL.to_string());
        if shards.is_empty() {
            command.envs([
                ("TIMPUSH_SHARD_INDEX", index),
                ("TIMPUSH_SHARD_TOTAL", total),
            ]);
        } else {
            command.args(["--shard-index", &index, "--shard-total", &total]);
        }
        shards.push(Exporter::spawn(&mut command).await);
    }
    until_equal(&whole, &shards, fewer.len()).await;
    for (index, shard) in (0..).zip(&shards) {
        let owns = |number: &u32| Shard::new(index, TOTAL).unwrap().owns(*number);
        let own = fewer.clone().filter(owns).count();
        let metrics = shard.metrics().await;
        let value =
            |name, labels: &[&str]| metrics.sum(name, labels).map(|value| value.to_string());
        let labels = [&*format!("shard_index=\"{index}\""), "shard_total=\"3\""];
        assert_eq!(value("timpush_shard_info", &labels), Some("1".to_owned()));
        assert_eq!(value("timpush_shard_apps", &[]), Some(own.to_string()));
        assert_eq!(value("timpush_configured_apps", &[]), Some("7".to_owned()));
        let log = shard.log();
        assert!(log.contains(&format!("polls {own} of 7 apps")), "{log}");
        assert!(!log.contains("TIMPUSH_SHARD"), "{log}");
    }

    config(&lab, numbers.clone());
    for (index, shard) in (0..).zip(&shards) {
        let added = format!("reloaded: added app app-{last}\n");
        let is_its = Shard::new(index, TOTAL).unwrap().owns(last);
        let expected = if is_its {
            &added
        } else {
            "reloaded: unchanged\n"
        };
        assert_eq!(&reload(shard).await, expected);
    }
    reload(&whole).await;
    until_equal(&whole, &shards, numbers.len()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_without_an_app_serves_all_the_same() {
    let owner = (0..TOTAL).find(|index| Shard::new(*index, TOTAL).unwrap().owns(FIRST));
    let idle = ((owner.unwrap() + 1) % TOTAL).to_string();
    let lab = Lab::start_with_numbers(UNLIMITED, FIRST..FIRST + 1).await;
    let path = config(&lab, FIRST..FIRST + 1);
    let arguments = [
        "run",
        "--config",
        path.to_str().unwrap(),
        "--shard-total",
        "3",
        "--shard-index",
    ];
    let mut exporter = Exporter::start(&[&arguments[..], &[&idle]].concat()).await;
    let metrics = exporter.metrics().await;
    assert_eq!(metrics.sum("timpush_shard_apps", &[]), Some(0.0));
    assert_eq!(samples(&metrics).len(), 0);
    let ready = crate::lab::get(&format!("{}/-/ready", exporter.url)).await;
    assert_eq!(ready.0, 200);
    assert_eq!(crate::lab::get(&exporter.url).await.0, 200);
    assert_eq!(exporter.stop("TERM").await, Some(0));
    assert!(lab.simulator.calls().is_empty());
}

#[test]
fn a_shard_that_is_not_there_is_wrong_usage() {
    for (arguments, said) in [
        (
            &["--shard-index", "3", "--shard-total", "3"][..],
            "there is no shard 3: of 3, the last is 2",
        ),
        (
            &["--shard-index", "0"],
            "--shard-index requires --shard-total",
        ),
        (
            &["--shard-index", "x", "--shard-total", "3"],
            "neither a number",
        ),
        (
            &["--shard-index", "0", "--shard-total", "1001"],
            "from 1 to 1000",
        ),
    ] {
        let output = Command::new(BINARY)
            .arg("run")
            .args(arguments)
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{error}");
        assert!(error.contains(said), "{error}");
    }
}
