//! The API as the service would answer: for `demo`, for tests, for users' own drills.
//!
//! The data is invented: a pure function of app and time, so that [`truth`] can be asked
//! for any range and compared with what an exporter made of the answers.

mod data;

use sha2::{Digest, Sha256};

pub use data::{Incidents, truth};

use crate::usersig::{Identifier, SecretKey};

/// An app that the simulator knows.
#[derive(Clone)]
pub struct SimApp {
    /// For people; the API knows only the number.
    pub name: String,
    pub sdk_app_id: u32,
    pub key: SecretKey,
    /// The accounts that may ask.
    pub admins: Vec<Identifier>,
    /// Sendable pushes on an average day.
    pub pushes_a_day: u32,
    pub incidents: Incidents,
}

impl SimApp {
    /// An app without incidents whose size follows from its number: 20,000 to 2,000,000
    /// pushes a day.
    pub fn new(sdk_app_id: u32, key: SecretKey, admin: Identifier) -> Self {
        const SIZES: [u32; 5] = [20_000, 60_000, 200_000, 600_000, 2_000_000];
        let size = SIZES.get(sdk_app_id as usize % SIZES.len());
        Self {
            name: format!("app-{sdk_app_id}"),
            sdk_app_id,
            key,
            admins: vec![admin],
            pushes_a_day: size.copied().unwrap_or(SIZES[0]),
            incidents: Incidents::None,
        }
    }

    /// Two apps of different size with incidents every week. Their keys follow from their
    /// numbers: no secret, and the same in every run, so that a configuration made for one
    /// run fits the next.
    pub fn made_up() -> Vec<Self> {
        [
            ("shop", 1_400_000_001, 600_000),
            ("game", 1_400_000_002, 90_000),
        ]
        .into_iter()
        .filter_map(|(name, sdk_app_id, pushes_a_day)| {
            let digest = Sha256::digest(format!("timpush-exporter simulator {sdk_app_id}"));
            let key = digest
                .iter()
                .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            let key = SecretKey::new(&key).ok()?;
            let admin = Identifier::new("administrator").ok()?;
            Some(Self {
                name: name.to_owned(),
                pushes_a_day,
                incidents: Incidents::Weekly,
                ..Self::new(sdk_app_id, key, admin)
            })
        })
        .collect()
    }
}
