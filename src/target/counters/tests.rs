use super::*;
use crate::config::target::tests::target;
use crate::model::reading::{ErrCode, LossKey, Platform};
use crate::model::window::DAY;

mod clock;
mod places;

const MINUTE: u64 = 60;

/// A midnight at the default offset, +08:00.
const MIDNIGHT: u64 = 1_741_708_800;

fn key(code: &str) -> CountKey {
    CountKey::Loss(LossKey {
        stage: Stage::ReadyToSend,
        platform: None,
        code: ErrCode::new(code),
    })
}

fn counts(rows: &[(&str, u64)]) -> Counts {
    rows.iter()
        .map(|(code, count)| (key(code), *count))
        .collect()
}

/// A ledger in its own process, with both clocks.
struct Desk {
    ledger: Ledger,
    rules: Rules,
    started: Instant,
    guard: Guard,
    /// By how much the wall clock is ahead.
    ahead: i64,
}

impl Desk {
    fn new() -> Self {
        Self {
            ledger: Ledger::default(),
            rules: Rules::of(&target("shop", "china")),
            started: Instant::now(),
            guard: Guard::default(),
            ahead: 0,
        }
    }

    /// A restart that finds the saved state.
    fn restarted(&self) -> Self {
        let state = serde_json::to_string(&self.ledger).unwrap();
        let mut ledger: Ledger = serde_json::from_str(&state).unwrap();
        ledger.restore(UnixSeconds(0), usize::MAX, &mut Platforms::default());
        Self {
            ledger,
            ahead: self.ahead,
            rules: self.rules,
            ..Self::new()
        }
    }

    fn now(&self, at: u64) -> Now {
        Now {
            wall: Duration::from_secs(at.checked_add_signed(self.ahead).unwrap()),
            // Far enough from the steady clock's own start.
            steady: self.started + Duration::from_secs(at - MIDNIGHT + DAY),
        }
    }

    fn questions(&mut self, at: u64) -> Vec<Question> {
        self.guard.follow(self.now(at));
        let end = self.rules.end(self.guard.time());
        self.ledger.questions(end, self.now(at), &self.rules)
    }

    /// A poll in which every query for a day returns the day's counts.
    fn poll(&mut self, at: u64, today: &[(&str, u64)], closed: &[(&str, u64)]) {
        for question in self.questions(at) {
            let rows = match question {
                Question::Today(_) => today,
                Question::Closed(_) | Question::Late(_) => closed,
            };
            self.ledger
                .answer(question, &counts(rows), self.now(at), &self.rules);
        }
    }

    fn served(&self, at: u64) -> Option<Served> {
        self.ledger.served(self.now(at), &self.rules)
    }

    fn value(&self, at: u64, code: &str) -> Option<u64> {
        self.served(at)?.counts.get(&key(code)).copied()
    }
}

#[test]
fn the_counter_is_the_services_own_sum_since_the_days_start() {
    let mut desk = Desk::new();
    let noon = MIDNIGHT + DAY / 2;
    assert_eq!(
        desk.questions(noon),
        [Question::Today(Range {
            start: UnixSeconds(MIDNIGHT),
            end: UnixSeconds(noon - 120)
        })]
    );
    desk.poll(noon, &[("-1", 7)], &[]);
    let served = desk.served(noon).unwrap();
    assert_eq!(
        (served.anchor, &served.counts),
        (UnixSeconds(MIDNIGHT), &counts(&[("-1", 7)]))
    );
}

#[test]
fn a_counter_never_steps_down_within_a_day_and_says_by_how_much_it_was_revised() {
    let mut desk = Desk::new();
    let noon = MIDNIGHT + DAY / 2;
    desk.poll(noon, &[("-1", 7), ("-2", 3)], &[]);
    desk.poll(noon + MINUTE, &[("-1", 5)], &[]);
    let served = desk.served(noon + MINUTE).unwrap();
    assert_eq!(served.counts, counts(&[("-1", 7), ("-2", 3)]));
    assert_eq!(
        served.revised_down,
        [(Stage::ReadyToSend, 5), (Stage::PostSendDelivered, 0)].into()
    );
    desk.poll(noon + 2 * MINUTE, &[("-1", 9), ("-2", 3)], &[]);
    assert_eq!(desk.value(noon + 2 * MINUTE, "-1"), Some(9));
}

