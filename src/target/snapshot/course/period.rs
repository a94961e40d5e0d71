//! What "now" is, as answers follow one another.

use crate::model::window::{DAY, Range, UnixSeconds};

/// Seconds after which the newer half of "now" becomes the older one.
pub(super) const HALF: u64 = 300;

/// What grew over a longer time than this, in seconds, says nothing about now.
const LONGEST_GAP: u64 = 3600;

/// What "now" is: the last 5 to 10 minutes that were answered for, in two parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    /// When the first answer was about.
    pub(super) began: UnixSeconds,
    pub(super) anchor: UnixSeconds,
    pub(super) older: UnixSeconds,
    pub(super) newer: UnixSeconds,
    pub(super) end: UnixSeconds,
}

impl Period {
    /// Begins at the first answer. None if an answer says nothing about how counts grew.
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
