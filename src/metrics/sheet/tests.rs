use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::config::target::Target;
use crate::config::target::tests::target;
use crate::model::outcome::{FetchError, Outcome};
use crate::model::reading::{
    Api, ErrCode, Funnel, Loss, LossKey, Measure, Platform, Reading, Stage,
};
use crate::model::window::{Range, UnixSeconds};
use crate::target::snapshot::{Recorder, Snapshot};

const FORMATS: [Format; 4] = [
    Format::Text,
    Format::OpenMetrics { created: false },
    Format::OpenMetrics { created: true },
    Format::Protobuf,
];

/// A few minutes before midnight, Beijing time.
const EVENING: u64 = 1_741_794_600;

/// Targets that are polled by hand.
struct Polled {
    targets: Vec<Target>,
    recorders: Vec<Recorder>,
    snapshot: Arc<Snapshot>,
    metrics: SelfMetrics,
    now: Now,
}

impl Polled {
    fn new(targets: usize) -> Self {
        let targets: Vec<Target> = (0..targets)
            .map(|n| target(&format!("app{n:03}"), "china"))
            .collect();
        let snapshot = Arc::new(Snapshot::new(&targets));
        let recorder = |target: &Target| Recorder::new(target, Arc::clone(&snapshot));
        Self {
            recorders: targets.iter().map(recorder).collect(),
            metrics: SelfMetrics::new(&targets).unwrap(),
            targets,
            snapshot,
            now: Now {
                wall: Duration::from_secs(EVENING),
                steady: Instant::now(),
            },
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.now.wall += Duration::from_secs(seconds);
        self.now.steady += Duration::from_secs(seconds);
    }

    /// A poll of one target that finds `count` losses of each code.
    fn poll(&mut self, target: usize, codes: &[String], count: u64) {
        let polling = &self.targets[target].app.polling;
        let now = self.now;
        let end = UnixSeconds((now.unix().0 - polling.lag.as_secs()) / 60 * 60);
        let recorder = &mut self.recorders[target];
        let (calls, app) = self.metrics.calls(&self.targets[target].id());
        recorder.calls(calls, app);
        for api in self.targets[target].apis() {
            let reading = || match api.measure() {
                Measure::Losses => losses(codes, count),
                Measure::Funnel => statistics(count),
            };
            recorder.window(api, Range::ending(end, polling.window), reading(), now);
            for question in recorder.questions(api, end, now) {
                recorder.day(api, question, &reading(), now);
            }
            recorder.finish(api, Ok(()), now);
        }
    }

    fn fail(&mut self, target: usize) {
        let error = FetchError::new(Outcome::Timeout, "too slow");
        let (calls, app) = self.metrics.calls(&self.targets[target].id());
        self.recorders[target].calls(calls, app);
        self.recorders[target].finish(Api::NormalPushLoss, Err(error), self.now);
    }

    fn render(&self, sheet: &mut Sheet) -> Body {
        sheet.render(&self.snapshot, &self.metrics, self.now)
    }

    /// The beginning of a body: everything except the process's own metrics.
    fn fresh(&self, format: Format) -> Vec<u8> {
        let mut bytes = targets_body(format, &self.snapshot.load(), self.now);
        bytes.truncate(bytes.len() - format.end().len());
        bytes
    }
}

/// A code may be followed by its description.
fn losses(codes: &[String], count: u64) -> Reading {
    let rows = codes.iter().flat_map(|text| {
        let code = text.split(' ').next().unwrap_or(text);
        Stage::ALL.into_iter().flat_map(move |stage| {
            [None, Some(Platform(1)), Some(Platform(77))].map(|platform| {
                let code = ErrCode::new(code);
                let description = format!("\"{text}\" \\ said\nin €");
                let key = LossKey {
                    stage,
                    platform,
                    code,
                };
                (key, Loss { count, description })
            })
        })
    });
    Reading::Loss(rows.collect())
}

fn statistics(count: u64) -> Reading {
    let funnel = Funnel {
        sendable: 4 * count,
        sent: 3 * count,
        delivered: 2 * count,
        clicked: count,
    };
    Reading::Statistics {
        overall: funnel,
        platforms: [(Platform(1), funnel)].into(),
    }
}

fn codes(codes: &[&str]) -> Vec<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}

