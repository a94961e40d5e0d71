//! What is polled: one app in one region.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::config::{App, Config};
use crate::reading::Api;
use crate::region::Region;

/// One app in one region; the scheduler runs one loop for each.
#[derive(Clone, PartialEq)]
pub struct Target {
    pub app: Arc<App>,
    pub region: Region,
}

impl Target {
    /// What the target is asked about, in the order of asking.
    pub fn apis(&self) -> &'static [Api] {
        if self.app.polling.statistics {
            &Api::ALL
        } else {
            &Api::ALL[..1]
        }
    }

    pub fn id(&self) -> TargetId {
        TargetId {
            app: self.app.name.clone(),
            region: self.region.name.clone(),
        }
    }
}

/// Names a target in logs, metrics and maps: app names are unique, and so are the
/// region names within an app.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId {
    pub app: String,
    pub region: String,
}

impl TargetId {
    /// A number in 0..1 that depends on the target and `salt` alone, the same on every
    /// machine and after every restart: spreads polls and back-offs without dice.
    pub fn fraction(&self, salt: &str) -> f64 {
        let mut hash = Sha256::new();
        for part in [self.app.as_str(), self.region.as_str(), salt] {
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
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.app, self.region)
    }
}

/// All targets of a configuration: the only loop over apps and regions.
pub fn expand(config: &Config) -> Vec<Target> {
    config
        .apps
        .iter()
        .flat_map(|app| {
            app.regions.iter().map(|region| Target {
                app: Arc::clone(app),
                region: region.clone(),
            })
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::{Holds, KeySource, Polling};
    use crate::usersig::{Identifier, SecretKey};
    use crate::window::DayOffset;
    use std::time::Duration;

    /// A target with the configuration's defaults and a made-up key.
    pub(crate) fn target(app: &str, region: &str) -> Target {
        let app = App {
            name: app.to_owned(),
            sdk_app_id: 1_400_000_001,
            identifier: Identifier::new("administrator").unwrap(),
            key: KeySource::Inline(SecretKey::new("made-up key").unwrap()),
            calls_per_second: 0.9,
            day_offset: DayOffset::DEFAULT,
            holds: Holds {
                rollover: Duration::from_secs(150),
                zero: Duration::from_secs(150),
            },
            regions: vec![Region::known(region).unwrap()],
            polling: Polling {
                interval: Duration::from_secs(60),
                window: Duration::from_secs(3600),
                lag: Duration::from_secs(120),
                step: Duration::from_secs(60),
                timeout: Duration::from_secs(10),
                stale_after: Duration::from_secs(600),
                statistics: true,
                counters: true,
                series_limit: 2000,
            },
        };
        Target {
            region: app.regions[0].clone(),
            app: Arc::new(app),
        }
    }

    fn id(app: &str, region: &str) -> TargetId {
        TargetId {
            app: app.to_owned(),
            region: region.to_owned(),
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
