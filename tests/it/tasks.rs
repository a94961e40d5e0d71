//! Tasks of an app, from the service's list and from a file, to the bytes of a scrape.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use timpush_exporter::clock::Now;
use timpush_exporter::config::target::expand;
use timpush_exporter::config::{Config, Secrets};
use timpush_exporter::metrics::{Format, targets_body};
use timpush_exporter::model::reading::Api;
use timpush_exporter::model::task::{Dispatch, ScheduledTask, Task, TaskSource, TaskType};
use timpush_exporter::model::window::UnixSeconds;
use timpush_exporter::push_api::wire::{Answer, parse_tasks};
use timpush_exporter::scrubber::Scrubber;
use timpush_exporter::target::snapshot::{Recorder, Snapshot, TaskRecorder};
use tokio::time::Instant;

use crate::golden::assert_recorded;
use crate::lab::{Exporter, Lab, SHOP, UNLIMITED, failing, refuses};

/// The samples of documents 71895 and 71894, the first element of each.
const LOSS: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"sucess","Results":[{"TaskID":"xxx-yyy-zzz",
    "ReadyToSendLoss":[{"ErrCode":"-1","ErrCount":217,"ErrInfo":"certificate id not set"}],
    "PostSendDeliveredLoss":[{"ErrCode":"410","ErrCount":35,"ErrInfo":"Unregistered"}],
    "PlatformReadyToSendLoss":[{"EventType":1,"PushPlatform":1,"ErrCode":"-1","ErrCount":167,"ErrInfo":"certificate id not set"}],
    "PlatformPostSendDeliveredLoss":[{"EventType":1,"PushPlatform":1,"ErrCode":"410","ErrCount":35,"ErrInfo":"Unregistered"}]}]}"#;
const STATISTICS: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"sucess","Results":[{"TaskID":"xxx-yyy-zzz",
    "TotalCount":2670,"SentCount":2213,"DeliveredCount":532,"ClickCount":206,"PlatformStatistics":[
    {"EventType":1,"PushPlatform":1,"TotalCount":670,"SentCount":213,"DeliveredCount":32,"ClickCount":6},
    {"EventType":2,"PushPlatform":0,"TotalCount":2000,"SentCount":2000,"DeliveredCount":500,"ClickCount":200}]}]}"#;

fn scheduled(number: i64, status: &str, dispatch: Dispatch) -> ScheduledTask {
    ScheduledTask {
        number,
        name: "June sale".to_owned(),
        kind: TaskType::All,
        status: status.to_owned(),
        at: UnixSeconds(1_748_772_000),
        dispatch,
        reason: String::new(),
        push: (dispatch == Dispatch::Done).then(|| "xxx-yyy-zzz".parse().unwrap()),
    }
}

/// What is served after one round that was answered with the samples.
fn expose() -> Vec<u8> {
    let config = "apps: [{name: shop, sdk_app_id: 88888888, identifier: admin, secret_key_env: KEY, regions: [china], \
         statistics: true, tasks: {scheduled: true, file: tasks.jsonl}}]";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timpush.yml");
    std::fs::write(&path, config).unwrap();
    let config = Config::load(&path, &[].into(), Secrets::Skip).unwrap();
    let targets = expand(&config);
    let now = Now {
        wall: Duration::from_secs(1_748_775_600),
        steady: Instant::now(),
    };
    let snapshot = Arc::new(Snapshot::new(&targets));
    Recorder::new(&targets[0], Arc::clone(&snapshot));
    let recorder = TaskRecorder::new(&targets[0], Arc::clone(&snapshot));
    let mut board = recorder.board();
    board.watch(vec![Task {
        id: "xxx-yyy-zzz".parse().unwrap(),
        name: "June sale".to_owned(),
        kind: TaskType::All,
        source: TaskSource::Scheduled,
        start: UnixSeconds(1_748_772_000),
    }]);
    for (api, body) in [
        (Api::AllMemberPushLoss, LOSS),
        (Api::AllMemberPushStatistics, STATISTICS),
    ] {
        let Ok(Answer::Good(readings)) = parse_tasks(api, body.as_bytes(), &Scrubber::new([]))
        else {
            panic!("{body}");
        };
        for (_, reading) in readings {
            board.watched[0].answered(api, reading, now.steady);
        }
    }
    let list = [
        scheduled(1, "dispatched", Dispatch::Done),
        scheduled(2, "dispatched", Dispatch::Failed),
        scheduled(3, "pending", Dispatch::Pending),
    ];
    board.listed(list.into(), now.steady);
    (board.up, board.last_success) = (true, Some(now.unix()));
    (board.left_out, board.file_problems) = (4, Some(2));
    recorder.publish(board);
    targets_body(Format::Text, &snapshot.load(), now)
}

