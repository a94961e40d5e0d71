//! The limit on series, in whatever order codes appear.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::target::series_limit::{MAX_ENTRY_BYTES, MAX_PLATFORMS, MAX_SUMS};

#[test]
fn the_smallest_codes_are_summed_up_and_stay_so() {
    let mut desk = Desk::new();
    desk.rules.loss_series = Some(3);
    let noon = MIDNIGHT + DAY / 2;
    desk.poll(noon, &[("a", 50), ("b", 40), ("c", 2), ("d", 1)], &[]);
    let expect = |rows: &[(&str, u64)], other: u64| {
        let mut expected = counts(rows);
        let sum = LossKey {
            stage: Stage::ReadyToSend,
            platform: None,
            code: ErrCode::other(),
        };
        expected.insert(CountKey::Loss(sum), other);
        expected
    };
    let served = desk.served(noon).unwrap();
    assert_eq!(served.counts, expect(&[("a", 50), ("b", 40)], 3));
    assert_eq!(served.folded, 2);
    // Folded codes stay folded though they grow; new ones join them at once.
    desk.poll(
        noon + 60,
        &[("a", 50), ("b", 40), ("c", 99), ("d", 1), ("e", 7)],
        &[],
    );
    let served = desk.served(noon + 60).unwrap();
    assert_eq!(served.counts, expect(&[("a", 50), ("b", 40)], 107));
}

#[test]
fn a_sum_of_codes_that_appears_is_zero_first_too() {
    let mut desk = Desk::new();
    desk.rules.loss_series = Some(2);
    let noon = MIDNIGHT + DAY / 2;
    desk.poll(noon, &[("a", 50), ("b", 40)], &[]);
    desk.poll(noon + 60, &[("a", 50), ("b", 40), ("c", 5)], &[]);
    let sum = |at: u64| {
        let counts = desk.served(at).unwrap().counts;
        counts
            .into_iter()
            .find(|(key, _)| matches!(key, CountKey::Loss(key) if key.code == ErrCode::other()))
            .map(|(_, count)| count)
    };
    assert_eq!(sum(noon + 60), Some(0));
    assert_eq!(sum(noon + 210), Some(5));
    assert_eq!(desk.value(noon + 60, "a"), Some(50));
}

type Group = (Stage, Option<Platform>);

/// Losses per stage and platform.
fn totals(counts: &Counts) -> BTreeMap<Group, u64> {
    let mut totals = BTreeMap::new();
    for (key, count) in counts {
        if let CountKey::Loss(key) = key {
            *totals.entry((key.stage, key.platform)).or_insert(0) += count;
        }
    }
    totals
}

fn row(platform: Option<i64>, code: u64) -> CountKey {
    CountKey::Loss(LossKey {
        stage: Stage::PostSendDelivered,
        platform: platform.map(Platform),
        code: ErrCode::new(&format!("c{code}")),
    })
}

impl Desk {
    fn ask(&mut self, at: u64, today: &Counts, closed: &Counts) {
        for question in self.questions(at) {
            let counts = match question {
                Question::Today(_) => today,
                Question::Closed(_) | Question::Late(_) => closed,
            };
            self.ledger
                .answer(question, counts, self.now(at), &self.rules);
        }
    }

    /// The number of entries kept.
    fn kept(&self) -> usize {
        let closed = self.ledger.closed.as_ref().map(|closed| &closed.day);
        let days = self.ledger.today.iter().chain(closed);
        days.map(|day| day.cells.len()).sum()
    }
}

#[test]
fn a_limit_holds_over_ten_days_of_codes_that_come_and_go() {
    const LIMIT: usize = 300;
    let mut desk = Desk::new();
    desk.rules.loss_series = Some(LIMIT);
    let mut yesterday = Counts::new();
    for day in 0..10 {
        let mut so_far = Counts::new();
        let anchor = MIDNIGHT + day * DAY;
        for hour in 0..24 {
            let at = anchor + hour * 3600 + 700;
            // 1,500 codes that occur every day, with counts that grow with the code, and new ones.
            for code in 0..1500 {
                if hour >= code % 3 {
                    *so_far.entry(row(Some(1), code)).or_insert(0) += code + 1;
                }
            }
            for code in 0..100 {
                let code = 1_000_000 + day * 10_000 + hour * 100 + code;
                so_far.insert(row(None, code), 1);
            }
            if hour == 0 {
                desk.ask(anchor + 130, &Counts::new(), &yesterday);
            }
            desk.ask(at, &so_far, &yesterday);
            if day == 5 && hour == 12 {
                desk = desk.restarted();
                desk.ask(at + 60, &so_far, &yesterday);
            }
            let served = desk.served(at + 160).unwrap();
            assert!(served.counts.len() <= LIMIT, "{}", served.counts.len());
            assert_eq!(totals(&served.counts), totals(&so_far), "{day} {hour}");
            assert!(desk.kept() <= 2 * LIMIT, "{}", desk.kept());
            if day > 1 && hour > 12 {
                // The codes with the highest counts the day before have places.
                let large =
                    (1400..1500).filter(|code| served.counts.contains_key(&row(Some(1), *code)));
                assert_eq!(large.count(), 100);
            }
        }
        yesterday = so_far;
    }
}

