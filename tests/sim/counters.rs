//! What counters promise, held against the truth.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use timpush_exporter::model::reading::{CountKey, Counts};
use timpush_exporter::model::window::{DAY, Range, UnixSeconds};
use timpush_exporter::target::counters::Served;
use tokio::time::sleep;

use crate::process::{Process, target};
use crate::promql::Engine;
use crate::world::{Faults, Service, WholeDays, World, chance, hash};

/// One scraped series in the way of `increase()`: every step up counts, and a step down is
/// a reset after which the whole value counts.
#[derive(Default)]
pub(crate) struct Increase {
    last: Option<u64>,
    pub(crate) sum: u64,
}

impl Increase {
    pub(crate) fn scrape(&mut self, value: u64) {
        self.sum += match self.last {
            Some(last) if value >= last => value - last,
            Some(_) => value,
            None => 0,
        };
        self.last = Some(value);
    }
}

/// How a run ended, for its own checks.
struct Run {
    world: Arc<World>,
    increases: BTreeMap<CountKey, Increase>,
    /// The first value of each series and the day it belongs to.
    first: BTreeMap<CountKey, (u64, u64)>,
    last: Served,
    /// Every scrape with its time.
    scrapes: Vec<(u64, Option<Served>)>,
    restarts: u64,
    outages: u64,
    jumps: u64,
}

/// Runs `days` with a scrape a minute, and checks at each what holds at every moment.
async fn run(seed: u64, day_offset: i64, days: u64, faults: Faults, with_state: bool) -> Run {
    let world = World::new(seed, day_offset, faults);
    let start = |state: Option<&str>| Process::start(&world, 0, state);
    run_as(&world, &start, days, with_state).await
}

/// The same with a process of another kind.
async fn run_as(
    world: &Arc<World>,
    start: &dyn Fn(Option<&str>) -> Process,
    days: u64,
    with_state: bool,
) -> Run {
    let (seed, faults) = (world.seed, world.faults);
    let mut process = Some(start(None));
    let mut state: Option<String> = None;
    let mut back_at = 0;
    let mut increases = BTreeMap::<CountKey, Increase>::new();
    let mut first = BTreeMap::new();
    let mut day: (u64, Counts) = (0, Counts::new());
    let mut last = None;
    let mut scrapes = Vec::new();
    let (mut restarts, mut outages, mut jumps) = (0, 0, 0);
    for minute in 0..days * 24 * 60 {
        sleep(Duration::from_secs(60)).await;
        let random = hash(seed, 300, minute, 0);
        if minute % 60 == random % 60 {
            let hour = minute / 60;
            if chance(faults.outage, seed, 301, hour) {
                world.begin_outage(60 + random % (5 * 3600));
                outages += 1;
            }
            if chance(faults.clock, seed, 302, hour) {
                let ahead = i64::try_from(random % 480).unwrap() - 240;
                world.set_clock(0, ahead);
                jumps += 1;
            }
            if chance(faults.restart, seed, 303, hour)
                && let Some(killed) = process.take()
            {
                // At no particular point of a poll.
                sleep(Duration::from_millis(random % 5000)).await;
                let left = killed.kill().await;
                state = with_state.then_some(left);
                back_at = world.time() + random % 1500;
                restarts += 1;
            }
        }
        if process.is_none() && world.time() >= back_at {
            process = Some(start(state.as_deref()));
        }
        let scrape = process.as_ref().and_then(Process::scrape);
        scrapes.push((world.time(), scrape.clone()));
        let Some(served) = scrape else {
            continue;
        };
        let anchor = served.anchor.0;
        assert!(anchor >= day.0, "the anchor moved back");
        let highest = world.highest(anchor);
        if anchor > day.0 {
            day = (anchor, Counts::new());
        }
        for (key, value) in &served.counts {
            let most = highest.get(key).copied().unwrap_or(0);
            assert!(*value <= most, "{key}: {value} of {most}, seed {seed}");
            let before = day.1.insert(key.clone(), *value).unwrap_or(0);
            assert!(
                *value >= before || !with_state && faults.revised > 0,
                "{key} stepped down from {before} to {value}, seed {seed}"
            );
            increases.entry(key.clone()).or_default().scrape(*value);
            first.entry(key.clone()).or_insert((anchor, *value));
        }
        last = Some(served);
    }
    Run {
        last: last.unwrap(),
        world: Arc::clone(world),
        increases,
        first,
        scrapes,
        restarts,
        outages,
        jumps,
    }
}

impl Run {
    /// What the highest answers of all days add up to since the first scrape.
    fn expected(&self, key: &CountKey) -> u64 {
        let (first_day, first_value) = self.first[key];
        let closed: u64 = (first_day..self.last.anchor.0)
            .step_by(usize::try_from(DAY).unwrap())
            .map(|anchor| self.world.highest(anchor).get(key).copied().unwrap_or(0))
            .sum();
        closed + self.last.counts.get(key).copied().unwrap_or(0) - first_value
    }

