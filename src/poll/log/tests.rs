use std::io::{self, Write};
use std::sync::Arc;

use proptest::prelude::*;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

use super::*;
use crate::model::outcome::Outcome;
use crate::model::push::Push;

/// The log output, without times and colours.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn of(level: Level, logged: impl FnOnce(&Self)) -> Vec<String> {
        let (lines, until) = Self::of_thread(level);
        logged(&lines);
        drop(until);
        lines.all()
    }

    /// Captures what this thread logs until the guard is dropped.
    pub(crate) fn of_thread(level: Level) -> (Self, DefaultGuard) {
        let lines = Self::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_max_level(level)
            .with_ansi(false)
            .without_time()
            .finish();
        (lines, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn all(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

const API: About = About::Api(Api::NormalPushLoss);

/// 2027-01-15T08:00:00Z.
const WALL: Duration = Duration::from_secs(1_800_000_000);

fn now(start: Instant, seconds: u64) -> Now {
    let since = Duration::from_secs(seconds);
    Now {
        wall: WALL + since,
        steady: start + since,
    }
}

fn id(app: usize) -> TargetId {
    TargetId {
        app: format!("app{app}"),
        region: "china".to_owned(),
        push: Push::Normal,
    }
}

fn no_route() -> Result<(), FetchError> {
    Err(FetchError::new(Outcome::Connect, "no route"))
}

/// Logs the poll of an app at a second.
fn poll(log: &PollLog, streak: &mut Streak, app: usize, result: &Result<(), FetchError>, at: Now) {
    log.polled(streak, &id(app), API, at.unix(), result, at);
}

#[test]
fn one_target_says_when_it_fails_at_every_doubling_and_hour_for_another_cause_and_at_the_end() {
    let start = Instant::now();
    let lines = Lines::of(Level::INFO, |_| {
        let (log, mut streak) = (PollLog::default(), Streak::default());
        for minute in 0..40 {
            poll(&log, &mut streak, 0, &no_route(), now(start, minute * 60));
        }
        // As late as a long back-off causes, and then an hour later.
        for minute in [62, 122, 123] {
            poll(&log, &mut streak, 0, &no_route(), now(start, minute * 60));
        }
        let refused = Err(FetchError::refused(90045, ""));
        poll(&log, &mut streak, 0, &refused, now(start, 124 * 60));
        poll(&log, &mut streak, 0, &Ok(()), now(start, 125 * 60));
        poll(&log, &mut streak, 0, &Ok(()), now(start, 126 * 60));
    });
    let parts = [
        "WARN timpush_exporter::poll::log: app0/china normal_push_loss: connect: no route",
        "still failing, 2 in a row since 2027-01-15T08:00:00Z: connect: no route",
        "still failing, 4 in a row since",
        "still failing, 8 in a row since",
        "still failing, 16 in a row since",
        "still failing, 32 in a row since",
        "still failing, 42 in a row since",
        "app0/china normal_push_loss: not_enabled 90045: ",
        "INFO timpush_exporter::poll::log: app0/china normal_push_loss: responds again",
    ];
    assert_eq!(lines.len(), parts.len(), "{lines:#?}");
    for (line, part) in lines.iter().zip(parts) {
        assert!(line.contains(part), "{part}\n{line}");
    }
    assert!(lines[0].contains("outcome=\"connect\" failures=1 advice="));
    assert!(lines[7].contains("failures=44"));
}

#[test]
fn a_line_has_the_push_where_it_is_not_the_usual_one() {
    let now = now(Instant::now(), 0);
    let lines = Lines::of(Level::INFO, |_| {
        for push in Push::ALL {
            let (id, api) = (TargetId { push, ..id(0) }, Api::losses(push));
            let (log, mut streak) = (PollLog::default(), Streak::default());
            let api = About::Api(api);
            log.polled(&mut streak, &id, api, now.unix(), &no_route(), now);
        }
    });
    let fields = |line: &String| line.contains("region=\"china\" push=\"all_member\" api=");
    let fields: Vec<bool> = lines.iter().map(fields).collect();
    assert_eq!(fields, [false, true], "{lines:#?}");
    assert!(!lines[0].contains("push="), "{lines:#?}");
}

#[test]
fn what_info_leaves_out_is_said_on_level_debug() {
    let start = Instant::now();
    let lines = Lines::of(Level::DEBUG, |_| {
        let (log, mut streak) = (PollLog::default(), Streak::default());
        for minute in 0..10 {
            poll(&log, &mut streak, 0, &no_route(), now(start, minute * 60));
        }
    });
    assert_eq!(lines.len(), 10, "{lines:#?}");
}

#[test]
fn many_targets_that_fail_for_one_cause_are_one_line_more_and_so_is_their_recovery() {
    let start = Instant::now();
    let lines = Lines::of(Level::INFO, |lines| {
        let log = PollLog::default();
        let mut streaks: Vec<Streak> = (0..1000).map(|_| Streak::default()).collect();
        for (app, streak) in streaks.iter_mut().enumerate() {
            poll(&log, streak, app, &no_route(), now(start, 0));
        }
        assert_eq!(lines.all().len(), 3);
        // The polls themselves log what is due.
        poll(&log, &mut Streak::default(), 1000, &Ok(()), now(start, 60));
        assert_eq!(lines.all().len(), 4);
        for (app, streak) in streaks.iter_mut().enumerate() {
            poll(&log, streak, app, &Ok(()), now(start, 61));
        }
        assert_eq!(lines.all().len(), 7);
    });
    let said = "normal_push_loss: 997 more targets failed for the same cause, connect in china (first: app3/china, app4/china, app5/china, ...)";
    assert!(lines[3].contains(said), "{}", lines[3]);
    for field in [
        "targets=997",
        "outcome=\"connect\"",
        "advice=\"check the host",
    ] {
        assert!(lines[3].contains(field), "{}", lines[3]);
    }
    // The rest, when the process ends.
    let said = "normal_push_loss: 997 more targets responded again (first: app3/china";
    assert!(lines[7].contains(said) && lines.len() == 8, "{}", lines[7]);
}

#[test]
fn ten_thousand_targets_without_a_network_write_few_lines_an_hour() {
    let start = Instant::now();
    let lines = Lines::of(Level::INFO, |_| {
        let log = PollLog::default();
        let mut streaks: Vec<Streak> = (0..10_000).map(|_| Streak::default()).collect();
        // At the times of their back-off, spread over ten seconds each.
        for minute in [0, 1, 3, 7].into_iter().chain((12..60).step_by(5)) {
            for (app, streak) in streaks.iter_mut().enumerate() {
                let at = now(start, minute * 60 + app as u64 / 1000);
                poll(&log, streak, app, &no_route(), at);
            }
        }
    });
    let bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
    // Three targets at failures 1, 2, 4 and 8, and a line for all others of each kind.
    assert_eq!(lines.len(), 3 * 4 + 2, "{lines:#?}");
    assert!(bytes < 8000, "{bytes}");
}

#[test]
fn proofs_of_many_targets_are_one_line_more_too() {
    let start = Instant::now();
    for (kind, said) in [
        (
            News::AddsUp,
            "INFO timpush_exporter::poll::log: 7 more targets with reliable counters",
        ),
        (
            News::DoesNotAddUp,
            "WARN timpush_exporter::poll::log: 7 more targets will have no counters",
        ),
        (News::Unproved, "checked again in a day"),
        (News::WholeDays, "does not distinguish ranges within a day"),
    ] {
        let mut told = 0;
        let lines = Lines::of(Level::INFO, |_| {
            let log = PollLog::default();
            for app in 0..10 {
                told += usize::from(log.is_proof_told(kind, &id(app), now(start, 0)));
            }
        });
        assert_eq!((told, lines.len()), (3, 1));
        assert!(lines[0].contains(said), "{}", lines[0]);
    }
}

proptest! {
    /// Any outcomes at any times.
    #[test]
    fn a_single_targets_log_tells_every_change_and_its_failures_are_counted(
        polls in proptest::collection::vec((0..4_usize, 1..4000_u64), 1..60),
    ) {
        let results = [
            Ok(()),
            no_route(),
            Err(FetchError::refused(90045, "")),
            Err(FetchError::refused(60021, "")),
        ];
        let start = Instant::now();
        let (mut changes, mut failures, mut before, mut at) = (0, 0, 0, 0);
        let lines = Lines::of(Level::INFO, |_| {
            let (log, mut streak) = (PollLog::default(), Streak::default());
            for (result, wait) in &polls {
                at += wait;
                failures = if *result == 0 { 0 } else { failures + 1 };
                changes += usize::from(*result != before);
                before = *result;
                let now = now(start, at);
                log.polled(&mut streak, &id(0), API, now.unix(), &results[*result], now);
                assert_eq!(streak.failures(), failures);
            }
        });
        let repeated = lines.iter().filter(|line| line.contains("still failing")).count();
        prop_assert_eq!(lines.len() - repeated, changes, "{:#?}", lines);
        let hours = usize::try_from(at / 3600).unwrap();
        prop_assert!(repeated <= hours + 6 * changes, "{:#?}", lines);
    }
}
