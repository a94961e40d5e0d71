use super::*;
use crate::model::reading::{ErrCode, FunnelStep};
use crate::model::window::DAY;
use proptest::prelude::*;

const ANCHOR: u64 = 1_800_000_000;

fn key(code: &str) -> LossKey {
    LossKey {
        stage: Stage::PostSendDelivered,
        platform: Some(Platform(1)),
        code: ErrCode::new(code),
    }
}

/// The responses about one target, a minute apart.
#[derive(Default)]
struct Watched {
    courses: Courses,
    counts: Counts,
    minute: u64,
}

impl Watched {
    /// Loses this many pushes a minute for this many minutes.
    fn lose(&mut self, minutes: u64, rates: &[(&str, u64)]) {
        for _ in 0..minutes {
            let before = self.counts.clone();
            self.minute += 1;
            for (code, lost) in rates {
                let count = self.counts.entry(CountKey::Loss(key(code))).or_default();
                *count += lost;
            }
            let range = Range {
                start: UnixSeconds(ANCHOR),
                end: at(self.minute),
            };
            self.courses.losses(range, &self.counts, |key| {
                Some(before.get(key).copied().unwrap_or(0))
            });
        }
    }

    fn of(&self, code: &str) -> Recent {
        self.courses.of(&key(code)).unwrap()
    }
}

fn at(minute: u64) -> UnixSeconds {
    UnixSeconds(ANCHOR + 36_000 + 60 * minute)
}

#[test]
fn an_incident_has_a_beginning_a_rate_and_an_end() {
    let mut watched = Watched::default();
    watched.lose(30, &[("410", 20)]);
    watched.lose(2, &[("410", 20), ("403", 500)]);
    let early = watched.of("403");
    assert_eq!((early.since, early.over), (Some(at(30)), None));
    watched.lose(18, &[("410", 20), ("403", 500)]);
    let during = watched.of("403");
    assert_eq!((during.since, during.over), (Some(at(30)), None));
    assert!((300..=660).contains(&during.seconds), "{during:?}");
    assert_eq!(during.lost, 500 * during.seconds / 60);
    assert_eq!(during.slope, Slope::Steady);
    watched.lose(5, &[("410", 20)]);
    let after = watched.of("403");
    assert_eq!((after.since, after.over), (Some(at(30)), Some(at(50))));
    watched.lose(50, &[("410", 20)]);
    let later = watched.of("403");
    assert_eq!((later.over, later.lost), (Some(at(50)), 0));
    assert_eq!(watched.of("410").over, None);
}

#[test]
fn what_was_there_from_the_start_has_no_known_beginning() {
    let mut watched = Watched::default();
    watched.lose(10, &[("403", 50)]);
    let recent = watched.of("403");
    assert_eq!((recent.since, recent.watched), (None, at(1)));
}

#[test]
fn what_never_grew_while_it_was_watched_was_over_before() {
    let mut watched = Watched::default();
    watched.lose(4, &[("410", 50)]);
    assert_eq!(watched.courses.of(&key("403")), None);
    watched.lose(3, &[("410", 50)]);
    let recent = watched.of("403");
    assert_eq!((recent.lost, recent.over), (0, Some(at(1))));
}

#[test]
fn a_trickle_after_an_incident_leaves_it_over_and_another_incident_is_one() {
    let mut watched = Watched::default();
    watched.lose(30, &[("403", 0)]);
    watched.lose(20, &[("403", 1000)]);
    watched.lose(30, &[("403", 2)]);
    assert_eq!(watched.of("403").over, Some(at(50)));
    watched.lose(3, &[("403", 900)]);
    let again = watched.of("403");
    assert_eq!(again.over, None);
    assert_eq!(again.since, Some(at(80)));
}

#[test]
fn an_outage_on_top_of_what_is_usual_begins_when_it_begins() {
    let mut watched = Watched::default();
    watched.lose(60, &[("403", 3)]);
    watched.lose(40, &[("403", 900)]);
    let recent = watched.of("403");
    assert_eq!((recent.since, recent.over), (Some(at(60)), None));
}

#[test]
fn the_way_is_that_of_the_last_minutes() {
    let mut watched = Watched::default();
    watched.lose(30, &[("403", 100)]);
    watched.lose(4, &[("403", 300)]);
    assert_eq!(watched.of("403").slope, Slope::Rising);
    watched.lose(20, &[("403", 300)]);
    assert_eq!(watched.of("403").slope, Slope::Steady);
    watched.lose(6, &[("403", 100)]);
    assert_eq!(watched.of("403").slope, Slope::Falling);
}