#[test]
fn a_series_that_appears_is_zero_for_the_hold_but_not_after_a_start() {
    let mut desk = Desk::new();
    let noon = MIDNIGHT + DAY / 2;
    desk.poll(noon, &[("-1", 7)], &[]);
    assert_eq!(desk.value(noon, "-1"), Some(7));
    desk.poll(noon + MINUTE, &[("-1", 7), ("-2", 4)], &[]);
    assert_eq!(desk.value(noon + MINUTE, "-2"), Some(0));
    assert_eq!(desk.value(noon + MINUTE + 149, "-2"), Some(0));
    assert_eq!(desk.value(noon + MINUTE + 150, "-2"), Some(4));
}

#[test]
fn after_an_outage_values_are_shown_as_they_are() {
    let mut desk = Desk::new();
    let noon = MIDNIGHT + DAY / 2;
    desk.poll(noon, &[("-1", 7)], &[]);
    assert_eq!(desk.served(noon + 600), None, "stale");
    desk.poll(noon + 600, &[("-1", 9), ("-2", 4)], &[]);
    assert_eq!(desk.value(noon + 600, "-1"), Some(9));
    assert_eq!(desk.value(noon + 600, "-2"), Some(4));
}

#[test]
fn midnight_shows_the_final_value_then_zero_then_today() {
    let mut desk = Desk::new();
    let next = MIDNIGHT + DAY;
    desk.poll(next + 60, &[("-1", 90)], &[]);
    assert_eq!(
        desk.questions(next + 120),
        [Question::Closed(Range {
            start: UnixSeconds(MIDNIGHT),
            end: UnixSeconds(next)
        })]
    );
    desk.poll(next + 120, &[], &[("-1", 100), ("-2", 1)]);
    assert_eq!(desk.value(next + 120, "-1"), Some(100));
    // It appears in the final response: first 0, then its value, both within the hold.
    assert_eq!(desk.value(next + 269, "-2"), Some(0));
    assert_eq!(desk.value(next + 270, "-2"), Some(1));
    for minute in 3..9 {
        desk.poll(next + minute * MINUTE, &[("-1", 2)], &[]);
    }
    for (at, anchor, value) in [
        (next + 420, MIDNIGHT, 100),
        (next + 539, MIDNIGHT, 100),
        (next + 540, next, 0),
        (next + 689, next, 0),
        (next + 690, next, 2),
    ] {
        let served = desk.served(at).unwrap();
        assert_eq!(
            (served.anchor.0, served.counts[&key("-1")]),
            (anchor, value),
            "{}",
            at - next
        );
    }
    assert_eq!(
        desk.value(next + 690, "-2"),
        Some(0),
        "a known code stays at 0"
    );
    assert_eq!(desk.questions(next + 720).len(), 1);
}

#[test]
fn a_final_answer_that_comes_late_is_shown_long_enough_to_be_scraped() {
    let mut desk = Desk::new();
    let next = MIDNIGHT + DAY;
    desk.poll(next + 60, &[("-1", 90)], &[]);
    let answer = |desk: &mut Desk, at: u64, with_closed: bool| {
        for question in desk.questions(at) {
            let rows = match question {
                Question::Today(_) => counts(&[("-1", 2)]),
                _ if with_closed => counts(&[("-1", 100)]),
                _ => continue,
            };
            desk.ledger
                .answer(question, &rows, desk.now(at), &desk.rules.clone());
        }
    };
    for minute in 3..20 {
        answer(&mut desk, next + minute * MINUTE, false);
        assert_eq!(desk.value(next + minute * MINUTE, "-1"), Some(90));
    }
    let late = next + 20 * MINUTE;
    answer(&mut desk, late, true);
    // In steps of both holds from 540 s after midnight, 240 s later at the least.
    for (after, value) in [(0, 100), (239, 100), (240, 0), (389, 0), (390, 2)] {
        answer(&mut desk, late + after, true);
        assert_eq!(desk.value(late + after, "-1"), Some(value), "{after}");
    }
}

