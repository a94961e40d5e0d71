//! Progress on the terminal: the expected duration, and a bar.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tokio::time::Instant;

use super::answers::Entry;
use super::ask::{AT_ONCE, Event};
use super::plan::{Backfill, Work};
use crate::clock;
use crate::config::duration::text;
use crate::metrics::Written;
use crate::poll::additivity::USUAL_CALLS;

/// Characters of the bar.
const WIDTH: usize = 30;

/// The maximum number of apps whose calls are listed individually.
const TOLD: usize = 5;

/// How many calls each app has to make, and its limit per second.
fn loads<'a>(plan: &'a Backfill, work: &Work) -> BTreeMap<&'a str, (u32, f64)> {
    let mut apps = BTreeMap::new();
    let proofs = work.proofs.iter().map(|target| (*target, USUAL_CALLS));
    let questions = work.questions.iter().map(|question| (question.target, 1));
    for (target, calls) in proofs.chain(questions) {
        let app = &plan.targets[target].target.app;
        let name: &str = &app.name;
        apps.entry(name).or_insert((0, app.calls_per_second)).0 += calls;
    }
    apps
}

/// The number of calls, and their duration at each app's limit, if it has one.
pub fn announcement(plan: &Backfill, work: &Work) -> String {
    let apps = loads(plan, work);
    let total: u32 = apps.values().map(|(calls, _)| calls).sum();
    if apps.is_empty() {
        return "0 calls: everything is known".to_owned();
    }
    let time = if apps.values().all(|(_, rate)| rate.is_finite()) {
        format!("about {}", text(duration(apps.values().copied())))
    } else {
        "without a limit".to_owned()
    };
    let mut each: Vec<String> = apps
        .iter()
        .take(TOLD)
        .map(|(app, (calls, rate))| {
            if rate.is_finite() {
                format!("{app} {calls} at {rate} per second")
            } else {
                format!("{app} {calls}")
            }
        })
        .collect();
    if apps.len() > TOLD {
        each.push(format!("{} more apps", apps.len() - TOLD));
    }
    let proving = match work.proofs.len() {
        0 => String::new(),
        1 => format!("; the first {USUAL_CALLS} prove that counts add up"),
        n => format!("; the first {USUAL_CALLS} of each of {n} targets prove that counts add up"),
    };
    format!("{total} calls ({}), {time}{proving}", each.join(", "))
}

/// The duration with these numbers of calls and calls per second: that of the slowest app, or
/// longer with more apps than may run at once.
fn duration(apps: impl Iterator<Item = (u32, f64)>) -> Duration {
    let (longest, sum) = apps
        .map(|(calls, rate)| f64::from(calls) / rate)
        .fold((0.0_f64, 0.0), |(longest, sum), seconds| {
            (longest.max(seconds), sum + seconds)
        });
    Duration::from_secs_f64(longest.max(sum / f64::from(AT_ONCE)).ceil())
}

/// The result of a run that `took` this long, in one line.
pub fn summary(written: Written, took: Duration) -> String {
    let span = match written.span {
        Some((from, to)) => format!("from {from} to {to}"),
        None => "nothing to show".to_owned(),
    };
    let Written {
        series, samples, ..
    } = written;
    format!(
        "{samples} samples in {series} series, {span}, in {}",
        rounded(took)
    )
}

/// A readable duration: seconds below two minutes, then minutes.
fn rounded(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().ceil();
    let unit = if seconds < 120.0 { 1.0 } else { 60.0 };
    text(Duration::from_secs_f64((seconds / unit).ceil() * unit))
}

/// A line on standard error that is overwritten; nothing if that is not a terminal.
pub struct Bar {
    progress: Progress,
    began: Instant,
    shown: bool,
}

impl Bar {
    pub fn new(plan: &Backfill, work: &Work) -> Self {
        Self {
            progress: Progress::new(plan, work),
            began: clock::now().steady,
            shown: io::stderr().is_terminal(),
        }
    }

