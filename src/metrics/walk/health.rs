//! Health and configuration of the targets.

use super::{Encoder, Writer, labels, number};
use crate::families::{Family, health};
use crate::model::reading::Api;
use crate::model::window::UnixSeconds;
use crate::target::snapshot::ApiState;

/// The value of a family's samples for each `T`.
type Value<'a, T> = &'a dyn Fn(&T) -> f64;

impl Writer<'_> {
    pub(super) fn health(&self, out: &mut Encoder) {
        let seconds = |at: Option<UnixSeconds>| at.unwrap_or_default().as_f64();
        let families: [(Family, Value<ApiState>); 4] = [
            (health::UP, &|api| f64::from(u8::from(api.up))),
            (health::LAST_SUCCESS, &|api| seconds(api.last_success)),
            (health::LAST_NONZERO, &|api| seconds(api.last_nonzero)),
            (health::FAILURES, &|api| f64::from(api.consecutive_failures)),
        ];
        for (family, value) in families {
            out.family(family);
            for (api, api_state) in &self.state.apis {
                out.sample(&labels::api(self.id, *api), value(api_state));
            }
        }
        self.proofs(out);
    }

    pub(super) fn settings(&self, out: &mut Encoder) {
        let target = &self.state.target;
        let sdk_app_id = target.app.sdk_app_id.to_string();
        let host = target.region.main.authority();
        out.family(health::TARGET_INFO);
        out.sample(&labels::host(self.id, &sdk_app_id, host), 1.0);
        let polling = &target.app.polling;
        for (family, setting) in [
            (health::WINDOW_SECONDS, polling.window),
            (health::INTERVAL_SECONDS, polling.interval),
            (health::LAG_SECONDS, polling.lag),
        ] {
            out.family(family);
            out.sample(&labels::target(self.id), setting.as_secs_f64());
        }
    }

    /// The number of data series and folded codes, and the limit.
    pub(super) fn bounds(&self, series: u64, out: &mut Encoder) {
        let limit = self.state.target.app.polling.series_limit as u64;
        for (family, value) in [
            (health::SERIES, series),
            (health::SERIES_LIMIT, limit),
            (health::FOLDED, self.folded()),
        ] {
            out.family(family);
            out.sample(&labels::target(self.id), number(value));
        }
    }

    fn folded(&self) -> u64 {
        let api = Api::losses(self.id.push);
        let good = self.state.losses(self.now.steady);
        let window = good.map_or(0, |good| good.folded);
        let counters = self.counted.get(&api).map_or(0, |served| served.folded);
        (window + counters) as u64
    }
}
