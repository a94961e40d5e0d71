//! The whole run except the network: plan, responses from the simulator's truth, samples,
//! text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::answers::{Answers, Entry, Query};
use super::ask::{AskError, Event, collect};
use super::bounds::{BoundsError, check_ends, check_kept, check_size, check_span};
use super::journal::{Journal, find};
use super::plan::{Backfill, Span};
use super::samples::{self, Samples, Series};
use crate::clock::Now;
use crate::config::App;
use crate::config::target::{Target, tests::target};
use crate::fetch::fake::Fake;
use crate::model::outcome::{FetchError, Outcome};
use crate::model::push::Push;
use crate::model::reading::{Api, CountKey, Counts, FunnelStep, Reading};
use crate::model::window::{DAY, DayOffset, Range, UnixSeconds, aligned_end, day_anchor};
use crate::simulator::{Incidents, SimApp, truth};
use crate::target::counters::Ledger;

/// A midnight at the default offset.
const MIDNIGHT: u64 = 1_741_708_800;

/// How long midnight is visible with a lag of 2 minutes.
const VISIBLE: u64 = 120 + 120 + 150 + 150 + 150;

/// Few enough pushes that codes come and go.
fn sim() -> SimApp {
    SimApp {
        pushes_a_day: 3000,
        incidents: Incidents::Weekly,
        ..SimApp::made_up().remove(0)
    }
}

fn ask_truth(api: Api, range: Range) -> Reading {
    truth(&sim(), api, range)
}

/// The default target with another window.
fn shop(window: u64) -> Target {
    let target = target("shop", "singapore");
    let mut polling = target.app.polling.clone();
    polling.window = Duration::from_secs(window);
    Target {
        app: Arc::new(App {
            name: target.app.name.clone(),
            sdk_app_id: target.app.sdk_app_id,
            identifier: target.app.identifier.clone(),
            key: crate::config::KeySource::Env("NONE".to_owned()),
            calls_per_second: 100.0,
            day_offset: target.app.day_offset,
            holds: target.app.holds,
            regions: target.app.regions.clone(),
            polling,
            tasks: None,
        }),
        push: Push::Normal,
        region: target.region,
    }
}

fn plan(window: u64, from: u64, to: u64, step: u64) -> Backfill {
    let span = Span {
        from: UnixSeconds(from),
        to: UnixSeconds(to),
        step: Duration::from_secs(step),
    };
    Backfill::new(vec![shop(window)], span)
}

fn questions(plan: &Backfill) -> Vec<Query> {
    plan.work(&plan.no_answers()).questions
}

fn answered(plan: &Backfill) -> Answers {
    answered_from(plan, |_| true)
}

fn answered_from(plan: &Backfill, is_answered: impl Fn(&Query) -> bool) -> Answers {
    let mut answers = plan.no_answers();
    for question in questions(plan).into_iter().filter(is_answered) {
        let counts = ask_truth(question.api, question.range).counts();
        let entry = Entry::Answer {
            id: plan.targets[question.target].target.id(),
            api: question.api,
            range: question.range,
            counts: counts.into_iter().collect(),
        };
        answers.add(entry).unwrap();
    }
    answers
}

fn samples(plan: &Backfill) -> Samples {
    plan.samples(answered(plan)).remove(0).1
}

fn end_of(at: u64) -> UnixSeconds {
    aligned_end(
        UnixSeconds(at),
        Duration::from_secs(120),
        Duration::from_secs(60),
        DayOffset::DEFAULT,
    )
}

fn true_counts(start: u64, end: u64) -> Counts {
    let range = Range::new(start, end);
    Api::of(Push::Normal)
        .into_iter()
        .flat_map(|api| ask_truth(api, range).counts())
        .collect()
}

/// Whether the values shown then are affected by a midnight.
fn near_midnight(at: u64) -> bool {
    at - day_anchor(UnixSeconds(at), DayOffset::DEFAULT).0 < VISIBLE
}

fn steps() -> impl Strategy<Value = u64> {
    proptest::sample::select(vec![240, 300, 1800, 3600, 6 * 3600, DAY])
}

