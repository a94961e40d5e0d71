//! How often one SDKAppID may call, and how often its signatures may be wrong.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// The number of bad signatures within [`BAD_SIGNATURE_WINDOW`] after which the service
/// checks no more.
const BAD_SIGNATURES: usize = 3;

/// The documents state "too frequent" (code 70050), but no time.
const BAD_SIGNATURE_WINDOW: Duration = Duration::from_secs(10);

/// The service's limits, each per SDKAppID and by the steady clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The minimum time between two calls that pass (document 71898: one a second); a call
    /// that does not pass does not count. Zero: no limit.
    pub spacing: Duration,
    /// How long every signature is refused (70050) after three bad ones within 10 s, even a
    /// good one (document 34348: try again after a minute). Zero: never.
    pub signature_block: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            spacing: Duration::from_secs(1),
            signature_block: Duration::from_secs(60),
        }
    }
}

/// The state of the limits.
pub(super) struct Limiter {
    limits: Limits,
    apps: BTreeMap<u32, History>,
}

#[derive(Default)]
struct History {
    last_passed: Option<Instant>,
    /// At most [`BAD_SIGNATURES`], oldest first.
    bad_signatures: VecDeque<Instant>,
    blocked_until: Option<Instant>,
}

impl Limiter {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            apps: BTreeMap::new(),
        }
    }

    /// Whether a call that arrives at `now` passes.
    pub(super) fn passes(&mut self, sdk_app_id: u32, now: Instant) -> bool {
        let history = self.apps.entry(sdk_app_id).or_default();
        let passes = history
            .last_passed
            .is_none_or(|last| now.saturating_duration_since(last) >= self.limits.spacing);
        if passes {
            history.last_passed = Some(now);
        }
        passes
    }

    /// Whether signatures are refused without a check.
    pub(super) fn is_blocked(&self, sdk_app_id: u32, now: Instant) -> bool {
        self.apps
            .get(&sdk_app_id)
            .and_then(|history| history.blocked_until)
            .is_some_and(|until| now < until)
    }

    pub(super) fn bad_signature(&mut self, sdk_app_id: u32, now: Instant) {
        let history = self.apps.entry(sdk_app_id).or_default();
        history
            .bad_signatures
            .retain(|at| now.saturating_duration_since(*at) < BAD_SIGNATURE_WINDOW);
        history.bad_signatures.push_back(now);
        if history.bad_signatures.len() >= BAD_SIGNATURES {
            history.bad_signatures.clear();
            history.blocked_until = now.checked_add(self.limits.signature_block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_a_second_passes_and_refused_ones_do_not_count() {
        let (mut limiter, start) = (Limiter::new(Limits::default()), Instant::now());
        for (at, passes) in [
            (0, true),
            (500, false),
            (999, false),
            (1000, true),
            (1999, false),
            (2100, true),
        ] {
            assert_eq!(limiter.passes(1, start + ms(at)), passes, "{at} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn apps_are_limited_apart() {
        let (mut limiter, start) = (Limiter::new(Limits::default()), Instant::now());
        assert!(limiter.passes(1, start) && limiter.passes(2, start));
    }

    #[tokio::test(start_paused = true)]
    async fn three_bad_signatures_in_ten_seconds_block_for_a_minute() {
        let (mut limiter, start) = (Limiter::new(Limits::default()), Instant::now());
        for at in [0, 10_000, 12_000] {
            limiter.bad_signature(1, start + ms(at));
            assert!(!limiter.is_blocked(1, start + ms(at)), "{at} ms");
        }
        limiter.bad_signature(1, start + ms(13_000));
        assert!(limiter.is_blocked(1, start + ms(13_001)));
        assert!(!limiter.is_blocked(2, start + ms(13_001)));
        assert!(limiter.is_blocked(1, start + ms(72_999)));
        assert!(!limiter.is_blocked(1, start + ms(73_000)));
    }

    #[tokio::test(start_paused = true)]
    async fn zero_turns_a_limit_off() {
        let limits = Limits {
            spacing: Duration::ZERO,
            signature_block: Duration::ZERO,
        };
        let (mut limiter, start) = (Limiter::new(limits), Instant::now());
        for _ in 0..9 {
            limiter.bad_signature(1, start);
            assert!(limiter.passes(1, start) && !limiter.is_blocked(1, start));
        }
    }
}
