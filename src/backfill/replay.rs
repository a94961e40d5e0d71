//! The queries of a healthy daemon at each stop, and what it would have served.

use std::collections::BTreeSet;
use std::time::Duration;

use super::timeline::Stop;
use crate::clock::{self, Now};
use crate::config::target::Target;
use crate::model::reading::{CountKey, Counts};
use crate::model::window::{DAY, Range, UnixSeconds, aligned_end, day_anchor};
use crate::target::counters::{Ledger, Question, Rules, Served};
use crate::target::memory::Memory;

/// The settings that decide what a daemon queries and serves.
#[derive(Clone, Copy, Debug)]
pub struct DaemonSettings {
    pub window: Duration,
    pub counters: bool,
    pub rules: Rules,
}

impl DaemonSettings {
    pub fn of(target: &Target) -> Self {
        let polling = &target.app.polling;
        Self {
            window: polling.window,
            counters: polling.counters,
            rules: Rules {
                // Queries lie on the windows' edges: a service of whole days no longer knows
                // how much of an old day existed at any time of it.
                step: polling.step,
                // A healthy daemon has polled a moment ago, however far apart stops are.
                stale_after: Duration::MAX,
                ..Rules::of(target)
            },
        }
    }

    /// The rules of the counters, if counters are served.
    pub fn counters(&self) -> Option<&Rules> {
        self.counters.then_some(&self.rules)
    }

    fn end(&self, at: UnixSeconds) -> UnixSeconds {
        aligned_end(at, self.rules.lag, self.rules.step, self.rules.day_offset)
    }
}

/// The values served at one stop for one API of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub at: UnixSeconds,
    /// The rolling window, with known codes as 0; absent where only counters are sampled.
    pub window: Option<(Range, Counts)>,
    pub counters: Option<Served>,
    /// Counters that were 0 at some moment since the frame before.
    pub zeros: Option<(UnixSeconds, Vec<CountKey>)>,
}

/// Every range whose counts [`replay`] queries.
pub fn needed(settings: &DaemonSettings, stops: &[Stop]) -> Vec<Range> {
    let mut ranges = Vec::new();
    let ask = |range| {
        ranges.push(range);
        Counts::new()
    };
    replay(settings, stops, ask, |_| ());
    ranges
}

/// Replays the stops. `counts` returns the counts of any range; the queried ranges do not
/// depend on its results.
///
/// The daemon is assumed to have run before the first stop: the values of the first poll are
/// shown as they are, and only series that appear later begin with 0. Where stops are further
/// apart than the initial zeros of a series last, its value is shown at the stop, and the 0 at
/// a separate moment before it. A daemon would show the same, unless the series appeared only
/// that shortly before the stop; finding out would take half as many calls again.
pub fn replay(
    settings: &DaemonSettings,
    stops: &[Stop],
    mut counts: impl FnMut(Range) -> Counts,
    mut frame: impl FnMut(Frame),
) {
    let Some(first) = stops.first() else { return };
    // Any moment will do: only the time between two stops matters.
    let started = clock::now().steady;
    let mut day = Days::default();
    let mut memory = Memory::default();
    let mut known = Known::default();
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
            let mut counts = counts(range);
            memory.fill(&mut counts, now.steady, || 0);
            (range, counts)
        });
        let counters = stop
            .counters
            .then(|| day.ledger.served(now, &settings.rules))
            .flatten();
        let zeros = counters
            .as_ref()
            .and_then(|served| known.zeros_before(stop.at, served, &settings.rules));
        if window.is_some() || counters.is_some() {
            frame(Frame {
                at: stop.at,
                window,
                counters,
                zeros,
            });
        }
    }
}

/// The counters' side of the daemon.
#[derive(Default)]
struct Days {
    ledger: Ledger,
    polled: Option<UnixSeconds>,
    /// The start of the latest day that was queried before it closed.
    seen: Option<UnixSeconds>,
}

impl Days {
    fn poll(
        &mut self,
        settings: &DaemonSettings,
        now: Now,
        counts: &mut impl FnMut(Range) -> Counts,
    ) {
        let end = settings.rules.end(now.unix());
        self.see_closing_day(settings, end, now);
        let zero_hold = settings.rules.zero_hold;
        let is_apart = |before: UnixSeconds| now.unix().0 - before.0 > zero_hold.as_secs();
        let answering = if self.polled.is_some_and(is_apart) {
            Rules {
                zero_hold: Duration::ZERO,
                ..settings.rules
            }
        } else {
            settings.rules
        };
        for question in self.ledger.questions(end, now, &settings.rules) {
            let range = question.range();
            match question {
                Question::Today(_) => self.seen = Some(range.start),
                Question::Closed(_) => {}
                // A late response is no sample.
                Question::Late(_) => continue,
            }
            self.ledger
                .answer(question, &counts(range), now, &answering);
        }
        self.polled = Some(now.unix());
    }

    /// A daemon has seen every day before it closes. Stops can be so far apart that none falls
    /// into a day, which would look like an outage of days; the exact times at which series
    /// appeared in that day are not worth a call.
    fn see_closing_day(&mut self, settings: &DaemonSettings, end: UnixSeconds, now: Now) {
        if self.polled.is_none() || end != day_anchor(end, settings.rules.day_offset) {
            return;
        }
        let closing = UnixSeconds(end.0.saturating_sub(DAY));
        if self.seen.is_some_and(|seen| seen >= closing) {
            return;
        }
        let before = UnixSeconds(
            end.0
                .saturating_sub(settings.rules.step.as_secs().min(DAY - 1)),
        );
        for question in self.ledger.questions(before, now, &settings.rules) {
            if let Question::Today(range) = question {
                self.seen = Some(range.start);
                self.ledger
                    .answer(question, &Counts::new(), now, &settings.rules);
            }
        }
    }
}

/// The counters shown so far.
#[derive(Default)]
struct Known {
    keys: BTreeSet<CountKey>,
    /// The time of the last stop; absent before the first, whose series do not begin then.
    at: Option<UnixSeconds>,
}

impl Known {
    /// The zeros to add: for each series first `served` at `at` with a value other than 0,
    /// when it was 0.
    fn zeros_before(
        &mut self,
        at: UnixSeconds,
        served: &Served,
        rules: &Rules,
    ) -> Option<(UnixSeconds, Vec<CountKey>)> {
        let before = self.at.replace(at);
        let mut zeros = Vec::new();
        for (key, count) in &served.counts {
            if self.keys.insert(key.clone()) && *count > 0 {
                zeros.push(key.clone());
            }
        }
        let before = before.filter(|before| before.0 + 1 < at.0 && !zeros.is_empty())?;
        let zero_from = at.0.saturating_sub(rules.zero_hold.as_secs());
        Some((UnixSeconds(zero_from.max(before.0 + 1)), zeros))
    }
}