/// The result of `increase()` over samples, without its extrapolation.
fn increase(points: &[(UnixSeconds, u64)]) -> u64 {
    points
        .windows(2)
        .map(|pair| {
            let (before, after) = (pair[0].1, pair[1].1);
            if after < before {
                after
            } else {
                after - before
            }
        })
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn window_gauges_are_the_truth_of_their_window(
        from in 0..3 * DAY,
        length in 1..2 * DAY,
        step in steps(),
        window in proptest::sample::select(vec![60_u64, 3600, 5400, DAY]),
    ) {
        let plan = plan(window, MIDNIGHT + from, MIDNIGHT + from + length, step);
        let samples = samples(&plan);
        let ends = &samples[&Series::WindowEnd(Api::NormalPushLoss)];
        prop_assert_eq!(ends, &samples[&Series::WindowEnd(Api::NormalPushStatistics)]);
        for (at, end) in ends {
            prop_assert_eq!(UnixSeconds(*end), end_of(at.0));
            let expected = true_counts(end - window, *end);
            for (key, count) in &expected {
                let points = &samples[&Series::Window(key.clone())];
                prop_assert!(points.contains(&(*at, *count)), "{key:?} at {at}");
            }
            for (series, points) in &samples {
                if let Series::Window(key) = series
                    && !expected.contains_key(key)
                {
                    prop_assert!(points.iter().all(|(t, count)| t != at || *count == 0));
                }
            }
        }
    }

    #[test]
    fn counters_are_the_truth_since_the_days_start_but_for_midnight_and_newcomers(
        from in 0..3 * DAY,
        length in 1..2 * DAY,
        step in steps(),
    ) {
        let plan = plan(3600, MIDNIGHT + from, MIDNIGHT + from + length, step);
        let samples = samples(&plan);
        let anchors: BTreeMap<UnixSeconds, u64> = samples[&Series::DayAnchor].iter().copied().collect();
        let times: Vec<UnixSeconds> = anchors.keys().copied().collect();
        for (index, at) in times.iter().enumerate().filter(|(_, at)| !near_midnight(at.0)) {
            let end = end_of(at.0);
            let anchor = day_anchor(end, DayOffset::DEFAULT);
            prop_assert_eq!(anchors[at], anchor.0);
            for (key, count) in true_counts(anchor.0, end.0) {
                let points: BTreeMap<_, _> = samples[&Series::Total(key.clone())].iter().copied().collect();
                // Where samples are near each other, a series that was absent, or forgotten
                // after a day of zeros, begins with 0 as in a daemon.
                let newcomer = (1..=index)
                    .rev()
                    .take_while(|index| at.0 - times[*index].0 < 150)
                    .any(|index| {
                        times[index].0 - times[index - 1].0 <= 150 && !points.contains_key(&times[index - 1])
                    });
                let expected = if newcomer { 0 } else { count };
                prop_assert_eq!(points[at], expected, "{:?} at {}", key, at);
                let (first, value) = points.first_key_value().unwrap();
                prop_assert!(*first == times[0] || *value == 0, "{:?} begins with {}", key, value);
            }
        }
    }

    #[test]
    fn the_increase_over_all_samples_is_the_services_own_count_whatever_the_step(
        from in 0..2 * DAY,
        length in DAY..4 * DAY,
        step in steps(),
    ) {
        let (from, to) = (MIDNIGHT + from, MIDNIGHT + from + length);
        prop_assume!(!near_midnight(from) && !near_midnight(to));
        let samples = samples(&plan(3600, from, to, step));
        let counted = true_counts(end_of(from).0, end_of(to).0);
        let last_day = true_counts(day_anchor(end_of(to), DayOffset::DEFAULT).0, end_of(to).0);
        for (series, points) in &samples {
            if let Series::Total(key) = series {
                let count = |counts: &Counts| counts.get(key).copied().unwrap_or(0);
                // A series that appeared just now is still to be counted.
                let pending = if points.last().unwrap().1 == 0 { count(&last_day) } else { 0 };
                prop_assert_eq!(increase(points), count(&counted) - pending, "{:?}: {:?}", key, points);
            }
        }
        for key in counted.keys() {
            prop_assert!(samples.contains_key(&Series::Total(key.clone())), "{key:?}");
        }
    }

    #[test]
    fn midnight_is_shown_as_by_a_daemon_that_polls_every_minute(
        from in DAY / 2..DAY,
        step in steps(),
        phase in 0..60_u64,
    ) {
        let from = MIDNIGHT + from;
        let plan = plan(3600, from, from + 2 * DAY, step);
        let samples = samples(&plan);
        let sent = CountKey::Funnel(FunnelStep::Sent, None);
        let (rules, mut daemon) = (plan.targets[0].settings.rules, Ledger::default());
        let started = Instant::now();
        let now = |at: u64| Now {
            wall: Duration::from_secs(at),
            steady: started + Duration::from_secs(at - MIDNIGHT),
        };
        let mut polled = MIDNIGHT + 600 + phase;
        for (index, (at, value)) in samples[&Series::Total(sent.clone())].iter().enumerate() {
            while polled <= at.0 {
                for question in daemon.questions(end_of(polled), now(polled), &rules) {
                    let counts = ask_truth(Api::NormalPushStatistics, question.range()).counts();
                    daemon.answer(question, &counts, now(polled), &rules);
                }
                polled += 60;
            }
            let served = daemon.served(now(at.0), &rules).unwrap();
            prop_assert_eq!(samples[&Series::DayAnchor][index], (*at, served.anchor.0));
            // The daemon's latest poll may be almost a minute old.
            let behind = end_of(polled - 60) != end_of(at.0);
            prop_assert!(behind || served.counts[&sent] == *value, "{} at {at}", value);
        }
    }

    #[test]
    fn no_piece_is_asked_twice_and_every_one_has_settled(
        from in 0..3 * DAY,
        length in 1..3 * DAY,
        step in steps(),
        window in proptest::sample::select(vec![60_u64, 3600, DAY]),
    ) {
        let plan = plan(window, MIDNIGHT + from, MIDNIGHT + from + length, step);
        let questions = questions(&plan);
        let mut asked = BTreeSet::new();
        for question in &questions {
            prop_assert!(asked.insert((question.api, question.range.start)));
            prop_assert!(question.range.end <= end_of(MIDNIGHT + from + length));
        }
        let none_left = plan.work(&answered(&plan));
        prop_assert!(none_left.questions.is_empty() && none_left.proofs.is_empty());
    }

    #[test]
    fn the_earliest_from_that_a_refusal_names_is_accepted_for_two_minutes_and_no_earlier_one(
        now in 10 * DAY..12 * DAY,
        early in 0..20 * DAY / 10,
        step in steps(),
        window in proptest::sample::select(vec![60_u64, 3600, DAY]),
    ) {
        let now = MIDNIGHT + now;
        let check = |from: u64, now: u64| {
            let plan = plan(window, from, from + DAY, step);
            check_kept(&plan, &plan.work(&plan.no_answers()), UnixSeconds(now))
        };
        let from = now - 8 * DAY + early;
        if let Err(refusal) = check(from, now) {
            let refusal = refusal.to_string();
            let (_, rest) = refusal.split_once("the earliest --from is ").unwrap();
            let named = rest.split_once(' ').unwrap().0;
            let named = u64::try_from(named.parse::<jiff::Timestamp>().unwrap().as_second()).unwrap();
            prop_assert!(from < named, "{refusal}");
            prop_assert_eq!(check(named, now), Ok(()));
            prop_assert_eq!(check(named, now + 120), Ok(()));
            prop_assert!(check(named - 1, now + 120).is_err());
        }
    }
}

