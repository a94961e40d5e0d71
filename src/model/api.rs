//! The queries that the service accepts about a range of time.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::outcome::Outcome;
use crate::model::push::Push;

/// One query that the service accepts about a range of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// Losses of pushes that follow chat messages (document 71898).
    NormalPushLoss,
    /// The funnel of pushes that follow chat messages (document 71897).
    NormalPushStatistics,
    /// Losses of pushes to all users, tags and lists of users (document 71895).
    AllMemberPushLoss,
    /// The funnel of pushes to all users, tags and lists of users (document 71894).
    AllMemberPushStatistics,
}

/// What an API counts in a population of pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// How many pushes were lost, by stage, platform and error code.
    Losses,
    /// How many pushes were sendable, sent, delivered and clicked.
    Funnel,
}

impl Api {
    pub const ALL: [Self; 4] = [
        Self::NormalPushLoss,
        Self::NormalPushStatistics,
        Self::AllMemberPushLoss,
        Self::AllMemberPushStatistics,
    ];

    /// The APIs of a population, in the order of queries.
    pub const fn of(push: Push) -> [Self; 2] {
        [Self::losses(push), Self::statistics(push)]
    }

    /// The API for the losses of a population.
    pub const fn losses(push: Push) -> Self {
        match push {
            Push::Normal => Self::NormalPushLoss,
            Push::AllMember => Self::AllMemberPushLoss,
        }
    }

    /// The API for the funnel of a population.
    pub const fn statistics(push: Push) -> Self {
        match push {
            Push::Normal => Self::NormalPushStatistics,
            Push::AllMember => Self::AllMemberPushStatistics,
        }
    }

    pub const fn measure(self) -> Measure {
        match self {
            Self::NormalPushLoss | Self::AllMemberPushLoss => Measure::Losses,
            Self::NormalPushStatistics | Self::AllMemberPushStatistics => Measure::Funnel,
        }
    }

    /// Whether an outcome means that the service does not offer the app this population. It
    /// offers chat messages to every app that pushes, so there the outcome may be temporary.
    pub fn lacks(self, outcome: Outcome) -> bool {
        self.push() == Push::AllMember && outcome == Outcome::NotEnabled
    }

    pub const fn push(self) -> Push {
        match self {
            Self::NormalPushLoss | Self::NormalPushStatistics => Push::Normal,
            Self::AllMemberPushLoss | Self::AllMemberPushStatistics => Push::AllMember,
        }
    }

    /// The value of the label `api`, which is also the last segment of the URL's path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NormalPushLoss => "normal_push_loss",
            Self::NormalPushStatistics => "normal_push_statistics",
            Self::AllMemberPushLoss => "all_member_push_loss",
            Self::AllMemberPushStatistics => "all_member_push_statistics",
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
