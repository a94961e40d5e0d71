//! The service allows one call a second for an SDKAppID (document 71898) and punishes more.
//! One limiter therefore spaces all calls of an SDKAppID, whatever their region.

use std::time::Duration;

use tokio::sync::{Mutex, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

/// How long the next call may wait for the end of a call. The service gives up on a call
/// after 3 s (document 68926), so it has long counted the call by then.
const LONGEST_ARRIVAL: Duration = Duration::from_secs(3);

/// Lets calls through one at a time, spaced so that they arrive spaced.
///
/// The service counts a call when it arrives. That time is only known to be between the
/// call's start and its end: a call that has to connect first arrives late, and the next one,
/// on the warm connection, would follow too closely. So the next call starts a full gap after
/// the start of the one before and most of a gap after its end.
pub(super) struct Limiter {
    gap: Duration,
    last: Mutex<Option<Call>>,
}

struct Call {
    started: Instant,
    ended: Ended,
}

enum Ended {
    Unknown(oneshot::Receiver<Instant>),
    At(Instant),
}

/// Permission for one call. Dropping it marks the call's end.
pub(super) struct Permit {
    /// How long the call waited for its turn.
    pub(super) waited: Duration,
    ended: Option<oneshot::Sender<Instant>>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            // There is no receiver if no other call follows.
            let _ = ended.send(Instant::now());
        }
    }
}

impl Limiter {
    /// `calls_per_second` is above 0; infinity means no limit. In a configuration it is
    /// finite.
    pub(super) fn new(calls_per_second: f64) -> Self {
        Self {
            gap: Duration::from_secs_f64(1.0 / calls_per_second),
            last: Mutex::new(None),
        }
    }

    /// Whether this limiter allows exactly that many calls a second.
    pub(super) fn is_of(&self, calls_per_second: f64) -> bool {
        self.gap == Duration::from_secs_f64(1.0 / calls_per_second)
    }

    /// Waits for a turn, first come first served, and then for `and`. The turn begins when
    /// both are available. A caller that gives up delays no other.
    pub(super) async fn acquire<T>(&self, and: impl Future<Output = T>) -> (Permit, T) {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(call) = last.as_mut() {
            if let Ended::Unknown(end) = &mut call.ended {
                let latest = call.started + LONGEST_ARRIVAL;
                call.ended = Ended::At(match timeout_at(latest, end).await {
                    Ok(Ok(ended)) => ended.min(latest),
                    Ok(Err(_)) | Err(_) => latest,
                });
            }
            if let Ended::At(ended) = call.ended {
                sleep_until((call.started + self.gap).max(ended + self.gap * 9 / 10)).await;
            }
        }
        let waited = asked.elapsed();
        let and = and.await;
        let (ended, end) = oneshot::channel();
        *last = Some(Call {
            started: Instant::now(),
            ended: Ended::Unknown(end),
        });
        let permit = Permit {
            waited,
            ended: Some(ended),
        };
        (permit, and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::time::sleep;

    fn seconds(s: f64) -> Duration {
        Duration::from_secs_f64(s)
    }

    /// Runs `n` callers at once, each holding its permit for `held`; returns their starts.
    async fn starts(limiter: Arc<Limiter>, n: usize, held: Duration) -> Vec<Duration> {
        let origin = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..n {
            let limiter = Arc::clone(&limiter);
            tasks.spawn(async move {
                let (permit, ()) = limiter.acquire(async {}).await;
                let start = origin.elapsed();
                sleep(held).await;
                drop(permit);
                start
            });
        }
        let mut starts = tasks.join_all().await;
        starts.sort();
        starts
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_call_does_not_wait() {
        assert_eq!(
            Limiter::new(0.9).acquire(async {}).await.0.waited,
            Duration::ZERO
        );
    }

    #[tokio::test(start_paused = true)]
    async fn quick_calls_are_a_full_gap_apart() {
        let starts = starts(Arc::new(Limiter::new(0.9)), 5, seconds(0.05)).await;
        for pair in starts.windows(2) {
            let apart = (pair[1] - pair[0]).as_secs_f64();
            assert!((1.111..1.115).contains(&apart), "{starts:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_call_is_followed_at_least_a_second_after_its_end() {
        let starts = starts(Arc::new(Limiter::new(0.9)), 3, seconds(0.8)).await;
        for pair in starts.windows(2) {
            assert!((pair[1] - pair[0]).as_secs_f64() >= 1.8, "{starts:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_call_holds_the_others_up_for_a_bounded_time() {
        let starts = starts(Arc::new(Limiter::new(0.9)), 3, seconds(60.0)).await;
        for pair in starts.windows(2) {
            assert!((pair[1] - pair[0]).as_secs_f64() < 4.1, "{starts:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_gives_up_while_waiting_takes_no_turn() {
        let limiter = Limiter::new(0.9);
        drop(limiter.acquire(async {}).await);
        for _ in 0..3 {
            assert!(
                tokio::time::timeout(seconds(0.2), limiter.acquire(async {}))
                    .await
                    .is_err()
            );
        }
        let (permit, ()) = limiter.acquire(async {}).await;
        assert!(permit.waited < seconds(0.6), "{:?}", permit.waited);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_pause_the_next_call_does_not_wait() {
        let limiter = Limiter::new(0.5);
        drop(limiter.acquire(async {}).await);
        sleep(seconds(2.0)).await;
        assert_eq!(limiter.acquire(async {}).await.0.waited, Duration::ZERO);
    }
}