    /// Checks that no value claims a time of which an earlier one was: a series' start
    /// timestamps only move on, and to no moment before the latest sample. Clocks may be
    /// `skew` seconds wrong. Gives how often a series began anew.
    fn starts(&self, skew: u64) -> u64 {
        let mut series: BTreeMap<&CountKey, (u64, u64)> = BTreeMap::new();
        let mut began = 0;
        for (at, served) in &self.scrapes {
            let Some(served) = served else { continue };
            let since = served.since.0;
            let what = format!("since {since} at {at}, seed {}", self.world.seed);
            assert!(since <= at + skew, "{what}");
            assert!(since >= served.anchor.0, "{what}");
            for key in served.counts.keys() {
                if let Some((before, sample)) = series.insert(key, (since, *at))
                    && before != since
                {
                    assert!(since > before, "{key} began {before}, {what}");
                    assert!(
                        since + skew > sample,
                        "{key} overlaps the sample at {sample}, {what}"
                    );
                    began += 1;
                }
            }
        }
        began
    }

    fn busy(&self) -> impl Iterator<Item = (&CountKey, u64)> {
        self.increases
            .iter()
            .filter(|(key, _)| self.world.is_busy(key))
            .map(|(key, increase)| (key, increase.sum))
    }
}

const LATE: Faults = Faults {
    late: 5,
    revised: 0,
    lost: 0,
    outage: 0,
    restart: 0,
    clock: 0,
};

#[tokio::test(start_paused = true)]
async fn without_faults_the_scraped_increase_is_the_truth_to_the_last_push() {
    for (seed, offset) in [(1, 8 * 3600), (2, -5 * 3600 - 1800), (3, 0)] {
        let run = run(seed, offset, 7, LATE, false).await;
        for (key, increase) in &run.increases {
            // A series that appears counts from its first 0 on, or from its first scrape.
            assert_eq!(increase.sum, run.expected(key), "{key}, seed {seed}");
        }
        assert_eq!(run.increases.len(), 6);
    }
}

