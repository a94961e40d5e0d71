//! Another configuration in the running program: applied at once, or not at all.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use reqwest::header::ORIGIN;
use tokio::time::Instant;

use crate::lab::{BINARY, Exporter, GAME, Lab, Metrics, PATIENCE, SHOP, UNLIMITED, http};

fn config(lab: &Lab, apps: &[String], more: &str) -> std::path::PathBuf {
    let text = format!(
        "listen: 127.0.0.1:0\ncalls_per_second: 50\n{more}\n\
         defaults: {{interval: 2s, timeout: 2s, lag: 10s, step: 1s}}\napps:\n{}",
        apps.concat()
    );
    lab.write("timpush.yml", &text)
}

fn apps(lab: &Lab) -> [String; 2] {
    [
        Lab::app("shop", SHOP, &lab.url),
        Lab::app("game", GAME, &lab.url),
    ]
}

async fn post(url: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = http().post(format!("{url}/-/reload"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn has_counters(metrics: &Metrics, app: &str) -> bool {
    let app = format!("app=\"{app}\"");
    metrics
        .sum("timpush_sent_pushes_total", &[&app])
        .is_some_and(|sent| sent > 0.0)
}

/// Every name that a scrape has of an app.
fn mentions(metrics: &Metrics, app: &str) -> usize {
    let label = format!("app=\"{app}\"");
    metrics
        .0
        .lines()
        .filter(|line| line.contains(&label))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_come_and_go_and_those_that_stay_keep_what_they_have() {
    let lab = Lab::start(UNLIMITED).await;
    let [shop, game] = apps(&lab);
    let path = config(&lab, std::slice::from_ref(&shop), "");
    let exporter = Exporter::run(&path).await;
    let before = exporter
        .until("counters", |metrics| has_counters(metrics, "shop"))
        .await;
    let requests = |metrics: &Metrics| {
        let labels = ["app=\"shop\"", "outcome=\"ok\""];
        metrics.sum("timpush_api_requests_total", &labels).unwrap()
    };
    config(&lab, &[shop.clone(), game.clone()], "");
    let (status, text) = post(&exporter.url, &[]).await;
    assert_eq!(status, 200, "{text}");
    // At once, without a poll in between.
    let after = exporter.metrics().await;
    assert!(has_counters(&after, "shop"));
    assert!(requests(&after) >= requests(&before));
    assert_eq!(
        after.series("timpush_target_up", &["app=\"game\""]).len(),
        2
    );
    exporter
        .until("the new app", |metrics| has_counters(metrics, "game"))
        .await;
    config(&lab, std::slice::from_ref(&game), "");
    assert_eq!(post(&exporter.url, &[]).await.0, 200);
    // What was read from the service is gone at once, what the process counted in a second.
    let last = exporter.metrics().await;
    for name in [
        "timpush_window_",
        "timpush_sent_pushes",
        "timpush_target_up",
    ] {
        let of_shop = |line: &str| line.starts_with(name) && line.contains("app=\"shop\"");
        assert!(!last.0.lines().any(of_shop), "{name}");
    }
    let last = exporter
        .until("all series gone", |metrics| mentions(metrics, "shop") == 0)
        .await;
    assert!(has_counters(&last, "game"));
    // And nobody asks about it any more.
    let asked = || {
        let calls = lab.simulator.calls();
        let of_shop = calls.iter().filter(|call| call.sdk_app_id == Some(SHOP));
        of_shop.count()
    };
    let count = asked();
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(asked(), count);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_whose_rhythm_changes_keeps_its_values() {
    let lab = Lab::start(UNLIMITED).await;
    let [shop, _] = apps(&lab);
    let path = config(&lab, std::slice::from_ref(&shop), "");
    let exporter = Exporter::run(&path).await;
    exporter
        .until("counters", |metrics| has_counters(metrics, "shop"))
        .await;
    let slower = shop.replace("regions:", "interval: 1h, regions:");
    config(&lab, &[slower], "");
    assert_eq!(post(&exporter.url, &[]).await.0, 200);
    let after = exporter.metrics().await;
    assert_eq!(
        after.sum("timpush_target_interval_seconds", &[]),
        Some(3600.0)
    );
    assert!(has_counters(&after, "shop"));
    assert!(after.sum("timpush_window_sent_pushes", &[]).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_changes_nothing_and_every_problem_is_named() {
    let lab = Lab::start(UNLIMITED).await;
    let [shop, _] = apps(&lab);
    let path = config(&lab, std::slice::from_ref(&shop), "");
    let exporter = Exporter::run(&path).await;
    let start = exporter
        .until("counters", |metrics| has_counters(metrics, "shop"))
        .await;
    let name = "timpush_config_last_reload_successful";
    let time = "timpush_config_last_reload_success_timestamp_seconds";
    assert_eq!(start.sum(name, &[]), Some(1.0));
    config(&lab, &[shop.replace("administrator", "''")], "nonsense: 1");
    let (status, problems) = post(&exporter.url, &[]).await;
    assert_eq!(status, 400);
    for part in ["nonsense", "apps[0] (shop).identifier", "2 problems"] {
        assert!(problems.contains(part), "{problems}");
    }
    // What the process says of itself may be a second old.
    let after = exporter
        .until("the failure", |metrics| metrics.sum(name, &[]) == Some(0.0))
        .await;
    assert_eq!(after.sum(time, &[]), start.sum(time, &[]));
    assert!(has_counters(&after, "shop"));
    config(&lab, &[shop], "");
    assert_eq!(post(&exporter.url, &[]).await.0, 200);
    let healed = exporter
        .until("the success", |metrics| metrics.sum(name, &[]) == Some(1.0))
        .await;
    assert!(healed.sum(time, &[]) >= start.sum(time, &[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_answers_and_logs_what_it_has_changed() {
    let lab = Lab::start(UNLIMITED).await;
    // A poll between the new key and the reload would take the key first.
    let [shop, game] = apps(&lab).map(|app| app.replace("regions:", "interval: 1h, regions:"));
    let path = config(&lab, std::slice::from_ref(&game), "");
    let exporter = Exporter::run(&path).await;
    let signed = |metrics: &Metrics| metrics.sum("timpush_target_up", &[]) > Some(0.0);
    exporter.until("a signature", signed).await;
    let other_key = |app: &str| {
        let key = "made-up-key-of-another-day-0123456789abcdef0123456789abcdef0123456789";
        lab.write(&format!("{app}.key"), key);
    };
    let answer = async || post(&exporter.url, &[]).await;
    let same = "reloaded: unchanged\n".to_owned();
    assert_eq!(answer().await, (200, same.clone()));
    let other_day = shop.replace("name: shop", "name: shop, day_offset: Z");
    let more = "web: {enable_lifecycle: true}\nstate_interval: 7m";
    for (apps, more, rotate, told) in [
        (vec![shop, game.clone()], "", false, "added app shop"),
        (
            vec![other_day, game.clone()],
            more,
            false,
            "day_offset of shop changed, web.enable_lifecycle changed, \
             state_interval changed, which takes effect at the next start only",
        ),
        (vec![game.clone()], more, false, "removed app shop"),
        (vec![game], more, true, "key of game changed"),
    ] {
        config(&lab, &apps, more);
        if rotate {
            other_key("game");
        }
        assert_eq!(answer().await, (200, format!("reloaded: {told}\n")));
        let log = exporter.log();
        assert!(
            log.contains(&format!("configuration reloaded: {told}")),
            "{log}"
        );
        assert!(rotate || answer().await == (200, same.clone()), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_reloads_too() {
    let lab = Lab::start(UNLIMITED).await;
    let [shop, game] = apps(&lab);
    let path = config(&lab, std::slice::from_ref(&shop), "");
    let exporter = Exporter::run(&path).await;
    config(&lab, &[shop, game], "");
    exporter.signal("HUP");
    exporter
        .until("the new app", |metrics| has_counters(metrics, "game"))
        .await;
}

/// 1,000 keys take long to read, and the signal comes before that: as soon as the system
/// says that the process handles it, and before it listens.
#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_that_comes_while_the_configuration_is_read_is_a_reload_and_not_the_end() {
    let lab = Lab::start(UNLIMITED).await;
    let apps: Vec<String> = (0..1000)
        .map(|n| {
            Lab::app("shop", 1_500_000_000 + n, &lab.url)
                .replace("name: shop", &format!("name: shop{n}"))
        })
        .collect();
    let path = config(&lab, &apps, "");
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("listen: 127.0.0.1:0", &format!("listen: {address}"));
    lab.write("timpush.yml", &text);
    let mut child = Command::new(BINARY)
        .args(["run", "--config", path.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let id = child.id();
    while !handles_hangup(id) {
        assert!(start.elapsed() < PATIENCE);
    }
    assert!(
        TcpStream::connect(address).is_err(),
        "handled only when all is read"
    );
    let kill = |signal: &str| {
        let kill = format!("kill -{signal} {id}");
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    };
    kill("HUP");
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut seen = Vec::new();
    for line in log.by_ref().map_while(Result::ok) {
        let is_reloaded = line.contains("configuration reloaded");
        seen.push(line);
        if is_reloaded {
            break;
        }
    }
    let place = |text: &str| seen.iter().position(|line| line.contains(text));
    assert!(
        place("serving on") < place("configuration reloaded"),
        "{seen:?}"
    );
    kill("TERM");
    drop(log);
    assert_eq!(child.wait().unwrap().code(), Some(0), "{seen:?}");
}

/// Whether a process has a handler for SIGHUP, which is signal 1.
fn handles_hangup(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & 1 == 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_may_can_reload() {
    let lab = Lab::start(UNLIMITED).await;
    let [shop, _] = apps(&lab);
    let path = config(&lab, std::slice::from_ref(&shop), "");
    let exporter = Exporter::run(&path).await;
    let forwarded = [("x-forwarded-for", "10.0.0.1")];
    let foreign = [(ORIGIN.as_str(), "https://elsewhere.example")];
    assert_eq!(post(&exporter.url, &forwarded).await.0, 403);
    assert_eq!(post(&exporter.url, &foreign).await.0, 403);
    let get = http()
        .get(format!("{}/-/reload", exporter.url))
        .send()
        .await
        .unwrap();
    assert_eq!(get.status(), 405);
    config(&lab, &[shop], "web: {enable_lifecycle: true}");
    assert_eq!(post(&exporter.url, &[]).await.0, 200);
    assert_eq!(post(&exporter.url, &forwarded).await.0, 200);
    assert_eq!(post(&exporter.url, &foreign).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_has_nothing_to_reload() {
    let demo = Exporter::start(&["demo", "--listen", "127.0.0.1:0"]).await;
    assert_eq!(post(&demo.url, &[]).await.0, 404);
}