#[test]
fn the_documents_samples_are_exposed_as_recorded() {
    assert_recorded("tasks.prom", &expose());
}

#[test]
#[ignore = "needs promtool"]
fn the_exposition_of_tasks_passes_promtool_without_a_word() {
    let exposition = String::from_utf8(expose()).unwrap();
    crate::peers::promtool_has_nothing_to_say(&exposition);
}

/// A configuration that polls the shop alone, with `more` in the app.
fn config(lab: &Lab, more: &str) -> String {
    let app = Lab::app("shop", SHOP, &lab.url);
    let app = app.trim_end().strip_suffix('}').unwrap();
    format!(
        "listen: 127.0.0.1:0\ncalls_per_second: 50\n\
         defaults: {{interval: 1s, timeout: 2s, lag: 10s, step: 1s, counters: false}}\napps:\n{app}{more}}}\n"
    )
}

#[tokio::test]
async fn campaigns_and_noted_tasks_are_served_and_unknown_ones_and_bad_lines_are_named() {
    let lab = Lab::start(UNLIMITED).await;
    let now = timpush_exporter::clock::now().unix().0;
    let noted = lab.write(
        "tasks.jsonl",
        &format!("{{\"task\":\"nobody\",\"start\":{now}}}\noops\n{{\"ta"),
    );
    let more = ", tasks: {scheduled: true, file: tasks.jsonl, interval: 1s}";
    let exporter = Exporter::run(&lab.write("timpush.yml", &config(&lab, more))).await;
    let state = |state: &str| format!("state=\"{state}\"");
    let failed = "timpush_scheduled_task_dispatch_failed";
    let metrics = exporter
        .until("a round over the tasks", |metrics| {
            let unknown = metrics.sum("timpush_tasks", &[&state("unknown")]);
            // Once a day, the one that could not be dispatched is a day old and the next is still
            // being dispatched, for 20 seconds.
            metrics.sum("timpush_tasks_up", &[]) == Some(1.0)
                && unknown == Some(1.0)
                && metrics.sum(failed, &[]) == Some(1.0)
        })
        .await;
    let watched = metrics.sum("timpush_tasks", &[&state("watched")]).unwrap();
    assert!((5.0..=7.0).contains(&watched), "{}", metrics.0);
    for (name, series) in [
        ("timpush_task_info", watched),
        ("timpush_task_sent_pushes", watched),
        ("timpush_task_start_timestamp_seconds", watched),
        ("timpush_scheduled_task_info", watched + 4.0),
    ] {
        #[expect(clippy::cast_precision_loss, reason = "few")]
        let found = metrics.series(name, &[]).len() as f64;
        assert!((found - series).abs() < 1.5, "{name}\n{}", metrics.0);
    }
    assert_eq!(metrics.sum("timpush_task_file_problems", &[]), Some(1.0));
    let lost = metrics.series("timpush_task_platform_lost_pushes", &["err_code=\"403\""]);
    assert!(!lost.is_empty(), "{}", metrics.0);
    let class = metrics.sum(
        "timpush_error_code_info",
        &["platform=\"apns\"", "err_code=\"403\""],
    );
    assert!(class.is_some(), "{}", metrics.0);

    // The sender writes on.
    let mut file = OpenOptions::new().append(true).open(&noted).unwrap();
    writeln!(file, "sk\":\"somebody\",\"start\":{now}}}").unwrap();
    exporter
        .until("the rest of the line", |metrics| {
            let unknown = metrics.sum("timpush_tasks", &[&state("unknown")]);
            unknown == Some(2.0) && metrics.sum("timpush_task_file_problems", &[]) == Some(1.0)
        })
        .await;
    let log = exporter.log();
    let reason = "daily limit of pushes to all users reached";
    assert_eq!(log.matches(reason).count(), 1, "{log}");
    assert_eq!(
        log.matches("line 2: is not a JSON object").count(),
        1,
        "{log}"
    );
    assert_eq!(
        log.matches("does not know 1 of the tasks (nobody)").count(),
        1,
        "{log}"
    );
}