#[test]
fn an_incident_that_is_over_is_not_crowded_out_by_trickling_codes() {
    let codes: Vec<String> = (0..2 * MAX_ROWS).map(|n| (9000 + n).to_string()).collect();
    let trickle: Vec<(&str, u64)> = codes.iter().map(|code| (code.as_str(), 1)).collect();
    let incident = [&[("403", 20)], &trickle[..]].concat();
    let mut watched = Watched::default();
    watched.lose(10, &[]);
    watched.lose(14, &incident);
    for _ in 0..45 {
        watched.lose(1, &trickle);
    }
    let recent = watched.of("403");
    assert_eq!((recent.since, recent.over), (Some(at(10)), Some(at(24))));
}

#[test]
fn a_few_pushes_more_or_less_are_no_way() {
    let slope = |usual, then| {
        let mut watched = Watched::default();
        watched.lose(10, &[("403", usual)]);
        watched.lose(5, &[("403", then)]);
        watched.of("403").slope
    };
    // As much as a vendor that refuses every push makes of some 25 a minute.
    for (usual, then) in [(29, 19), (20, 27), (3, 1), (1, 3), (0, 1)] {
        assert_eq!(slope(usual, then), Slope::Steady, "{usual} {then}");
    }
    for (usual, then) in [(290, 190), (2, 20)] {
        assert_ne!(slope(usual, then), Slope::Steady, "{usual} {then}");
    }
}

#[test]
fn at_midnight_a_day_goes_on_from_nothing() {
    let mut courses = Courses::default();
    let day = |start, end| Range {
        start: UnixSeconds(start),
        end: UnixSeconds(end),
    };
    let counts: Counts = [(CountKey::Loss(key("403")), 700)].into();
    courses.losses(day(0, DAY - 60), &counts, |_| Some(700));
    courses.losses(day(0, DAY - 1), &counts, |_| Some(600));
    let counts: Counts = [(CountKey::Loss(key("403")), 50)].into();
    courses.losses(day(DAY, DAY + 60), &counts, |_| Some(0));
    assert_eq!(courses.of(&key("403")).unwrap().lost, 150);
}

#[test]
fn pushes_are_told_by_stage_and_platform() {
    let mut courses = Courses::default();
    let counts = |n| -> Counts {
        [
            (CountKey::Funnel(FunnelStep::Sent, None), 6 * n),
            (CountKey::Funnel(FunnelStep::Sendable, Some(Platform(1))), n),
            (CountKey::Funnel(FunnelStep::Clicked, None), n),
        ]
        .into()
    };
    for n in 1..5 {
        let range = Range {
            start: UnixSeconds(0),
            end: UnixSeconds(60 * n),
        };
        let before = counts(60 * (n - 1));
        courses.pushes(range, &counts(60 * n), |key| before.get(key).copied());
    }
    let rate = |stage, platform| courses.pushes_a_second(stage, platform);
    assert_eq!(rate(Stage::PostSendDelivered, None), Some(6.0));
    assert_eq!(rate(Stage::ReadyToSend, Some(Platform(1))), Some(1.0));
    assert_eq!(rate(Stage::ReadyToSend, None), None);
}

proptest! {
    #[test]
    fn courses_are_bounded_and_count_nothing_that_was_not_lost(
        answers in prop::collection::vec((0_u64..700, prop::collection::btree_map(0_u8..60, 0_u64..1000, 0..60)), 1..80),
    ) {
        let mut courses = Courses::default();
        let (mut end, mut total, mut counts) = (ANCHOR, 0, Counts::new());
        for (pause, grown) in answers {
            end += pause;
            let before = counts.clone();
            for (code, lost) in grown {
                *counts.entry(CountKey::Loss(key(&code.to_string()))).or_default() += lost;
                total += lost;
            }
            let range = Range { start: UnixSeconds(ANCHOR), end: UnixSeconds(end) };
            courses.losses(range, &counts, |key| Some(before.get(key).copied().unwrap_or(0)));
            prop_assert!(courses.rows.len() <= MAX_ROWS);
            let sum: u64 = courses.rows.values().map(Course::lost).sum();
            prop_assert!(sum <= total);
            for key in courses.rows.keys() {
                if let Some(recent) = courses.of(key) {
                    prop_assert!(recent.since.is_none_or(|since| since < recent.end));
                    prop_assert!(recent.over.is_none_or(|over| over < recent.end));
                }
            }
        }
    }
}
