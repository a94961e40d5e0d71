use std::time::Duration;

use super::*;
use crate::config::target::tests::target;
use crate::metrics::{Format, targets_body};
use crate::model::outcome::Outcome;
use crate::model::push::Push;
use crate::model::reading::{ErrCode, Funnel, Loss, LossKey, Platform, Stage};

fn moment(wall: u64, start: Instant) -> Now {
    Now {
        wall: Duration::from_secs(1_800_000_000 + wall),
        steady: start + Duration::from_secs(wall),
    }
}

fn key(code: &str) -> LossKey {
    LossKey {
        stage: Stage::ReadyToSend,
        platform: None,
        code: ErrCode::new(code),
    }
}

fn losses(rows: &[(&str, u64)]) -> Reading {
    let loss = |count| Loss {
        count,
        description: String::new(),
    };
    Reading::Loss(
        rows.iter()
            .map(|(code, count)| (key(code), loss(*count)))
            .collect(),
    )
}

fn range(end: u64) -> Range {
    Range::ending(UnixSeconds(1_800_000_000 + end), Duration::from_secs(3600))
}

fn failure() -> FetchError {
    FetchError::new(Outcome::Timeout, "too slow")
}

/// A poll of the window alone.
fn record(
    recorder: &mut Recorder,
    api: Api,
    end: u64,
    result: Result<Reading, FetchError>,
    now: Now,
) {
    let result = result.map(|reading| recorder.window(api, range(end), reading, now));
    recorder.finish(api, result, now);
}

struct Watched {
    snapshot: Arc<Snapshot>,
    recorder: Recorder,
    start: Instant,
}

impl Watched {
    fn new() -> Self {
        let target = target("shop", "singapore");
        let snapshot = Arc::new(Snapshot::new(std::slice::from_ref(&target)));
        let recorder = Recorder::new(&target, Arc::clone(&snapshot));
        Self {
            snapshot,
            recorder,
            start: Instant::now(),
        }
    }

    fn record(&mut self, at: u64, result: Result<Reading, FetchError>) {
        let now = moment(at, self.start);
        record(&mut self.recorder, Api::NormalPushLoss, at, result, now);
    }

    fn state(&self) -> Arc<TargetState> {
        Arc::clone(self.snapshot.load().values().next().unwrap())
    }

    /// The loss counts served at `at`, by code; none when nothing is served.
    fn served(&self, at: u64) -> Option<Vec<(String, u64)>> {
        let state = self.state();
        match &state
            .current(Api::NormalPushLoss, moment(at, self.start).steady)?
            .reading
        {
            Reading::Loss(rows) => Some(
                rows.iter()
                    .map(|(key, loss)| (key.code.to_string(), loss.count))
                    .collect(),
            ),
            Reading::Statistics { .. } => None,
        }
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "compared with what may be nothing"
)]
fn served(rows: &[(&str, u64)]) -> Option<Vec<(String, u64)>> {
    Some(
        rows.iter()
            .map(|(code, count)| ((*code).to_owned(), *count))
            .collect(),
    )
}

#[test]
fn a_target_is_there_before_its_first_poll_and_down() {
    let watched = Watched::new();
    let state = watched.state();
    assert!(!state.is_known());
    assert_eq!(
        state.apis.keys().copied().collect::<Vec<_>>(),
        Api::of(Push::Normal)
    );
    assert!(
        state
            .apis
            .values()
            .all(|api| !api.up && api.last_success.is_none())
    );
    assert_eq!(watched.served(0), None);
}

#[test]
fn a_target_is_known_once_each_api_had_an_outcome_of_either_kind() {
    let mut watched = Watched::new();
    watched.record(0, Err(failure()));
    assert!(!watched.state().is_known());
    let now = moment(0, watched.start);
    let empty = Reading::Statistics {
        overall: Funnel::default(),
        platforms: BTreeMap::new(),
    };
    record(
        &mut watched.recorder,
        Api::NormalPushStatistics,
        0,
        Ok(empty),
        now,
    );
    assert!(watched.state().is_known());
}

#[test]
fn a_code_that_is_missing_from_a_good_answer_is_zero_for_a_day() {
    let mut watched = Watched::new();
    watched.record(0, Ok(losses(&[("1", 5), ("2", 7)])));
    watched.record(60, Ok(losses(&[("2", 8)])));
    assert_eq!(watched.served(60), served(&[("1", 0), ("2", 8)]));
    watched.record(120, Ok(losses(&[])));
    assert_eq!(watched.served(120), served(&[("1", 0), ("2", 0)]));
    // The first was last seen at 0, the second at 60.
    watched.record(86_400, Ok(losses(&[])));
    assert_eq!(watched.served(86_400), served(&[("2", 0)]));
    watched.record(86_460, Ok(losses(&[])));
    assert_eq!(watched.served(86_460), served(&[]));
}

