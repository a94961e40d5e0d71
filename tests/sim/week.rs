//! A week of a machine whose clock is set and which sleeps, stops and restarts the process,
//! scraped every 15 s and held against a model of the contract that knows nothing of the
//! program: README's words and the truth of what happened.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use timpush_exporter::model::reading::{CountKey, Counts};
use timpush_exporter::model::window::{DAY, DayOffset, Range, UnixSeconds, day_anchor};
use timpush_exporter::target::counters::Served;
use tokio::time::sleep;

use crate::counters::Increase;
use crate::process::Process;
use crate::world::{Faults, START, World, hash};

/// The default configuration, in seconds.
const LAG: u64 = 120;
const INTERVAL: u64 = 60;
const TIMEOUT: u64 = 10;
const ZERO_HOLD: u64 = 150;
const ROLLOVER_HOLD: u64 = 150;

const SCRAPES: u64 = 15;

/// How long after a disturbance everything is as if it had not been: a poll and a bit, or
/// what a midnight takes that was not closed in time.
const HEALED: u64 = 130;
const HEALED_MIDNIGHT: u64 = 1000;

/// The longest time that a value is behind, beside the lag: a poll, and its answers.
const BEHIND: u64 = INTERVAL + 6;

const HOUR: u64 = 3600;

#[derive(Clone, Copy, Debug)]
enum Event {
    /// The clock is wrong by so much for so long, and then set right.
    Clock { ahead: i64, seconds: u64 },
    /// The machine sleeps.
    Suspend(u64),
    /// The process gets no processor.
    Stop(u64),
    /// The process ends, and is back with its state after that time.
    Restart(u64),
}

/// About one event in two hours of so many days.
fn events(seed: u64, days: u64) -> Vec<(u64, Event)> {
    (0..12 * days)
        .map(|slot| {
            let random = |what: u64| hash(seed, 400 + what, slot, 0);
            let minutes = 60 * (1 + random(1) % 20);
            let hours = 600 + random(1) % (5 * HOUR);
            let clock = |ahead| Event::Clock {
                ahead,
                seconds: minutes,
            };
            let (hour, day) = (3600, 86_400);
            let event = match random(2) % 12 {
                0 => clock(1),
                1 => clock(-1),
                2 => clock(hour),
                3 => clock(-hour),
                4 => clock(day),
                5 => clock(-day),
                6 | 7 => Event::Suspend(hours),
                8 => Event::Stop(hours),
                _ => Event::Restart(minutes),
            };
            (START + 2 * HOUR * slot + 900 + random(3) % 6000, event)
        })
        .collect()
}

/// What the contract says of one series at one moment of an undisturbed process.
struct Expected {
    anchor: u64,
    is_zero: bool,
    least: u64,
    most: u64,
}

/// How many pushes were counted by then since the day's start.
fn counted(world: &World, key: &CountKey, anchor: u64, end: u64) -> u64 {
    let range = Range::new(anchor, end.max(anchor));
    world.truth(range).get(key).copied().unwrap_or(0)
}

/// Nothing in the seconds at which something else begins to be shown.
fn expected(world: &World, key: &CountKey, at: u64) -> Option<Expected> {
    let settled = at - LAG;
    let anchor = day_anchor(UnixSeconds(settled), DayOffset::DEFAULT).0;
    let since = settled - anchor;
    let zero_from = INTERVAL + 6 * TIMEOUT + ZERO_HOLD + ROLLOVER_HOLD;
    let today_from = zero_from + ZERO_HOLD;
    if [0, zero_from, today_from]
        .iter()
        .any(|turn| since.abs_diff(*turn) <= 2)
    {
        return None;
    }
    let (day, newest) = if since < zero_from {
        (anchor - DAY, settled.min(anchor))
    } else {
        (anchor, settled)
    };
    let is_zero = (zero_from..today_from).contains(&since);
    let then = |ago: u64| counted(world, key, day, newest.min(at - LAG - ago));
    let is_new = then(BEHIND + ZERO_HOLD) == 0;
    Some(Expected {
        anchor: day,
        is_zero,
        least: if is_zero || is_new { 0 } else { then(BEHIND) },
        most: if is_zero { 0 } else { then(0) },
    })
}

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    /// Samples held against the model.
    strict: u64,
    /// Samples of which only is checked what holds through any disturbance.
    loose: u64,
    deviations: Vec<String>,
    events: BTreeMap<&'static str, u64>,
}

impl Sum {
    fn check(&mut self, is_right: bool, what: impl FnOnce() -> String) {
        if !is_right {
            self.deviations.push(what());
        }
    }
}

struct Week {
    seed: u64,
    world: Arc<World>,
    process: Option<Process>,
    state: String,
    back_at: u64,
    right_at: Option<u64>,
    stopped_until: u64,
    /// When the latest disturbance ended.
    calm_since: u64,
    ahead: i64,
    latest: (u64, Counts),
    /// What each day had counted when zeros of a day that was not there yet were shown for
    /// it: to Prometheus that is a reset, so the day must go on from there.
    before_reset: BTreeMap<u64, Counts>,
    days: BTreeMap<u64, Counts>,
    increases: BTreeMap<CountKey, (u64, Increase)>,
    /// Ends of days that a clock that was ahead at midnight closed too early. Their pushes
    /// may be lost, and nothing else may.
    lost: Vec<Range>,
    first: Option<u64>,
    sum: Sum,
}

