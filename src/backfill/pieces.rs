//! The ranges to query so that every needed range is a sum of them, and the sums.

use std::collections::BTreeMap;

use super::answers::Answered;
use crate::model::reading::{CountKey, Counts};
use crate::model::window::{Range, UnixSeconds};

/// The fewest ranges of which each of `needed` is a union, in order of time. They do not
/// overlap, and none lies outside the needed ranges.
pub fn cut(needed: &[Range]) -> Vec<Range> {
    // How many ranges begin at an edge, less those that end there.
    let mut turns: BTreeMap<UnixSeconds, i64> = BTreeMap::new();
    for range in needed.iter().filter(|range| range.start < range.end) {
        *turns.entry(range.start).or_default() += 1;
        *turns.entry(range.end).or_default() -= 1;
    }
    let mut open = 0;
    let mut pieces = Vec::new();
    for ((start, turn), end) in turns.iter().zip(turns.keys().skip(1)) {
        open += turn;
        if open > 0 {
            pieces.push(Range {
                start: *start,
                end: *end,
            });
        }
    }
    pieces
}

/// The responses about adjacent pieces, which give the counts of any union of them.
#[derive(Default)]
pub struct Sums {
    /// For each key, the starts of the pieces whose responses contain it, with the sum of its
    /// counts up to and including that piece. The sums cannot overflow, so differences are
    /// exact whatever the service counts.
    sums: BTreeMap<CountKey, Vec<(UnixSeconds, u128)>>,
}

impl Sums {
    pub fn new(answered: Answered) -> Self {
        let sums = answered.counts.into_iter().map(|(key, mut of_key)| {
            // A journal that someone has rearranged is no reason for other sums.
            of_key.sort_unstable_by_key(|(start, _)| *start);
            let mut sum = 0;
            let sums = of_key.into_iter().map(|(start, count)| {
                sum += u128::from(count);
                (start, sum)
            });
            (key, sums.collect())
        });
        Self {
            sums: sums.collect(),
        }
    }

    /// The counts of a union of pieces: every key in any of their responses, including zeros.
    /// A sum that overflows is the largest number.
    pub fn counts(&self, range: Range) -> Counts {
        self.sums
            .iter()
            .filter_map(|(key, of_key)| {
                let before = of_key.partition_point(|(start, _)| *start < range.start);
                let within = of_key.partition_point(|(start, _)| *start < range.end);
                let last = within.checked_sub(1).filter(|last| *last >= before)?;
                let until = of_key.get(last).map_or(0, |(_, sum)| *sum);
                let from = before
                    .checked_sub(1)
                    .and_then(|index| of_key.get(index))
                    .map_or(0, |(_, sum)| *sum);
                Some((key.clone(), u64::try_from(until - from).unwrap_or(u64::MAX)))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::FunnelStep;
    use proptest::prelude::*;

    fn ranges() -> impl Strategy<Value = Vec<Range>> {
        proptest::collection::vec((0..200_u64, 0..60_u64), 0..30).prop_map(|pairs| {
            pairs
                .into_iter()
                .map(|(start, length)| Range::new(start, start + length))
                .collect()
        })
    }

    fn sent() -> CountKey {
        CountKey::Funnel(FunnelStep::Sent, None)
    }

    #[test]
    fn hourly_windows_of_an_hour_need_one_piece_each_and_a_cut_at_midnight() {
        let hour = 3600;
        let mut needed: Vec<Range> = (1..=24)
            .map(|n| Range::new(n * hour - 120, (n + 1) * hour - 120))
            .collect();
        assert_eq!(cut(&needed).len(), 24);
        needed.push(Range::new(12 * hour, 13 * hour - 120));
        assert_eq!(cut(&needed).len(), 25);
        assert_eq!(cut(&[]), []);
        assert_eq!(cut(&[Range::new(5, 5)]), []);
    }

    #[test]
    fn a_key_is_kept_with_its_zeros_and_absent_where_no_answer_held_it() {
        let answers = BTreeMap::from([
            (UnixSeconds(0), Counts::from([(sent(), 0)])),
            (UnixSeconds(10), Counts::new()),
            (UnixSeconds(20), Counts::from([(sent(), 7)])),
        ]);
        let sums = Sums::new(Answered::from_pieces(answers));
        assert_eq!(sums.counts(Range::new(0, 20)), Counts::from([(sent(), 0)]));
        assert_eq!(sums.counts(Range::new(10, 20)), Counts::new());
        assert_eq!(sums.counts(Range::new(10, 30)), Counts::from([(sent(), 7)]));
        assert_eq!(sums.counts(Range::new(30, 40)), Counts::new());
    }

    #[test]
    fn a_sum_that_does_not_fit_stays_at_the_largest_number_and_spoils_no_other() {
        let answers = (0..3)
            .map(|n| (UnixSeconds(n * 10), Counts::from([(sent(), u64::MAX - n)])))
            .collect();
        let sums = Sums::new(Answered::from_pieces(answers));
        assert_eq!(
            sums.counts(Range::new(0, 30)),
            Counts::from([(sent(), u64::MAX)])
        );
        assert_eq!(
            sums.counts(Range::new(20, 30)),
            Counts::from([(sent(), u64::MAX - 2)])
        );
    }

    proptest! {
        #[test]
        fn every_needed_range_is_a_union_of_adjacent_pieces(needed in ranges()) {
            let pieces = cut(&needed);
            for wanted in needed.iter().filter(|range| range.start < range.end) {
                let inside: Vec<&Range> = pieces
                    .iter()
                    .filter(|piece| piece.start >= wanted.start && piece.end <= wanted.end)
                    .collect();
                prop_assert_eq!(inside.first().unwrap().start, wanted.start);
                prop_assert_eq!(inside.last().unwrap().end, wanted.end);
                prop_assert!(inside.windows(2).all(|pair| pair[0].end == pair[1].start));
            }
        }

        #[test]
        fn no_second_is_asked_twice_and_none_in_vain(needed in ranges()) {
            let pieces = cut(&needed);
            prop_assert!(pieces.windows(2).all(|pair| pair[0].end <= pair[1].start));
            for piece in &pieces {
                prop_assert!(piece.start < piece.end);
                prop_assert!(needed.iter().any(|range| range.start <= piece.start && piece.end <= range.end));
                // No piece could be joined with the next one.
                for edge in [piece.start, piece.end] {
                    prop_assert!(needed.iter().any(|range| range.start == edge || range.end == edge));
                }
            }
        }

        #[test]
        fn the_sum_of_pieces_is_the_count_of_their_union(needed in ranges(), seconds in proptest::collection::vec(0..1000_u64, 260)) {
            let count = |range: Range| (range.start.0..range.end.0)
                .map(|second| seconds[usize::try_from(second).unwrap()])
                .sum::<u64>();
            let answers = cut(&needed)
                .into_iter()
                .map(|piece| (piece.start, Counts::from([(sent(), count(piece))])))
                .collect();
            let sums = Sums::new(Answered::from_pieces(answers));
            for wanted in needed.iter().filter(|range| range.start < range.end) {
                prop_assert_eq!(sums.counts(*wanted), Counts::from([(sent(), count(*wanted))]));
            }
        }
    }
}
