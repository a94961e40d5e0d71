//! What "now" means in a sequence of responses.

use crate::model::window::{DAY, Range, UnixSeconds};

/// Seconds after which the newer half of "now" becomes the older half.
pub(super) const HALF: u64 = 300;

/// Growth over a longer time than this, in seconds, says nothing about now.
const LONGEST_GAP: u64 = 3600;

/// "Now": the last 5 to 10 minutes covered by responses, in two halves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    /// The end of the first response's range.
    pub(super) began: UnixSeconds,
    pub(super) anchor: UnixSeconds,
    pub(super) older: UnixSeconds,
    pub(super) newer: UnixSeconds,
    pub(super) end: UnixSeconds,
}

impl Period {
    /// Begins at the first response. `None` if a response says nothing about how counts grew.
    pub(super) fn follow(period: &mut Option<Self>, range: Range) -> Option<(Self, bool)> {
        let Some(now) = period.filter(|now| now.is_followed_by(range)) else {
            *period = Some(Self {
                began: range.end,
                anchor: range.start,
                older: range.end,
                newer: range.end,
                end: range.end,
            });
            return None;
        };
        let mut next = Self {
            anchor: range.start,
            end: range.end,
            ..now
        };
        let turns = now.end.0.saturating_sub(now.newer.0) >= HALF;
        if turns {
            (next.older, next.newer) = (now.newer, now.end);
        }
        *period = Some(next);
        Some((now, turns))
    }

    fn is_followed_by(&self, range: Range) -> bool {
        let is_next_day = range.start.0 == self.anchor.0.saturating_add(DAY);
        (range.start == self.anchor || is_next_day)
            && range.end >= self.end
            && range.end.0 - self.end.0 <= LONGEST_GAP
    }

    pub(super) fn seconds(&self) -> u64 {
        self.end.0.saturating_sub(self.older.0)
    }
}