#[test]
fn a_week_of_hours_takes_one_call_an_hour_and_one_more_at_each_midnight() {
    let plan = plan(3600, MIDNIGHT + 3600, MIDNIGHT + 7 * DAY, 3600);
    let pieces = &plan.targets[0].pieces;
    assert_eq!(pieces.len(), 168 + 7);
    assert_eq!(questions(&plan).len(), 2 * pieces.len());
}

#[test]
fn spans_that_make_no_sense_are_refused() {
    let check = |from, to, step| {
        check_span(Span {
            from: UnixSeconds(from),
            to: UnixSeconds(to),
            step: Duration::from_secs(step),
        })
    };
    assert_eq!(check(0, 1, 1), Ok(()));
    assert_eq!(check(0, 1, DAY), Ok(()));
    for step in [0, 7, DAY + 1, 2 * DAY] {
        let refusal = check(0, 1, step).unwrap_err();
        assert_eq!(refusal, BoundsError::Step(Duration::from_secs(step)));
    }
    let refusal = check(1, 1, 60).unwrap_err().to_string();
    assert!(refusal.contains("is not before --to"), "{refusal}");
}

#[test]
fn a_plan_that_is_too_large_is_refused_before_it_is_made() {
    let check = |to, step, targets| {
        let span = Span {
            from: UnixSeconds(0),
            to: UnixSeconds(to),
            step: Duration::from_secs(step),
        };
        check_size(span, targets)
    };
    assert_eq!(check(7 * DAY, 3600, 20_000), Ok(()));
    assert_eq!(check(7 * DAY, 1, 6), Ok(()));
    for too_large in [check(7 * DAY, 1, 20), check(u64::MAX, 1, usize::MAX)] {
        let refusal = too_large.unwrap_err().to_string();
        assert!(refusal.contains("larger --step"), "{refusal}");
    }
}