#[test]
fn a_state_above_the_bound_is_cut_and_its_sums_stay_right() {
    let mut desk = Desk::new();
    let noon = MIDNIGHT + DAY / 2;
    let mut counts: Counts = (0..1000).map(|code| (row(None, code), code)).collect();
    counts.extend((0..1000).map(|n| (row(Some(n), 7), 2)));
    desk.ask(noon, &counts, &Counts::new());
    let mut other = desk.restarted();
    let mut platforms = Platforms::default();
    other.ledger.restore(UnixSeconds(noon), 100, &mut platforms);
    assert!(other.kept() <= 100, "{}", other.kept());
    other.rules.loss_series = Some(100);
    let placed = platforms.place_counts(counts);
    other.ask(noon + 60, &placed, &Counts::new());
    let served = other.served(noon + 60).unwrap();
    assert!(served.counts.len() <= 100);
    assert_eq!(totals(&served.counts), totals(&placed));
    assert!(totals(&placed).len() <= MAX_PLATFORMS + 1);
}

#[test]
fn a_code_in_a_sum_stays_there_though_places_become_free() {
    let mut desk = Desk::new();
    desk.rules.loss_series = Some(3);
    let noon = MIDNIGHT + DAY / 2;
    desk.poll(noon, &[("a", 5), ("b", 4), ("c", 3), ("d", 2)], &[]);
    desk.rules.loss_series = Some(100);
    desk.poll(
        noon + 60,
        &[("a", 5), ("b", 4), ("c", 9), ("d", 8), ("e", 1)],
        &[],
    );
    let served = desk.served(noon + 300).unwrap();
    assert_eq!(served.counts.len(), 3);
    assert_eq!(served.counts.values().sum::<u64>(), 27);
    assert_eq!(served.folded, 3);
}

#[test]
fn an_entry_takes_no_more_than_is_written_down() {
    let node = size_of::<(CountKey, day::Cell)>() * 11 / 5;
    let longest = ErrCode::new(&"\u{10ffff}".repeat(100));
    assert!(node + longest.as_str().len() + 16 <= MAX_ENTRY_BYTES);
}

proptest! {
    #[test]
    fn sums_are_the_services_and_nothing_steps_down(
        polls in proptest::collection::vec(
            proptest::collection::vec((0..3_i64, 0..60_u64, 1..50_u64), 0..30),
            1..40,
        ),
        limit in 0..40_usize,
        restart in 0..40_usize,
    ) {
        let mut desk = Desk::new();
        desk.rules.loss_series = Some(limit);
        let mut so_far = Counts::new();
        let mut before = Counts::new();
        let mut told_apart = BTreeSet::new();
        for (minute, poll) in polls.into_iter().enumerate() {
            let at = MIDNIGHT + 3600 + 300 * minute as u64;
            for (platform, code, count) in poll {
                *so_far.entry(row((platform > 0).then_some(platform), code)).or_insert(0) += count;
            }
            desk.ask(at, &so_far, &Counts::new());
            if minute == restart {
                desk = desk.restarted();
                desk.ask(at + 60, &so_far, &Counts::new());
            }
            let served = desk.served(at + 299).unwrap();
            prop_assert_eq!(totals(&served.counts), totals(&so_far));
            prop_assert!(desk.kept() <= limit + MAX_SUMS);
            prop_assert!(served.counts.len() <= limit + 3);
            for (key, count) in &before {
                prop_assert!(served.counts[key] >= *count, "{}", key);
            }
            // A code with its own series keeps it.
            told_apart.extend(served.counts.keys().cloned());
            prop_assert!(told_apart.iter().all(|key| served.counts.contains_key(key)));
            before = served.counts;
        }
    }
}
