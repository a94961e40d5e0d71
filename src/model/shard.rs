//! Which process polls which app, if several share a configuration.

use std::str::FromStr;

use sha2::{Digest, Sha256};

/// The maximum number of shards of a configuration: each app is weighed once for each of
/// them.
pub const MOST: u32 = 1000;

/// One of the shares into which the apps are divided.
///
/// An app belongs to the shard for which it weighs most (rendezvous hashing). Another number
/// of shards therefore moves only the apps that a new shard receives or a removed one had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    total: u32,
}

/// The shard that a process is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// From the host name.
    Auto,
    Number(u32),
}

/// Why no such shard exists.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    #[error("the number of shards must be from 1 to {MOST}, not {0}")]
    Total(u32),
    #[error("there is no shard {index}: of {total}, the last is {}", total - 1)]
    Index { index: u32, total: u32 },
    #[error(
        "the host name {0:?} does not end in a dash and a number; name the shard by its number"
    )]
    HostName(String),
    #[error("it is neither a number from 0 nor `auto`")]
    Position,
}

impl Shard {
    /// All apps.
    pub const WHOLE: Self = Self { index: 0, total: 1 };

    /// Shards are numbered from 0.
    pub fn new(index: u32, total: u32) -> Result<Self, ShardError> {
        if !(1..=MOST).contains(&total) {
            return Err(ShardError::Total(total));
        }
        if index >= total {
            return Err(ShardError::Index { index, total });
        }
        Ok(Self { index, total })
    }

    /// `host` is this machine's name. The names of a `StatefulSet`'s pods end in their
    /// number.
    pub fn at(position: Position, total: u32, host: &str) -> Result<Self, ShardError> {
        let index = match position {
            Position::Number(index) => index,
            Position::Auto => {
                // A pod may have a domain, which is not part of its own name.
                let name = host.split('.').next().unwrap_or_default();
                let number = name.rsplit_once('-').and_then(|(_, digits)| number(digits));
                number.ok_or_else(|| ShardError::HostName(host.to_owned()))?
            }
        };
        Self::new(index, total)
    }

    pub fn index(self) -> u32 {
        self.index
    }

    pub fn total(self) -> u32 {
        self.total
    }

    /// Whether it is one of several shards.
    pub fn is_part(self) -> bool {
        self.total > 1
    }

    /// Whether the app is polled here.
    pub fn owns(self, sdk_app_id: u32) -> bool {
        let own = weight(sdk_app_id, self.index);
        // Of shards with equal weights, the first one.
        (0..self.index).all(|other| weight(sdk_app_id, other) < own)
            && (self.index + 1..self.total).all(|other| weight(sdk_app_id, other) <= own)
    }
}

/// The first eight bytes, as a big-endian number, of the SHA-256 of `SDKAppID/shard` in
/// decimal digits. It must never change: replicas and versions must agree on who polls what.
fn weight(sdk_app_id: u32, shard: u32) -> u64 {
    let digest = Sha256::digest(format!("{sdk_app_id}/{shard}"));
    let first = digest.iter().take(8);
    first.fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// Decimal digits only.
fn number(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

impl FromStr for Position {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        number(text).map(Self::Number).ok_or(ShardError::Position)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owners(app: u32, total: u32) -> Vec<u32> {
        let shards = (0..total).filter(|index| Shard::new(*index, total).unwrap().owns(app));
        shards.collect()
    }

    #[test]
    fn who_owns_what_is_the_same_for_ever() {
        // Matches the output of `printf %s 1400000001/0 | sha256sum`, and so on.
        assert_eq!(weight(1_400_000_001, 0), 0x4737_8dea_bd98_e102);
        let owners: Vec<u32> = (1_400_000_001..=1_400_000_010)
            .map(|app| owners(app, 3)[0])
            .collect();
        assert_eq!(owners, [1, 1, 2, 0, 2, 1, 0, 0, 1, 1]);
    }

    #[test]
    fn a_new_shard_takes_its_share() {
        for total in [2_u32, 3, 4, 8, 16] {
            let new = Shard::new(total - 1, total).unwrap();
            let taken = (0..4000)
                .filter(|n| new.owns(1_400_000_000 + 7 * n))
                .count();
            let share = 4000 / total as usize;
            assert!(taken.abs_diff(share) < share / 5, "{total}: {taken}");
        }
    }

    #[test]
    fn the_position_is_a_number_or_that_of_the_host_name() {
        let at = |position: &str, host| {
            let position = position
                .parse()
                .map_err(|error: ShardError| error.to_string())?;
            let shard = Shard::at(position, 12, host).map_err(|error| error.to_string())?;
            Ok::<_, String>(shard.index())
        };
        assert_eq!(at("3", "anything"), Ok(3));
        for (host, index) in [
            ("timpush-exporter-0", 0),
            ("timpush-exporter-11", 11),
            ("a-2-7.timpush.monitoring.svc", 7),
            ("x-007", 7),
        ] {
            assert_eq!(at("auto", host), Ok(index), "{host}");
        }
        for host in [
            "",
            "timpush",
            "timpush-",
            "timpush-x1",
            "timpush-+1",
            "7",
            "node.zone-1",
        ] {
            let said = at("auto", host).unwrap_err();
            assert!(said.contains("host name"), "{host}: {said}");
        }
        let last = "there is no shard 12: of 12, the last is 11";
        assert_eq!(at("auto", "timpush-12").unwrap_err(), last);
        for position in ["", "-1", "+1", "1.5", "AUTO", "4294967296"] {
            assert!(
                at(position, "x-1").unwrap_err().contains("neither"),
                "{position}"
            );
        }
        for total in [0, MOST + 1] {
            assert_eq!(Shard::new(0, total), Err(ShardError::Total(total)));
        }
    }

    proptest! {
        #[test]
        fn every_app_has_one_owner_for_any_number_of_shards(app in any::<u32>(), total in 1..=60_u32) {
            prop_assert_eq!(owners(app, total).len(), 1);
        }

        #[test]
        fn an_app_moves_to_a_new_shard_or_stays(app in any::<u32>(), total in 1..=60_u32) {
            let (before, after) = (owners(app, total), owners(app, total + 1));
            prop_assert!(after == before || after == [total]);
        }

        #[test]
        fn the_whole_owns_every_app(app in any::<u32>()) {
            prop_assert!(Shard::WHOLE.owns(app));
        }
    }
}