#[test]
fn a_failure_keeps_the_last_good_values_until_they_are_stale() {
    let mut watched = Watched::new();
    let stale_after = watched.state().target.app.polling.stale_after.as_secs();
    watched.record(0, Ok(losses(&[("1", 5)])));
    watched.record(60, Err(failure()));
    let state = watched.state();
    let api = &state.apis[&Api::NormalPushLoss];
    assert!(!api.up);
    assert_eq!(api.last_success, Some(UnixSeconds(1_800_000_000)));
    assert_eq!(watched.served(stale_after - 1), served(&[("1", 5)]));
    assert_eq!(watched.served(stale_after), None);
}

#[test]
fn failures_are_counted_in_a_row_and_a_success_ends_the_row() {
    let mut watched = Watched::new();
    let failures =
        |watched: &Watched| watched.state().apis[&Api::NormalPushLoss].consecutive_failures;
    for n in 1..=3 {
        watched.record(n * 60, Err(failure()));
        assert_eq!(u64::from(failures(&watched)), n);
    }
    watched.record(240, Ok(losses(&[])));
    assert_eq!(failures(&watched), 0);
    assert!(
        watched.state().apis[&Api::NormalPushLoss]
            .last_error
            .is_some()
    );
}

#[test]
fn only_a_window_with_counts_moves_the_last_nonzero_end() {
    let mut watched = Watched::new();
    let nonzero = |watched: &Watched| watched.state().apis[&Api::NormalPushLoss].last_nonzero;
    watched.record(0, Ok(losses(&[("1", 0)])));
    assert_eq!(nonzero(&watched), None);
    watched.record(60, Ok(losses(&[("1", 1)])));
    watched.record(120, Ok(losses(&[])));
    assert_eq!(nonzero(&watched), Some(range(60).end));
}

#[test]
fn the_other_api_is_untouched_by_a_failure() {
    let mut watched = Watched::new();
    let now = moment(0, watched.start);
    let statistics = Reading::Statistics {
        overall: Funnel {
            sendable: 1,
            ..Funnel::default()
        },
        platforms: BTreeMap::from([(Platform(1), Funnel::default())]),
    };
    record(
        &mut watched.recorder,
        Api::NormalPushStatistics,
        0,
        Ok(statistics),
        now,
    );
    watched.record(0, Err(failure()));
    let state = watched.state();
    assert!(state.apis[&Api::NormalPushStatistics].up);
    assert!(
        state
            .current(Api::NormalPushStatistics, now.steady)
            .is_some()
    );
}

#[test]
fn writers_of_different_targets_do_not_undo_each_other() {
    let targets = [
        target("a", "china"),
        target("b", "china"),
        target("c", "china"),
    ];
    let snapshot = Arc::new(Snapshot::new(&targets));
    std::thread::scope(|scope| {
        for target in targets {
            let snapshot = Arc::clone(&snapshot);
            scope.spawn(move || {
                let mut recorder = Recorder::new(&target, snapshot);
                let start = Instant::now();
                for at in 0..200 {
                    record(
                        &mut recorder,
                        Api::NormalPushLoss,
                        at,
                        Ok(losses(&[("1", at)])),
                        moment(at, start),
                    );
                }
            });
        }
    });
    for state in snapshot.load().values() {
        assert_eq!(
            state.apis[&Api::NormalPushLoss].last_nonzero,
            Some(range(199).end)
        );
    }
}

/// The names that count as a target's data.
fn is_data(line: &str) -> bool {
    [
        "timpush_window_lost_",
        "timpush_window_platform_",
        "timpush_window_sendable_",
        "timpush_window_sent_",
        "timpush_window_delivered_",
        "timpush_window_clicked_",
        "timpush_window_start_",
        "timpush_window_end_",
        "timpush_error_description_info",
        "timpush_day_anchor_",
        "timpush_late_",
        "timpush_revised_down_",
    ]
    .iter()
    .any(|name| line.starts_with(name))
        || line
            .split('{')
            .next()
            .is_some_and(|name| name.ends_with("_pushes_total"))
}

