//! What two adjacent ranges prove, and how it is worded.

use std::fmt;

use crate::model::reading::CountKey;
use crate::model::window::UnixSeconds;

/// What the responses about two adjacent ranges prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Additivity {
    /// The parts add up to the whole, and there was something to add.
    Additive,
    /// The parts add up except for the second that they share, whichever edge is moved away
    /// from it. Counters are off by the pushes of one second a day.
    Edges { edges: Edges, evidence: Evidence },
    /// The parts do not add up.
    NotAdditive {
        evidence: Evidence,
        /// The one move by a second that would make them add up, if any. The service then
        /// counts whole buckets (days, hours), and the edge falls into one of them: counters
        /// are wrong by a bucket unless every query includes that move.
        moved: Option<Moved>,
    },
    /// Nothing is proved; worth another try a day later.
    Unknown(Why),
}

impl Additivity {
    /// `Some(false)` if counters must be disabled; `None` while unknown.
    pub fn passes(&self) -> Option<bool> {
        match self {
            Self::Additive | Self::Edges { .. } => Some(true),
            Self::NotAdditive { .. } => Some(false),
            Self::Unknown(_) => None,
        }
    }

    /// Stable names, for machines.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Additive => "additive",
            Self::Edges {
                edges: Edges::Inclusive,
                ..
            } => "inclusive_edges",
            Self::Edges {
                edges: Edges::Exclusive,
                ..
            } => "exclusive_edges",
            Self::NotAdditive { .. } => "not_additive",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// A sentence for people, without a full stop.
impl fmt::Display for Additivity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Additive => f.write_str("adjacent ranges add up for every code"),
            Self::Edges { edges, evidence } => write!(
                f,
                "adjacent ranges add up but for the second that they share, which {}: {evidence}",
                match edges {
                    Edges::Inclusive => "is counted in both (StartTime and EndTime are inclusive)",
                    Edges::Exclusive =>
                        "is counted in neither (StartTime and EndTime are exclusive)",
                }
            ),
            Self::NotAdditive { evidence, moved } => {
                write!(f, "adjacent ranges do not add up: {evidence}")?;
                match moved {
                    Some(moved) => write!(
                        f,
                        "; they would with {moved}, so the edge falls into a bucket that is counted whole"
                    ),
                    None => Ok(()),
                }
            }
            Self::Unknown(why) => write!(f, "unknown: {why}"),
        }
    }
}

/// How the service treats the seconds at the two ends of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// Both ends belong to the range.
    Inclusive,
    /// Neither end does.
    Exclusive,
}

/// The reason why nothing is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No code was counted in both ranges.
    Quiet,
    /// The only differences are in counts that changed while they were queried.
    Moving,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quiet => "no pushes in these ranges, or none that were counted in both",
            Self::Moving => "the counts changed while they were queried",
        })
    }
}

/// Which edge was moved by a second, and where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    FirstEndsEarlier,
    SecondStartsLater,
    FirstEndsLater,
    SecondStartsEarlier,
}

impl Moved {
    pub(super) const ALL: [Self; 4] = [
        Self::FirstEndsEarlier,
        Self::SecondStartsLater,
        Self::FirstEndsLater,
        Self::SecondStartsEarlier,
    ];

    pub(super) fn removes_overlap(self) -> bool {
        matches!(self, Self::FirstEndsEarlier | Self::SecondStartsLater)
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstEndsEarlier => "the first range ended one second earlier",
            Self::SecondStartsLater => "the second range begun one second later",
            Self::FirstEndsLater => "the first range ended one second later",
            Self::SecondStartsEarlier => "the second range begun one second earlier",
        })
    }
}

/// The key with the largest difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub key: CountKey,
    /// Counts of the key in `start..middle`, `middle..end` and `start..end`.
    pub first: u64,
    pub second: u64,
    pub both: u64,
    pub start: UnixSeconds,
    pub middle: UnixSeconds,
    pub end: UnixSeconds,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            first,
            second,
            both,
            start,
            middle,
            end,
        } = self;
        write!(
            f,
            "{key} is {first} from {start} to {middle} and {second} from {middle} to {end}, but {both} from {start} to {end}"
        )
    }
}
