//! How many calls a configuration makes, and how many it may make.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::duration::text;
use super::{Config, Polling, Tasks};

/// Rounding errors in sums must not refuse a plan that fits exactly.
const EPSILON: f64 = 1e-9;

/// The steady load of every app. Retries come on top, and use the rest of the limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub rows: Vec<Row>,
}

/// One app's share of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub app: String,
    pub sdk_app_id: u32,
    pub regions: usize,
    /// Calls per round of polls over all regions.
    pub calls_per_poll: u32,
    pub interval: Duration,
    /// The maximum number of calls per round over the app's tasks in all regions.
    pub calls_per_round: u32,
    /// The time between two such rounds.
    pub round_interval: Duration,
    /// The maximum rate of calls per second of all apps with this SDKAppID together.
    pub limit: f64,
}

/// An SDKAppID with the sum of its apps.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Indices into [`Plan::rows`].
    pub rows: Vec<usize>,
    pub calls_per_second: f64,
    pub limit: f64,
    /// The smallest interval in whole seconds that keeps the limit if set in each of the apps;
    /// absent if their tasks alone exceed it.
    pub fitting_interval: Option<Duration>,
}

impl Row {
    pub(super) fn new(
        app: &str,
        sdk_app_id: u32,
        regions: usize,
        polling: &Polling,
        tasks: Option<&Tasks>,
        limit: f64,
    ) -> Self {
        let of = |targets: usize, calls: u32| {
            let targets = u32::try_from(targets).unwrap_or(u32::MAX);
            targets.saturating_mul(calls)
        };
        let targets = regions.saturating_mul(polling.pushes().count());
        Self {
            app: app.to_owned(),
            sdk_app_id,
            regions,
            calls_per_poll: of(targets, calls_per_target(polling)),
            interval: polling.interval,
            calls_per_round: tasks.map_or(0, |tasks| of(regions, tasks.calls(apis(polling)))),
            round_interval: tasks.map_or(Tasks::BUILT_IN.interval, |tasks| tasks.interval),
            limit,
        }
    }

    pub fn calls_per_second(&self) -> f64 {
        f64::from(self.calls_per_poll) / self.interval.as_secs_f64() + self.calls_for_tasks()
    }

    /// The calls per second for tasks.
    fn calls_for_tasks(&self) -> f64 {
        f64::from(self.calls_per_round) / self.round_interval.as_secs_f64()
    }
}

/// One call per API and query: the rolling window, and the day for counters.
fn calls_per_target(polling: &Polling) -> u32 {
    apis(polling) * (1 + u32::from(polling.counters))
}

fn apis(polling: &Polling) -> u32 {
    1 + u32::from(polling.statistics)
}

impl Plan {
    pub fn of(config: &Config) -> Self {
        let rows = config
            .apps
            .iter()
            .map(|app| {
                Row::new(
                    &app.name,
                    app.sdk_app_id,
                    app.regions.len(),
                    &app.polling,
                    app.tasks.as_ref(),
                    app.calls_per_second,
                )
            })
            .collect();
        Self { rows }
    }

    /// The sums by SDKAppID, which is how the service counts.
    pub fn loads(&self) -> BTreeMap<u32, Load> {
        let mut loads = BTreeMap::new();
        for (n, row) in self.rows.iter().enumerate() {
            let load = loads.entry(row.sdk_app_id).or_insert(Load {
                rows: Vec::new(),
                calls_per_second: 0.0,
                limit: row.limit,
                fitting_interval: None,
            });
            load.rows.push(n);
            load.calls_per_second += row.calls_per_second();
            load.limit = load.limit.min(row.limit);
        }
        for load in loads.values_mut() {
            let rows = || load.rows.iter().filter_map(|n| self.rows.get(*n));
            let calls: f64 = rows().map(|row| f64::from(row.calls_per_poll)).sum();
            let room = load.limit - rows().map(Row::calls_for_tasks).sum::<f64>();
            load.fitting_interval = (room > EPSILON)
                .then(|| (calls / room - EPSILON).ceil().max(1.0))
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        }
        loads
    }
}

impl Load {
    pub fn fits(&self) -> bool {
        self.calls_per_second <= self.limit + EPSILON
    }
}

/// A table for people, and a line for each SDKAppID that several apps share.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .rows
            .iter()
            .map(|row| row.app.chars().count())
            .fold("app".len(), usize::max);
        write!(
            f,
            "{:width$}  {:>10}  {:>7}  {:>10}  {:>8}  {:>7}  {:>5}  {:>5}",
            "app", "SDKAppID", "regions", "calls/poll", "interval", "calls/s", "limit", "share"
        )?;
        for row in &self.rows {
            let rate = row.calls_per_second();
            write!(
                f,
                "\n{:width$}  {:>10}  {:>7}  {:>10}  {:>8}  {:>7.3}  {:>5}  {:>4.0}%",
                row.app,
                row.sdk_app_id,
                row.regions,
                row.calls_per_poll,
                text(row.interval),
                rate,
                row.limit,
                100.0 * rate / row.limit
            )?;
        }
        for row in self.rows.iter().filter(|row| row.calls_per_round > 0) {
            write!(
                f,
                "\n{}: up to {} calls every {} are about tasks, {:.3} calls/s",
                row.app,
                row.calls_per_round,
                text(row.round_interval),
                row.calls_for_tasks()
            )?;
        }
        for (sdk_app_id, load) in self.loads() {
            if load.rows.len() > 1 {
                write!(
                    f,
                    "\nSDKAppID {sdk_app_id}, {} apps together: {:.3} calls/s of {}, {:.0}%",
                    load.rows.len(),
                    load.calls_per_second,
                    load.limit,
                    100.0 * load.calls_per_second / load.limit
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(app: &str, sdk_app_id: u32, calls_per_poll: u32, interval: u64, limit: f64) -> Row {
        Row {
            app: app.to_owned(),
            sdk_app_id,
            regions: 1,
            calls_per_poll,
            interval: Duration::from_secs(interval),
            calls_per_round: 0,
            round_interval: Tasks::BUILT_IN.interval,
            limit,
        }
    }

    #[test]
    fn a_plan_is_a_table_with_sums_of_shared_ids() {
        let plan = Plan {
            rows: vec![
                row("shop", 1, 2, 60, 0.9),
                row("a game", 2, 4, 120, 0.5),
                Row {
                    calls_per_round: 9,
                    ..row("x", 1, 2, 3600, 0.9)
                },
            ],
        };
        assert_eq!(
            plan.to_string(),
            "app       SDKAppID  regions  calls/poll  interval  calls/s  limit  share\n\
             shop             1        1           2        1m    0.033    0.9     4%\n\
             a game           2        1           4        2m    0.033    0.5     7%\n\
             x                1        1           2        1h    0.031    0.9     3%\n\
             x: up to 9 calls every 5m are about tasks, 0.030 calls/s\n\
             SDKAppID 1, 2 apps together: 0.064 calls/s of 0.9, 7%"
        );
    }

    proptest! {
        #[test]
        fn the_fitting_interval_is_the_smallest_that_fits(
            calls in prop::collection::vec(1_u32..200, 1..5),
            limit in 0.05_f64..5.0,
        ) {
            let plan = |interval| Plan {
                rows: calls.iter().map(|calls| row("a", 1, *calls, interval, limit)).collect(),
            };
            let fitting = plan(1).loads()[&1].fitting_interval.unwrap().as_secs();
            prop_assert!(plan(fitting).loads()[&1].fits());
            if fitting > 1 {
                prop_assert!(!plan(fitting - 1).loads()[&1].fits());
            }
        }
    }
}