/// The series served after a poll whose responses name this many codes on two platforms.
fn exposed(codes: u64, series_limit: usize) -> String {
    let mut target = target("shop", "singapore");
    Arc::get_mut(&mut target.app).unwrap().polling.series_limit = series_limit;
    let snapshot = Arc::new(Snapshot::new(std::slice::from_ref(&target)));
    let mut recorder = Recorder::new(&target, Arc::clone(&snapshot));
    let now = moment(0, Instant::now());
    let rows = (0..codes).flat_map(|n| {
        [None, Some(Platform(1)), Some(Platform(4))].map(|platform| {
            let key = LossKey {
                platform,
                ..key(&n.to_string())
            };
            let loss = Loss {
                count: n * n,
                description: format!("reason {n}"),
            };
            (key, loss)
        })
    });
    let losses = Reading::Loss(rows.collect());
    let statistics = Reading::Statistics {
        overall: Funnel::default(),
        platforms: [(Platform(1), Funnel::default())].into(),
    };
    for (api, reading) in [
        (Api::NormalPushStatistics, statistics),
        (Api::NormalPushLoss, losses),
    ] {
        recorder.window(api, range(0), reading.clone(), now);
        for question in recorder.questions(api, range(0).end, now) {
            recorder.day(api, question, &reading, now);
        }
        recorder.finish(api, Ok(()), now);
    }
    let text = targets_body(Format::Text, &snapshot.load(), now);
    String::from_utf8(text).unwrap()
}

fn value(body: &str, name: &str) -> usize {
    let line = body.lines().find(|line| line.starts_with(name)).unwrap();
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn the_series_of_a_target_are_counted_as_they_are_served() {
    for (codes, limit) in [(0, 2000), (1, 2000), (50, 2000), (50, 200), (50, 60)] {
        let body = exposed(codes, limit);
        let data = body.lines().filter(|line| is_data(line)).count();
        assert_eq!(
            value(&body, "timpush_target_series{"),
            data,
            "{codes} {limit}"
        );
        assert_eq!(value(&body, "timpush_target_series_limit{"), limit);
    }
}

#[test]
fn a_target_keeps_within_its_limit_and_its_sums_stay_right() {
    let sums = |body: &str, name: &str| -> u64 {
        body.lines()
            .filter(|line| line.starts_with(&format!("{name}{{")))
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
            .sum()
    };
    let whole = exposed(200, 1_000_000);
    assert_eq!(value(&whole, "timpush_target_folded_codes{"), 0);
    for limit in [100, 300, 1000] {
        let body = exposed(200, limit);
        assert!(
            value(&body, "timpush_target_series{") <= limit,
            "{} over {limit}",
            value(&body, "timpush_target_series{")
        );
        assert!(value(&body, "timpush_target_folded_codes{") > 0);
        for name in [
            "timpush_window_lost_pushes",
            "timpush_window_platform_lost_pushes",
            "timpush_lost_pushes_total",
            "timpush_platform_lost_pushes_total",
        ] {
            assert_eq!(sums(&body, name), sums(&whole, name), "{name} at {limit}");
            assert!(
                body.lines()
                    .any(|line| line.starts_with(name) && line.contains("err_code=\"other\"")),
                "{name} at {limit}"
            );
        }
    }
}

#[test]
fn a_publication_touches_the_slot_of_its_target_and_nothing_else() {
    let targets: Vec<Target> = (0..100)
        .map(|n| target(&format!("app{n:03}"), "china"))
        .collect();
    let snapshot = Arc::new(Snapshot::new(&targets));
    let mut recorder = Recorder::new(&targets[7], Arc::clone(&snapshot));
    let (slots, before, version) = (
        snapshot.slots.load_full(),
        snapshot.load(),
        snapshot.version(),
    );
    let now = moment(0, Instant::now());
    record(&mut recorder, Api::NormalPushLoss, 0, Err(failure()), now);
    assert!(Arc::ptr_eq(&slots, &snapshot.slots.load_full()));
    assert_eq!(snapshot.version(), version + 1);
    let after = snapshot.load();
    let changed = before
        .iter()
        .filter(|(id, state)| !Arc::ptr_eq(state, &after[*id]))
        .map(|(id, _)| id.app.as_str());
    assert_eq!(changed.collect::<Vec<_>>(), ["app007"]);
}

#[test]
fn what_only_the_page_shows_is_no_publication() {
    let watched = Watched::new();
    let version = watched.snapshot.version();
    let due = Instant::now();
    watched.recorder.next_poll(due);
    assert_eq!(watched.snapshot.version(), version);
    assert_eq!(watched.state().page.next_poll(), Some(due));
}
