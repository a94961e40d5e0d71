//! Clocks that are wrong for a while.

use super::*;

const HOUR: i64 = 3600;

/// A service that counts one push per minute without delay, whatever range is queried.
fn lost(range: Range, now: u64) -> u64 {
    let end = range.end.0.min(now) / 60;
    end.saturating_sub(range.start.0 / 60)
}

/// A clock that is `ahead` seconds ahead from `from` on, for `length` seconds.
#[derive(Clone, Copy, Debug)]
struct Wrong {
    from: u64,
    length: u64,
    ahead: i64,
}

/// Polls once a minute and scrapes twice from 17:00 of the first day to 02:00 of the third,
/// with restarts at some minutes. Returns by how much a Prometheus server overcounts.
fn surplus(wrong: Wrong, restarts: &[u64]) -> i64 {
    let mut desk = Desk::new();
    let (mut first, mut last, mut increase) = (None, 0, 0);
    let to = MIDNIGHT + 2 * DAY + 2 * 3600;
    for at in (MIDNIGHT + 17 * 3600..=to).step_by(30) {
        let is_wrong = (wrong.from..wrong.from + wrong.length).contains(&at);
        desk.ahead = if is_wrong { wrong.ahead } else { 0 };
        if restarts.contains(&at) {
            desk = desk.restarted();
        }
        if at % 60 == 0 {
            let questions = desk.questions(at);
            if questions.is_empty() {
                desk.ledger.nothing_to_ask(desk.now(at));
            }
            for question in questions {
                let count = lost(question.range(), at);
                let rows = (count > 0).then(|| (key("-1"), count));
                let rows = rows.into_iter().collect();
                desk.ledger
                    .answer(question, &rows, desk.now(at), &desk.rules);
            }
        }
        if let Some(value) = desk.value(at, "-1") {
            if first.is_none() {
                first = Some(value);
            } else {
                increase += if value >= last { value - last } else { value };
            }
            last = value;
        }
    }
    let truth = (to - 120 - MIDNIGHT) / 60 - first.unwrap();
    increase.cast_signed() - truth.cast_signed()
}

const STEPS: [i64; 10] = [
    1,
    -1,
    59,
    -59,
    HOUR,
    -HOUR,
    24 * HOUR,
    -24 * HOUR,
    3 * 24 * HOUR,
    365 * 24 * HOUR,
];

#[test]
fn a_clock_that_is_wrong_for_a_while_costs_and_doubles_nothing() {
    let midnight = MIDNIGHT + DAY;
    for ahead in STEPS {
        for (from, length) in [
            (midnight - 6 * 3600, 90),
            (midnight - 6 * 3600, 300),
            (midnight - 6 * 3600, 2 * 3600),
            (midnight - 930, 90),
            (midnight - 930, 600),
            (midnight + 180, 90),
            (midnight + 330, 90),
            (midnight + 420, 600),
            (midnight + 3600, 1800),
        ] {
            let wrong = Wrong {
                from,
                length,
                ahead,
            };
            let end = from + length;
            for restarts in [
                vec![],
                vec![from + 60],
                vec![end + 30],
                vec![from + 60, end + 60],
            ] {
                assert_eq!(surplus(wrong, &restarts), 0, "{wrong:?} {restarts:?}");
            }
        }
    }
}

#[test]
fn a_day_that_a_wrong_clock_closed_too_early_costs_its_rest_and_doubles_nothing() {
    for ahead in [600, HOUR, 5 * HOUR, 24 * HOUR] {
        let wrong = Wrong {
            from: MIDNIGHT + DAY - 900,
            length: 1800,
            ahead,
        };
        let surplus = surplus(wrong, &[]);
        assert!((-16..=0).contains(&surplus), "{wrong:?}: {surplus}");
    }
}