#[test]
fn the_ends_of_a_span_are_settled_and_kept_however_long_it_is() {
    let check = |from, to, now| {
        let span = Span {
            from: UnixSeconds(from),
            to: UnixSeconds(to),
            step: Duration::from_secs(1),
        };
        check_ends(&[shop(3600)], span, UnixSeconds(now))
    };
    let (start, end) = (MIDNIGHT, MIDNIGHT + DAY);
    assert_eq!(check(start, end, end + 120), Ok(()));
    let refusal = check(start, end, end + 119).unwrap_err().to_string();
    assert!(refusal.contains("2m"), "{refusal}");
    assert!(check(start, u64::MAX, end).is_err());
    let refusal = check(0, end, end + 120).unwrap_err().to_string();
    assert!(refusal.contains("earliest --from"), "{refusal}");
}

#[test]
fn a_resumed_run_may_begin_with_what_is_forgotten_if_it_was_answered() {
    let plan = plan(3600, MIDNIGHT + 3600, MIDNIGHT + 2 * DAY, 3600);
    let now = UnixSeconds(MIDNIGHT + 8 * DAY);
    let answers = answered_from(&plan, |question| {
        question.range.start.0 < MIDNIGHT + DAY + 3600
    });
    let all = plan.work(&plan.no_answers());
    assert!(check_kept(&plan, &all, now).is_err());
    assert_eq!(check_kept(&plan, &plan.work(&answers), now), Ok(()));
    assert_eq!(check_ends(&[shop(3600)], plan.span, now), Ok(()));
}

/// One run of at most `until` calls. Returns the text, if the run got that far, and the
/// numbers of calls and proofs.
async fn run(journal: &Path, until: usize) -> (Result<String, AskError>, usize, usize) {
    let plan = plan(3600, MIDNIGHT + DAY - 7200, MIDNIGHT + DAY + 7200, 1800);
    let (plan, facts) = (Arc::new(plan), BTreeMap::new());
    let mut answers = plan.no_answers();
    let length = find(journal, &facts, |entry| answers.add(entry)).unwrap();
    let open = Journal::open(journal, &facts, length).unwrap();
    let service = Arc::new(Fake::new(Duration::ZERO, move |asked| match asked {
        [.., last] if asked.len() <= until => Ok(ask_truth(last.api, last.range)),
        _ => Err(FetchError::new(Outcome::Connect, "no route")),
    }));
    let (work, mut proofs) = (plan.work(&answers), 0);
    let told = |event: &Event| {
        proofs += usize::from(matches!(event, Event::Found(Entry::Proved(_), _)));
    };
    let now = UnixSeconds(MIDNIGHT + 2 * DAY);
    let asking = Arc::clone(&service);
    let asked = collect(asking, &plan, work, now, &mut answers, Some(open), told).await;
    let text = asked.map(|()| {
        let mut out = Vec::new();
        samples::write(&mut out, &plan.samples(answers), &[]).unwrap();
        String::from_utf8(out).unwrap()
    });
    (text, service.asked().len(), proofs)
}