#[tokio::test]
async fn an_app_without_such_pushes_is_asked_rarely_and_its_chat_pushes_are_polled_on() {
    let lab = Lab::start(UNLIMITED).await;
    let api = Api::AllMemberPushLoss;
    lab.simulator.set_scenario(failing(&[refuses(api, 90045)]));
    let more = ", tasks: {scheduled: true, interval: 1s}";
    let exporter = Exporter::run(&lab.write("timpush.yml", &config(&lab, more))).await;
    let metrics = exporter
        .until("polls long after the refusal", |metrics| {
            let polls = metrics.sum("timpush_api_requests_total", &["outcome=\"ok\""]);
            let is_refused = exporter.log().contains("90045");
            is_refused && polls > Some(20.0)
        })
        .await;
    assert_eq!(metrics.sum("timpush_tasks_up", &[]), Some(0.0));
    assert_eq!(metrics.sum("timpush_target_up", &[]), Some(2.0));
    // The list is good: what is scheduled is known, and has no counts.
    assert!(metrics.sum("timpush_scheduled_task_info", &[]).is_some());
    assert!(metrics.sum("timpush_task_lost_pushes", &[]).is_none());
    let calls = lab.simulator.calls();
    assert_eq!(calls.iter().filter(|call| call.api == Some(api)).count(), 1);
    assert_eq!(exporter.log().matches("shop/lab tasks: ").count(), 1);
}

#[tokio::test]
async fn without_tasks_nothing_is_asked_and_nothing_served_about_them() {
    let lab = Lab::start(UNLIMITED).await;
    let exporter = Exporter::run(&lab.write("timpush.yml", &config(&lab, ""))).await;
    let metrics = exporter
        .until("some polls", |metrics| {
            let polls = metrics.sum("timpush_api_requests_total", &[]);
            polls > Some(8.0)
        })
        .await;
    assert!(!metrics.0.contains("timpush_task"), "{}", metrics.0);
    assert!(
        !metrics.0.contains("timpush_scheduled_task"),
        "{}",
        metrics.0
    );
    let calls = lab.simulator.calls();
    assert!(calls.iter().all(|call| call.api.is_some()));
}

#[tokio::test]
async fn a_reload_starts_and_ends_the_watch() {
    let lab = Lab::start(UNLIMITED).await;
    let path = lab.write("timpush.yml", &config(&lab, ""));
    let exporter = Exporter::run(&path).await;
    let is_watched = |metrics: &crate::lab::Metrics| metrics.sum("timpush_tasks_up", &[]);
    exporter
        .until("a start without tasks", |metrics| {
            is_watched(metrics).is_none()
        })
        .await;
    lab.write(
        "timpush.yml",
        &config(&lab, ", tasks: {scheduled: true, interval: 1s}"),
    );
    exporter.signal("HUP");
    exporter
        .until("the watch", |metrics| is_watched(metrics) == Some(1.0))
        .await;
    lab.write("timpush.yml", &config(&lab, ""));
    exporter.signal("HUP");
    exporter
        .until("its end", |metrics| is_watched(metrics).is_none())
        .await;
    assert!(
        exporter.log().contains("tasks of shop changed"),
        "{}",
        exporter.log()
    );
}
