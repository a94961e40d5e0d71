//! For each rule of the counters, what `increase()` makes of them with it and without.

use std::time::Duration;

use timpush_exporter::clock::Now;
use timpush_exporter::model::reading::{CountKey, Counts, ErrCode, LossKey, Stage};
use timpush_exporter::model::window::{DAY, Range, UnixSeconds, aligned_end, day_anchor};
use timpush_exporter::target::counters::{Ledger, Rules};
use tokio::time::Instant;

use crate::events::{Event, Events};
use crate::process::target;
use crate::promql::Engine;

/// A midnight at the default offset. Minutes of a case count from there.
const MIDNIGHT: u64 = 1_741_708_800;

/// Each case runs from 6 hours before midnight to 6 hours after it.
const AROUND: i64 = 6 * 60;

const MINUTES: usize = 2 * 6 * 60;

struct Case {
    rule: &'static str,
    events: Vec<Event>,
    /// Minutes without an answer.
    down: std::ops::Range<i64>,
    /// What a reset-aware sum over the case should find.
    truth: u64,
}

fn cases() -> [Case; 4] {
    let twice = Event::new(second(-350), 20);
    [
        Case {
            rule: "roll-over",
            // A quiet day ends, and a busy one begins with more than all of it.
            events: [each(-300..-299, 5), each(0..1, 40)].concat(),
            down: 0..0,
            truth: 45,
        },
        Case {
            rule: "zero first",
            events: each(100..101, 30),
            down: 0..0,
            truth: 30,
        },
        Case {
            rule: "never down",
            // Half an hour later it finds that it had counted some twice.
            events: [
                each(-350..-240, 10),
                vec![
                    twice.taken_back_at(second(-200)),
                    twice.known_at(second(-100)),
                ],
            ]
            .concat(),
            down: 0..0,
            truth: 1100,
        },
        Case {
            rule: "outage over an anchor",
            events: [each(-350..-349, 90), each(-30..-29, 10), each(60..110, 10)].concat(),
            down: -60..180,
            truth: 600,
        },
    ]
}

/// The second in which a minute begins.
fn second(minute: i64) -> u64 {
    MIDNIGHT.checked_add_signed(minute * 60).unwrap()
}

/// As many pushes in each minute.
fn each(minutes: std::ops::Range<i64>, count: u64) -> Vec<Event> {
    let events = minutes.map(|minute| Event::new(second(minute) + 59, count));
    events.collect()
}

fn key() -> CountKey {
    CountKey::Loss(LossKey {
        stage: Stage::ReadyToSend,
        platform: None,
        code: ErrCode::new("-1"),
    })
}

/// The samples of a scrape a minute: as the exporter serves them, and the bare answer about
/// the day so far.
fn samples(case: &Case) -> [Vec<Option<u64>>; 2] {
    let (rules, started) = (Rules::of(&target(8 * 3600)), Instant::now());
    let (events, mut ledger) = (Events::new(case.events.clone()), Ledger::default());
    let mut both = [Vec::new(), Vec::new()];
    for minute in -AROUND..AROUND {
        let wall = second(minute);
        let answer = |range| events.count(range, wall);
        let passed = u64::try_from(minute + AROUND).unwrap() * 60;
        let now = Now {
            wall: Duration::from_secs(wall),
            steady: started + Duration::from_secs(DAY + passed),
        };
        let end = aligned_end(
            UnixSeconds(wall),
            rules.lag,
            Duration::from_secs(60),
            rules.day_offset,
        );
        let questions = ledger.questions(end, now, &rules);
        let mut bare = None;
        if !case.down.contains(&minute) {
            for question in questions {
                let count = answer(question.range());
                let counts: Counts = (count > 0).then(|| (key(), count)).into_iter().collect();
                ledger.answer(question, &counts, now, &rules);
            }
            let anchor = day_anchor(end, rules.day_offset);
            let today = answer(Range { start: anchor, end });
            bare = (today > 0).then_some(today);
        }
        let served = ledger.served(now, &rules);
        both[0].push(served.and_then(|served| served.counts.get(&key()).copied()));
        both[1].push(bare);
    }
    both
}

#[test]
#[ignore = "needs promtool"]
fn increase_is_right_with_each_rule_and_wrong_without_it() {
    let mut engine = Engine::new();
    for case in &cases() {
        let rule = case.rule;
        for (how, samples) in ["served", "bare"].iter().zip(samples(case)) {
            // The first value of a case is there before its range begins.
            let series = format!("lost_total{{rule=\"{rule}\",how=\"{how}\"}}");
            let base = samples.iter().flatten().next().copied().unwrap_or(0);
            let truth = if rule == "zero first" {
                30
            } else {
                case.truth - base
            };
            engine.series(&series, &samples);
            let right = format!(
                "sum(abs(increase({series}[12h]) - {truth}) <= bool {})",
                1 + truth / 50
            );
            engine.check(MINUTES - 1, &right, u64::from(*how == "served"));
        }
    }
    engine.run();
}
