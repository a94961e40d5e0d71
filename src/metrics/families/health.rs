//! How the targets are doing, and how they are configured.

use super::{Family, Sink, Writer, gauge, labels, number};
use crate::model::reading::Api;
use crate::model::window::UnixSeconds;
use crate::target::snapshot::ApiState;

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
            for (api, api_state) in &self.state.apis {
                sink.sample(&labels::api(self.id, *api), value(api_state));
            }
        }
        self.proofs(sink);
    }

    pub(super) fn settings(&self, sink: &mut impl Sink) {
        let target = &self.state.target;
        let sdk_app_id = target.app.sdk_app_id.to_string();
        let host = target.region.main.authority();
        sink.family(TARGET_INFO);
        sink.sample(&labels::host(self.id, &sdk_app_id, host), 1.0);
        let polling = &target.app.polling;
        for (family, setting) in [
            (WINDOW_SECONDS, polling.window),
            (INTERVAL_SECONDS, polling.interval),
            (LAG_SECONDS, polling.lag),
        ] {
            sink.family(family);
            sink.sample(&labels::target(self.id), setting.as_secs_f64());
        }
    }

    /// How far `series` data series and what is folded are from the limit.
    pub(super) fn bounds(&self, series: u64, sink: &mut impl Sink) {
        let limit = self.state.target.app.polling.series_limit as u64;
        for (family, value) in [
            (SERIES, series),
            (SERIES_LIMIT, limit),
            (FOLDED, self.folded()),
        ] {
            sink.family(family);
            sink.sample(&labels::target(self.id), number(value));
        }
    }

    fn folded(&self) -> u64 {
        let api = Api::NormalPushLoss;
        let good = self.state.current(api, self.now.steady);
        let window = good.map_or(0, |good| good.folded);
        let counters = self.counted.get(&api).map_or(0, |served| served.folded);
        (window + counters) as u64
    }
}
