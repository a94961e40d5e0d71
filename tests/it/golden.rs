//! From the document's own sample to the bytes of a scrape.

use std::sync::Arc;
use std::time::Duration;

use timpush_exporter::clock::Now;
use timpush_exporter::config::target::{Target, expand};
use timpush_exporter::config::{Config, Secrets};
use timpush_exporter::metrics::{Format, targets_body};
use timpush_exporter::model::reading::{Api, Reading};
use timpush_exporter::model::window::{Range, UnixSeconds};
use timpush_exporter::push_api::wire::{self, Answer};
use timpush_exporter::scrubber::Scrubber;
use timpush_exporter::target::snapshot::{Recorder, Snapshot};
use tokio::time::Instant;

const LOSS: &str = include_str!("../data/document_sample.txt");
const STATISTICS: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"sucess","TotalCount":1000,"SentCount":708,
    "DeliveredCount":456,"ClickCount":12,"PlatformStatistics":[
    {"PushPlatform":1,"TotalCount":400,"SentCount":395,"DeliveredCount":178,"ClickCount":12},
    {"PushPlatform":9,"TotalCount":600,"SentCount":313,"DeliveredCount":278,"ClickCount":0}]}"#;

/// Documents 71895 and 71894: all tasks together are one element, and a second one is added.
const ALL_MEMBER_LOSS: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"sucess","Results":[{"TaskID":"",
    "ReadyToSendLoss":[{"ErrCode":"-1","ErrCount":40,"ErrInfo":"certificate id not set"}],
    "PostSendDeliveredLoss":[{"ErrCode":"410","ErrCount":9,"ErrInfo":"Unregistered"}],
    "PlatformReadyToSendLoss":[{"EventType":1,"PushPlatform":1,"ErrCode":"-1","ErrCount":31,"ErrInfo":"certificate id not set"}],
    "PlatformPostSendDeliveredLoss":[{"EventType":1,"PushPlatform":1,"ErrCode":"410","ErrCount":9,"ErrInfo":"Unregistered"}]},
    {"ReadyToSendLoss":[{"ErrCode":"-1","ErrCount":2,"ErrInfo":"certificate id not set"}]}]}"#;
const ALL_MEMBER_STATISTICS: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"sucess","Results":[{"TaskID":"",
    "TotalCount":2670,"SentCount":2213,"DeliveredCount":532,"ClickCount":206,"PlatformStatistics":[
    {"EventType":1,"PushPlatform":1,"TotalCount":1500,"SentCount":1100,"DeliveredCount":300,"ClickCount":100},
    {"EventType":2,"PushPlatform":0,"TotalCount":1170,"SentCount":1113,"DeliveredCount":232,"ClickCount":106}]}]}"#;

fn read(api: Api, body: &str) -> Reading {
    match wire::parse(api, body.as_bytes(), &Scrubber::new([])) {
        Ok(Answer::Good(reading)) => reading,
        other => panic!("{other:?}\n{body}"),
    }
}

/// What is served after one poll that was answered so, as text.
fn expose(loss: &str) -> String {
    String::from_utf8(expose_as(Format::Text, loss)).unwrap()
}

fn expose_as(format: Format, loss: &str) -> Vec<u8> {
    expose_all(format, &[loss, STATISTICS])
}

fn expose_all(format: Format, answers: &[&str]) -> Vec<u8> {
    let now = Now {
        wall: Duration::from_secs(1_741_795_205),
        steady: Instant::now(),
    };
    // The window is the day that has just closed: its counters are served, too.
    let (_, snapshot) = polled(answers, UnixSeconds(1_741_795_200), now);
    targets_body(format, &snapshot.load(), now)
}

/// A target that was polled at `now` for the first time, and answered with the sample.
pub(crate) fn sample(now: Now) -> (Vec<Target>, Arc<Snapshot>) {
    polled_once(LOSS, UnixSeconds(now.unix().0 - 1), now)
}

fn configured(config: &str) -> (Vec<Target>, Arc<Snapshot>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timpush.yml");
    std::fs::write(&path, config).unwrap();
    let config = Config::load(&path, &[].into(), Secrets::Skip).unwrap();
    let targets = expand(&config);
    let snapshot = Arc::new(Snapshot::new(&targets));
    (targets, snapshot)
}

fn polled_once(loss: &str, end: UnixSeconds, now: Now) -> (Vec<Target>, Arc<Snapshot>) {
    polled(&[loss, STATISTICS], end, now)
}

/// Targets that were polled once, with the answers of their APIs in the order of asking.
fn polled(answers: &[&str], end: UnixSeconds, now: Now) -> (Vec<Target>, Arc<Snapshot>) {
    let config = format!(
        "apps: [{{name: shop, sdk_app_id: 88888888, identifier: admin, secret_key_env: KEY, regions: [china], \
         window: 1d, step: 1d, lag: 0s, all_member: {}}}]",
        answers.len() > 2
    );
    let (targets, snapshot) = configured(&config);
    let range = Range::ending(end, Duration::from_secs(86_400));
    for (target, answers) in targets.iter().zip(answers.chunks(2)) {
        let mut recorder = Recorder::new(target, Arc::clone(&snapshot));
        for (api, body) in target.apis().zip(answers) {
            recorder.window(api, range, read(api, body), now);
            for question in recorder.questions(api, range.end, now) {
                recorder.day(api, question, &read(api, body), now);
            }
            recorder.finish(api, Ok(()), now);
        }
    }
    (targets, snapshot)
}

