//! When something breaks: hours or minutes in which one vendor refuses most pushes.

use super::rhythm::seed;
use crate::window::{DAY, Range, UnixSeconds};

/// How often one platform's losses jump. When and what is fixed by the SDKAppID and time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Incidents {
    #[default]
    None,
    /// Twice a week for one to three hours.
    Weekly,
    /// Twice an hour for four to six minutes: short enough to see one begin and end.
    Demo,
}

/// What breaks: codes by which vendors refuse everything for a while.
pub(super) struct Cause {
    pub(super) platform: i64,
    pub(super) code: &'static str,
    pub(super) info: &'static str,
}

const CAUSES: [Cause; 4] = [
    // An expired or replaced credential.
    Cause {
        platform: 1,
        code: "403",
        info: "InvalidProviderToken",
    },
    Cause {
        platform: 3,
        code: "80200001",
        info: "OAuth authentication error",
    },
    Cause {
        platform: 6,
        code: "11",
        info: "invalid auth token",
    },
    // A quota used up.
    Cause {
        platform: 2,
        code: "200001",
        info: "over today's volume cap",
    },
];

/// A cause and the part of it that lies in the range asked about.
pub(super) struct Incident {
    pub(super) cause: &'static Cause,
    pub(super) range: Range,
}

impl Incidents {
    /// Seconds of a cycle, which holds one incident, and the incident's length.
    fn schedule(self) -> Option<(u64, std::ops::Range<u64>)> {
        match self {
            Self::None => None,
            Self::Weekly => Some((7 * DAY / 2, 3600..3 * 3600)),
            Self::Demo => Some((1800, 240..360)),
        }
    }

    /// The incidents of an app that overlap a range, cut to it. Takes time in proportion
    /// to the range: 3,000 steps for the longest that the service answers.
    pub(super) fn overlapping(self, app_seed: u64, range: Range) -> Vec<Incident> {
        let Some((cycle, lengths)) = self.schedule() else {
            return Vec::new();
        };
        let (first, last) = (range.start.0 / cycle, range.end.0 / cycle);
        (first..=last)
            .filter_map(|n| {
                let dice = |salt| seed(&[app_seed, cycle, n, salt]);
                let length = lengths.start + dice(1) % (lengths.end - lengths.start);
                let start = n.saturating_mul(cycle) + dice(2) % (cycle - length);
                let start_cut = start.max(range.start.0);
                let end_cut = start.saturating_add(length).min(range.end.0);
                let which = usize::from(u8::try_from(dice(3) % 4).unwrap_or(0));
                (start_cut < end_cut).then_some(Incident {
                    cause: CAUSES.get(which)?,
                    range: Range {
                        start: UnixSeconds(start_cut),
                        end: UnixSeconds(end_cut),
                    },
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(incidents: Incidents, start: u64, end: u64) -> u64 {
        let range = Range {
            start: UnixSeconds(start),
            end: UnixSeconds(end),
        };
        incidents
            .overlapping(7, range)
            .iter()
            .map(|i| i.range.end.0 - i.range.start.0)
            .sum()
    }

    proptest! {
        #[test]
        fn every_week_has_two_to_six_hours_of_incidents(week in 0_u64..10_000) {
            let length = seconds(Incidents::Weekly, week * 7 * DAY, (week + 1) * 7 * DAY);
            prop_assert!((2 * 3600..=6 * 3600).contains(&length));
        }

        #[test]
        fn every_hour_of_a_demo_has_minutes_of_incidents(hour in 0_u64..10_000_000) {
            let length = seconds(Incidents::Demo, hour * 3600, (hour + 1) * 3600);
            prop_assert!((480..=720).contains(&length));
        }

        #[test]
        fn a_split_range_has_the_same_incidents(start in 0_u64..1 << 31, first in 0_u64..DAY, second in 0_u64..DAY) {
            let (middle, end) = (start + first, start + first + second);
            prop_assert_eq!(
                seconds(Incidents::Demo, start, end),
                seconds(Incidents::Demo, start, middle) + seconds(Incidents::Demo, middle, end)
            );
        }
    }
}
