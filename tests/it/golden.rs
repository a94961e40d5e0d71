//! From the document's own sample to the bytes of a scrape.

use std::sync::Arc;
use std::time::Duration;

use timpush_exporter::api::wire::{self, Answer};
use timpush_exporter::clock::Now;
use timpush_exporter::config::{Config, Secrets};
use timpush_exporter::exposition::{self, Encoder, Format};
use timpush_exporter::reading::{Api, Reading};
use timpush_exporter::scrubber::Scrubber;
use timpush_exporter::snapshot::{Recorder, Snapshot};
use timpush_exporter::target::{Target, expand};
use timpush_exporter::window::{Range, UnixSeconds};
use tokio::time::Instant;

const LOSS: &str = include_str!("../data/document_sample.txt");
const STATISTICS: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"sucess","TotalCount":1000,"SentCount":708,
    "DeliveredCount":456,"ClickCount":12,"PlatformStatistics":[
    {"PushPlatform":1,"TotalCount":400,"SentCount":395,"DeliveredCount":178,"ClickCount":12},
    {"PushPlatform":9,"TotalCount":600,"SentCount":313,"DeliveredCount":278,"ClickCount":0}]}"#;

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
    let now = Now {
        wall: Duration::from_secs(1_741_795_205),
        steady: Instant::now(),
    };
    // The window is the day that has just closed: its counters are served, too.
    let (_, snapshot) = polled_once(loss, UnixSeconds(1_741_795_200), now);
    let mut encoder = Encoder::new(format);
    exposition::write_targets(&snapshot.load(), now, &mut encoder);
    encoder.into_body()
}

/// A target that was polled at `now` for the first time, and answered with the sample.
pub(crate) fn sample(now: Now) -> (Vec<Target>, Arc<Snapshot>) {
    polled_once(LOSS, UnixSeconds(now.unix().0 - 1), now)
}

fn polled_once(loss: &str, end: UnixSeconds, now: Now) -> (Vec<Target>, Arc<Snapshot>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timpush.yml");
    std::fs::write(
        &path,
        "apps: [{name: shop, sdk_app_id: 88888888, identifier: admin, secret_key_env: KEY, regions: [china], \
         window: 1d, step: 1d, lag: 0s}]",
    )
    .unwrap();
    let config = Config::load(&path, &[].into(), Secrets::Skip).unwrap();
    let targets = expand(&config);
    let snapshot = Arc::new(Snapshot::new(&targets));
    let mut recorder = Recorder::new(&targets[0], Arc::clone(&snapshot));
    let range = Range::ending(end, Duration::from_secs(86_400));
    for (api, body) in [
        (Api::NormalPushLoss, loss),
        (Api::NormalPushStatistics, STATISTICS),
    ] {
        recorder.window(api, range, read(api, body), now);
        for question in recorder.questions(api, range.end, now) {
            recorder.day(api, question, &read(api, body), now);
        }
        recorder.finish(api, Ok(()), now);
    }
    (targets, snapshot)
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
        let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
        let body = expose_as(format, LOSS);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &body).unwrap();
        }
        let golden = std::fs::read(&path).unwrap();
        assert!(
            body == golden,
            "{name} is not as recorded:\n{}",
            String::from_utf8_lossy(&body)
        );
    }
}

#[test]
#[ignore = "needs promtool"]
fn the_golden_exposition_passes_promtool_without_a_word() {
    crate::peers::promtool_has_nothing_to_say(&expose(LOSS));
}
