//! Paused time and a fake service: no sockets here.

use std::time::Duration;

use super::*;
use crate::fetch::fake::{Asked, Fake};
use crate::model::outcome::Outcome;
use crate::model::reading::Measure;
use crate::poll::log::tests::Lines;
use crate::target::snapshot::{Snapshot, Targets};
use tokio::task::JoinSet;
use tokio::time::{advance, sleep};

/// A target without counters: one query per API.
fn target(app: &str, region: &str) -> Target {
    let mut target = crate::config::target::tests::target(app, region);
    Arc::get_mut(&mut target.app).unwrap().polling.counters = false;
    target
}

type Answer = fn(Api, usize) -> Result<Reading, FetchError>;

fn good(api: Api) -> Reading {
    match api.measure() {
        Measure::Losses => Reading::Loss([].into()),
        Measure::Funnel => Reading::Statistics {
            overall: crate::model::reading::Funnel::default(),
            platforms: [].into(),
        },
    }
}

fn bad() -> Result<Reading, FetchError> {
    Err(FetchError::new(Outcome::Timeout, "too slow"))
}

/// 2027-01-15T08:00:00Z.
const WALL: u64 = 1_800_000_000;

struct Run {
    origin: Instant,
    shared: Arc<Shared<Fake>>,
    snapshot: Arc<Snapshot>,
    /// Ends the loops when dropped.
    _loops: JoinSet<()>,
}

impl Run {
    fn start(targets: Vec<Target>, takes: Duration, answer: Answer) -> Self {
        let origin = Instant::now();
        let clock = move || Now {
            wall: Duration::from_secs(WALL) + origin.elapsed(),
            steady: Instant::now(),
        };
        Self::with_clock(targets, takes, answer, Arc::new(clock))
    }

    fn with_clock(targets: Vec<Target>, takes: Duration, answer: Answer, clock: Timepiece) -> Self {
        let fetch = Fake::new(takes, move |asked| {
            let (last, before) = asked.split_last().unwrap();
            let alike = |one: &&Asked| one.id == last.id && one.api == last.api;
            answer(last.api, before.iter().filter(alike).count())
        });
        let metrics = Arc::new(SelfMetrics::new(&targets).unwrap());
        let places = Arc::new(Semaphore::new(100));
        let shared = Arc::new(Shared::new(fetch, metrics, clock, 0, places));
        let snapshot = Arc::new(Snapshot::new(&targets));
        let mut loops = JoinSet::new();
        for target in targets {
            let recorder = Recorder::new(&target, Arc::clone(&snapshot));
            loops.spawn(poll(target, Arc::clone(&shared), recorder));
        }
        Self {
            origin: Instant::now(),
            shared,
            snapshot,
            _loops: loops,
        }
    }

    /// All queries since the start.
    fn asked(&self) -> Vec<Asked> {
        self.shared.fetch.asked()
    }

    /// When each query to `api` was sent, since the start.
    fn times(&self, api: Api) -> Vec<Duration> {
        let asked = self.asked().into_iter();
        asked
            .filter(|one| one.api == api)
            .map(|one| one.at - self.origin)
            .collect()
    }

    fn ranges(&self) -> Vec<Range> {
        self.asked().into_iter().map(|one| one.range).collect()
    }

    fn targets(&self) -> Targets {
        self.snapshot.load()
    }
}

fn gaps(times: &[Duration]) -> Vec<u64> {
    times
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_secs())
        .collect()
}

const LOSS: Api = Api::NormalPushLoss;
const STATISTICS: Api = Api::NormalPushStatistics;

#[tokio::test(start_paused = true)]
async fn every_target_is_asked_within_ten_seconds_and_then_spread_over_each_interval() {
    let targets: Vec<Target> = (0..50)
        .map(|n| target(&format!("app{n}"), "china"))
        .collect();
    let run = Run::start(targets, Duration::from_millis(100), |api, _| Ok(good(api)));
    sleep(Duration::from_millis(10_300)).await;
    assert!(run.targets().values().all(|state| state.is_known()));
    assert_eq!(run.times(LOSS).len(), 50);
    let firsts = run.times(LOSS);
    assert!(
        firsts.iter().any(|at| at.as_secs() < 2) && firsts.iter().any(|at| at.as_secs() >= 8),
        "{firsts:?}"
    );
    // The second polls are over 90 s after the start; from then on, each interval has one per
    // API.
    sleep(Duration::from_secs(90)).await;
    let (losses, statistics) = (run.times(LOSS).len(), run.times(STATISTICS).len());
    assert!(losses >= 100, "{losses}");
    sleep(Duration::from_secs(60)).await;
    let later = run.times(LOSS).split_off(losses);
    assert_eq!(later.len(), 50);
    assert_eq!(run.times(STATISTICS).len(), statistics + 50);
    for quarter in 0..4 {
        let seconds = |at: &&Duration| at.as_secs() % 60 / 15 == quarter;
        let polls = later.iter().filter(seconds).count();
        assert!((5..=20).contains(&polls), "{polls} in quarter {quarter}");
    }
}