#[test]
fn a_final_answer_that_never_comes_is_given_up_after_an_hour() {
    let mut desk = Desk::new();
    let next = MIDNIGHT + DAY;
    desk.poll(next + 60, &[("-1", 90)], &[]);
    let first = next + 3 * MINUTE;
    for at in (first..first + 4000).step_by(60) {
        for question in desk.questions(at) {
            if let Question::Today(_) = question {
                desk.ledger.answer(
                    question,
                    &counts(&[("-1", 2)]),
                    desk.now(at),
                    &desk.rules.clone(),
                );
            } else {
                assert!(at < first + 3600, "still asked");
            }
        }
        let expected = match at - first {
            0..3600 => 90,
            3600..3750 => 0,
            _ => 2,
        };
        assert_eq!(desk.value(at, "-1"), Some(expected), "{}", at - first);
    }
}

#[test]
fn an_empty_final_answer_of_a_day_with_counts_is_believed_when_it_comes_twice() {
    let next = MIDNIGHT + DAY;
    for (second, value) in [(&[("-1", 100)][..], 100), (&[], 90)] {
        let mut desk = Desk::new();
        desk.poll(next + 60, &[("-1", 90)], &[]);
        desk.poll(next + 120, &[], &[]);
        assert_eq!(desk.value(next + 120, "-1"), Some(90));
        assert_eq!(
            desk.questions(next + 180).len(),
            2,
            "today, and the day again"
        );
        desk.poll(next + 180, &[("-1", 2)], second);
        assert_eq!(desk.value(next + 180, "-1"), Some(value));
        assert_eq!(desk.questions(next + 240).len(), 1);
        desk.poll(next + 240, &[("-1", 3)], &[]);
        for (at, value) in [(539, value), (540, 0), (689, 0), (690, 3)] {
            assert_eq!(desk.value(next + at, "-1"), Some(value), "{at}");
        }
    }
}

#[test]
fn an_outage_over_midnight_ends_with_the_final_value_zero_and_today() {
    let mut desk = Desk::new();
    let next = MIDNIGHT + DAY;
    desk.poll(next - 3600, &[("-1", 90)], &[]);
    // No response to any query for hours.
    for at in (next - 1800..next + 3 * 3600).step_by(600) {
        desk.questions(at);
    }
    let back = next + 3 * 3600;
    assert_eq!(desk.served(back), None);
    desk.poll(back, &[("-1", 30)], &[("-1", 100)]);
    for (after, value) in [(0, 100), (239, 100), (240, 0), (390, 30)] {
        desk.poll(back + after, &[("-1", 30)], &[]);
        assert_eq!(desk.value(back + after, "-1"), Some(value), "{after}");
    }
}

#[test]
fn an_outage_of_days_goes_on_with_today() {
    let mut desk = Desk::new();
    desk.poll(MIDNIGHT + 3600, &[("-1", 90)], &[]);
    for at in (MIDNIGHT + 7200..MIDNIGHT + 2 * DAY + 3600).step_by(600) {
        desk.questions(at);
    }
    let back = MIDNIGHT + 2 * DAY + 3600;
    desk.poll(back, &[("-1", 30)], &[("-1", 100)]);
    assert_eq!(desk.value(back, "-1"), Some(30));
    assert_eq!(desk.served(back).unwrap().anchor.0, MIDNIGHT + 2 * DAY);
}

#[test]
fn a_start_shortly_after_midnight_shows_what_others_show() {
    let next = MIDNIGHT + DAY;
    for (start, first) in [
        (next + 130, Some(100)),
        (next + 539, Some(100)),
        (next + 540, Some(0)),
        (next + 689, Some(0)),
        (next + 690, Some(2)),
    ] {
        let mut desk = Desk::new();
        desk.poll(start, &[("-1", 2)], &[("-1", 100)]);
        if start < next + 180 {
            // Nothing of the new day has settled yet.
            desk.poll(next + 180, &[("-1", 2)], &[("-1", 100)]);
        }
        assert_eq!(
            desk.value(start.max(next + 180), "-1"),
            first,
            "{}",
            start - next
        );
        assert_eq!(desk.value(next + 690, "-1"), Some(2), "{}", start - next);
    }
}

