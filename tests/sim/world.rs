//! What happened, and what the service says of it at any moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use timpush_exporter::clock::Now;
use timpush_exporter::config::target::Target;
use timpush_exporter::fetch::Fetch;
use timpush_exporter::model::outcome::{FetchError, Outcome};
use timpush_exporter::model::reading::{
    Api, CountKey, Counts, ErrCode, LossKey, Measure, Platform, Reading, Stage,
};
use timpush_exporter::model::window::{DAY, Range, UnixSeconds};
use timpush_exporter::simulator::{Buckets, Counting};
use tokio::time::{Instant, sleep};

use crate::events::{Event, Events, losses};

/// Where virtual time begins: 2027-01-15T08:00:00Z.
pub(crate) const START: u64 = 1_800_000_000;

/// How far history reaches back before the start, and on after it, in minutes.
const BEFORE: u64 = 8 * 24 * 60;
const AFTER: u64 = 36 * 24 * 60;
const FIRST_MINUTE: u64 = START / 60 - BEFORE;

/// The longest time after which a push is counted, in minutes.
const LATEST: u64 = 180;

/// A pure random number from any four.
pub(crate) fn hash(seed: u64, what: u64, at: u64, salt: u64) -> u64 {
    let mut x = seed
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(what.wrapping_mul(0xBF58_476D_1CE4_E5B9))
        .wrapping_add(at.wrapping_mul(0x94D0_49BB_1331_11EB))
        .wrapping_add(salt);
    for _ in 0..3 {
        x ^= x >> 31;
        x = x.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        x ^= x >> 32;
    }
    x
}

/// True in one of `n` cases.
pub(crate) fn chance(n: u64, seed: u64, what: u64, at: u64) -> bool {
    n > 0 && hash(seed, what, at, 77).is_multiple_of(n)
}

/// What may go wrong. A number is 0, for never, or says "one in so many".
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// Minutes whose pushes are counted late.
    pub(crate) late: u64,
    /// Hours at which the service takes some pushes of the day back.
    pub(crate) revised: u64,
    /// Answers that are lost.
    pub(crate) lost: u64,
    /// Hours in which an outage begins; it lasts up to 5 hours.
    pub(crate) outage: u64,
    /// Hours in which a process ends without notice, for up to 25 minutes.
    pub(crate) restart: u64,
    /// Hours at which the wall clock is set, by up to 4 minutes either way.
    pub(crate) clock: u64,
}

/// A series of pushes: busy ones every minute, rare ones some minutes a day.
struct Source {
    key: LossKey,
    busy: bool,
    events: Events,
    /// The pushes before each minute, whenever they are counted.
    all: Vec<u64>,
}

impl Source {
    fn new(seed: u64, n: u64, faults: Faults, key: LossKey, busy: bool) -> Self {
        let (mut events, mut all) = (Vec::new(), vec![0]);
        for minute in 0..BEFORE + AFTER {
            let count = pushes(seed, n, minute, busy);
            all.push(all.last().unwrap() + count);
            let at = 60 * (FIRST_MINUTE + minute);
            let is_late = chance(faults.late, seed, n, minute);
            let late = if is_late { count - count / 2 } else { 0 };
            events.push(Event::new(at + 59, count - late));
            if is_late {
                let delay = 60 * (hash(seed, n, minute, 5) % LATEST);
                events.push(Event::new(at + 59, late).known_at(at + delay.max(60)));
            }
            // Some hours lose a few pushes of their first minute, an hour later.
            let hour = at / 3600;
            if busy && at == hour * 3600 && chance(faults.revised, seed, n + 100, hour) {
                let lost = hash(seed, n, hour, 9) % 3;
                events.push(Event::new(at, lost).taken_back_at(at + 5400));
            }
        }
        let events = Events::new(events);
        Self {
            key,
            busy,
            events,
            all,
        }
    }
}

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) faults: Faults,
    pub(crate) day_offset: i64,
    origin: Instant,
    /// How far the wall clock is ahead, by replica.
    clocks: Mutex<BTreeMap<u32, i64>>,
    sources: Arc<[Source]>,
    /// The highest answer about each day so far: what a counter may show at most.
    highest: Mutex<BTreeMap<u64, Counts>>,
    pub(crate) asked: Mutex<u64>,
    /// From when on answers come again.
    outage_until: Mutex<u64>,
    /// How many seconds machines slept in which their steady clocks stood still.
    slept: Mutex<u64>,
    /// Until when a process that was stopped gets no answer.
    stopped_until: Mutex<u64>,
}

