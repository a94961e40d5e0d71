//! When an app is polled: three layers of the same keys (built in, `defaults`, the app), and the
//! rules between them.

use std::time::Duration;

use super::duration::text;
use super::keys::{Layer, Polling};
use super::read::Read;
use super::section::Section;
use crate::model::push::Push;
use crate::model::window::{DAY, LOOK_BACK};

/// How far counters look back from the settled end: for a closed day, up to half a day after its
/// end.
const COUNTED: Duration = Duration::from_secs(DAY + DAY / 2);

/// The service's own time limit for a response.
const SERVICE_TIMEOUT: Duration = Duration::from_secs(3);

impl Polling {
    /// The populations of pushes that are polled.
    pub fn pushes(&self) -> impl Iterator<Item = Push> + use<> {
        let all_member = self.all_member;
        Push::ALL
            .into_iter()
            .filter(move |push| all_member || *push == Push::Normal)
    }
}

impl Layer {
    /// What an app inherits without `defaults`: `stale_after` is computed from the interval.
    pub(super) const LOWEST: Self = Self {
        stale_after: Read::Absent,
        ..Self::BUILT_IN
    };

    /// Reads a section's own values, and checks them together with those inherited from `below`.
    /// Returns the merged values.
    pub(super) fn read(section: &Section, below: Self) -> Self {
        let mut own = Self::own(section);
        own.step = own.step.and_then(|step| divides_a_day(section, step));
        if own.timeout.given().is_some_and(|t| t < SERVICE_TIMEOUT) {
            section.notice(
                "timeout",
                &format!(
                    "is below {}, the time that the service may take to respond",
                    text(SERVICE_TIMEOUT)
                ),
            );
        }
        let merged = own.over(below);
        merged.check_window(section);
        merged.check_stale_after(section);
        merged
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
                    "with counters, lag ({}) and two steps ({} each) must not exceed {}: a closed day is queried for another half day, and the service keeps no more than {}; shorten them, or set counters: false",
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
    pub(super) fn polling(mut self) -> Option<Polling> {
        let interval = self.interval.given()?;
        let computed = Polling::BUILT_IN.stale_after.max(3 * interval);
        self.stale_after = self.stale_after.over(Read::Given(computed));
        self.given()
    }
}

/// Where a violated rule is reported: at the first of its keys in this section. `None` if all are
/// inherited, since it was then reported where they are set.
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
            "must divide 24 h evenly, for example 1m, 5m or 1h, not {}",
            text(step)
        ),
    );
    None
}
