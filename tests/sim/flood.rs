//! A service that names new codes for ever: what a target keeps stays bounded, and its sums
//! stay right.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use timpush_exporter::clock::Now;
use timpush_exporter::config::target::Target;
use timpush_exporter::model::push::Push;
use timpush_exporter::model::reading::{
    Api, CountKey, ErrCode, Funnel, Loss, LossKey, Measure, Platform, Reading, Stage,
};
use timpush_exporter::model::window::{DAY, Range, UnixSeconds, day_anchor};
use timpush_exporter::target::counters::Question;
use timpush_exporter::target::series_limit::{MAX_ENTRY_BYTES, MAX_PLATFORMS, MAX_SUMS};
use timpush_exporter::target::snapshot::{Recorder, Remembered, Snapshot, TargetState};
use tokio::time::Instant;

use crate::process::target;

/// A midnight at the default offset.
const MIDNIGHT: u64 = 1_741_708_800;

const LIMIT: usize = 400;

type Group = (Stage, Option<Platform>);

struct Flood {
    target: Target,
    snapshot: Arc<Snapshot>,
    recorder: Recorder,
    started: Instant,
    /// Codes that are named once, on one day only, per minute.
    codes: u64,
    /// Platforms that are named, from 0 on.
    platforms: i64,
}

impl Flood {
    fn new(codes: u64, platforms: i64) -> Self {
        let mut target = target(8 * 3600);
        let app = Arc::get_mut(&mut target.app).unwrap();
        app.polling.series_limit = LIMIT;
        app.polling.statistics = true;
        let snapshot = Arc::new(Snapshot::new(std::slice::from_ref(&target)));
        let recorder = Recorder::new(&target, Arc::clone(&snapshot));
        Self {
            target,
            snapshot,
            recorder,
            started: Instant::now(),
            codes,
            platforms,
        }
    }

    fn now(&self, at: u64) -> Now {
        Now {
            wall: Duration::from_secs(at),
            steady: self.started + Duration::from_secs(at - MIDNIGHT + DAY),
        }
    }

    /// What is lost in a range: each minute some new codes, and some that are always there.
    fn losses(&self, range: Range) -> Reading {
        let mut rows = BTreeMap::new();
        let mut add = |platform: Option<i64>, code: String, count: u64| {
            let key = LossKey {
                stage: Stage::PostSendDelivered,
                platform: platform.map(Platform),
                code: ErrCode::new(&code),
            };
            let loss = Loss {
                count,
                description: format!("why {code}"),
            };
            rows.insert(key, loss);
        };
        let minutes = (range.end.0 - range.start.0) / 60;
        for minute in 0..minutes {
            for code in 0..self.codes {
                let at = range.start.0 / 60 + minute;
                add(Some(1), format!("request-{at}-{code}"), 1);
            }
        }
        for platform in 0..self.platforms {
            for code in 0..10 {
                add(None, code.to_string(), minutes * (100 + code));
                add(Some(platform), code.to_string(), minutes * (10 + code));
            }
        }
        Reading::Loss(rows)
    }

    fn statistics(&self, range: Range) -> Reading {
        let funnel = Funnel {
            sent: (range.end.0 - range.start.0) / 60,
            ..Funnel::default()
        };
        Reading::Statistics {
            overall: funnel,
            platforms: (0..self.platforms).map(|n| (Platform(n), funnel)).collect(),
        }
    }

    fn answer(&self, api: Api, range: Range) -> Reading {
        match api.measure() {
            Measure::Losses => self.losses(range),
            Measure::Funnel => self.statistics(range),
        }
    }

    fn poll(&mut self, at: u64) {
        let now = self.now(at);
        let end = UnixSeconds((at - 120) / 60 * 60);
        for api in Api::of(Push::Normal) {
            let range = Range::ending(end, Duration::from_secs(3600));
            let reading = self.answer(api, range);
            self.recorder.window(api, range, reading, now);
            for question in self.recorder.questions(api, end, now) {
                if let Question::Late(_) = question {
                    continue;
                }
                let reading = self.answer(api, question.range());
                self.recorder.day(api, question, &reading, now);
            }
            self.recorder.finish(api, Ok(()), now);
        }
    }

    fn state(&self) -> Arc<TargetState> {
        Arc::clone(self.snapshot.load().values().next().unwrap())
    }