#[test]
fn a_clock_that_is_set_back_does_not_bring_yesterday_back() {
    let mut desk = Desk::new();
    let next = MIDNIGHT + DAY;
    desk.poll(next + 60, &[("-1", 90)], &[]);
    desk.poll(next + 120, &[], &[("-1", 100)]);
    desk.poll(next + 690, &[("-1", 2)], &[]);
    assert_eq!(desk.value(next + 690, "-1"), Some(2));
    let back = Now {
        wall: Duration::from_secs(next + 130),
        ..desk.now(next + 700)
    };
    let served = desk.ledger.served(back, &desk.rules).unwrap();
    assert_eq!(served.counts[&key("-1")], 2);
    // The new day has counts, so the clock is wrong now.
    let end = UnixSeconds(next - DAY / 2);
    assert_eq!(desk.ledger.questions(end, back, &desk.rules), []);
    let served = desk.ledger.served(back, &desk.rules).unwrap();
    assert_eq!((served.anchor.0, served.counts[&key("-1")]), (next, 2));
}

#[test]
fn late_pushes_are_what_the_closed_day_gained_in_six_hours() {
    let mut desk = Desk::new();
    let next = MIDNIGHT + DAY;
    desk.poll(next + 60, &[("-1", 90)], &[]);
    desk.poll(next + 120, &[], &[("-1", 100)]);
    for at in (next + 180..next + 6 * 3600 + 120).step_by(60) {
        desk.poll(at, &[("-1", 2)], &[]);
        assert_eq!(desk.ledger.late_pushes(), None);
    }
    desk.poll(next + 6 * 3600 + 120, &[("-1", 2)], &[("-1", 104)]);
    assert_eq!(
        desk.ledger.late_pushes(),
        Some(&[(Stage::ReadyToSend, 4), (Stage::PostSendDelivered, 0)].into())
    );
    assert_eq!(desk.questions(next + 6 * 3600 + 180).len(), 1);
}

#[test]
fn a_restart_with_state_keeps_maxima_and_zeros_as_if_it_had_not_happened() {
    let mut desk = Desk::new();
    let noon = MIDNIGHT + DAY / 2;
    desk.poll(noon, &[("-1", 7)], &[]);
    let mut other = desk.restarted();
    assert_eq!(
        other.served(noon),
        None,
        "nothing is served before the first answer"
    );
    for desk in [&mut desk, &mut other] {
        desk.poll(noon + MINUTE, &[("-1", 5), ("-2", 3)], &[]);
    }
    for at in [noon + 60, noon + 209, noon + 210] {
        assert_eq!(desk.served(at), other.served(at));
    }
    assert_eq!(other.value(noon + 60, "-1"), Some(7));
    assert_eq!(other.value(noon + 60, "-2"), Some(0));
}

#[test]
fn a_restart_with_state_over_midnight_ends_the_day_before() {
    let mut desk = Desk::new();
    let next = MIDNIGHT + DAY;
    desk.poll(next - 3600, &[("-1", 90)], &[]);
    let mut desk = desk.restarted();
    let back = next + 7200;
    desk.poll(back, &[("-1", 30)], &[("-1", 100)]);
    for (after, value) in [(0, 100), (240, 0), (390, 30)] {
        desk.poll(back + after, &[("-1", 30)], &[]);
        assert_eq!(desk.value(back + after, "-1"), Some(value), "{after}");
    }
}

#[test]
fn a_platforms_loss_is_no_part_of_the_overall_sums() {
    let mut rows = counts(&[("-1", 3)]);
    rows.insert(
        CountKey::Loss(LossKey {
            stage: Stage::ReadyToSend,
            platform: Some(Platform(1)),
            code: ErrCode::new("-1"),
        }),
        9,
    );
    assert_eq!(overall_losses(&rows)[&Stage::ReadyToSend], 3);
}
