//! What a healthy daemon asks at each stop, and what it would have served.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::timeline::Stop;
use crate::clock::Now;
use crate::counters::{Ledger, Question, Rules, Served};
use crate::reading::{CountKey, Counts};
use crate::target::Target;
use crate::window::{DAY, DayOffset, Range, UnixSeconds, aligned_end, day_anchor};

/// How long a code that is no longer in the windows is 0, in seconds, as in the daemon.
const REMEMBERED: u64 = DAY;

/// What decides what a daemon asks and serves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub window: Duration,
    pub step: Duration,
    pub counters: bool,
    pub rules: Rules,
}

impl Settings {
    pub fn of(target: &Target) -> Self {
        let polling = &target.app.polling;
        Self {
            window: polling.window,
            step: polling.step,
            counters: polling.counters,
            rules: Rules {
                // A healthy daemon has polled a moment ago, however far apart stops are.
                stale_after: Duration::MAX,
                ..Rules::of(target)
            },
        }
    }

    /// The rules of the counters, if there are any.
    pub fn counters(&self) -> Option<&Rules> {
        self.counters.then_some(&self.rules)
    }

    fn end(&self, at: UnixSeconds) -> UnixSeconds {
        aligned_end(at, self.rules.lag, self.step, self.rules.day_offset)
    }

    fn day_offset(&self) -> DayOffset {
        self.rules.day_offset
    }
}

/// What is served at one stop about one API of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub at: UnixSeconds,
    /// The rolling window, known codes as 0; absent where only counters are sampled.
    pub window: Option<(Range, Counts)>,
    pub counters: Option<Served>,
}

/// Every range that [`replay`] asks the counts of.
pub fn needed(settings: &Settings, stops: &[Stop], started: Instant) -> Vec<Range> {
    let mut ranges = Vec::new();
    let ask = |range| {
        ranges.push(range);
        Counts::new()
    };
    replay(settings, stops, started, ask, |_| ());
    ranges
}

/// Lives through the stops. `counts` answers any range; what it is asked does not depend on
/// its answers. `started` is the first stop on the steady clock and has no influence.
///
/// The daemon is taken to have run before the first stop: what the first poll brings is
/// shown as it is, and only series that appear later begin with 0.
pub fn replay(
    settings: &Settings,
    stops: &[Stop],
    started: Instant,
    mut counts: impl FnMut(Range) -> Counts,
    mut frame: impl FnMut(Frame),
) {
    let Some(first) = stops.first() else { return };
    let mut day = Days::default();
    let mut memory = Memory::default();
    for stop in stops {
        let now = Now {
            wall: Duration::from_secs(stop.at.0),
            steady: started + Duration::from_secs(stop.at.0 - first.at.0),
        };
        if stop.polled && settings.counters {
            day.poll(settings, now, &mut counts);
        }
        let window = stop.windows.then(|| {
            let range = Range::ending(settings.end(stop.at), settings.window);
            (range, memory.fill(counts(range), stop.at))
        });
        let counters = stop
            .counters
            .then(|| day.ledger.served(now, &settings.rules))
            .flatten();
        if window.is_some() || counters.is_some() {
            frame(Frame {
                at: stop.at,
                window,
                counters,
            });
        }
    }
}

/// The counters' side of the daemon.
#[derive(Default)]
struct Days {
    ledger: Ledger,
    polled: bool,
    /// The start of the latest day that was asked about before it closed.
    seen: Option<UnixSeconds>,
}

impl Days {
    fn poll(&mut self, settings: &Settings, now: Now, counts: &mut impl FnMut(Range) -> Counts) {
        let end = settings.end(now.unix());
        self.see_closing_day(settings, end, now);
        for question in self.ledger.questions(end, now, &settings.rules) {
            match question {
                Question::Today(range) => {
                    self.seen = Some(range.start);
                    self.answer(question, &counts(range), settings, now);
                }
                Question::Closed(range) => self.answer(question, &counts(range), settings, now),
                // What came late is no sample.
                Question::Late(_) => {}
            }
        }
        self.polled = true;
    }

    /// A daemon has seen every day before it closes. Stops can be so far apart that none
    /// falls into a day, which would look like an outage of days; it is not worth a call
    /// to know when in that day which series appeared.
    fn see_closing_day(&mut self, settings: &Settings, end: UnixSeconds, now: Now) {
        if !self.polled || end != day_anchor(end, settings.day_offset()) {
            return;
        }
        let closing = UnixSeconds(end.0.saturating_sub(DAY));
        if self.seen.is_some_and(|seen| seen >= closing) {
            return;
        }
        let before = UnixSeconds(end.0.saturating_sub(settings.step.as_secs().min(DAY - 1)));
        for question in self.ledger.questions(before, now, &settings.rules) {
            if let Question::Today(range) = question {
                self.seen = Some(range.start);
                self.answer(question, &Counts::new(), settings, now);
            }
        }
    }

    fn answer(&mut self, question: Question, counts: &Counts, settings: &Settings, now: Now) {
        self.ledger.answer(question, counts, now, &settings.rules);
    }
}

/// When each key was last in a window.
#[derive(Default)]
struct Memory(BTreeMap<CountKey, UnixSeconds>);

impl Memory {
    /// Adds the keys that are remembered, as 0.
    fn fill(&mut self, mut counts: Counts, at: UnixSeconds) -> Counts {
        for key in counts.keys() {
            self.0.insert(key.clone(), at);
        }
        self.0.retain(|_, seen| at.0 - seen.0 < REMEMBERED);
        for key in self.0.keys() {
            counts.entry(key.clone()).or_insert(0);
        }
        counts
    }
}
