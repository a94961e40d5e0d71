//! What the calls about each target came to.

use super::{Family, Sink, Writer, counter, gauge, labels, number};

const REQUESTS: Family = counter(
    "timpush_api_requests_total",
    "HTTP calls to the service by how they ended, retries included, but without those that broke with a kept connection and were made again. An outcome other than ok appears when it first occurs, and is 0 for a while.",
);
const ERRORS: Family = counter(
    "timpush_api_errors_total",
    "Answers of the service that refused with an error code. A code is 0 for a while from its first sight.",
);
const RETRIES: Family = counter(
    "timpush_api_retries_total",
    "HTTP calls that repeated a question within the same poll.",
);
const THROTTLE_WAIT: Family = counter(
    "timpush_api_throttle_wait_seconds_total",
    "Time that calls waited for the limit of calls per second of their SDKAppID.",
);
const BACKUP_IN_USE: Family = gauge(
    "timpush_target_backup_in_use",
    "1 while the region's backup host answers in place of its main host.",
);
const USERSIG_EXPIRY: Family = gauge(
    "timpush_usersig_expiry_timestamp_seconds",
    "When the signature in use expires; it is renewed at half of its life.",
);

impl Writer<'_> {
    pub(super) fn calls(&self, sink: &mut impl Sink) {
        let (state, now) = (self.state, self.now.steady);
        let (calls, zero_hold) = (&state.calls, state.target.app.holds.zero);
        let apis = || state.apis.keys().copied();
        sink.family(REQUESTS);
        for api in apis() {
            for (outcome, count) in calls.outcomes(api, now, zero_hold) {
                sink.sample(&labels::outcome(self.id, api, outcome), number(count));
            }
        }
        sink.family(ERRORS);
        for api in apis() {
            for (code, count) in calls.codes(api, now, zero_hold) {
                sink.sample(&labels::code(self.id, api, &code), number(count));
            }
        }
        sink.family(RETRIES);
        for api in apis() {
            sink.sample(&labels::api(self.id, api), number(calls.retries(api)));
        }
        sink.family(BACKUP_IN_USE);
        let in_use = u8::from(calls.is_backup_in_use());
        let [app, region] = labels::target(self.id);
        sink.sample(&[app, region], f64::from(in_use));
        sink.family(THROTTLE_WAIT);
        if let Some(calls) = state.app_calls {
            sink.sample(&[app], calls.throttled.as_secs_f64());
        }
        sink.family(USERSIG_EXPIRY);
        if let Some(expiry) = state.app_calls.and_then(|calls| calls.usersig_expiry) {
            sink.sample(&[app], expiry.as_f64());
        }
    }
}