/// The text of a whole run.
async fn text_of(journal: &Path) -> String {
    run(journal, usize::MAX).await.0.unwrap()
}

#[tokio::test]
async fn an_interrupted_run_that_is_resumed_gives_the_same_bytes_and_proves_once() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, calls, proofs) = run(&folder.path().join("whole"), usize::MAX).await;
    let whole = whole.unwrap();
    assert_eq!(proofs, 1);
    for until in [0, 1, 2, 8, 9, 10, 13] {
        let journal = folder.path().join(until.to_string());
        let error = run(&journal, until).await.0.unwrap_err().to_string();
        assert!(
            error.contains("shop/singapore: connect: no route"),
            "{error}"
        );
        let (text, rest, proofs) = run(&journal, usize::MAX).await;
        assert_eq!(text.unwrap(), whole, "{until}");
        // A proof in progress restarts.
        let (again, proved) = if until < 9 { (until, 1) } else { (0, 0) };
        assert_eq!((rest + until, proofs), (calls + again, proved), "{until}");
    }
    let journal = folder.path().join("whole");
    let (text, calls, proofs) = run(&journal, 0).await;
    assert_eq!((text.unwrap(), calls, proofs), (whole, 0, 0));
}

#[tokio::test]
async fn a_line_that_is_cut_off_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let whole = text_of(&folder.path().join("whole")).await;
    for cut in [1, 3, 40] {
        let journal = folder.path().join(cut.to_string());
        assert!(run(&journal, 13).await.0.is_err());
        let kept = std::fs::read(&journal).unwrap();
        std::fs::write(&journal, &kept[..kept.len() - cut]).unwrap();
        let (text, calls, _) = run(&journal, usize::MAX).await;
        assert_eq!(text.unwrap(), whole);
        assert!(calls > 0);
    }
}

#[tokio::test]
async fn the_text_is_openmetrics_with_each_family_together_and_times_ascending() {
    let folder = tempfile::tempdir().unwrap();
    let text = text_of(&folder.path().join("x")).await;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.last(), Some(&"# EOF"));
    assert_eq!(text.matches("# EOF").count(), 1);
    let (mut family, mut families) = ("", BTreeSet::new());
    let (mut series, mut done, mut last) = ("", BTreeSet::new(), 0);
    for line in &lines[..lines.len() - 1] {
        if let Some(head) = line.strip_prefix("# TYPE ") {
            let (name, kind) = head.split_once(' ').unwrap();
            assert!(!name.ends_with("_total"));
            assert!(families.insert(name), "{name} comes twice");
            assert!(["gauge", "counter"].contains(&kind));
            family = name;
        } else if let Some(help) = line.strip_prefix("# HELP ") {
            assert_eq!(help.split_once(' ').unwrap().0, family);
        } else {
            let (of, rest) = line.split_once("} ").unwrap();
            let name = of.split_once('{').unwrap().0;
            assert_eq!(name.strip_suffix("_total").unwrap_or(name), family);
            let (value, at) = rest.split_once(' ').unwrap();
            value.parse::<u64>().unwrap();
            let at = at.parse::<u64>().unwrap();
            if of == series {
                assert!(at > last, "{line}");
            } else {
                assert!(done.insert(of), "{of} comes twice");
                series = of;
            }
            last = at;
        }
    }
    assert_eq!(families.len(), 24, "{families:?}");
}

#[tokio::test]
async fn every_loss_of_a_platform_has_one_class_at_each_of_its_times() {
    let folder = tempfile::tempdir().unwrap();
    let text = text_of(&folder.path().join("x")).await;
    let of = |name: &str, line: &str| -> Option<(String, String)> {
        let (labels, rest) = line
            .strip_prefix(name)?
            .strip_prefix('{')?
            .split_once("} ")?;
        let at = rest.split_once(' ')?.1.to_owned();
        Some((labels[labels.find("stage=")?..].to_owned(), at))
    };
    let mut classes = BTreeSet::new();
    for (labels, at) in text
        .lines()
        .filter_map(|line| of("timpush_error_code_info", line))
    {
        let (code, class) = labels.split_once(",class=").unwrap();
        assert!(class.len() > 2);
        assert!(
            classes.insert((code.to_owned(), at)),
            "{labels} has two classes"
        );
    }
    let losses = |name| text.lines().filter_map(move |line| of(name, line));
    let window = losses("timpush_window_platform_lost_pushes");
    let mut found = 0;
    for loss in window.chain(losses("timpush_platform_lost_pushes_total")) {
        assert!(classes.contains(&loss), "{loss:?}");
        found += 1;
    }
    assert!(found > 100, "{found}");
}

