//! The moments of samples, and those at which a daemon polls.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::window::{DAY, UnixSeconds, day_anchor};
use crate::target::counters::Rules;

/// A moment at which something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    pub at: UnixSeconds,
    /// Whether the service is polled.
    pub polled: bool,
    /// Whether the window gauges are sampled.
    pub windows: bool,
    /// Whether the counters are sampled.
    pub counters: bool,
}

/// The stops from `from` to `to`, both included, with `spacing` between them.
///
/// Counters add further stops. A daemon polls often enough to close a day as soon as it has
/// settled, whatever the spacing. Where the spacing would skip what the counters show after
/// midnight (the final value of the closed day, then 0), those moments are sampled, too:
/// without them `increase()` would lose the end of the old day and the beginning of the new
/// one.
pub fn stops(
    from: UnixSeconds,
    to: UnixSeconds,
    spacing: Duration,
    counters: Option<&Rules>,
) -> Vec<Stop> {
    let spacing = spacing.as_secs().max(1);
    let mut stops: BTreeMap<u64, Stop> = (from.0..=to.0)
        .step_by(usize::try_from(spacing).unwrap_or(usize::MAX))
        .chain([to.0])
        .map(|at| {
            let stop = Stop {
                at: UnixSeconds(at),
                polled: true,
                windows: true,
                counters: counters.is_some(),
            };
            (at, stop)
        })
        .collect();
    if let Some(rules) = counters {
        let regular: Vec<u64> = stops.keys().copied().collect();
        let mut anchor = day_anchor(from, rules.day_offset).0;
        while anchor <= to.0 {
            let settled = anchor + rules.lag.as_secs();
            let before = regular.partition_point(|at| *at < settled);
            let last = before.checked_sub(1).and_then(|last| regular.get(last));
            let phases = phases(UnixSeconds(anchor), last.copied(), rules);
            for (start, end) in phases.into_iter().filter(|(start, end)| start < end) {
                let next = regular.partition_point(|at| *at < start);
                let missed = regular.get(next).is_none_or(|at| *at >= end);
                let closes = start == settled;
                if (closes || missed) && start > from.0 && start < to.0 {
                    let stop = stops.entry(start).or_insert(Stop {
                        at: UnixSeconds(start),
                        polled: false,
                        windows: false,
                        counters: missed,
                    });
                    stop.polled |= closes;
                }
            }
            anchor += DAY;
        }
    }
    stops.into_values().collect()
}

/// The periods of what the counters show once a day has `settled`: the closed day with 0 for
/// new series, the closed day as it is, zeros. `last` is the moment of the poll before.
fn phases(anchor: UnixSeconds, last: Option<u64>, rules: &Rules) -> [(u64, u64); 3] {
    let settled = anchor.0 + rules.lag.as_secs();
    let zero = rules.zero_hold.as_secs();
    let closed = rules.hold_end(anchor);
    let appeared = match last {
        // A series that appeared in so long a time is assumed to have been 0 before.
        Some(last) if settled - last > zero => settled,
        _ => rules
            .newcomers_zero_until(anchor, UnixSeconds(settled))
            .max(last.map_or(0, |last| last + zero)),
    };
    [
        (settled, appeared.min(closed).max(settled + 1)),
        (appeared, closed),
        (closed, closed + zero),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::target::tests::target;
    use proptest::prelude::*;

    /// A midnight at the default offset.
    const MIDNIGHT: u64 = 1_741_708_800;

    fn rules() -> Rules {
        Rules::of(&target("shop", "china"))
    }

    fn of(from: u64, to: u64, step: u64, rules: Option<&Rules>) -> Vec<Stop> {
        stops(
            UnixSeconds(from),
            UnixSeconds(to),
            Duration::from_secs(step),
            rules,
        )
    }

    fn sampled(stops: &[Stop]) -> Vec<u64> {
        stops
            .iter()
            .filter(|stop| stop.counters)
            .map(|stop| stop.at.0 - MIDNIGHT)
            .collect()
    }

    #[test]
    fn both_ends_are_there_though_the_step_does_not_meet_the_last() {
        let hours = of(MIDNIGHT + 100, MIDNIGHT + 9100, 3600, None);
        let at: Vec<u64> = hours.iter().map(|stop| stop.at.0 - MIDNIGHT).collect();
        assert_eq!(at, [100, 3700, 7300, 9100]);
        assert!(hours.iter().all(|stop| stop.polled && stop.windows));
    }

    #[test]
    fn what_is_shown_after_midnight_is_sampled_whatever_the_step() {
        let next = DAY;
        let stops = of(
            MIDNIGHT + DAY - 3600,
            MIDNIGHT + DAY + 3600,
            3600,
            Some(&rules()),
        );
        assert_eq!(
            sampled(&stops),
            [
                next - 3600,
                next,
                next + 120,
                next + 270,
                next + 540,
                next + 3600
            ]
        );
        let windows = stops.iter().filter(|stop| stop.windows).count();
        let polls = stops.iter().filter(|stop| stop.polled).count();
        assert_eq!((windows, polls), (3, 4));
    }

    #[test]
    fn a_step_that_meets_every_phase_needs_no_more_samples() {
        let (from, to) = (MIDNIGHT + DAY - 900, MIDNIGHT + DAY + 900);
        assert_eq!(
            sampled(&of(from, to, 60, Some(&rules()))),
            sampled(
                &of(from, to, 60, None)
                    .into_iter()
                    .map(|stop| Stop {
                        counters: true,
                        ..stop
                    })
                    .collect::<Vec<_>>()
            )
        );
    }

    proptest! {
        #[test]
        fn moments_ascend_and_the_regular_ones_are_all_there(
            from in 0..3 * DAY,
            length in 1..3 * DAY,
            step in 60..DAY,
        ) {
            let (from, to) = (MIDNIGHT + from, MIDNIGHT + from + length);
            let stops = of(from, to, step, Some(&rules()));
            prop_assert!(stops.windows(2).all(|pair| pair[0].at < pair[1].at));
            let windows: Vec<u64> = stops.iter().filter(|stop| stop.windows).map(|stop| stop.at.0).collect();
            let mut regular: Vec<u64> = (from..=to).step_by(usize::try_from(step).unwrap()).collect();
            if regular.last() != Some(&to) {
                regular.push(to);
            }
            prop_assert_eq!(windows, regular);
        }
    }
}
