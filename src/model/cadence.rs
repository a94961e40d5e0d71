//! When the next poll is due: pure functions of steady time.

use std::time::Duration;

use tokio::time::Instant;

/// First polls are spread over at most this long, so that a new process polls everything soon
/// after its start. Later ones are spread over the whole interval.
const LONGEST_SPREAD: Duration = Duration::from_secs(10);

/// The longest wait that failures alone can cause.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(300);

/// The rhythm of one target: an early first poll, then a phase that stays the same for the
/// life of the process.
#[derive(Clone, Copy, Debug)]
pub struct Cadence {
    interval: Duration,
    first: Instant,
    /// The second poll: the first moment of the phase that is at least half an interval
    /// after the first poll, and so at most one and a half.
    second: Instant,
}

impl Cadence {
    /// A target's place in the spread is `fraction`, in 0..1.
    pub fn new(interval: Duration, start: Instant, fraction: f64) -> Self {
        let first = start + interval.min(LONGEST_SPREAD).mul_f64(fraction);
        let phase = start + interval.mul_f64(fraction);
        let second = if phase >= first + interval / 2 {
            phase
        } else {
            phase + interval
        };
        Self {
            interval,
            first,
            second,
        }
    }

    /// When the first poll is due.
    pub fn first(self) -> Instant {
        self.first
    }

    /// The first moment of the rhythm after `now`; missed polls are skipped.
    pub fn next(self, now: Instant) -> Instant {
        if now < self.second {
            return self.second;
        }
        let since = now.duration_since(self.second).as_nanos();
        let step = self.interval.as_nanos().max(1);
        let ahead = u64::try_from(step - since % step).unwrap_or(u64::MAX);
        now + Duration::from_nanos(ahead)
    }

    /// When to poll again after `failures` consecutive failures, the latest of which began at
    /// `began`. The wait doubles with each failure from the second on, up to 5 minutes or one
    /// interval, whichever is longer. `jitter` in 0..1 shortens it by up to a tenth, so that
    /// targets that failed together do not retry together.
    pub fn after_failures(
        self,
        failures: u32,
        began: Instant,
        now: Instant,
        jitter: f64,
    ) -> Instant {
        if failures <= 1 {
            return self.next(now);
        }
        let doubled = self
            .interval
            .saturating_mul(1_u32.checked_shl(failures - 1).unwrap_or(u32::MAX));
        let wait = doubled
            .min(LONGEST_BACK_OFF.max(self.interval))
            .mul_f64(1.0 - jitter / 10.0);
        (began + wait).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(s: f64) -> Duration {
        Duration::from_secs_f64(s)
    }

    #[test]
    fn first_polls_are_spread_over_the_interval_or_ten_seconds() {
        let start = Instant::now();
        for (interval, fraction, delay) in [
            (60.0, 0.0, 0.0),
            (60.0, 0.5, 5.0),
            (60.0, 0.999, 9.99),
            (4.0, 0.5, 2.0),
        ] {
            let first = Cadence::new(seconds(interval), start, fraction).first();
            assert_eq!(first - start, seconds(delay), "{interval} {fraction}");
        }
    }

    #[test]
    fn polls_of_many_targets_are_spread_over_the_whole_interval_from_the_second_on() {
        let (start, interval, targets) = (Instant::now(), 60.0, 600);
        let mut by_tenth = [0; 10];
        for target in 0..targets {
            let fraction = f64::from(target) / f64::from(targets);
            let cadence = Cadence::new(seconds(interval), start, fraction);
            let third = cadence.next(cadence.next(cadence.first()));
            let phase = (third - start).as_secs_f64() % interval;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "in 0..10"
            )]
            let tenth = (phase / interval * 10.0) as usize;
            by_tenth[tenth.min(9)] += 1;
        }
        assert!(
            by_tenth.iter().all(|polls| (55..=65).contains(polls)),
            "{by_tenth:?}"
        );
    }

    #[test]
    fn polls_keep_their_phase_and_leave_out_what_was_missed() {
        let start = Instant::now();
        let cadence = Cadence::new(seconds(60.0), start, 0.5);
        for (now, next) in [
            (0.0, 90.0),
            (5.0, 90.0),
            (89.9, 90.0),
            (90.0, 150.0),
            (300.0, 330.0),
            (330.0, 390.0),
        ] {
            assert_eq!(
                cadence.next(start + seconds(now)) - start,
                seconds(next),
                "{now}"
            );
        }
    }

    #[test]
    fn back_off_doubles_up_to_five_minutes_or_the_interval() {
        let start = Instant::now();
        for (interval, waits) in [
            (60.0, [60.0, 120.0, 240.0, 300.0, 300.0]),
            (600.0, [600.0, 600.0, 600.0, 600.0, 600.0]),
            (5.0, [5.0, 10.0, 20.0, 40.0, 80.0]),
        ] {
            let cadence = Cadence::new(seconds(interval), start, 0.0);
            for (failures, wait) in (1..).zip(waits) {
                let due = cadence.after_failures(failures, start, start, 0.0);
                assert_eq!(due - start, seconds(wait), "{interval} after {failures}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_next_poll_is_later_than_now_and_at_most_an_interval_away(
            interval in 1_u64..10_000, fraction in 0.0..1.0_f64, later in 0_u64..1_000_000_000,
        ) {
            let start = Instant::now();
            let interval = Duration::from_secs(interval);
            let cadence = Cadence::new(interval, start, fraction);
            let first = cadence.first();
            let second = cadence.next(first);
            let gap = second - first;
            prop_assert!(gap >= interval / 2 && gap <= interval * 3 / 2);
            let now = second + Duration::from_millis(later);
            let next = cadence.next(now);
            prop_assert!(next > now && next - now <= interval);
        }

        #[test]
        fn a_back_off_is_bounded_and_jitter_takes_at_most_a_tenth(
            interval in 1_u64..10_000, failures in 2_u32..100, jitter in 0.0..1.0_f64,
        ) {
            let start = Instant::now();
            let cadence = Cadence::new(Duration::from_secs(interval), start, 0.0);
            let wait = cadence.after_failures(failures, start, start, jitter) - start;
            let longest = LONGEST_BACK_OFF.max(Duration::from_secs(interval));
            prop_assert!(wait <= longest);
            let full = cadence.after_failures(failures, start, start, 0.0) - start;
            prop_assert!(wait >= full.mul_f64(0.899));
        }
    }
}