    /// Checks what is served and kept against the service and the written bound.
    fn check(&self, at: u64) {
        let (state, now) = (self.state(), self.now(at));
        let good = state.current(Api::NormalPushLoss, now.steady).unwrap();
        let Reading::Loss(rows) = &good.reading else {
            panic!("a loss stays one")
        };
        let window = totals(rows.iter().map(|(key, loss)| (key, loss.count)));
        assert_eq!(window, self.totals(good.range), "the window at {at}");
        let counted = state.counted(Api::NormalPushLoss, now).unwrap();
        let losses = counted.counts.iter().filter_map(|(key, count)| match key {
            CountKey::Loss(key) => Some((key, *count)),
            CountKey::Funnel(..) => None,
        });
        let end = UnixSeconds((at - 120) / 60 * 60);
        let start = day_anchor(end, self.target.app.day_offset);
        if counted.anchor == start && at > start.0 + 600 {
            let today = self.totals(Range { start, end });
            assert_eq!(totals(losses), today, "the counters at {at}");
        }
        let series = rows.len()
            + rows
                .values()
                .filter(|loss| !loss.description.is_empty())
                .count()
            + counted.counts.len();
        assert!(series <= LIMIT.max(2 * MAX_SUMS), "{series} series at {at}");

        let text = serde_json::to_string(&Remembered::of(&state, now)).unwrap();
        let kept: Value = serde_json::from_str(&text).unwrap();
        let entries = |path: &str| {
            kept.pointer(path)
                .map_or(0, |list| list.as_array().unwrap().len())
        };
        for path in ["/codes", "/losses/today/cells", "/losses/closed/day/cells"] {
            assert!(entries(path) <= LIMIT + MAX_SUMS, "{path} at {at}");
        }
        for path in ["/statistics/today/cells", "/statistics/closed/day/cells"] {
            assert!(entries(path) <= 4 * (MAX_PLATFORMS + 1), "{path} at {at}");
        }
        assert!(
            text.len() <= 4 * (LIMIT + MAX_SUMS) * MAX_ENTRY_BYTES,
            "{}",
            text.len()
        );
    }

    fn totals(&self, range: Range) -> BTreeMap<Group, u64> {
        let Reading::Loss(rows) = self.losses(range) else {
            panic!("a loss")
        };
        // Platforms that are not told apart are one.
        let mut apart = timpush_exporter::target::series_limit::Platforms::default();
        let Reading::Loss(rows) = apart.place_all(Reading::Loss(rows)) else {
            panic!("a loss")
        };
        totals(rows.iter().map(|(key, loss)| (key, loss.count)))
    }

    /// Another process that finds the state of this one.
    fn restarted(self, at: u64) -> Self {
        let text = serde_json::to_string(&Remembered::of(&self.state(), self.now(at))).unwrap();
        let mut next = Self {
            started: self.started,
            ..Self::new(self.codes, self.platforms)
        };
        let remembered = serde_json::from_str(&text).unwrap();
        next.recorder.restore(remembered, next.now(at));
        next
    }
}

fn totals<'a>(rows: impl Iterator<Item = (&'a LossKey, u64)>) -> BTreeMap<Group, u64> {
    let mut totals = BTreeMap::new();
    for (key, count) in rows {
        *totals.entry((key.stage, key.platform)).or_insert(0) += count;
    }
    totals.retain(|_, total| *total > 0);
    totals
}

#[test]
fn new_codes_every_minute_of_two_days_fill_nothing() {
    let mut flood = Flood::new(5, 3);
    let noon = MIDNIGHT + DAY / 2;
    for at in (noon..noon + 2 * DAY).step_by(1800) {
        flood.poll(at);
        flood.check(at);
        // Midnight: the closed day, zeros, and today.
        if at.is_multiple_of(DAY / 4) {
            flood = flood.restarted(at + 30);
        }
    }
}

#[test]
fn twenty_thousand_new_codes_per_poll_fill_nothing() {
    let mut flood = Flood::new(340, 3);
    for poll in 0..5 {
        let at = MIDNIGHT + 180 + 60 * poll;
        flood.poll(at);
        flood.check(at);
    }
}

#[test]
fn thousands_of_platforms_are_one_beyond_the_first() {
    let mut flood = Flood::new(0, 3000);
    let noon = MIDNIGHT + DAY / 2;
    for poll in 0..3 {
        flood.poll(noon + 60 * poll);
        flood.check(noon + 60 * poll);
        flood = flood.restarted(noon + 60 * poll + 30);
    }
}