#[test]
fn without_counters_or_statistics_nothing_is_asked_for_them() {
    let mut target = shop(3600);
    let app = Arc::get_mut(&mut target.app).unwrap();
    app.polling.counters = false;
    app.polling.statistics = false;
    let span = Span {
        from: UnixSeconds(MIDNIGHT + DAY / 2),
        to: UnixSeconds(MIDNIGHT + DAY / 2 + 7200),
        step: Duration::from_secs(3600),
    };
    let plan = Backfill::new(vec![target], span);
    let questions = questions(&plan);
    assert_eq!(questions.len(), 3);
    assert!(
        questions
            .iter()
            .all(|question| question.api == Api::NormalPushLoss)
    );
    let samples = samples(&plan);
    let gauges = |series: &Series| match series {
        Series::Window(key) => matches!(key, CountKey::Loss(_)),
        Series::WindowStart(api) | Series::WindowEnd(api) => *api == Api::NormalPushLoss,
        Series::Total(_) | Series::DayAnchor => false,
    };
    assert!(samples.keys().all(gauges));
}

#[test]
fn a_daemon_that_starts_right_after_midnight_shows_the_closed_day_first() {
    let next = MIDNIGHT + DAY;
    let samples = samples(&plan(3600, next + 180, next + 900, 60));
    let sent = CountKey::Funnel(FunnelStep::Sent, None);
    let closed = true_counts(MIDNIGHT, next)[&sent];
    for (at, value) in &samples[&Series::Total(sent.clone())] {
        let expected = match at.0 - next {
            ..540 => closed,
            540..690 => 0,
            _ => true_counts(next, end_of(at.0).0)[&sent],
        };
        assert_eq!(*value, expected, "{}", at.0 - next);
    }
}

#[test]
fn codes_that_appear_between_hours_are_shown_as_by_a_daemon_that_polls_every_minute() {
    let from = MIDNIGHT + DAY / 2;
    let plan = plan(3600, from, from + 5 * DAY, 3600);
    let hours = samples(&plan);
    let (rules, mut daemon) = (plan.targets[0].settings.rules, Ledger::default());
    let started = Instant::now();
    let now = |at: u64| Now {
        wall: Duration::from_secs(at),
        steady: started + Duration::from_secs(at - MIDNIGHT),
    };
    let (mut fresh, mut fresher) = (0, 0);
    for polled in (from..=from + 5 * DAY).step_by(60) {
        for question in daemon.questions(end_of(polled), now(polled), &rules) {
            let counts = ask_truth(Api::NormalPushLoss, question.range()).counts();
            daemon.answer(question, &counts, now(polled), &rules);
        }
        if !(polled - from).is_multiple_of(3600) {
            continue;
        }
        let served = daemon.served(now(polled), &rules).unwrap();
        for (key, value) in &served.counts {
            let points = &hours[&Series::Total(key.clone())];
            let Some((_, sampled)) = points.iter().find(|(at, _)| at.0 == polled) else {
                // It appeared in a window, or a day before, that the hours did not see.
                assert_eq!(*value, 0, "{key:?} at {polled}");
                continue;
            };
            let before = |(at, _): &&(UnixSeconds, u64)| at.0 <= polled - 3600;
            fresh += usize::from(polled > from && points.iter().find(before).is_none());
            if value != sampled {
                // The daemon has seen it for less than the time of its 0.
                let anchor = served.anchor.0;
                let then = true_counts(anchor, end_of(polled - 150).0);
                assert!(
                    *value == 0 && !then.contains_key(key),
                    "{key:?} at {polled}: {sampled}"
                );
                fresher += 1;
            }
        }
    }
    assert!(fresh > 20 && fresher * 4 < fresh, "{fresher} of {fresh}");
}
