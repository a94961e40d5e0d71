//! Checks whether the program really works, for a service manager that restarts it if it does not.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tracing::{error, info};

use crate::clock;
use crate::http::server::pulse::Pulse;
use crate::notify::Manager;
use crate::self_metrics::SelfMetrics;
use crate::target::snapshot::{Snapshot, TargetState, Targets};

/// How often the status is checked, unless the watchdog requires more.
const EVERY: Duration = Duration::from_secs(30);

/// The shortest interval between checks, however short the watchdog's is.
const SHORTEST: Duration = Duration::from_millis(10);

/// How long a poll may pause before its next step, besides its calls: after a refused signature,
/// and before a retry.
const PAUSES: Duration = Duration::from_secs(120);

/// Watches everything that must keep running.
pub(super) struct Watch {
    pub(super) manager: Manager,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) metrics: Arc<SelfMetrics>,
    pub(super) server: Pulse,
    pub(super) url: String,
}

impl Watch {
    /// At half the watchdog's interval, reports to the manager that the program is alive, if it is.
    /// Reports the status when it has changed.
    pub(super) async fn run(self: Arc<Self>) {
        let every = self.manager.watchdog().map_or(EVERY, |within| within / 2);
        let mut tick = interval(every.max(SHORTEST));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut steps = Steps::new(clock::now().steady);
        let (mut told, mut stuck) = (self.status(), None);
        loop {
            tick.tick().await;
            let now = clock::now().steady;
            let targets = self.snapshot.load();
            let seen = Seen::of(&targets, self.metrics.steps(), now);
            let still = if !steps.go_on(&seen, now) {
                Some("polls are due, and none makes a step")
            } else if timeout(every / 2, self.server.felt()).await.is_err() {
                Some("the HTTP server accepts no request")
            } else {
                None
            };
            if self.manager.watchdog().is_some() {
                if still != stuck {
                    if let Some(still) = still {
                        error!("{still}: the service manager's watchdog is not fed");
                    } else {
                        info!("the service manager's watchdog is fed again");
                    }
                    stuck = still;
                }
                if still.is_none() {
                    self.manager.alive().await;
                }
            }
            let status = self.status();
            if status != told {
                self.manager.status(&status).await;
                told = status;
            }
        }
    }

    /// The program's state on one line.
    pub(super) fn status(&self) -> String {
        let targets = self.snapshot.load();
        let is_failing =
            |state: &&Arc<TargetState>| state.apis.values().any(|api| api.consecutive_failures > 0);
        let failing = targets.values().filter(is_failing).count();
        let new = targets.values().filter(|state| !state.is_known()).count();
        let noun = if targets.len() == 1 {
            "target"
        } else {
            "targets"
        };
        let mut status = format!("serving on {}: {} {noun}", self.url, targets.len());
        for (count, what) in [(failing, "failing"), (new, "not polled yet")] {
            if count > 0 {
                status = format!("{status}, {count} {what}");
            }
        }
        if self.metrics.is_reload_refused() {
            status.push_str("; the latest reload was refused, see the log");
        }
        status
    }
}

/// The observed state of all polls at one moment.
struct Seen {
    steps: u64,
    /// Whether a poll is due or under way.
    is_due: bool,
    /// The longest time in which some poll makes a step, unless it is stuck.
    patience: Duration,
}

impl Seen {
    fn of(targets: &Targets, steps: u64, now: Instant) -> Self {
        let is_due = |state: &Arc<TargetState>| state.page.next_poll().is_none_or(|due| due <= now);
        let patience = |state: &Arc<TargetState>| {
            let app = &state.target.app;
            let turn = Duration::try_from_secs_f64(app.calls_per_second.recip());
            app.polling.timeout + turn.unwrap_or_default()
        };
        let longest = targets.values().map(patience).max().unwrap_or_default();
        Self {
            steps,
            is_due: targets.values().any(is_due),
            patience: PAUSES + 2 * longest,
        }
    }
}

/// The steps of all polls over time. This does not detect one stuck loop while others continue. A
/// loop that has ended is detected by its owner.
struct Steps {
    count: u64,
    /// The latest moment with a step, or with no poll due.
    moved: Instant,
}

impl Steps {
    fn new(now: Instant) -> Self {
        Self {
            count: 0,
            moved: now,
        }
    }

    fn go_on(&mut self, seen: &Seen, now: Instant) -> bool {
        if seen.steps != self.count || !seen.is_due {
            self.count = seen.steps;
            self.moved = now;
        }
        now.duration_since(self.moved) < seen.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::target::tests::target;
    use crate::target::snapshot::Recorder;

    #[test]
    fn a_poll_is_due_from_its_time_on_and_before_the_first() {
        let target = target("shop", "china");
        let snapshot = Arc::new(Snapshot::new(std::slice::from_ref(&target)));
        let now = Instant::now();
        let seen = |at| Seen::of(&snapshot.load(), 0, at);
        assert!(seen(now).is_due);
        let later = now + Duration::from_secs(1);
        Recorder::new(&target, Arc::clone(&snapshot)).next_poll(later);
        assert!(!seen(now).is_due);
        assert!(seen(later).is_due);
        let app = &target.app;
        let two_calls = 2.0 * (app.polling.timeout.as_secs_f64() + 1.0 / app.calls_per_second);
        let patience = (PAUSES + Duration::from_secs_f64(two_calls)).as_secs_f64();
        assert!((seen(now).patience.as_secs_f64() - patience).abs() < 0.001);
    }

    #[test]
    fn polls_that_are_due_must_make_steps() {
        let start = Instant::now();
        let mut steps = Steps::new(start);
        for (at, count, is_due, go_on) in [
            (0, 0, true, true),
            (99, 0, true, true),
            (100, 0, true, false),
            (101, 1, true, true),
            (200, 1, true, true),
            (201, 1, true, false),
            // No poll is due, so no step is missing.
            (202, 1, false, true),
            (900, 1, false, true),
            (999, 1, true, true),
            (1000, 1, true, false),
            (1001, 2, true, true),
        ] {
            let seen = Seen {
                steps: count,
                is_due,
                patience: Duration::from_secs(100),
            };
            let now = start + Duration::from_secs(at);
            assert_eq!(steps.go_on(&seen, now), go_on, "{at}");
        }
    }
}
