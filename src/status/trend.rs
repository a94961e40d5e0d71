//! The direction of a count, in numbers and in words.

use serde::Serialize;

use super::loss::share;
use super::words::{Words, count};
use crate::model::reading::Stage;
use crate::model::window::UnixSeconds;
use crate::target::snapshot::Point;

/// A count over the last hours: the beginning and the current value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trend {
    pub direction: Direction,
    pub from: u64,
    pub to: u64,
    pub highest: u64,
    /// Between the first and the last count.
    pub seconds: u64,
    pub words: String,
    /// Oldest first; the data for a chart.
    #[serde(skip)]
    pub points: Vec<Counted>,
}

/// A count, and the total that it is a part of, if known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub at: UnixSeconds,
    pub count: u64,
    pub of: Option<u64>,
}

impl Counted {
    /// `340 (3.4 %)`, and `0` alone.
    fn words(&self, words: &Words) -> String {
        let count = count(self.count);
        let of = self.of.filter(|_| self.count > 0);
        match of.and_then(|of| share(self.count, of)) {
            Some(share) => words.beside(&count, words.percent(share)),
            None => count,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Rose,
    Fell,
    Steady,
}

/// A shorter time does not show a direction.
const SHORTEST: u64 = 60;

impl Trend {
    /// Absent while there is too little data.
    pub fn of(points: Vec<Counted>, words: &Words) -> Option<Self> {
        let (first, last) = (points.first()?, points.last()?);
        let highest = points.iter().max_by_key(|point| point.count)?;
        let seconds = last.at.0.saturating_sub(first.at.0);
        if seconds < SHORTEST {
            return None;
        }
        let direction = if is_more(last.count, first.count) {
            Direction::Rose
        } else if is_more(first.count, last.count) {
            Direction::Fell
        } else {
            Direction::Steady
        };
        let time = words.duration(seconds);
        let (from, to) = (first.words(words), last.words(words));
        let mut text = match direction {
            Direction::Rose => words.rose(&from, &to, &time),
            Direction::Fell => words.fell(&from, &to, &time),
            Direction::Steady => words.steady(&to, &time),
        };
        if is_more(highest.count, first.count.max(last.count)) {
            text = words.at_most(&text, highest.words(words));
        }
        Some(Self {
            direction,
            from: first.count,
            to: last.count,
            highest: highest.count,
            seconds,
            words: text,
            points,
        })
    }
}

/// At least a fifth more, and more than chance causes in small counts.
fn is_more(a: u64, b: u64) -> bool {
    a > b.saturating_add(b / 5).saturating_add(3)
}

/// A row rises only if a larger fraction of the sent pushes is lost: more losses in the morning
/// than at night are normal. Without statistics, therefore, nothing rises.
pub(super) fn is_rising(row: &[(&Point, u64)]) -> bool {
    const SHORTEST: u64 = 600;
    let known = |(point, count): &(&Point, u64)| {
        let sent = point
            .pushes(Stage::PostSendDelivered)
            .filter(|sent| *sent > 0)?;
        Some((point.end, *count, sent))
    };
    let Some((start, before, sent_before)) = row.iter().find_map(known) else {
        return false;
    };
    let Some((end, now, sent_now)) = row.last().and_then(known) else {
        return false;
    };
    let highest = row.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let twice =
        u128::from(now) * u128::from(sent_before) >= 2 * u128::from(before) * u128::from(sent_now);
    end.0.saturating_sub(start.0) >= SHORTEST
        && twice
        && u128::from(now) * 5 >= u128::from(highest) * 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::language::Language;
    use crate::status::words::of;
    use proptest::prelude::*;

    fn words(counts: &[u64]) -> Option<String> {
        let points = (0..).zip(counts).map(|(n, count)| point(3600 * n, *count));
        Trend::of(points.collect(), of(Language::English)).map(|trend| trend.words)
    }

    fn point(at: u64, count: u64) -> Counted {
        Counted {
            at: UnixSeconds(at),
            count,
            of: None,
        }
    }

    #[test]
    fn shares_are_beside_the_counts_that_have_one() {
        let points = [
            (0, 12, Some(10_000)),
            (3600, 900, None),
            (7200, 340, Some(10_000)),
        ];
        let points = points.map(|(at, count, of)| Counted {
            of,
            ..point(at, count)
        });
        for (language, text) in [
            (
                Language::English,
                "rose from 12 (0.1 %) to 340 (3.4 %) in 2 h, at most 900",
            ),
            (
                Language::Chinese,
                "2 小时内从 12（0.1 %） 升至 340（3.4 %），最高 900",
            ),
        ] {
            let trend = Trend::of(points.to_vec(), of(language)).unwrap();
            assert_eq!(trend.words, text);
        }
    }

    #[test]
    fn trends_in_words() {
        for (counts, text) in [
            ([12, 40, 100, 340], "rose from 12 to 340 in 3 h"),
            ([340, 100, 40, 12], "fell from 340 to 12 in 3 h"),
            ([340, 330, 350, 345], "steady around 345 for 3 h"),
            ([0, 2, 1, 2], "steady around 2 for 3 h"),
            ([10, 500, 400, 11], "steady around 11 for 3 h, at most 500"),
            ([1000, 1, 1, 2000], "rose from 1,000 to 2,000 in 3 h"),
        ] {
            assert_eq!(words(&counts).as_deref(), Some(text));
        }
    }

    #[test]
    fn one_point_or_a_few_seconds_are_no_trend() {
        assert_eq!(words(&[5]), None);
        assert_eq!(words(&[]), None);
        let seconds = vec![point(0, 5), point(59, 500)];
        assert_eq!(Trend::of(seconds, of(Language::English)), None);
    }

    proptest! {
        #[test]
        fn the_words_say_the_direction_of_the_numbers(counts in prop::collection::vec(any::<u64>(), 2..50)) {
            let points = (0..).zip(counts).map(|(n, count)| point(60 * n, count));
            let trend = Trend::of(points.collect(), of(Language::English)).unwrap();
            match trend.direction {
                Direction::Rose => prop_assert!(trend.to > trend.from && trend.words.starts_with("rose")),
                Direction::Fell => prop_assert!(trend.to < trend.from && trend.words.starts_with("fell")),
                Direction::Steady => prop_assert!(trend.words.starts_with("steady")),
            }
        }
    }
}