    pub fn advance(&mut self, event: &Event) {
        self.progress.advance(event);
        if self.shown {
            let elapsed = clock::now().steady.duration_since(self.began);
            draw(&self.progress.line(elapsed));
        }
    }
}

/// Clears the line for the next message.
impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown && self.progress.done > 0 {
            draw("");
        }
    }
}

fn draw(text: &str) {
    // A missing terminal is not reported.
    let _ = write!(io::stderr(), "\r{text}\x1b[K").and_then(|()| io::stderr().flush());
}

struct Progress {
    /// Calls made so far.
    done: u32,
    /// All calls, as far as known.
    calls: u32,
    proved: usize,
    proofs: usize,
    /// The shortest possible time for all calls under the apps' limits.
    least: Duration,
}

impl Progress {
    fn new(plan: &Backfill, work: &Work) -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let proving = count(work.proofs.len()).saturating_mul(USUAL_CALLS);
        Self {
            done: 0,
            calls: count(work.questions.len()).saturating_add(proving),
            proved: 0,
            proofs: work.proofs.len(),
            least: duration(loads(plan, work).into_values()),
        }
    }

    fn advance(&mut self, event: &Event) {
        match event {
            Event::Called => self.done = self.done.saturating_add(1),
            Event::Found(Entry::Proved(_), calls) => {
                self.proved += 1;
                self.calls = self
                    .calls
                    .saturating_add(*calls)
                    .saturating_sub(USUAL_CALLS);
            }
            Event::Found(Entry::Answer { .. }, _) => {}
        }
    }

    /// How long the rest takes at the rate so far, but at least as long as the slowest app's
    /// limit requires: only a few apps may still be making calls.
    fn left(&self, elapsed: Duration) -> Option<Duration> {
        let open = self.calls.checked_sub(self.done).filter(|open| *open > 0)?;
        let as_before = elapsed.checked_div(self.done)?.saturating_mul(open);
        Some(as_before.max(self.least.saturating_sub(elapsed)))
    }

    fn line(&self, elapsed: Duration) -> String {
        let Self {
            done,
            calls,
            proved,
            proofs,
            ..
        } = self;
        let full = (u64::from(*done) * WIDTH as u64)
            .checked_div(u64::from(*calls))
            .and_then(|full| usize::try_from(full).ok())
            .map_or(WIDTH, |full| full.min(WIDTH));
        let proving = if proved < proofs {
            format!(", {proved} of {proofs} targets proved")
        } else {
            String::new()
        };
        let left = self
            .left(elapsed)
            .map(|left| format!(", about {} left", rounded(left)))
            .unwrap_or_default();
        format!(
            "[{}{}] {done}/{calls} calls{proving}{left}",
            "#".repeat(full),
            ".".repeat(WIDTH - full)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backfill::plan::Span;
    use crate::config::target::tests::target;
    use crate::model::window::UnixSeconds;
    use std::sync::Arc;

    fn progress(done: u32, calls: u32) -> Progress {
        Progress {
            done,
            calls,
            proved: 0,
            proofs: 0,
            least: Duration::ZERO,
        }
    }

    #[test]
    fn the_time_left_goes_on_as_before_and_is_not_less_than_the_slowest_apps() {
        let after = |least, done, elapsed| {
            let least = Duration::from_secs(least);
            let progress = Progress {
                least,
                ..progress(done, 100)
            };
            let line = progress.line(Duration::from_secs(elapsed));
            line.rsplit_once("100 calls").unwrap().1.to_owned()
        };
        for (least, done, elapsed, left) in [
            (0, 0, 3, ""),
            (0, 25, 10, ", about 30s left"),
            (0, 25, 100, ", about 5m left"),
            (0, 50, 7201, ", about 2h1m left"),
            (100, 25, 10, ", about 1m30s left"),
            (100, 100, 10, ""),
        ] {
            assert_eq!(after(least, done, elapsed), left);
        }
    }

    #[test]
    fn the_summary_says_samples_series_span_and_time() {
        let written = Written {
            series: 3,
            samples: 12,
            span: Some((UnixSeconds(1_741_752_000), UnixSeconds(1_741_759_200))),
        };
        assert_eq!(
            summary(written, Duration::from_millis(12_300)),
            "12 samples in 3 series, from 2025-03-12T04:00:00Z to 2025-03-12T06:00:00Z, in 13s"
        );
    }

    #[test]
    fn a_bar_is_full_at_the_end_and_not_before() {
        let empty = format!("[{}] 0/2 calls", ".".repeat(WIDTH));
        assert_eq!(progress(0, 2).line(Duration::ZERO), empty);
        let full = format!("[{}] 2/2 calls", "#".repeat(WIDTH));
        assert_eq!(progress(2, 2).line(Duration::ZERO), full);
        assert!(progress(999, 1000).line(Duration::ZERO).contains('.'));
        assert!(progress(0, 0).line(Duration::ZERO).contains("0/0"));
    }

    /// `apps` with a call per second each, for the samples of two hours.
    fn work(apps: u32) -> (Backfill, Work) {
        let targets = (0..apps).map(|n| {
            let mut target = target(&format!("app{n}"), "china");
            if let Some(app) = Arc::get_mut(&mut target.app) {
                app.calls_per_second = 1.0;
                app.sdk_app_id += n;
            }
            target
        });
        let span = Span {
            from: UnixSeconds(1_741_752_000),
            to: UnixSeconds(1_741_759_200),
            step: Duration::from_secs(3600),
        };
        let plan = Backfill::new(targets.collect(), span);
        let work = plan.work(&plan.no_answers());
        (plan, work)
    }

    fn proof(plan: &Backfill, calls: u32) -> Event {
        Event::Found(Entry::Proved(plan.targets[0].target.id()), calls)
    }

    #[test]
    fn proofs_are_part_of_the_line_until_all_are_done_with_the_calls_that_they_took() {
        let (plan, work) = work(2);
        let questions = u32::try_from(work.questions.len()).unwrap();
        let mut progress = Progress::new(&plan, &work);
        for _ in 0..10 {
            progress.advance(&Event::Called);
        }
        progress.advance(&proof(&plan, 10));
        let said = format!("10/{} calls, 1 of 2 targets proved, ", questions + 19);
        assert!(
            progress.line(Duration::ZERO).contains(&said),
            "{}",
            progress.line(Duration::ZERO)
        );
        progress.advance(&proof(&plan, 1));
        let said = format!("10/{} calls, about ", questions + 11);
        assert!(
            progress.line(Duration::ZERO).contains(&said),
            "{}",
            progress.line(Duration::ZERO)
        );
    }

    #[test]
    fn the_announcement_counts_proofs_and_names_few_of_many_apps() {
        let (plan, one) = work(1);
        let calls = one.questions.len() + 9;
        assert_eq!(
            announcement(&plan, &one),
            format!(
                "{calls} calls (app0 {calls} at 1 per second), about {calls}s; the first 9 prove that counts add up"
            )
        );
        let (plan, many) = work(1000);
        let said = announcement(&plan, &many);
        assert!(
            said.starts_with(&format!("{} calls (app0 ", 1000 * calls)),
            "{said}"
        );
        for part in ["995 more apps", "of each of 1000 targets"] {
            assert!(said.contains(part), "{said}");
        }
        assert!(said.len() < 300, "{said}");
    }

    #[test]
    fn apps_side_by_side_take_no_longer_than_one_until_they_have_to_take_turns() {
        let of = |apps: usize| duration(vec![(30, 1.0); apps].into_iter()).as_secs();
        let at_once = usize::from(AT_ONCE);
        assert_eq!((of(1), of(at_once), of(at_once * 3)), (30, 30, 90));
    }
}