impl World {
    pub(crate) fn new(seed: u64, day_offset: i64, faults: Faults) -> Arc<Self> {
        let row = |stage, platform: Option<i64>, code: &str| LossKey {
            stage,
            platform: platform.map(Platform),
            code: ErrCode::new(code),
        };
        let sources = [
            (row(Stage::ReadyToSend, None, "-1"), true),
            (row(Stage::ReadyToSend, None, "-2"), true),
            (row(Stage::PostSendDelivered, None, "410"), true),
            (row(Stage::PostSendDelivered, Some(1), "410"), true),
            (row(Stage::PostSendDelivered, None, "rare"), false),
            (row(Stage::PostSendDelivered, Some(4), "rarer"), false),
        ];
        let sources = sources
            .into_iter()
            .zip(0..)
            .map(|((key, busy), n)| Source::new(seed, n, faults, key, busy));
        Self::from_start(seed, day_offset, faults, sources.collect())
    }

    /// The same history from its start.
    pub(crate) fn again(&self) -> Arc<Self> {
        let sources = Arc::clone(&self.sources);
        Self::from_start(self.seed, self.day_offset, self.faults, sources)
    }

    fn from_start(seed: u64, day_offset: i64, faults: Faults, sources: Arc<[Source]>) -> Arc<Self> {
        Arc::new(Self {
            seed,
            faults,
            day_offset,
            origin: Instant::now(),
            clocks: Mutex::default(),
            sources,
            highest: Mutex::default(),
            asked: Mutex::default(),
            outage_until: Mutex::default(),
            slept: Mutex::default(),
            stopped_until: Mutex::default(),
        })
    }

    /// Real time, in seconds since 1970.
    pub(crate) fn time(&self) -> u64 {
        self.passed().as_secs()
    }

    fn passed(&self) -> Duration {
        let slept = *self.slept.lock().unwrap();
        Duration::from_secs(START + slept) + self.origin.elapsed()
    }

    /// What a process takes the time for.
    pub(crate) fn now(&self, replica: u32) -> Now {
        let ahead = *self.clocks.lock().unwrap().get(&replica).unwrap_or(&0);
        let wall = self.passed();
        Now {
            wall: Duration::from_secs(wall.as_secs().checked_add_signed(ahead).unwrap()),
            steady: Instant::now(),
        }
    }

    pub(crate) fn set_clock(&self, replica: u32, ahead: i64) {
        self.clocks.lock().unwrap().insert(replica, ahead);
    }

    pub(crate) fn begin_outage(&self, seconds: u64) {
        *self.outage_until.lock().unwrap() = self.time() + seconds;
    }

    /// All machines sleep: time passes that no steady clock sees.
    pub(crate) fn suspend(&self, seconds: u64) {
        *self.slept.lock().unwrap() += seconds;
    }

    /// Nobody gets an answer for so long, nor an error.
    pub(crate) fn stop(&self, seconds: u64) {
        *self.stopped_until.lock().unwrap() = self.time() + seconds;
    }

    async fn go_on(&self) -> bool {
        let until = *self.stopped_until.lock().unwrap();
        let left = until.saturating_sub(self.time());
        sleep(Duration::from_secs(left)).await;
        left == 0
    }

