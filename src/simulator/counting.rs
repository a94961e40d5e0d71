//! Which seconds a service counts for a queried range: with or without its edges, in which
//! buckets, and up to which age. No clock and no I/O.

use std::time::Duration;

use crate::model::window::{DayOffset, Range, UnixSeconds, aligned_end};

/// One way to count what is in a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counting {
    /// The second `StartTime` does not belong to the range.
    pub exclusive_start: bool,
    /// The second `EndTime` belongs to the range.
    pub inclusive_end: bool,
    pub buckets: Buckets,
    /// Age from which a push is counted, in seconds.
    pub settling: u64,
}

/// The resolution of a service. Buckets have a length in seconds that divides a day, and
/// begin with the day at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buckets {
    Seconds,
    /// Every bucket that the range touches is counted whole.
    Touched(u64, DayOffset),
    /// Every bucket whose start lies in the range is counted whole.
    Begun(u64, DayOffset),
}

impl Counting {
    /// Every second from `StartTime` to before `EndTime`, at once.
    pub const HALF_OPEN: Self = Self {
        exclusive_start: false,
        inclusive_end: false,
        buckets: Buckets::Seconds,
        settling: 0,
    };

    /// The time, excluding its end, whose pushes a response to `range` at `now` counts.
    pub fn covered(self, range: Range, now: UnixSeconds) -> Range {
        let floor = |at, length, offset| {
            let (at, length) = (UnixSeconds(at), Duration::from_secs(length));
            aligned_end(at, Duration::ZERO, length, offset).0
        };
        let start = range.start.0.saturating_add(self.exclusive_start.into());
        let end = range.end.0.saturating_add(self.inclusive_end.into());
        let (start, end) = match self.buckets {
            Buckets::Seconds => (start, end),
            Buckets::Touched(length, offset) => {
                let last = floor(end.saturating_sub(1), length, offset);
                (floor(start, length, offset), last.saturating_add(length))
            }
            Buckets::Begun(length, offset) => {
                let next = |at: u64| floor(at.saturating_add(length - 1), length, offset);
                (next(start), next(end))
            }
        };
        let settled = now.0.saturating_sub(self.settling);
        Range::new(start, end.min(settled).max(start))
    }
}

/// Ways to count with days that begin at +08:00.
#[cfg(test)]
impl Counting {
    pub(crate) const INCLUSIVE: Self = Self {
        inclusive_end: true,
        ..Self::HALF_OPEN
    };
    pub(crate) const EXCLUSIVE: Self = Self {
        exclusive_start: true,
        ..Self::HALF_OPEN
    };

    pub(crate) const fn touched(self, length: u64) -> Self {
        let buckets = Buckets::Touched(length, DayOffset::DEFAULT);
        Self { buckets, ..self }
    }

    pub(crate) const fn begun(self, length: u64) -> Self {
        let buckets = Buckets::Begun(length, DayOffset::DEFAULT);
        Self { buckets, ..self }
    }

    pub(crate) const fn settling(self, settling: u64) -> Self {
        Self { settling, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::window::DAY;

    #[test]
    fn covered_time_follows_the_edges_buckets_and_age_and_is_never_the_future() {
        const PLAIN: Counting = Counting::HALF_OPEN;
        /// 2025-03-12 00:00 at +08:00.
        const MIDNIGHT: u64 = 1_741_708_800;
        let range = |(start, end)| Range::new(MIDNIGHT + start, MIDNIGHT + end);
        for (counting, asked, covered) in [
            (PLAIN, (0, DAY), (0, DAY)),
            (PLAIN, (0, DAY + 9), (0, DAY)),
            (PLAIN, (DAY + 1, DAY + 9), (DAY + 1, DAY + 1)),
            (PLAIN.settling(60), (0, DAY), (0, DAY - 60)),
            (Counting::INCLUSIVE, (0, 9), (0, 10)),
            (Counting::EXCLUSIVE, (0, 9), (1, 9)),
            (PLAIN.touched(DAY), (5, 9), (0, DAY)),
            (PLAIN.touched(DAY), (0, DAY), (0, DAY)),
            (PLAIN.touched(3600), (5, 3601), (0, 7200)),
            (Counting::INCLUSIVE.touched(3600), (0, 3600), (0, 7200)),
            (PLAIN.begun(3600), (0, 3601), (0, 7200)),
            (PLAIN.begun(3600), (1, 3600), (3600, 3600)),
        ] {
            let found = counting.covered(range(asked), UnixSeconds(MIDNIGHT + DAY));
            assert_eq!(found, range(covered), "{counting:?}");
        }
    }
}
