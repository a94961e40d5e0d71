//! How many pushes of one kind happened before a second: an integer function of time that
//! never decreases, so that adjacent ranges add up exactly whatever their edges are.
//!
//! A week is a fixed curve of five-minute buckets. Noise moves each bucket's edge along the
//! curve and never past a neighbour, so the sum up to any second is known without a walk over
//! the buckets before it. All arithmetic is on integers: rounding of floating-point numbers
//! could make the function decrease by one.

use crate::model::window::{DAY, Range};

/// Seconds of a bucket.
const BUCKET: u64 = 300;
const DAY_BUCKETS: usize = 288;
const WEEK_BUCKETS: usize = 7 * DAY_BUCKETS;

/// Seconds from the Monday 00:00 at +08:00 before 1970 to 1970-01-01T00:00:00Z, a Thursday.
const LEAD: u64 = 3 * DAY + 8 * 3600;

/// The last second that the curve distinguishes (in the year 4147): keeps products of time,
/// volume and share within 128 bits.
const LAST: u64 = 1 << 36;

/// Pushes at each full hour at +08:00, relative to the busiest.
const HOURS: [u64; 24] = [
    22, 14, 9, 6, 5, 7, 14, 28, 45, 56, 62, 68, 74, 66, 62, 64, 68, 74, 82, 92, 100, 96, 74, 44,
];

/// Pushes of each day, Monday first, as a percentage of a usual day.
const WEEKDAYS: [u64; 7] = [97, 98, 100, 99, 103, 94, 90];

/// The calm curve: the weight of a bucket, linear between two full hours.
const fn weight(bucket: usize) -> u64 {
    let (day, bucket) = (bucket / DAY_BUCKETS % 7, bucket % DAY_BUCKETS);
    let (hour, twelfth) = (bucket / 12, (bucket % 12) as u64);
    (HOURS[hour] * (12 - twelfth) + HOURS[(hour + 1) % 24] * twelfth) * WEEKDAYS[day]
}

/// The weight of all buckets of a week before each bucket, and of the whole week at the end.
static BEFORE: [u64; WEEK_BUCKETS + 1] = {
    let mut before = [0; WEEK_BUCKETS + 1];
    let mut bucket = 0;
    while bucket < WEEK_BUCKETS {
        before[bucket + 1] = before[bucket] + weight(bucket);
        bucket += 1;
    }
    before
};

/// Spreads the bits of a number: the finisher of `splitmix64`.
pub(super) const fn mix(seed: u64) -> u64 {
    let seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}

/// Combines several numbers into one; their order matters.
pub(super) fn seed(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |seed, part| mix(seed ^ part))
}

/// The whole of an app's volume, in the unit of a [`Series`]' share.
pub(super) const WHOLE: u64 = 100_000_000_000;

/// Pushes of one kind over time.
pub(super) struct Series {
    /// Shared by all series of an app: its busy five minutes are busy on every platform.
    pub(super) app_seed: u64,
    pub(super) seed: u64,
    pub(super) app_pushes_a_day: u32,
    /// The share of this series in the app's pushes, in 0..=[`WHOLE`].
    pub(super) share: u64,
}

impl Series {
    /// Pushes in a range, excluding its end; none in a range that ends before it starts.
    pub(super) fn count(&self, range: Range) -> u64 {
        self.before(range.end.0)
            .saturating_sub(self.before(range.start.0))
    }

    fn before(&self, second: u64) -> u64 {
        let one = u128::from(BEFORE[WEEK_BUCKETS]) * u128::from(WHOLE);
        let pushes_a_week = u128::from(self.app_pushes_a_day) * 7 * u128::from(self.share);
        // Without its own phase, every rare series would increase in the same second.
        let phase = u128::from(mix(self.seed)) % one;
        let pushes = (pushes_a_week * u128::from(self.weight_before(second)) + phase) / one;
        u64::try_from(pushes).unwrap_or(u64::MAX)
    }