    pub(crate) fn keys(&self) -> Vec<CountKey> {
        let keys = self.sources.iter();
        keys.map(|source| CountKey::Loss(source.key.clone()))
            .collect()
    }

    pub(crate) fn is_busy(&self, key: &CountKey) -> bool {
        self.sources
            .iter()
            .any(|source| source.busy && CountKey::Loss(source.key.clone()) == *key)
    }

    /// Everything that is ever counted of a range, without what is taken back.
    pub(crate) fn truth(&self, range: Range) -> Counts {
        self.sources
            .iter()
            .map(|source| {
                let (from, to) = minutes(range);
                let key = CountKey::Loss(source.key.clone());
                (key, source.all[to] - source.all[from])
            })
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// The highest answer so far about the day that begins at `anchor`.
    pub(crate) fn highest(&self, anchor: u64) -> Counts {
        let highest = self.highest.lock().unwrap();
        highest.get(&anchor).cloned().unwrap_or_default()
    }

    fn answer(&self, range: Range) -> Reading {
        let now = self.time();
        let sources = self.sources.iter();
        losses(sources.map(|source| (source.key.clone(), source.events.count(range, now))))
    }
}

/// How many pushes are lost in a minute, more by day than by night.
fn pushes(seed: u64, source: u64, minute: u64, busy: bool) -> u64 {
    let random = hash(seed, source, minute, 1);
    if busy {
        let hour = minute / 60 % 24;
        let rhythm = 3 + hour.min(24 - hour);
        random % (2 * rhythm)
    } else if random.is_multiple_of(200) {
        1 + random % 5
    } else {
        0
    }
}

fn minutes(range: Range) -> (usize, usize) {
    let minute = |at: u64| usize::try_from((at / 60).saturating_sub(FIRST_MINUTE)).unwrap();
    (minute(range.start.0), minute(range.end.0))
}

/// The world as a process can ask it.
pub(crate) struct Service(pub(crate) Arc<World>);

impl Fetch for Service {
    async fn fetch(&self, _: &Target, api: Api, range: Range) -> Result<Reading, FetchError> {
        assert_eq!(api.measure(), Measure::Losses);
        let asked = {
            let mut asked = self.0.asked.lock().unwrap();
            *asked += 1;
            *asked
        };
        sleep(Duration::from_millis(
            200 + hash(self.0.seed, asked, 3, 3) % 900,
        ))
        .await;
        if !self.0.go_on().await
            || self.0.time() < *self.0.outage_until.lock().unwrap()
            || chance(self.0.faults.lost, self.0.seed, 200, asked)
        {
            return Err(FetchError::new(Outcome::Timeout, "no answer"));
        }
        let reading = self.0.answer(range);
        let anchor = (range.start.0.checked_add_signed(self.0.day_offset).unwrap()) % DAY;
        // Days that closed long ago are asked for other reasons than counters; clocks may be
        // ahead by some minutes.
        let for_counters = self.0.time() < range.end.0 + 6 * 3600 - 600;
        if anchor == 0 && for_counters && range.end.0 - range.start.0 <= DAY {
            let mut highest = self.0.highest.lock().unwrap();
            let day = highest.entry(range.start.0).or_default();
            for (key, count) in reading.counts() {
                let cell = day.entry(key).or_default();
                *cell = count.max(*cell);
            }
        }
        Ok(reading)
    }
}

/// The same for a service that counts by the day: a range covers every day that it touches.
pub(crate) struct WholeDays(pub(crate) Arc<World>);

impl Fetch for WholeDays {
    async fn fetch(&self, target: &Target, api: Api, range: Range) -> Result<Reading, FetchError> {
        let days = Counting {
            buckets: Buckets::Touched(DAY, target.app.day_offset),
            ..Counting::HALF_OPEN
        };
        let range = days.covered(range, UnixSeconds(self.0.time()));
        Service(Arc::clone(&self.0)).fetch(target, api, range).await
    }
}
