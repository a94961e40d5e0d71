//! What is shown around a midnight, second by second: codes that are born shortly before it,
//! the APIs of a target side by side, and replicas.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use timpush_exporter::clock::Now;
use timpush_exporter::config::target::Target;
use timpush_exporter::fetch::Fetch;
use timpush_exporter::model::outcome::FetchError;
use timpush_exporter::model::reading::{
    Api, CountKey, ErrCode, Funnel, LossKey, Measure, Reading, Stage,
};
use timpush_exporter::model::window::{DAY, Range};
use timpush_exporter::target::counters::Served;
use tokio::time::{Instant, sleep};

use crate::counters::Increase;
use crate::events::{Event, Events, losses};
use crate::process::{Clock, Process, target};
use crate::world::hash;

/// A midnight at the default offset.
const MIDNIGHT: u64 = 1_741_708_800;

/// When the processes start: long enough before for a proof and the second poll.
const START: u64 = MIDNIGHT - 3600;

/// When each code is born before midnight, in seconds, with as many pushes plus one.
const BIRTHS: std::ops::RangeInclusive<u64> = 1..=60;

fn born(code: u64) -> u64 {
    MIDNIGHT - 10 * code
}

fn key(code: &str) -> LossKey {
    LossKey {
        stage: Stage::PostSendDelivered,
        platform: None,
        code: ErrCode::new(code),
    }
}

/// A service of one push a minute and of the births.
struct Service {
    clock: Clock,
    /// How long the answer about a whole day takes at most, in seconds.
    slowest: u64,
    codes: Vec<(LossKey, Events)>,
}

impl Service {
    fn new(clock: Clock, slowest: u64) -> Self {
        let minutes = (MIDNIGHT - 5 * DAY..MIDNIGHT + DAY).step_by(60);
        let minutes = minutes.map(|at| Event::new(at + 59, 1)).collect();
        let births = BIRTHS.map(|code| {
            let birth = Event::new(born(code), code + 1);
            (key(&format!("born {code}")), Events::new(vec![birth]))
        });
        Self {
            clock,
            slowest,
            codes: births.chain([(key("-1"), Events::new(minutes))]).collect(),
        }
    }
}

impl Fetch for Service {
    async fn fetch(&self, _: &Target, api: Api, range: Range) -> Result<Reading, FetchError> {
        let now = || (self.clock)().unix().0;
        let is_day = range.end.0 - range.start.0 == DAY;
        let takes = if is_day && self.slowest > 0 {
            1000 * (1 + hash(7, now(), range.end.0, self.slowest) % self.slowest)
        } else {
            300
        };
        sleep(Duration::from_millis(takes)).await;
        let codes = self.codes.iter();
        let counts = codes.map(|(key, events)| (key.clone(), events.count(range, now())));
        Ok(match api.measure() {
            Measure::Losses => losses(counts),
            Measure::Funnel => Reading::Statistics {
                overall: Funnel {
                    sent: counts.map(|(_, count)| count).sum(),
                    ..Funnel::default()
                },
                platforms: BTreeMap::new(),
            },
        })
    }
}

/// What both APIs served.
type Second = [Option<Served>; 2];

/// A process's midnight, from its hour before to half an hour after, second by second.
async fn midnight(interval: u64, replica: u32, slowest: u64) -> Vec<Second> {
    let origin = Instant::now();
    let clock: Clock = Arc::new(move || Now {
        wall: Duration::from_secs(START) + origin.elapsed(),
        steady: Instant::now(),
    });
    let mut target = target(8 * 3600);
    let app = Arc::get_mut(&mut target.app).unwrap();
    app.polling.interval = Duration::from_secs(interval);
    app.polling.stale_after = Duration::from_secs(3 * interval.max(200));
    app.polling.statistics = true;
    let service = Service::new(Arc::clone(&clock), slowest);
    let process = Process::run(service, clock, target, replica, None);
    let mut seconds = Vec::new();
    for _ in START..MIDNIGHT + 1800 {
        seconds.push([
            process.counted(Api::NormalPushLoss),
            process.counted(Api::NormalPushStatistics),
        ]);
        sleep(Duration::from_secs(1)).await;
    }
    seconds
}

#[tokio::test(start_paused = true)]
async fn every_scraper_sees_a_code_that_is_born_before_midnight_twice_as_0_and_twice_as_it_is() {
    let mut checked = 0;
    for interval in [60, 300] {
        for replica in 0..6 {
            let seconds = midnight(interval, replica, 5).await;
            for phase in 0..60 {
                let scrapes = || seconds.iter().skip(phase).step_by(60);
                for code in BIRTHS {
                    let name = CountKey::Loss(key(&format!("born {code}")));
                    let mut increase = Increase::default();
                    let (mut zeros, mut values, mut last) = (0, 0, None);
                    for [losses, _] in scrapes() {
                        let value = losses
                            .as_ref()
                            .and_then(|served| served.counts.get(&name).copied());
                        let Some(value) = value else { continue };
                        increase.scrape(value);
                        values += u64::from(value == code + 1);
                        zeros += u64::from(value == 0 && values == 0);
                        last = Some(value);
                    }
                    let what = format!(
                        "born {} s before, interval {interval}, replica {replica}, phase {phase}",
                        10 * code
                    );
                    assert!(zeros >= 2, "0 seen {zeros} times: {what}");
                    assert!(values >= 2, "the value seen {values} times: {what}");
                    assert_eq!(increase.sum, code + 1, "{what}");
                    assert_eq!(last, Some(0), "{what}");
                    checked += 1;
                }
            }
        }
    }
    assert_eq!(checked, 2 * 6 * 60 * 60);
}

#[tokio::test(start_paused = true)]
async fn both_apis_and_all_replicas_are_of_one_day_at_every_second_though_answers_are_slow() {
    for interval in [60, 300] {
        let mut first: Option<Vec<u64>> = None;
        for replica in 0..6 {
            let seconds = midnight(interval, replica, 38).await;
            let days: Vec<u64> = seconds
                .iter()
                .enumerate()
                .skip(600)
                .map(|(second, served)| {
                    let anchors = served.each_ref().map(|served| {
                        let served = served.as_ref();
                        served.map(|served| served.anchor.0).unwrap()
                    });
                    assert_eq!(anchors[0], anchors[1], "{second} {interval} {replica}");
                    anchors[0]
                })
                .collect();
            assert_eq!(days.last(), Some(&MIDNIGHT));
            assert_eq!(
                *first.get_or_insert_with(|| days.clone()),
                days,
                "{replica}"
            );
        }
    }
}
