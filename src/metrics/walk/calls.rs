//! Outcomes and costs of the API calls of each target.

use super::{Encoder, Writer, labels, number};
use crate::families::calls;

impl Writer<'_> {
    pub(super) fn calls(&self, out: &mut Encoder) {
        let (state, now) = (self.state, self.now.steady);
        let (calls, zero_hold) = (&state.calls, state.target.app.holds.zero);
        let apis = || state.apis.keys().copied();
        out.family(calls::REQUESTS);
        for api in apis() {
            for (outcome, count) in calls.outcomes(api, now, zero_hold) {
                out.sample(&labels::outcome(self.id, api, outcome), number(count));
            }
        }
        out.family(calls::ERRORS);
        for api in apis() {
            for (code, count) in calls.codes(api, now, zero_hold) {
                out.sample(&labels::code(self.id, api, &code), number(count));
            }
        }
        out.family(calls::RETRIES);
        for api in apis() {
            out.sample(&labels::api(self.id, api), number(calls.retries(api)));
        }
        out.family(calls::BACKUP_IN_USE);
        let in_use = u8::from(calls.is_backup_in_use());
        let [app, region, push] = labels::target(self.id);
        out.sample(&[app, region, push], f64::from(in_use));
        out.family(calls::THROTTLE_WAIT);
        if let Some(calls) = state.app_calls {
            out.sample(&[app], calls.throttled.as_secs_f64());
        }
        out.family(calls::USERSIG_EXPIRY);
        if let Some(expiry) = state.app_calls.and_then(|calls| calls.usersig_expiry) {
            out.sample(&[app], expiry.as_f64());
        }
    }
}