impl Week {
    fn new(seed: u64) -> Self {
        let world = World::new(seed, 8 * 3600, Faults::default());
        Self {
            seed,
            process: Some(Process::start(&world, 0, None)),
            state: String::new(),
            back_at: 0,
            right_at: None,
            stopped_until: 0,
            calm_since: START + 60,
            ahead: 0,
            latest: (0, Counts::new()),
            before_reset: BTreeMap::new(),
            days: BTreeMap::new(),
            increases: BTreeMap::new(),
            lost: Vec::new(),
            first: None,
            sum: Sum::default(),
            world,
        }
    }

    async fn begin(&mut self, event: Event) {
        let now = self.world.time();
        let name = match event {
            Event::Clock { ahead, seconds } => {
                self.ahead = ahead;
                self.world.set_clock(0, ahead);
                self.right_at = Some(now + seconds);
                if ahead.abs() > 1 {
                    self.calm_since = now + seconds;
                }
                let over = day_anchor(UnixSeconds(now + seconds), DayOffset::DEFAULT);
                if ahead > 1 && over.0 + LAG > now {
                    self.lost.push(Range {
                        start: UnixSeconds(now - LAG - BEHIND),
                        end: over,
                    });
                }
                "clock"
            }
            Event::Suspend(seconds) => {
                self.world.suspend(seconds);
                self.calm_since = self.world.time();
                "suspend"
            }
            Event::Stop(seconds) => {
                self.world.stop(seconds);
                self.stopped_until = now + seconds;
                self.calm_since = self.stopped_until;
                "stop"
            }
            Event::Restart(seconds) => {
                if let Some(process) = self.process.take() {
                    self.state = process.kill().await;
                }
                self.back_at = now + seconds;
                self.calm_since = self.back_at;
                "restart"
            }
        };
        *self.sum.events.entry(name).or_default() += 1;
    }

    fn end_what_is_over(&mut self) {
        let now = self.world.time();
        if self.right_at.is_some_and(|at| now >= at) {
            self.right_at = None;
            self.ahead = 0;
            self.world.set_clock(0, 0);
        }
        if self.process.is_none() && now >= self.back_at {
            self.process = Some(Process::start(&self.world, 0, Some(&self.state)));
        }
    }

    /// Whether the process goes on as if nothing had ever happened.
    fn is_healed(&self, now: u64) -> bool {
        let settled = now - LAG;
        let midnight = day_anchor(UnixSeconds(settled), DayOffset::DEFAULT).0;
        let was_late = self.calm_since + HEALED > midnight + LAG;
        let wait = if was_late { HEALED_MIDNIGHT } else { HEALED };
        now >= self.calm_since + wait
    }

    fn scrape(&mut self) {
        let now = self.world.time();
        if now < self.stopped_until {
            return;
        }
        let (world, seed) = (Arc::clone(&self.world), self.seed);
        let healed = self.is_healed(now);
        let Some(process) = &self.process else { return };
        let served = process.scrape();
        if healed {
            let end = process.window_end().map_or(0, |end| end.0);
            self.sum.check(
                (now - LAG - 2 * BEHIND..=now - LAG + 1).contains(&end),
                || format!("window to {end} at {now}, seed {seed}"),
            );
        }
        let Some(served) = served else {
            self.sum
                .check(!healed, || format!("nothing served at {now}, seed {seed}"));
            return;
        };
        if healed {
            self.strictly(&world, &served, now);
        } else {
            self.sum.loose += served.counts.len() as u64;
        }
        self.always(&world, served, now);
    }

    fn strictly(&mut self, world: &World, served: &Served, now: u64) {
        let at = now.checked_add_signed(self.ahead).unwrap();
        let keys = world.keys();
        for key in &keys {
            let Some(expected) = expected(world, key, at) else {
                continue;
            };
            let value = served.counts.get(key).copied().unwrap_or(0);
            let before = if expected.is_zero {
                0
            } else {
                self.before_reset(expected.anchor, key)
            };
            let counted = value + before;
            let is_right = served.anchor.0 == expected.anchor
                && (expected.least..=expected.most).contains(&counted);
            self.sum.strict += 1;
            let (seed, anchor) = (self.seed, served.anchor.0);
            self.sum.check(is_right, || {
                format!(
                    "{key}: {value} since {anchor}, not {} to {} since {}, at {now}, seed {seed}",
                    expected.least, expected.most, expected.anchor
                )
            });
        }
        let known = served.counts.keys().all(|key| keys.contains(key));
        self.sum.check(known, || format!("made-up series at {now}"));
    }