#[tokio::test(start_paused = true)]
async fn counters_are_the_truth_with_every_step_and_where_only_whole_days_are_known() {
    for (step, only_days) in [
        (1, false),
        (300, false),
        (3600, false),
        (6 * 3600, false),
        (DAY / 2, false),
        (DAY, false),
        (60, true),
        (DAY, true),
    ] {
        let world = World::new(step, 8 * 3600, LATE);
        let start = |state: Option<&str>| {
            let mut target = target(world.day_offset);
            let polling = &mut Arc::get_mut(&mut target.app).unwrap().polling;
            polling.step = Duration::from_secs(step);
            // Of two days, so that nobody takes it for a question about one.
            polling.window = Duration::from_secs(2 * DAY);
            let clock = Arc::clone(&world);
            let clock = Arc::new(move || clock.now(0));
            if only_days {
                Process::run(WholeDays(Arc::clone(&world)), clock, target, 0, state)
            } else {
                Process::run(Service(Arc::clone(&world)), clock, target, 0, state)
            }
        };
        let run = run_as(&world, &start, 3, false).await;
        let served = run.scrapes.iter().filter(|(_, served)| served.is_some());
        assert!(served.count() > 3 * 24 * 60 - 10, "{step} {only_days}");
        assert_eq!(run.increases.len(), 6);
        for (key, increase) in &run.increases {
            assert_eq!(increase.sum, run.expected(key), "{key}, {step} {only_days}");
            // By day it is not much behind what has happened.
            let end = UnixSeconds(world.time() - 240);
            let truth = world.truth(Range {
                start: run.last.anchor,
                end,
            });
            let lost = truth.get(key).copied().unwrap_or(0);
            let late = lost / 4 + 5;
            assert!(run.last.counts[key] + late >= lost, "{key}, {step}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_end_of_the_lag_the_closed_day_is_what_the_service_says_of_it() {
    let world = World::new(11, 8 * 3600, Faults::default());
    let process = Process::start(&world, 0, None);
    let mut finals = 0;
    let mut before: Option<Served> = None;
    for _ in 0..3 * 24 * 60 {
        sleep(Duration::from_secs(60)).await;
        let served = process.scrape();
        if let (Some(before), Some(served)) = (&before, &served)
            && served.anchor > before.anchor
        {
            let day = Range {
                start: before.anchor,
                end: served.anchor,
            };
            let mut counts = before.counts.clone();
            counts.retain(|_, count| *count > 0);
            assert_eq!(counts, world.truth(day));
            finals += 1;
        }
        before = served.or(before);
    }
    assert_eq!(finals, 3);
}

#[tokio::test(start_paused = true)]
async fn with_a_state_file_nothing_that_goes_wrong_costs_or_doubles_a_push() {
    let faults = Faults {
        late: 4,
        revised: 6,
        lost: 12,
        outage: 30,
        restart: 9,
        clock: 20,
    };
    let (mut restarts, mut outages, mut jumps) = (0, 0, 0);
    for (seed, offset) in [
        (21, 8 * 3600),
        (22, 3600),
        (23, -11 * 3600),
        (24, 5 * 3600 + 1800),
    ] {
        let run = run(seed, offset, 14, faults, true).await;
        for (key, sum) in run.busy() {
            assert_eq!(sum, run.expected(key), "{key}, seed {seed}");
        }
        restarts += run.restarts;
        outages += run.outages;
        jumps += run.jumps;
    }
    assert!(
        restarts > 50 && outages > 20 && jumps > 30,
        "{restarts} restarts, {outages} outages, {jumps} jumps"
    );
}

#[tokio::test(start_paused = true)]
async fn start_timestamps_and_samples_increase_and_do_not_overlap() {
    let mut began = run(1, -5 * 3600 - 1800, 3, LATE, false).await.starts(0);
    // An end every other hour, so that many fall into what is shown around midnight.
    let faults = Faults {
        late: 4,
        revised: 6,
        lost: 5,
        outage: 30,
        restart: 2,
        clock: 0,
    };
    for (seed, offset) in [(71, 8 * 3600), (72, 3600), (73, -11 * 3600)] {
        began += run(seed, offset, 8, faults, true).await.starts(0);
    }
    assert!(began > 100, "{began}");
    // A clock that is up to 4 minutes wrong is 8 minutes wrong when it is set again.
    let clock = 20;
    for seed in [74, 75] {
        let run = run(seed, 8 * 3600, 8, Faults { clock, ..faults }, true).await;
        assert!(run.jumps > 3 && run.starts(480) > 20, "{} jumps", run.jumps);
    }
}

#[tokio::test(start_paused = true)]
async fn two_replicas_show_the_same_though_they_poll_at_other_times() {
    let world = World::new(31, 8 * 3600, LATE);
    let replicas = [
        Process::start(&world, 0, None),
        Process::start(&world, 1, None),
    ];
    sleep(Duration::from_secs(57)).await;
    let mut seen = 0;
    for _ in 0..4 * 24 * 60 {
        sleep(Duration::from_secs(60)).await;
        let [one, other] = [replicas[0].scrape(), replicas[1].scrape()];
        // What a slow answer brings a moment later is late, not wrong.
        assert_eq!(one, other, "at {}", world.time());
        seen += usize::from(one.is_some());
    }
    assert!(seen > 5000);
}

#[tokio::test(start_paused = true)]
async fn a_restart_without_state_changes_nothing_unless_the_service_revised_down() {
    let world = World::new(41, 8 * 3600, LATE);
    let steady = Process::start(&world, 0, None);
    let mut other = Process::start(&world, 0, None);
    for hour in 0..4 * 24_u64 {
        sleep(Duration::from_secs(3600)).await;
        other.kill().await;
        sleep(Duration::from_secs(hash(1, hour, 0, 0) % 200)).await;
        other = Process::start(&world, 0, None);
        // Long enough for a poll, and for zeros before a value.
        sleep(Duration::from_secs(400)).await;
        let [one, two] = [steady.scrape().unwrap(), other.scrape().unwrap()];
        assert_eq!(one.anchor, two.anchor, "hour {hour}");
        for (key, count) in &two.counts {
            if world.is_busy(key) {
                // Polls of two processes are some seconds apart.
                assert!(one.counts[key].abs_diff(*count) <= 60, "{key}, hour {hour}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "needs promtool"]
async fn a_promql_engine_over_the_scrapes_finds_the_truth() {
    const HOURS: usize = 6;
    let faults = Faults {
        lost: 12,
        restart: 9,
        ..Faults::default()
    };
    let run = run(51, 8 * 3600, 3, faults, true).await;
    assert!(run.restarts > 3);
    let mut engine = Engine::new();
    let mut checks = 0;
    for (n, (key, _)) in run.busy().enumerate() {
        let series = format!("lost_total{{key=\"{n}\"}}");
        let samples = run.scrapes.iter().map(|(_, served)| {
            let served = served.as_ref()?;
            served.counts.get(key).copied()
        });
        engine.series(&series, &samples.collect::<Vec<_>>());
        for minute in (60 * HOURS + 60..run.scrapes.len()).step_by(97) {
            let [(from, before), (to, after)] =
                [minute - 60 * HOURS, minute].map(|minute| &run.scrapes[minute]);
            // The values around midnight and of a dead process are not of that minute.
            let plain = |at: u64, served: &Option<Served>| {
                let since = served.as_ref().map(|served| at - served.anchor.0);
                since.is_some_and(|since| (900..DAY).contains(&since))
            };
            if !(plain(*from, before) && plain(*to, after)) {
                continue;
            }
            let range = Range::new((from - 120) / 60 * 60, (to - 120) / 60 * 60);
            let truth = run.world.truth(range)[key];
            // Polls are up to a minute old, and the engine extrapolates.
            let promql = format!(
                "sum(abs(increase({series}[{HOURS}h]) - {truth}) <= bool {})",
                40 + truth / 50
            );
            engine.check(minute, &promql, 1);
            checks += 1;
        }
    }
    assert!(checks > 60, "{checks}");
    engine.run();
}