#[tokio::test(start_paused = true)]
async fn all_questions_of_a_poll_have_one_aligned_range() {
    let run = Run::start(
        vec![target("shop", "china")],
        Duration::from_secs(2),
        |api, _| Ok(good(api)),
    );
    sleep(Duration::from_secs(300)).await;
    let ranges = run.ranges();
    assert!(ranges.len() >= 8);
    let second = ranges[2].end.0;
    for (index, pair) in ranges.chunks_exact(2).enumerate().skip(1) {
        assert_eq!(pair[0], pair[1]);
        assert_eq!(
            (pair[0].end.0 - pair[0].start.0, pair[0].end.0 % 60),
            (3600, 0),
            "{index}"
        );
        assert_eq!(pair[0].end.0, second + 60 * (index as u64 - 1), "{index}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_takes_longer_than_the_interval_does_not_overlap_itself() {
    let run = Run::start(
        vec![target("shop", "china")],
        Duration::from_secs(45),
        |api, _| Ok(good(api)),
    );
    sleep(Duration::from_secs(600)).await;
    // Two queries of 45 s each: every second beat of the rhythm is missed.
    assert!(
        gaps(&run.times(LOSS))[1..].iter().all(|gap| *gap == 120),
        "{:?}",
        run.times(LOSS)
    );
}

#[tokio::test(start_paused = true)]
async fn failures_are_asked_less_and_less_often_and_a_success_restores_the_phase() {
    let run = Run::start(vec![target("shop", "china")], Duration::ZERO, |api, n| {
        if n < 5 { bad() } else { Ok(good(api)) }
    });
    sleep(Duration::from_secs(1500)).await;
    let times = run.times(LOSS);
    let gaps = gaps(&times);
    assert!((30..=90).contains(&gaps[0]), "{gaps:?}");
    for (gap, full) in gaps[1..5].iter().zip([120, 240, 300, 300]) {
        assert!((full * 9 / 10..=full).contains(gap), "{gaps:?}");
    }
    assert!(gaps[6..].iter().all(|gap| *gap == 60), "{gaps:?}");
    let phase = |at: Duration| at.as_millis() % 60_000;
    assert_eq!(phase(times[7]), phase(times[1]));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_wants_to_be_left_alone_is_not_polled_before() {
    let run = Run::start(vec![target("shop", "china")], Duration::ZERO, |api, n| {
        if n > 0 {
            return Ok(good(api));
        }
        let error = FetchError::new(Outcome::HttpStatus, "busy");
        Err(FetchError {
            retry_after: Some(Duration::from_secs(200)),
            ..error
        })
    });
    sleep(Duration::from_secs(600)).await;
    let gaps = gaps(&run.times(LOSS));
    assert_eq!(gaps[0], 200);
    assert!(
        gaps[1] <= 60 && gaps[2..].iter().all(|gap| *gap == 60),
        "{gaps:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_api_that_fails_does_not_thin_out_the_other_one() {
    let run = Run::start(vec![target("shop", "china")], Duration::ZERO, |api, _| {
        if api == STATISTICS {
            bad()
        } else {
            Ok(good(api))
        }
    });
    sleep(Duration::from_secs(600)).await;
    assert!(gaps(&run.times(LOSS))[1..].iter().all(|gap| *gap == 60));
    assert!(run.times(STATISTICS).len() <= 6);
    let targets = run.targets();
    let state = targets.values().next().unwrap();
    assert!(state.apis[&LOSS].up && !state.apis[&STATISTICS].up);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_hangs_holds_no_other_target_up() {
    let mut slow = target("slow", "china");
    Arc::get_mut(&mut slow.app).unwrap().polling.interval = Duration::from_secs(3600);
    let run = Run::start(
        vec![slow, target("quick", "china")],
        Duration::from_secs(20),
        |api, _| Ok(good(api)),
    );
    sleep(Duration::from_secs(200)).await;
    let quick = |one: &&Asked| one.id.app == "quick" && one.api == LOSS;
    assert!(run.asked().iter().filter(quick).count() >= 3);
}

/// The ends of the windows of ten minutes in which the clock is set back after 200 s.
async fn ends_when_set_back_by(back: u64) -> Vec<u64> {
    let origin = Instant::now();
    let clock = move || {
        let since = origin.elapsed();
        let is_right = since > Duration::from_secs(200);
        let back = if is_right { back } else { 0 };
        Now {
            wall: Duration::from_secs(WALL - back) + since,
            steady: Instant::now(),
        }
    };
    let run = Run::with_clock(
        vec![target("shop", "china")],
        Duration::ZERO,
        |api, _| Ok(good(api)),
        Arc::new(clock),
    );
    sleep(Duration::from_secs(600)).await;
    let ends: Vec<u64> = run.ranges().iter().map(|range| range.end.0).collect();
    assert!(ends.len() > 16);
    ends
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_a_little_moves_no_window_back() {
    let ends = ends_when_set_back_by(crate::clock::SMALL_STEP).await;
    assert!(ends.is_sorted(), "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn windows_follow_a_clock_that_was_ahead_and_is_right_again() {
    let ends = ends_when_set_back_by(7200).await;
    assert!(ends.is_sorted_by(|one, next| one <= next || one - next > 7000));
    assert_eq!(*ends.last().unwrap(), WALL - 7200 + 540 - 120);
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_is_dropped_asks_nothing_more() {
    let run = Run::start(
        vec![target("shop", "china")],
        Duration::from_secs(5),
        |api, _| Ok(good(api)),
    );
    sleep(Duration::from_secs(100)).await;
    let Run {
        shared,
        _loops: mut loops,
        ..
    } = run;
    loops.shutdown().await;
    let asked = shared.fetch.asked().len();
    advance(Duration::from_secs(600)).await;
    tokio::task::yield_now().await;
    assert_eq!(shared.fetch.asked().len(), asked);
}

#[tokio::test(start_paused = true)]
async fn with_counters_every_question_of_a_poll_ends_at_the_same_moment() {
    let target = crate::config::target::tests::target("shop", "china");
    let run = Run::start(vec![target], Duration::ZERO, |api, _| Ok(good(api)));
    sleep(Duration::from_secs(300)).await;
    let anchor = crate::model::window::day_anchor(
        UnixSeconds(WALL),
        crate::model::window::DayOffset::DEFAULT,
    );
    let mut polls = std::collections::BTreeMap::<Instant, Vec<(Api, Range)>>::new();
    for one in run.asked() {
        polls.entry(one.at).or_default().push((one.api, one.range));
    }
    assert!(polls.len() >= 5);
    // The first poll also looks at closed days; the others send four queries.
    for questions in polls.values().skip(1) {
        let ends: Vec<u64> = questions.iter().map(|(_, range)| range.end.0).collect();
        assert!(ends.iter().all(|end| *end == ends[0]), "{questions:?}");
        let starts: Vec<(Api, u64)> = questions
            .iter()
            .map(|(api, range)| (*api, range.start.0))
            .collect();
        let window = ends[0] - 3600;
        assert_eq!(
            starts,
            [
                (LOSS, window),
                (LOSS, anchor.0),
                (STATISTICS, window),
                (STATISTICS, anchor.0)
            ]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cause_that_all_targets_share_is_told_in_few_lines_however_long_it_lasts() {
    let (lines, _until) = Lines::of_thread(tracing::Level::INFO);
    let targets = (0..100).map(|n| target(&format!("app{n}"), "china"));
    let run = Run::start(targets.collect(), Duration::ZERO, |_, _| bad());
    sleep(Duration::from_secs(3500)).await;
    let failed = run.asked().len();
    assert!(failed > 2000, "{failed}");
    let lines = lines.all();
    let shared = "97 more targets failed for the same cause, timeout in china";
    let told = lines.iter().filter(|line| line.contains(shared)).count();
    // For each API three targets at failures 1, 2, 4 and 8, and a line for the others.
    assert_eq!(told, 2, "{lines:#?}");
    assert_eq!(lines.len(), 2 * (3 * 4 + 1), "{lines:#?}");
}