    fn weight_before(&self, second: u64) -> u64 {
        let second = second.min(LAST) + LEAD;
        let bucket = second / BUCKET;
        let edge = self.edge(bucket);
        edge + (self.edge(bucket + 1) - edge) * (second % BUCKET) / BUCKET
    }

    /// The weight of everything before a bucket. Noise adds up to four fifths of the smaller
    /// neighbour, which leaves every bucket at least a fifth of its calm weight.
    fn edge(&self, bucket: u64) -> u64 {
        const NOISE: u64 = 512;
        let of_week = u64::from(u16::try_from(WEEK_BUCKETS).unwrap_or(u16::MAX));
        let index = usize::from(u16::try_from(bucket % of_week).unwrap_or(u16::MAX));
        let calm = bucket / of_week * BEFORE[WEEK_BUCKETS] + BEFORE[index];
        let room = weight(index).min(weight(index + WEEK_BUCKETS - 1));
        let noise = mix(self.app_seed ^ bucket) % NOISE + mix(self.seed ^ bucket) % NOISE;
        calm + room * noise * 4 / (5 * 2 * NOISE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn series(seed: u64, share: u64) -> Series {
        Series {
            app_seed: 7,
            seed,
            app_pushes_a_day: 1_000_000,
            share,
        }
    }

    /// 2025-03-12 00:00 at +08:00, a Wednesday: the start of the document's sample.
    const MIDNIGHT: u64 = 1_741_708_800;

    #[test]
    fn evenings_are_busy_and_nights_are_quiet_at_plus_eight() {
        let hour = |hour: u64| {
            let start = MIDNIGHT + hour * 3600;
            series(1, WHOLE).count(Range::new(start, start + 3600))
        };
        let busiest = (0..24).max_by_key(|n| hour(*n)).unwrap();
        let quietest = (0..24).min_by_key(|n| hour(*n)).unwrap();
        assert!((19..=21).contains(&busiest), "{busiest}");
        assert!((2..=5).contains(&quietest), "{quietest}");
    }

    #[test]
    fn a_week_holds_the_volume_and_its_sunday_is_the_quietest_day() {
        let day = |n: u64| {
            let start = MIDNIGHT + n * DAY;
            series(1, WHOLE).count(Range::new(start, start + DAY))
        };
        let week: u64 = (0..7).map(day).sum();
        assert!((6_990_000..=7_010_000).contains(&week), "{week}");
        assert_eq!((0..7).min_by_key(|n| day(*n)), Some(4));
    }

    #[test]
    fn neighbouring_buckets_differ() {
        let counts: std::collections::BTreeSet<u64> = (0..12)
            .map(|n| MIDNIGHT + 12 * 3600 + n * BUCKET)
            .map(|start| series(1, WHOLE).count(Range::new(start, start + BUCKET)))
            .collect();
        assert!(counts.len() > 8, "{counts:?}");
    }

    proptest! {
        #[test]
        fn any_split_of_any_range_adds_up(
            seed in proptest::num::u64::ANY,
            share in 0..=WHOLE,
            mut edges in proptest::collection::vec(0..LAST + DAY, 3),
        ) {
            edges.sort_unstable();
            let series = series(seed, share);
            prop_assert_eq!(
                series.count(Range::new(edges[0], edges[2])),
                series.count(Range::new(edges[0], edges[1])) + series.count(Range::new(edges[1], edges[2]))
            );
        }

        #[test]
        fn counts_never_fall_from_second_to_second(
            seed in proptest::num::u64::ANY,
            start in 0..LAST,
        ) {
            let series = series(seed, WHOLE);
            // Two buckets, so that at least one edge between buckets is crossed.
            for second in start..start + 2 * BUCKET {
                prop_assert!(series.before(second) <= series.before(second + 1), "{}", second);
            }
        }

        #[test]
        fn nothing_overflows_at_the_ends_of_time(seed in proptest::num::u64::ANY, second in proptest::num::u64::ANY) {
            let series = Series { app_pushes_a_day: u32::MAX, ..series(seed, WHOLE) };
            prop_assert!(series.before(second) < u64::MAX);
        }
    }
}
