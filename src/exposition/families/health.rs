//! How the targets are doing, and how they are configured.

use super::{FUNNEL, Family, Sink, Writer, gauge, number, target_labels};
use std::collections::BTreeMap;

use crate::counters::Served;
use crate::reading::{Api, Reading};
use crate::snapshot::{ApiState, TargetState};
use crate::window::UnixSeconds;

const UP: Family = gauge(
    "timpush_target_up",
    "1 if the latest poll of the target's API succeeded, else 0.",
);
const LAST_SUCCESS: Family = gauge(
    "timpush_target_last_success_timestamp_seconds",
    "When an answer of the target's API was last published; 0 before the first.",
);
const LAST_NONZERO: Family = gauge(
    "timpush_target_last_nonzero_timestamp_seconds",
    "End of the latest window that held any count; 0 before the first.",
);
const FAILURES: Family = gauge(
    "timpush_target_consecutive_failures",
    "Failed polls of the target's API since the last success.",
);
const TARGET_INFO: Family = gauge(
    "timpush_target_info",
    "1; the SDKAppID and the configured host of a target.",
);
const WINDOW_SECONDS: Family = gauge(
    "timpush_target_window_seconds",
    "Configured length of the rolling window.",
);
const INTERVAL_SECONDS: Family = gauge(
    "timpush_target_interval_seconds",
    "Configured time between two polls.",
);
const LAG_SECONDS: Family = gauge(
    "timpush_target_lag_seconds",
    "Configured time by which the window's end lies behind now.",
);
const SERIES: Family = gauge(
    "timpush_target_series",
    "Data series that are served for the target: gauges of the window, descriptions and counters, not health.",
);
const SERIES_LIMIT: Family = gauge(
    "timpush_target_series_limit",
    "Configured limit of data series; the smallest counts beyond are summed up under err_code other.",
);
const FOLDED: Family = gauge(
    "timpush_target_folded_codes",
    "Codes that are summed up under err_code other, in the window and in the counters.",
);

/// What a family's samples say of each `T`.
type Value<'a, T> = &'a dyn Fn(&T) -> f64;

impl Writer<'_> {
    pub(super) fn health(&self, sink: &mut impl Sink) {
        let seconds = |at: Option<UnixSeconds>| at.unwrap_or_default().as_f64();
        let families: [(Family, Value<ApiState>); 4] = [
            (UP, &|api| f64::from(u8::from(api.up))),
            (LAST_SUCCESS, &|api| seconds(api.last_success)),
            (LAST_NONZERO, &|api| seconds(api.last_nonzero)),
            (FAILURES, &|api| f64::from(api.consecutive_failures)),
        ];
        for (family, value) in families {
            sink.family(family);
            for (id, state) in self.targets {
                for (api, api_state) in &state.apis {
                    let [app, region] = target_labels(id);
                    sink.sample(&[app, region, ("api", api.as_str())], value(api_state));
                }
            }
        }
    }

    pub(super) fn settings(&self, sink: &mut impl Sink) {
        sink.family(TARGET_INFO);
        for (id, state) in self.targets {
            let [app, region] = target_labels(id);
            let sdk_app_id = state.target.app.sdk_app_id.to_string();
            let host = state.target.region.main.authority();
            sink.sample(
                &[app, region, ("sdk_app_id", &sdk_app_id), ("host", host)],
                1.0,
            );
        }
        let families: [(Family, Value<TargetState>); 6] = [
            (WINDOW_SECONDS, &|state| {
                state.target.app.polling.window.as_secs_f64()
            }),
            (INTERVAL_SECONDS, &|state| {
                state.target.app.polling.interval.as_secs_f64()
            }),
            (LAG_SECONDS, &|state| {
                state.target.app.polling.lag.as_secs_f64()
            }),
            (SERIES, &|state| number(self.series(state))),
            (SERIES_LIMIT, &|state| {
                number(state.target.app.polling.series_limit as u64)
            }),
            (FOLDED, &|state| number(self.folded(state))),
        ];
        for (family, value) in families {
            sink.family(family);
            for (id, state) in self.targets {
                sink.sample(&target_labels(id), value(state));
            }
        }
    }

    /// How many data series a target has, by the same rules as they are written.
    fn series(&self, state: &TargetState) -> u64 {
        let windows = state
            .apis
            .keys()
            .filter_map(|api| state.current(*api, self.now.steady))
            .map(|good| {
                let rows = match &good.reading {
                    Reading::Loss(rows) => {
                        let described = rows.values().filter(|loss| !loss.description.is_empty());
                        rows.len() + described.count()
                    }
                    Reading::Statistics { platforms, .. } => FUNNEL.len() * (1 + platforms.len()),
                };
                // Start and end of the window.
                rows as u64 + 2
            });
        let id = state.target.id();
        let counted: Vec<(Api, &Served)> = state
            .apis
            .keys()
            .filter_map(|api| Some((*api, self.counted.get(&(&id, *api))?)))
            .collect();
        let counters = counted.iter().map(|(api, served)| {
            let revised = match api {
                Api::NormalPushLoss => served.revised_down.len(),
                Api::NormalPushStatistics => 0,
            };
            (served.counts.len() + revised) as u64
        });
        let late = match state.apis.get(&Api::NormalPushLoss) {
            Some(api) if state.has_counters() => {
                api.ledger.late_pushes().map_or(0, BTreeMap::len) as u64
            }
            _ => 0,
        };
        let anchor = u64::from(!counted.is_empty());
        windows.chain(counters).sum::<u64>() + late + anchor
    }

    fn folded(&self, state: &TargetState) -> u64 {
        let id = state.target.id();
        let api = Api::NormalPushLoss;
        let window = state
            .current(api, self.now.steady)
            .map_or(0, |good| good.folded);
        let counters = self
            .counted
            .get(&(&id, api))
            .map_or(0, |served| served.folded);
        (window + counters) as u64
    }
}
