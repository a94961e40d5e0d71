//! When something breaks: hours or minutes in which one vendor refuses most pushes.

use std::borrow::Cow;

use super::rhythm::seed;
use crate::model::window::{DAY, Range};

/// How often one platform's losses jump. The SDKAppID and the time determine when, and what
/// breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Incidents {
    #[default]
    None,
    /// Twice a week for one to three hours.
    Weekly,
    /// Twice an hour for four to six minutes: short enough to see one begin and end.
    Demo,
}

/// What breaks: a code with which a vendor refuses most pushes for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Cause {
    /// `PushPlatform` (document 71898).
    pub(in crate::simulator) platform: i64,
    pub(in crate::simulator) code: Cow<'static, str>,
    pub(in crate::simulator) info: Cow<'static, str>,
}

/// An incident in addition to those of the app itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Injected {
    /// The app that is hit; `None` for all apps.
    pub(in crate::simulator) sdk_app_id: Option<u32>,
    pub(in crate::simulator) cause: Cause,
    pub(in crate::simulator) range: Range,
}

const fn cause(platform: i64, code: &'static str, info: &'static str) -> Cause {
    Cause {
        platform,
        code: Cow::Borrowed(code),
        info: Cow::Borrowed(info),
    }
}

/// An APNs credential that expired or was replaced.
pub(in crate::simulator) const EXPIRED: Cause = cause(1, "403", "InvalidProviderToken");

static CAUSES: [Cause; 4] = [
    EXPIRED,
    // The same for other vendors.
    cause(3, "80200001", "OAuth authentication error"),
    cause(6, "11", "invalid auth token"),
    // An exhausted quota.
    cause(2, "200001", "over today's volume cap"),
];

/// A cause, and its part of the queried range.
pub(super) struct Incident<'a> {
    pub(super) cause: &'a Cause,
    pub(super) range: Range,
}

/// The incidents that hit an app in a range, cut to it: the injected ones, and the app's own.
/// Its own ones give way where both hit a platform at the same time, so that no push is
/// refused twice.
pub(super) fn overlapping(
    own: Incidents,
    injected: &[Injected],
    sdk_app_id: u32,
    app_seed: u64,
    range: Range,
) -> Vec<Incident<'_>> {
    let asked_for = injected
        .iter()
        .filter(|incident| incident.sdk_app_id.is_none_or(|id| id == sdk_app_id))
        .map(|incident| Incident {
            cause: &incident.cause,
            range: Range {
                start: incident.range.start.max(range.start),
                end: incident.range.end.min(range.end),
            },
        })
        .filter(|incident| incident.range.start < incident.range.end);
    let mut apart = Vec::new();
    for incident in asked_for {
        let pieces = pieces(incident, &apart);
        apart.extend(pieces);
    }
    // The app's own incidents do not overlap each other, and may be many.
    let own = own.overlapping(app_seed, range).into_iter();
    let own: Vec<_> = own.flat_map(|incident| pieces(incident, &apart)).collect();
    apart.extend(own);
    apart
}

/// The parts of an incident in which no other incident of `others` hits the same platform.
fn pieces<'a>(
    Incident { cause, range }: Incident<'a>,
    others: &[Incident<'a>],
) -> impl Iterator<Item = Incident<'a>> + use<'a> {
    let mut left = vec![range];
    for other in others {
        if other.cause.platform == cause.platform {
            // Empty pieces are dropped at once: every further incident would cut each in two.
            left = left
                .iter()
                .flat_map(|range| without(*range, other.range))
                .filter(|piece| piece.start < piece.end)
                .collect();
        }
    }
    left.into_iter().map(move |range| Incident { cause, range })
}

/// The parts of a range before and after another one; either may be empty.
fn without(range: Range, other: Range) -> [Range; 2] {
    [
        Range {
            start: range.start,
            end: range.end.min(other.start),
        },
        Range {
            start: range.start.max(other.end),
            end: range.end,
        },
    ]
}

impl Incidents {
    /// The seconds of a cycle, which holds one incident, and the incident's possible lengths.
    fn schedule(self) -> Option<(u64, std::ops::Range<u64>)> {
        match self {
            Self::None => None,
            Self::Weekly => Some((7 * DAY / 2, 3600..3 * 3600)),
            Self::Demo => Some((1800, 240..360)),
        }
    }

    /// The incidents of an app that overlap a range, cut to it. The running time is linear in
    /// the range: 3,000 steps for the longest that the service accepts.
    fn overlapping(self, app_seed: u64, range: Range) -> Vec<Incident<'static>> {
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
                    range: Range::new(start_cut, end_cut),
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
        let range = Range::new(start, end);
        incidents
            .overlapping(7, range)
            .iter()
            .map(|i| i.range.end.0 - i.range.start.0)
            .sum()
    }

    #[test]
    fn a_vendor_that_fails_again_and_again_costs_no_more_each_time() {
        let injected: Vec<Injected> = (0..200)
            .map(|n| Injected {
                sdk_app_id: None,
                cause: CAUSES[0].clone(),
                range: Range::new(n * 60, n * 60 + 30),
            })
            .collect();
        let day = Range::new(0, DAY);
        let found = overlapping(Incidents::None, &injected, 1, 7, day);
        assert_eq!(found.len(), 200);
        let seconds: u64 = found.iter().map(|i| i.range.end.0 - i.range.start.0).sum();
        assert_eq!(seconds, 200 * 30);
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