#[test]
fn a_code_that_appears_after_the_clock_was_ahead_is_shown_after_the_hold() {
    for with_restart in [false, true] {
        let mut desk = Desk::new();
        let noon = MIDNIGHT + DAY / 2;
        desk.poll(noon, &[("-1", 5)], &[]);
        desk.ahead = HOUR;
        desk.poll(noon + 60, &[("-1", 6), ("new", 1)], &[]);
        if with_restart {
            desk = desk.restarted();
        }
        desk.ahead = 0;
        let right = noon + 120;
        desk.poll(right, &[("-1", 7), ("new", 2), ("newer", 3)], &[]);
        for code in ["new", "newer"] {
            assert_eq!(desk.value(right + 149, code), Some(0));
            assert!(
                desk.value(right + 150, code) > Some(0),
                "{code} {with_restart}"
            );
        }
        assert_eq!(desk.value(right, "-1"), Some(7));
    }
}

#[test]
fn of_a_state_from_days_ahead_only_what_is_right_is_taken_over() {
    let mut desk = Desk::new();
    desk.poll(MIDNIGHT + 5 * DAY, &[("-1", 90)], &[]);
    let mut desk = desk.restarted();
    let noon = MIDNIGHT + DAY / 2;
    desk.poll(noon, &[("-1", 3), ("-2", 4)], &[]);
    // The earlier counts of this series today are unknown.
    assert_eq!(desk.value(noon, "-1"), Some(0));
    assert_eq!(desk.value(noon, "-2"), Some(4));
    desk.poll(noon + 60, &[("-1", 5)], &[]);
    assert_eq!(desk.value(noon + 60, "-1"), Some(2));
    assert_eq!(desk.served(noon + 60).unwrap().anchor.0, MIDNIGHT);
}

#[test]
fn a_clock_that_is_set_back_makes_nothing_0_that_was_shown() {
    let mut desk = Desk::new();
    let noon = MIDNIGHT + DAY / 2;
    desk.poll(noon, &[("-1", 5)], &[]);
    desk.poll(noon + 60, &[("-1", 6), ("new", 1)], &[]);
    desk.poll(noon + 240, &[("-1", 7), ("new", 2)], &[]);
    assert_eq!(desk.value(noon + 240, "new"), Some(2));
    desk.ahead = -24 * HOUR;
    for at in [noon + 270, noon + 300, noon + 360] {
        desk.poll(at, &[], &[]);
        assert_eq!(desk.value(at, "new"), Some(2), "{at}");
    }
}

#[test]
fn what_a_jump_ahead_would_leave_out_of_a_midnight_is_shown_all_the_same() {
    for with_restart in [false, true] {
        let mut desk = Desk::new();
        let next = MIDNIGHT + DAY;
        desk.poll(next + 60, &[("-1", 90)], &[]);
        desk.poll(next + 120, &[], &[("-1", 100)]);
        desk.poll(next + 180, &[("-1", 2)], &[]);
        desk.ahead = HOUR;
        if with_restart {
            desk = desk.restarted();
        } else {
            assert_eq!(
                desk.value(next + 190, "-1"),
                Some(100),
                "before the next poll"
            );
        }
        desk.poll(next + 240, &[("-1", 3)], &[]);
        let mut seen = Vec::new();
        for at in (next + 240..next + 1200).step_by(30) {
            desk.poll(at, &[("-1", 3)], &[]);
            seen.push(desk.value(at, "-1").unwrap());
        }
        let times = |value| seen.iter().filter(|seen| **seen == value).count();
        assert!(seen.is_sorted_by_key(|value| [100, 0, 3].iter().position(|of| of == value)));
        assert!(times(100) >= 8 && times(0) == 5 && times(3) > 4, "{seen:?}");
    }
}

#[test]
fn zeros_that_were_shown_are_not_taken_back_before_the_clock_is_followed() {
    let mut desk = Desk::new();
    let noon = MIDNIGHT + DAY / 2;
    desk.poll(noon, &[("-1", 5)], &[]);
    desk.ahead = 24 * HOUR;
    let mut at = noon + 60;
    while desk.value(at, "-1") != Some(0) {
        if at.is_multiple_of(60) {
            desk.poll(at, &[], &[("-1", 6)]);
        }
        at += 15;
        assert!(at < noon + 1200);
    }
    desk.ahead = 0;
    assert_eq!(desk.value(at + 5, "-1"), Some(0));
}
