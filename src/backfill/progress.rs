//! What a person sees meanwhile: how long it will take, and a bar on a terminal.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::plan::{Plan, Question};
use crate::config::duration::text;

/// Characters of the bar.
const WIDTH: usize = 30;

/// How many calls there are, and how long they take at each app's limit, if it has one.
pub fn announcement(plan: &Plan, questions: &[Question]) -> String {
    let mut apps: BTreeMap<&str, (u32, f64)> = BTreeMap::new();
    for planned in questions
        .iter()
        .filter_map(|question| plan.targets.get(question.target))
    {
        let app = &planned.target.app;
        let (calls, _) = apps.entry(&app.name).or_insert((0, app.calls_per_second));
        *calls += 1;
    }
    let longest = apps
        .values()
        .map(|(calls, rate)| (f64::from(*calls) / rate).ceil())
        .fold(0.0, f64::max);
    let each: Vec<String> = apps
        .iter()
        .map(|(app, (calls, rate))| {
            if rate.is_finite() {
                format!("{app} {calls} at {rate} per second")
            } else {
                format!("{app} {calls}")
            }
        })
        .collect();
    let limited = apps.values().all(|(_, rate)| rate.is_finite());
    format!(
        "{} calls ({}){}",
        questions.len(),
        if each.is_empty() {
            "everything is there".to_owned()
        } else {
            each.join(", ")
        },
        if limited {
            format!(", about {}", text(Duration::from_secs_f64(longest)))
        } else {
            ", without a limit".to_owned()
        }
    )
}

/// A line on standard error that is written over and over; nothing when that is no terminal.
pub struct Bar {
    total: usize,
    done: usize,
    shown: bool,
}

impl Bar {
    pub fn new(total: usize) -> Self {
        Self {
            total,
            done: 0,
            shown: io::stderr().is_terminal(),
        }
    }

    /// One more is done.
    pub fn advance(&mut self) {
        self.done += 1;
        if self.shown {
            draw(&line(self.done, self.total));
        }
    }
}

/// Leaves an empty line for what is said next.
impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown && self.done > 0 {
            draw("");
        }
    }
}

fn draw(text: &str) {
    // Nobody is told of a terminal that is gone.
    let _ = write!(io::stderr(), "\r{text}\x1b[K").and_then(|()| io::stderr().flush());
}

fn line(done: usize, total: usize) -> String {
    let full = (WIDTH * done).checked_div(total).unwrap_or(WIDTH);
    format!(
        "[{}{}] {done}/{total} calls",
        "#".repeat(full),
        ".".repeat(WIDTH.saturating_sub(full))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_at_the_end_and_not_before() {
        assert_eq!(line(0, 2), format!("[{}] 0/2 calls", ".".repeat(WIDTH)));
        assert_eq!(line(2, 2), format!("[{}] 2/2 calls", "#".repeat(WIDTH)));
        assert!(line(999, 1000).contains('.'));
    }
}
