//! Whose pushes are counted.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A population of pushes. The service counts each with separate APIs, and no push belongs to
/// both, so that sums over populations are right.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Push {
    /// Pushes that follow chat messages (documents 71897 and 71898).
    #[default]
    Normal,
    /// Pushes that an app's operators send to all users, to tags or to lists of users
    /// (documents 71894 and 71895).
    AllMember,
}

impl Push {
    pub const ALL: [Self; 2] = [Self::Normal, Self::AllMember];

    /// The value of the label `push`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::AllMember => "all_member",
        }
    }
}

impl fmt::Display for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