fn bytes(body: &Body) -> Vec<u8> {
    let pieces = (0..).map_while(|index| body.piece(Encoding::Identity, index));
    let bytes: Vec<u8> = pieces.flatten().collect();
    assert_eq!(body.length(Encoding::Identity), Some(bytes.len() as u64));
    bytes
}

fn text(body: &Body) -> String {
    String::from_utf8(bytes(body)).unwrap()
}

#[derive(Clone, Debug)]
enum Event {
    Poll(usize, Vec<String>, u64),
    Fail(usize),
    NextPoll(usize),
    NotAdditive(usize),
    SetBack(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let code = "([1-6]|80300007( noPushTypeRight)?)";
    let some_codes = prop::collection::vec(code, 0..4);
    prop_oneof![
        8 => (0..3_usize, some_codes, 0..2000_u64).prop_map(|(t, codes, n)| Event::Poll(t, codes, n)),
        2 => (0..3_usize).prop_map(Event::Fail),
        2 => (0..3_usize).prop_map(Event::NextPoll),
        1 => (0..3_usize).prop_map(Event::NotAdditive),
        1 => (1..1000_u64).prop_map(Event::SetBack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Covers polls, failures, midnight and clocks that are set back.
    #[test]
    fn a_kept_body_is_what_would_be_rendered_now_for_as_long_as_it_says(
        format in prop::sample::select(&FORMATS[..]),
        events in prop::collection::vec((event(), prop::collection::vec(1..200_u64, 0..5)), 1..25),
    ) {
        let mut polled = Polled::new(3);
        let mut sheet = Sheet::new(format);
        for (event, pauses) in events {
            match event {
                Event::Poll(target, codes, count) => polled.poll(target, &codes, count),
                Event::Fail(target) => polled.fail(target),
                Event::NextPoll(target) => polled.recorders[target].next_poll(polled.now.steady),
                Event::NotAdditive(target) => polled.recorders[target].additive(false),
                Event::SetBack(seconds) => polled.now.wall -= Duration::from_secs(seconds),
            }
            let mut body = polled.render(&mut sheet);
            prop_assert!(bytes(&body).starts_with(&polled.fresh(format)));
            for pause in pauses {
                polled.pass(pause);
                // The process's own metrics would end it every second.
                let mut targets = sheet.targets.iter().filter_map(|kept| kept.validity);
                if targets.all(|validity| validity.holds(polled.now)) {
                    prop_assert!(bytes(&body).starts_with(&polled.fresh(format)));
                } else {
                    body = polled.render(&mut sheet);
                    prop_assert!(bytes(&body).starts_with(&polled.fresh(format)));
                }
            }
        }
    }
}

#[test]
fn a_body_holds_until_a_value_is_stale_and_not_longer() {
    let mut polled = Polled::new(1);
    let mut sheet = Sheet::new(Format::Text);
    polled.poll(0, &codes(&["1"]), 5);
    let stale_after = polled.targets[0].app.polling.stale_after.as_secs();
    polled.pass(stale_after - 1);
    let body = polled.render(&mut sheet);
    assert!(text(&body).contains("timpush_window_lost_pushes{"));
    assert!(body.is_current(&polled.snapshot, polled.now));
    polled.pass(1);
    assert!(!body.is_current(&polled.snapshot, polled.now));
    assert!(!text(&polled.render(&mut sheet)).contains("timpush_window_lost_pushes{"));
}

#[test]
fn a_series_leaves_its_zero_at_that_moment_though_nothing_is_polled() {
    let mut polled = Polled::new(1);
    let mut sheet = Sheet::new(Format::Text);
    polled.poll(0, &codes(&["1"]), 5);
    polled.pass(60);
    polled.poll(0, &codes(&["1", "2"]), 6);
    let of_code = |body: &Body| {
        let text = text(body);
        let line = "timpush_lost_pushes_total{app=\"app000\",region=\"china\",push=\"normal\",stage=\"ready_to_send\",err_code=\"2\"} ";
        let at = text.find(line).unwrap() + line.len();
        text[at..].lines().next().unwrap().to_owned()
    };
    polled.pass(149);
    let body = polled.render(&mut sheet);
    assert_eq!(of_code(&body), "0");
    assert!(body.is_current(&polled.snapshot, polled.now));
    polled.pass(1);
    assert!(!body.is_current(&polled.snapshot, polled.now));
    assert_eq!(of_code(&polled.render(&mut sheet)), "6");
}

#[test]
fn what_did_not_change_is_the_same_memory_and_what_changed_is_there_at_once() {
    let mut polled = Polled::new(100);
    let many: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    for target in 0..100 {
        polled.poll(target, &many, 5);
    }
    for format in FORMATS {
        let mut sheet = Sheet::new(format);
        let first = polled.render(&mut sheet);
        first.encode(Encoding::Gzip).unwrap();
        polled.recorders[3].next_poll(polled.now.steady);
        let same = polled.render(&mut sheet);
        assert!(first.segments.len() > 30, "{}", first.segments.len());
        assert!(all_shared(&first, &same));
        polled.poll(99, &many, 6);
        let changed = polled.render(&mut sheet);
        let shared = shared(&first, &changed);
        assert!(shared > first.segments.len() / 2 && shared < first.segments.len());
        assert!(bytes(&changed).starts_with(&polled.fresh(format)));
        polled.poll(99, &many, 5);
    }
}

fn shared(one: &Body, other: &Body) -> usize {
    let pairs = one.segments.iter().zip(&other.segments);
    pairs.filter(|(one, other)| Arc::ptr_eq(one, other)).count()
}

fn all_shared(one: &Body, other: &Body) -> bool {
    one.segments.len() == other.segments.len() && shared(one, other) == one.segments.len()
}

#[test]
fn a_code_that_no_target_serves_any_more_loses_its_class() {
    let mut polled = Polled::new(2);
    let mut sheet = Sheet::new(Format::Text);
    polled.poll(0, &codes(&["1", "2"]), 5);
    polled.poll(1, &codes(&["2"]), 5);
    let classes = |body: &Body| {
        let text = text(body);
        let lines = text
            .lines()
            .filter(|line| line.starts_with("timpush_error_code_info{"));
        let of = |code: &str| lines.clone().filter(|line| line.contains(code)).count();
        (of("err_code=\"1\""), of("err_code=\"2\""))
    };
    assert_eq!(classes(&polled.render(&mut sheet)), (6, 6));
    polled.pass(599);
    polled.poll(1, &codes(&["2"]), 5);
    polled.pass(1);
    assert_eq!(classes(&polled.render(&mut sheet)), (0, 6));
    polled.pass(599);
    assert_eq!(classes(&polled.render(&mut sheet)), (0, 0));
}

#[test]
fn a_class_that_descriptions_decide_is_one_for_all_targets() {
    let mut polled = Polled::new(2);
    let mut sheet = Sheet::new(Format::Text);
    let mut class_after = |polled: &mut Polled, target, text| {
        polled.pass(60);
        polled.poll(target, &codes(&[text]), 5);
        let body = text_of_class(&polled.render(&mut sheet));
        body.split('"').nth(1).map(str::to_owned)
    };
    for (target, text, expected) in [
        (0, "80300007", "token_invalid"),
        (0, "80300007 noPushTypeRight", "permission"),
        (1, "80300007 noPushTypeRight", "permission"),
        (1, "80300007", "unknown"),
        (0, "80300007", "token_invalid"),
    ] {
        let class = class_after(&mut polled, target, text);
        assert_eq!(class.as_deref(), Some(expected), "{target} {text}");
    }
}

/// The label `class` of the only code of the platform without a name.
fn text_of_class(body: &Body) -> String {
    let begin = "timpush_error_code_info{stage=\"post_send_delivered\",platform=\"platform_77\",";
    let text = text(body);
    let mut lines = text.lines().filter(|line| line.starts_with(begin));
    let (line, more) = (lines.next().unwrap(), lines.next());
    assert_eq!(more, None);
    line.split_once("class=").unwrap().1.to_owned()
}

#[test]
fn the_processes_own_metrics_are_at_most_a_second_old() {
    let mut polled = Polled::new(1);
    let mut sheet = Sheet::new(Format::Text);
    let polls = |body: &Body| value(body, "timpush_poll_duration_seconds_count ");
    assert_eq!(polls(&polled.render(&mut sheet)), "0");
    polled.metrics.poll_ended(Duration::from_secs(1));
    polled.pass(1);
    assert_eq!(polls(&polled.render(&mut sheet)), "1");
}

#[test]
fn calls_are_served_as_of_the_targets_latest_poll_and_once_for_an_app() {
    let mut polled = Polled::new(2);
    let mut sheet = Sheet::new(Format::Text);
    let id = polled.targets[0].id();
    polled.metrics.retry(&id, Api::NormalPushLoss);
    polled.metrics.throttled(&id.app, Duration::from_secs(3));
    let retries = "timpush_api_retries_total{app=\"app000\",region=\"china\",push=\"normal\",api=\"normal_push_loss\"} ";
    assert_eq!(value(&polled.render(&mut sheet), retries), "0");
    polled.poll(0, &codes(&["1"]), 5);
    let body = polled.render(&mut sheet);
    assert_eq!(value(&body, retries), "1");
    let waited = "timpush_api_throttle_wait_seconds_total{app=\"app000\"} ";
    assert_eq!(value(&body, waited), "3");
    assert_eq!(text(&body).matches(waited).count(), 1);
}

#[test]
fn an_outcome_leaves_its_zero_though_nothing_is_polled() {
    let mut polled = Polled::new(1);
    let mut sheet = Sheet::new(Format::Text);
    let id = polled.targets[0].id();
    let took = Duration::from_secs(1);
    polled
        .metrics
        .request(&id, Api::NormalPushLoss, Outcome::Timeout, took);
    polled.now.steady = Instant::now();
    polled.fail(0);
    let series = "timpush_api_requests_total{app=\"app000\",region=\"china\",push=\"normal\",api=\"normal_push_loss\",outcome=\"timeout\"} ";
    polled.pass(148);
    let body = polled.render(&mut sheet);
    assert_eq!(value(&body, series), "0");
    polled.pass(2);
    assert!(!body.is_current(&polled.snapshot, polled.now));
    assert_eq!(value(&polled.render(&mut sheet), series), "1");
}

#[test]
fn a_sheet_that_was_lost_while_it_was_rendered_begins_anew() {
    let mut polled = Polled::new(2);
    let mut sheet = Sheet::new(Format::Text);
    polled.poll(0, &codes(&["1"]), 5);
    polled.render(&mut sheet);
    drop(sheet.take());
    polled.poll(0, &codes(&["2"]), 6);
    let body = polled.render(&mut sheet);
    assert!(bytes(&body).starts_with(&polled.fresh(Format::Text)));
}

/// The value of the first line with this prefix.
fn value(body: &Body, line: &str) -> String {
    let text = text(body);
    let at = text.find(line).unwrap() + line.len();
    text[at..].lines().next().unwrap().to_owned()
}

#[test]
fn other_targets_make_another_body() {
    let mut polled = Polled::new(2);
    polled.poll(0, &codes(&["1"]), 5);
    let mut sheet = Sheet::new(Format::Text);
    polled.render(&mut sheet);
    let mut others = Polled::new(3);
    others.poll(2, &codes(&["2"]), 7);
    let body = others.render(&mut sheet);
    assert!(bytes(&body).starts_with(&others.fresh(Format::Text)));
    let none = Polled::new(0);
    assert!(text(&none.render(&mut sheet)).contains("timpush_build_info"));
}
