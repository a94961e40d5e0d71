//! How many calls a configuration makes, against how many it may.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::duration::text;
use super::{Config, Polling};

/// Rounding of sums of quotients must not refuse a plan that fits exactly.
const EPSILON: f64 = 1e-9;

/// The steady load of every app. Retries come on top, and are what the rest of the
/// limit is for.
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
    /// Calls that one round of polls makes over all regions.
    pub calls_per_poll: u32,
    pub interval: Duration,
    /// Calls per second that all apps with this SDKAppID may make together.
    pub limit: f64,
}

/// An SDKAppID with the sum of its apps.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Indices into [`Plan::rows`].
    pub rows: Vec<usize>,
    pub calls_per_second: f64,
    pub limit: f64,
    /// The smallest interval in whole seconds that, set in each of the apps, keeps the
    /// limit.
    pub fitting_interval: Duration,
}

impl Row {
    pub(super) fn new(
        app: &str,
        sdk_app_id: u32,
        regions: usize,
        polling: &Polling,
        limit: f64,
    ) -> Self {
        let targets =
            u32::try_from(regions.saturating_mul(polling.pushes().count())).unwrap_or(u32::MAX);
        Self {
            app: app.to_owned(),
            sdk_app_id,
            regions,
            calls_per_poll: targets.saturating_mul(calls_per_target(polling)),
            interval: polling.interval,
            limit,
        }
    }

    pub fn calls_per_second(&self) -> f64 {
        f64::from(self.calls_per_poll) / self.interval.as_secs_f64()
    }
}

/// One call for each API and question: the rolling window, and the day for counters.
fn calls_per_target(polling: &Polling) -> u32 {
    let apis = 1 + u32::from(polling.statistics);
    apis * (1 + u32::from(polling.counters))
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
                    app.calls_per_second,
                )
            })
            .collect();
        Self { rows }
    }

    /// The sums by SDKAppID, since the service counts by it.
    pub fn loads(&self) -> BTreeMap<u32, Load> {
        let mut loads = BTreeMap::new();
        for (n, row) in self.rows.iter().enumerate() {
            let load = loads.entry(row.sdk_app_id).or_insert(Load {
                rows: Vec::new(),
                calls_per_second: 0.0,
                limit: row.limit,
                fitting_interval: Duration::ZERO,
            });
            load.rows.push(n);
            load.calls_per_second += row.calls_per_second();
            load.limit = load.limit.min(row.limit);
        }
        for load in loads.values_mut() {
            let calls: f64 = load
                .rows
                .iter()
                .filter_map(|n| self.rows.get(*n))
                .map(|row| f64::from(row.calls_per_poll))
                .sum();
            load.fitting_interval =
                Duration::try_from_secs_f64((calls / load.limit - EPSILON).ceil().max(1.0))
                    .unwrap_or(Duration::MAX);
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
            limit,
        }
    }

    #[test]
    fn a_plan_is_a_table_with_sums_of_shared_ids() {
        let plan = Plan {
            rows: vec![
                row("shop", 1, 2, 60, 0.9),
                row("a game", 2, 4, 120, 0.5),
                row("x", 1, 2, 3600, 0.9),
            ],
        };
        assert_eq!(
            plan.to_string(),
            "app       SDKAppID  regions  calls/poll  interval  calls/s  limit  share\n\
             shop             1        1           2        1m    0.033    0.9     4%\n\
             a game           2        1           4        2m    0.033    0.5     7%\n\
             x                1        1           2        1h    0.001    0.9     0%\n\
             SDKAppID 1, 2 apps together: 0.034 calls/s of 0.9, 4%"
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
            let fitting = plan(1).loads()[&1].fitting_interval.as_secs();
            prop_assert!(plan(fitting).loads()[&1].fits());
            if fitting > 1 {
                prop_assert!(!plan(fitting - 1).loads()[&1].fits());
            }
        }
    }
}
