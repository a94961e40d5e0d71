//! The name of a target.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::push::Push;

/// Names a target in logs, metrics and maps: app names are unique, so are the region names
/// within an app, and so are the populations of pushes within a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetId {
    pub app: String,
    pub region: String,
    pub push: Push,
}

impl TargetId {
    /// A number in 0..1 that depends only on the target and `salt`, the same on every machine
    /// and after every restart: spreads polls and back-offs without randomness.
    pub fn fraction(&self, salt: &str) -> f64 {
        let mut hash = Sha256::new();
        let push = match self.push {
            // Targets keep their places from before the second population existed.
            Push::Normal => None,
            Push::AllMember => Some(Push::AllMember.as_str()),
        };
        for part in [self.app.as_str(), self.region.as_str(), salt]
            .into_iter()
            .chain(push)
        {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let bits = digest
            .iter()
            .take(4)
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }

    /// The field `push` of a log line; omitted for the default population.
    pub fn push_field(&self) -> Option<&'static str> {
        (self.push != Push::default()).then(|| self.push.as_str())
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.app, self.region)?;
        match self.push {
            Push::Normal => Ok(()),
            Push::AllMember => write!(f, "/{}", self.push),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(app: &str, region: &str) -> TargetId {
        TargetId {
            app: app.to_owned(),
            region: region.to_owned(),
            push: Push::Normal,
        }
    }

    #[test]
    fn fractions_are_spread_over_zero_to_one_and_stable() {
        let mut fractions: Vec<f64> = (0..1000)
            .map(|n| id(&format!("app{n}"), "china").fraction(""))
            .collect();
        assert!(fractions.iter().all(|f| (0.0..1.0).contains(f)));
        fractions.sort_by(f64::total_cmp);
        for (rank, fraction) in (0_u32..).zip(&fractions) {
            assert!(
                (fraction - f64::from(rank) / 1000.0).abs() < 0.06,
                "rank {rank}: {fraction}"
            );
        }
        assert_eq!(
            id("a", "b").fraction("x").to_bits(),
            id("a", "b").fraction("x").to_bits()
        );
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(
            id("ab", "c").fraction("").to_bits(),
            id("a", "bc").fraction("").to_bits()
        );
        assert_ne!(
            id("a", "b").fraction("").to_bits(),
            id("a", "").fraction("b").to_bits()
        );
    }
}