    fn before_reset(&self, anchor: u64, key: &CountKey) -> u64 {
        let day = self.before_reset.get(&anchor);
        day.and_then(|counts| counts.get(key).copied()).unwrap_or(0)
    }

    /// What holds whatever happens: no more than the service has said, and no step down
    /// within a day.
    fn always(&mut self, world: &World, served: Served, now: u64) {
        let seed = self.seed;
        let anchor = served.anchor.0;
        let highest = world.highest(anchor);
        // Others may have seen the zeros between two scrapes of this server.
        let is_reset = !self.is_healed(now)
            && self.latest.0 == anchor
            && self.latest.1.values().any(|value| *value > 0)
            && served.counts.values().all(|value| *value == 0);
        if anchor < self.latest.0 || is_reset {
            let before = self.days.remove(&anchor).unwrap_or_default();
            let sums = self.before_reset.entry(anchor).or_default();
            for (key, value) in before {
                *sums.entry(key).or_default() += value;
            }
        }
        if self.latest.0 != anchor || is_reset {
            self.latest = (anchor, Counts::new());
        }
        self.days.insert(anchor, served.counts.clone());
        for (key, value) in served.counts {
            let most = highest.get(&key).copied().unwrap_or(0);
            self.sum.check(value <= most, || {
                format!("{key}: {value} of {most} at {now}, seed {seed}")
            });
            let before = self.latest.1.insert(key.clone(), value).unwrap_or(0);
            self.sum.check(value >= before, || {
                format!("{key}: {value} after {before} at {now}, seed {seed}")
            });
            let first = *self.first.get_or_insert(anchor);
            let start = if first == anchor { value } else { 0 };
            let (_, increase) = self
                .increases
                .entry(key)
                .or_insert_with(|| (start, Increase::default()));
            increase.scrape(value);
        }
    }

    /// What Prometheus has counted of the busy series is what happened, to the last push.
    fn finish(mut self) -> Sum {
        let (anchor, counts) = &self.latest;
        let first = self.first.unwrap();
        for (key, (start, increase)) in &self.increases {
            if self.world.is_busy(key) {
                let today = counts[key] + self.before_reset(*anchor, key);
                let truth = counted(&self.world, key, first, *anchor) + today - start;
                let lost = |range: &Range| self.world.truth(*range).get(key).copied();
                let lost: u64 = self.lost.iter().filter_map(lost).sum();
                let (sum, seed) = (increase.sum, self.seed);
                self.sum.strict += 1;
                self.sum.check((truth - lost..=truth).contains(&sum), || {
                    format!("{key}: increase {sum} of {truth} less {lost}, seed {seed}")
                });
            }
        }
        self.sum
    }
}

async fn run(seed: u64, days: u64) -> Sum {
    let mut week = Week::new(seed);
    let mut events = events(seed, days).into_iter().peekable();
    // So that the last midnight is over when it ends.
    let end = START + days * DAY + 4 * HOUR;
    while week.world.time() < end {
        sleep(Duration::from_secs(SCRAPES)).await;
        week.end_what_is_over();
        let now = week.world.time();
        while let Some((_, event)) = events.next_if(|(at, _)| *at <= now) {
            // One thing at a time; some begin while the one before still heals.
            if now >= week.calm_since && week.right_at.is_none() {
                week.begin(event).await;
            }
        }
        week.scrape();
    }
    week.finish()
}

#[expect(
    clippy::print_stdout,
    reason = "a run of weeks reports what it compared"
)]
fn holds(sums: &[Sum]) {
    let strict: u64 = sums.iter().map(|sum| sum.strict).sum();
    let loose: u64 = sums.iter().map(|sum| sum.loose).sum();
    let deviations: Vec<&String> = sums.iter().flat_map(|sum| &sum.deviations).collect();
    let mut events = BTreeMap::new();
    for (name, count) in sums.iter().flat_map(|sum| &sum.events) {
        *events.entry(*name).or_insert(0) += count;
    }
    let what = format!(
        "{strict} samples held against the model and {loose} against what always holds, {events:?}, {} deviations: {:#?}",
        deviations.len(),
        deviations.iter().take(20).collect::<Vec<_>>()
    );
    println!("{what}");
    assert!(deviations.is_empty(), "{what}");
    assert!(strict > 2 * loose && events.len() == 4, "{what}");
}

#[tokio::test(start_paused = true)]
async fn a_week_of_clocks_naps_stops_and_restarts_deviates_nowhere_from_the_contract() {
    holds(&[run(1, 7).await]);
}

#[tokio::test(start_paused = true)]
#[ignore = "takes a minute: as many weeks as TIMPUSH_TEST_WEEKS says, or 20"]
async fn weeks_of_clocks_naps_stops_and_restarts_deviate_nowhere_from_the_contract() {
    let weeks = std::env::var("TIMPUSH_TEST_WEEKS").map_or(20, |text| text.parse().unwrap());
    let mut sums = Vec::new();
    for seed in 1..=weeks {
        sums.push(run(seed, 7).await);
    }
    holds(&sums);
}
