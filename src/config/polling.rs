//! When an app is asked: three layers of the same keys (built in, `defaults`, the app),
//! and the rules that bind them to each other.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Polling;
use super::duration::text;
use super::read::Read;
use super::section::Section;
use crate::model::window::{DAY, LOOK_BACK};

const SECOND: Duration = Duration::from_secs(1);
const ONE_DAY: Duration = Duration::from_secs(DAY);

/// `interval` and `step`: slower than daily would be a report, not monitoring.
const PACE: RangeInclusive<Duration> = SECOND..=ONE_DAY;
const WINDOW: RangeInclusive<Duration> = SECOND..=LOOK_BACK;
const LAG: RangeInclusive<Duration> = Duration::ZERO..=LOOK_BACK;
/// A target never overlaps itself, so a longer timeout could only hide a dead peer.
const TIMEOUT: RangeInclusive<Duration> = SECOND..=Duration::from_secs(300);
const STALE_AFTER: RangeInclusive<Duration> = SECOND..=LOOK_BACK;
/// How far before the end of what has settled counters look: at a closed day, up to half a
/// day after its end.
const COUNTED: Duration = Duration::from_secs(DAY + DAY / 2);
const SERIES_LIMIT: RangeInclusive<u32> = 1..=1_000_000;

/// The time that the service gives itself for an answer.
const SERVICE_TIMEOUT: Duration = Duration::from_secs(3);

/// The shortest `stale_after` that is computed rather than given.
const LEAST_STALE_AFTER: Duration = Duration::from_secs(600);

/// One layer's values for the keys of `defaults`.
#[derive(Clone, Copy)]
pub(super) struct Layer {
    interval: Read<Duration>,
    window: Read<Duration>,
    lag: Read<Duration>,
    step: Read<Duration>,
    timeout: Read<Duration>,
    stale_after: Read<Duration>,
    statistics: Read<bool>,
    counters: Read<bool>,
    series_limit: Read<u32>,
}

impl Layer {
    /// What holds where nothing is given. `stale_after` is computed from the interval.
    pub(super) const BUILT_IN: Self = Self {
        interval: Read::Given(Duration::from_secs(60)),
        window: Read::Given(Duration::from_secs(3600)),
        lag: Read::Given(Duration::from_secs(120)),
        step: Read::Given(Duration::from_secs(60)),
        timeout: Read::Given(Duration::from_secs(10)),
        stale_after: Read::Absent,
        statistics: Read::Given(true),
        counters: Read::Given(true),
        series_limit: Read::Given(2000),
    };

    /// Reads a section's own values, and checks them together with those that they
    /// inherit from `below`. Returns both merged.
    pub(super) fn read(section: &Section, below: Self) -> Self {
        let own = Self {
            interval: section.duration("interval", &PACE),
            window: section.duration("window", &WINDOW),
            lag: section.duration("lag", &LAG),
            step: section
                .duration("step", &PACE)
                .and_then(|step| divides_a_day(section, step)),
            timeout: section.duration("timeout", &TIMEOUT),
            stale_after: section.duration("stale_after", &STALE_AFTER),
            statistics: section.flag("statistics"),
            counters: section.flag("counters"),
            series_limit: section.whole("series_limit", &SERIES_LIMIT),
        };
        if own.timeout.given().is_some_and(|t| t < SERVICE_TIMEOUT) {
            section.notice(
                "timeout",
                &format!(
                    "is below {}, the time that the service gives itself for an answer",
                    text(SERVICE_TIMEOUT)
                ),
            );
        }
        let merged = own.over(below);
        merged.check_window(section);
        merged.check_stale_after(section);
        merged
    }

    fn over(self, below: Self) -> Self {
        Self {
            interval: self.interval.over(below.interval),
            window: self.window.over(below.window),
            lag: self.lag.over(below.lag),
            step: self.step.over(below.step),
            timeout: self.timeout.over(below.timeout),
            stale_after: self.stale_after.over(below.stale_after),
            statistics: self.statistics.over(below.statistics),
            counters: self.counters.over(below.counters),
            series_limit: self.series_limit.over(below.series_limit),
        }
    }

    fn check_window(self, section: &Section) {
        let (Read::Given(window), Read::Given(step)) = (self.window, self.step) else {
            return;
        };
        if let Some(key) = first_given(section, &["window", "step"])
            && window.as_secs() % step.as_secs() != 0
        {
            section.refuse(
                key,
                &format!(
                    "the window ({}) must be a multiple of the step ({})",
                    text(window),
                    text(step)
                ),
            );
        }
        let Read::Given(lag) = self.lag else { return };
        if let Some(key) = first_given(section, &["window", "lag", "step"])
            && window + lag + 2 * step > LOOK_BACK
        {
            section.refuse(
                key,
                &format!(
                    "window ({}), lag ({}) and two steps ({} each) must not reach back further than {}, as the service keeps no more",
                    text(window),
                    text(lag),
                    text(step),
                    text(LOOK_BACK)
                ),
            );
            return;
        }
        if let Some(key) = first_given(section, &["lag", "step", "counters"])
            && self.counters == Read::Given(true)
            && lag + COUNTED + 2 * step > LOOK_BACK
        {
            section.refuse(
                key,
                &format!(
                    "with counters, lag ({}) and two steps ({} each) must not exceed {}: a closed day is asked about until half a day later, and the service keeps no more than {}; shorten them, or set counters: false",
                    text(lag),
                    text(step),
                    text(LOOK_BACK - COUNTED),
                    text(LOOK_BACK)
                ),
            );
        }
    }

    fn check_stale_after(self, section: &Section) {
        if let Some(key) = first_given(section, &["stale_after", "interval"])
            && let (Read::Given(stale_after), Read::Given(interval)) =
                (self.stale_after, self.interval)
            && stale_after < interval
        {
            section.refuse(
                key,
                &format!(
                    "stale_after ({}) must not be shorter than the interval ({}), or values would vanish between two polls",
                    text(stale_after),
                    text(interval)
                ),
            );
        }
    }

    /// `None` if a value was refused in this layer or one below.
    pub(super) fn polling(self) -> Option<Polling> {
        let interval = self.interval.given()?;
        Some(Polling {
            interval,
            window: self.window.given()?,
            lag: self.lag.given()?,
            step: self.step.given()?,
            timeout: self.timeout.given()?,
            stale_after: self.stale_after.or(LEAST_STALE_AFTER.max(3 * interval))?,
            statistics: self.statistics.given()?,
            counters: self.counters.given()?,
            series_limit: usize::try_from(self.series_limit.given()?).ok()?,
        })
    }
}

/// Where a broken rule is reported: at the first of its keys that stands in this section.
/// `None` when all are inherited, since then it was reported where they stand.
fn first_given<'k>(section: &Section, keys: &[&'k str]) -> Option<&'k str> {
    keys.iter().copied().find(|key| section.has(key))
}

fn divides_a_day(section: &Section, step: Duration) -> Option<Duration> {
    if DAY.is_multiple_of(step.as_secs()) {
        return Some(step);
    }
    section.refuse(
        "step",
        &format!(
            "must divide a day, as 1m, 5m or 1h do, {} does not",
            text(step)
        ),
    );
    None
}