/// What is served 6 h after a day closed, of which three more losses were known by then.
fn expose_late() -> String {
    const CLOSED: u64 = 1_741_795_200;
    let config = "apps: [{name: shop, sdk_app_id: 88888888, identifier: admin, secret_key_env: KEY, regions: [china], \
         lag: 0s, statistics: false}]";
    let (targets, snapshot) = configured(config);
    let mut recorder = Recorder::new(&targets[0], Arc::clone(&snapshot));
    let (api, began) = (Api::NormalPushLoss, Instant::now());
    let late = LOSS.replace("167", "170");
    let mut exposed = String::new();
    for minutes in [0, 1, 2, 363, 364] {
        let after_start = Duration::from_secs(minutes * 60);
        let now = Now {
            wall: Duration::from_secs(CLOSED - 60) + after_start,
            steady: began + after_start,
        };
        let range = Range::ending(now.unix(), Duration::from_secs(3600));
        recorder.window(api, range, read(api, LOSS), now);
        for question in recorder.questions(api, range.end, now) {
            let body = if minutes > 360 { &late } else { LOSS };
            recorder.day(api, question, &read(api, body), now);
        }
        recorder.finish(api, Ok(()), now);
        exposed = String::from_utf8(targets_body(Format::Text, &snapshot.load(), now)).unwrap();
    }
    exposed
}

/// The four arrays of the sample.
fn arrays() -> &'static str {
    let start = LOSS.find("\"ReadyToSendLoss\"").unwrap();
    LOSS[start..].trim_end().strip_suffix("}}").unwrap()
}

#[test]
fn the_documents_sample_in_every_accepted_shape_gives_the_same_exposition() {
    let golden = expose(LOSS);
    let arrays = arrays();
    let head = r#""ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"sucess""#;
    for shape in [
        format!("{{{head},{arrays}}}"),
        format!(r#"{{{head},"Results":{{{arrays}}}}}"#),
        format!(r#"{{{head},"Results":[{{"TaskID":"",{arrays}}}]}}"#),
        format!(r#"{{{head},"RequestId":"r","LossInfo":{{{arrays}}}}}"#),
        format!("{{{head},{arrays}}}")
            .replace("\"-1\"", "-1")
            .replace("\"410\"", "410"),
        format!("{{{head},{arrays}}}")
            .replace("217", "\"217\"")
            .replace("35", "35.0"),
    ] {
        assert_eq!(expose(&shape), golden, "{shape}");
    }
}

#[test]
fn the_documents_sample_is_exposed_as_recorded_in_every_format() {
    for (name, format) in [
        ("document_sample.prom", Format::Text),
        (
            "document_sample.openmetrics",
            Format::OpenMetrics { created: false },
        ),
        (
            "document_sample_created.openmetrics",
            Format::OpenMetrics { created: true },
        ),
        ("document_sample.protobuf", Format::Protobuf),
    ] {
        assert_recorded(name, &expose_as(format, LOSS));
    }
}

#[test]
fn pushes_to_all_users_are_exposed_as_recorded_beside_those_of_chat_messages() {
    let answers = [LOSS, STATISTICS, ALL_MEMBER_LOSS, ALL_MEMBER_STATISTICS];
    let body = String::from_utf8(expose_all(Format::Text, &answers)).unwrap();
    for line in [
        r#"timpush_window_lost_pushes{app="shop",region="china",push="all_member",stage="ready_to_send",err_code="-1"} 42"#,
        r#"timpush_window_platform_sent_pushes{app="shop",region="china",push="all_member",platform="online"} 1113"#,
    ] {
        assert!(body.lines().any(|own| own == line), "{line}\n{body}");
    }
    assert_recorded("all_member.prom", body.as_bytes());
}

#[test]
fn what_a_closed_day_gained_in_six_hours_is_exposed_as_recorded() {
    let exposed = expose_late();
    assert!(
        exposed
            .contains(r#"timpush_late_pushes{app="shop",region="china",push="normal",stage="ready_to_send"} 3"#),
        "{exposed}"
    );
    assert_recorded("late_losses.prom", exposed.as_bytes());
}

pub(crate) fn assert_recorded(name: &str, body: &[u8]) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, body).unwrap();
    }
    let golden = std::fs::read(&path).unwrap();
    assert!(
        body == golden,
        "{name} is not as recorded:\n{}",
        String::from_utf8_lossy(body)
    );
}

#[test]
#[ignore = "needs promtool"]
fn the_golden_exposition_passes_promtool_without_a_word() {
    crate::peers::promtool_has_nothing_to_say(&expose(LOSS));
    crate::peers::promtool_has_nothing_to_say(&expose_late());
    let answers = [LOSS, STATISTICS, ALL_MEMBER_LOSS, ALL_MEMBER_STATISTICS];
    let both = expose_all(Format::Text, &answers);
    crate::peers::promtool_has_nothing_to_say(&String::from_utf8(both).unwrap());
}
