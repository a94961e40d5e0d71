//! Where there are counts.

use std::time::Duration;

use super::{Pair, Probe};
use crate::model::outcome::FetchError;
use crate::model::reading::Api;
use crate::model::window::{DAY, DayOffset, Range};
use crate::poll::additivity::closed_day;

/// Closed days to look at. With the 6 h before the newest and the current day, the oldest
/// begins at most 6.3 days ago, of the 7 that the service keeps.
const DAYS: usize = 5;

/// Days suitable for experiments.
pub(super) struct Ground {
    pub(super) api: Api,
    /// A closed day with counts; the latest one if none has any.
    pub(super) day: Range,
    /// Two adjacent days with counts end with this one; `day` if there are none.
    pub(super) second_day: Range,
    /// Whether `day` has counts.
    pub(super) is_busy: bool,
}

/// Looks for two adjacent days with losses, then for any; then the same in the statistics,
/// which also count where nothing is lost.
pub(super) async fn find<F: Pair>(
    probe: &Probe<'_, F>,
    offset: DayOffset,
) -> Result<Ground, FetchError> {
    let latest = closed_day((probe.clock)(), offset);
    let mut fallback = Ground {
        api: Api::losses(probe.target.push),
        day: latest,
        second_day: latest,
        is_busy: false,
    };
    for api in probe.target.apis() {
        let mut day = latest;
        let mut next: Option<Range> = None;
        for _ in 0..DAYS {
            let is_busy = !probe.ask(api, day).await?.is_zero();
            if is_busy && !fallback.is_busy {
                fallback = Ground {
                    api,
                    day,
                    second_day: day,
                    is_busy,
                };
            }
            if let (true, Some(second_day)) = (is_busy, next) {
                // These queries are repeated where they prove something.
                probe.asked.take();
                return Ok(Ground {
                    api,
                    day: second_day,
                    second_day,
                    is_busy,
                });
            }
            next = is_busy.then_some(day);
            day = Range::ending(day.start, Duration::from_secs(DAY));
        }
        if fallback.is_busy {
            break;
        }
    }
    probe.asked.take();
    Ok(fallback)
}
