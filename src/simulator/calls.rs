//! The log of calls: who queried what and when, without secrets.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::model::reading::Api;
use crate::model::window::Range;

/// The maximum number of calls remembered; older ones are forgotten.
pub const MAX_CALLS: usize = 10_000;

/// One call, as far as it was readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When its headers had arrived.
    pub at: Instant,
    pub sdk_app_id: Option<u32>,
    pub api: Option<Api>,
    pub range: Option<Range>,
    /// The result of the service's checks: an error code, or 0. Faults do not change it.
    pub verdict: u32,
    /// The fault that replaced the response, by its key in a scenario.
    pub fault: Option<String>,
    /// The `ErrorCode` that the client receives, if any.
    pub code: Option<u32>,
}

#[derive(Default)]
pub(super) struct Calls(VecDeque<Call>);

impl Calls {
    pub(super) fn push(&mut self, call: Call) {
        if self.0.len() >= MAX_CALLS {
            self.0.pop_front();
        }
        self.0.push_back(call);
    }

    /// Oldest first.
    pub(super) fn all(&self) -> Vec<Call> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_the_newest_calls_and_is_bounded() {
        let mut calls = Calls::default();
        for code in 0..10_007 {
            calls.push(Call {
                at: Instant::now(),
                sdk_app_id: None,
                api: None,
                range: None,
                verdict: code,
                fault: None,
                code: None,
            });
        }
        let all = calls.all();
        assert_eq!((all.len(), all[0].verdict), (MAX_CALLS, 7));
    }
}
