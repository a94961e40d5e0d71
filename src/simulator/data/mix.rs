//! What an app's pushes consist of: their channels, and their fates.
//!
//! Codes and stages are the vendors' documented ones, as far as they reach the loss API: its
//! sample (document 71898) counts vendors' replies as lost after sending. The shares are
//! invented.

use crate::model::reading::Stage::{PostSendDelivered, ReadyToSend};
use crate::model::reading::{Platform, Stage};

/// Pushes that a channel loses for one reason.
pub(super) struct Loss {
    pub(super) stage: Stage,
    pub(super) code: &'static str,
    pub(super) info: &'static str,
    /// Per million pushes of the channel.
    pub(super) ppm: u64,
}

const fn loss(stage: Stage, code: &'static str, info: &'static str, ppm: u64) -> Loss {
    Loss {
        stage,
        code,
        info,
        ppm,
    }
}

/// The device reported no push certificate (document 71898).
const fn no_certificate(ppm: u64) -> Loss {
    loss(ReadyToSend, "-1", "certificate id not set", ppm)
}

/// The device reported no vendor token (document 71898).
const fn no_token(ppm: u64) -> Loss {
    loss(ReadyToSend, "-2", "token not uploaded", ppm)
}

const fn after_sending(code: &'static str, info: &'static str, ppm: u64) -> Loss {
    loss(PostSendDelivered, code, info, ppm)
}

/// One `PushPlatform`.
pub(super) struct Channel {
    pub(super) platform: i64,
    /// Per thousand pushes of the app.
    pub(super) permille: u64,
    /// Sent pushes for which neither a receipt nor an error ever arrives, per million.
    pub(super) silent_ppm: u64,
    /// Per million.
    pub(super) clicked_ppm: u64,
    pub(super) losses: &'static [Loss],
}

/// The end of a push that no code explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Neither a receipt nor an error ever arrives.
    Silent,
    /// A receipt arrives, but no click.
    Delivered,
    Clicked,
}

impl Channel {
    /// How many of a million pushes end in each way that no code explains.
    pub(super) fn ends(&self) -> [(End, u64); 3] {
        let lost: u64 = self.losses.iter().map(|loss| loss.ppm).sum();
        let rest = 1_000_000 - lost - self.silent_ppm - self.clicked_ppm;
        [
            (End::Silent, self.silent_ppm),
            (End::Delivered, rest),
            (End::Clicked, self.clicked_ppm),
        ]
    }
}

/// Pushes to devices that are online, in addition to those through the vendors' channels.
pub(super) const ONLINE: Channel = Channel {
    platform: Platform::ONLINE.0,
    permille: 400,
    silent_ppm: 15_000,
    clicked_ppm: 110_000,
    losses: &[],
};

pub(super) const CHANNELS: [Channel; 9] = [
    Channel {
        platform: 1,
        permille: 300,
        silent_ppm: 60_000,
        clicked_ppm: 70_000,
        losses: &[
            no_certificate(4_000),
            no_token(9_000),
            after_sending("410", "Unregistered", 18_000),
            after_sending("400", "BadDeviceToken", 3_000),
            after_sending("429", "TooManyRequests", 150),
        ],
    },
    Channel {
        platform: 2,
        permille: 170,
        silent_ppm: 110_000,
        clicked_ppm: 45_000,
        losses: &[
            no_certificate(6_000),
            no_token(8_000),
            after_sending("66007", "illegal regId", 9_000),
            after_sending("65003", "device not found", 5_000),
        ],
    },
    Channel {
        platform: 3,
        permille: 180,
        silent_ppm: 90_000,
        clicked_ppm: 50_000,
        losses: &[
            no_token(7_000),
            after_sending("80300007", "All the tokens are invalid", 12_000),
            after_sending("2", "app uninstalled", 8_000),
            after_sending("6", "notification not displayed", 4_000),
            after_sending("102", "frequency control", 600),
        ],
    },
    Channel {
        platform: 4,
        permille: 100,
        // This vendor sends no receipts: nothing counts as delivered or clicked (document
        // 60540 on FCM).
        silent_ppm: 971_600,
        clicked_ppm: 0,
        losses: &[
            no_token(6_000),
            after_sending("404", "UNREGISTERED", 22_000),
            after_sending("403", "SENDER_ID_MISMATCH", 400),
        ],
    },
    Channel {
        platform: 5,
        permille: 10,
        silent_ppm: 140_000,
        clicked_ppm: 30_000,
        losses: &[
            no_token(9_000),
            after_sending("110003", "illegal pushId", 15_000),
            after_sending("110002", "pushId not subscribed", 7_000),
        ],
    },
    Channel {
        platform: 6,
        permille: 80,
        silent_ppm: 120_000,
        clicked_ppm: 40_000,
        losses: &[
            no_certificate(3_000),
            no_token(6_000),
            after_sending("1", "regid_invalid", 21_000),
            after_sending("33", "over daily message limit", 700),
        ],
    },
    Channel {
        platform: 7,
        permille: 80,
        silent_ppm: 100_000,
        clicked_ppm: 42_000,
        losses: &[
            no_token(6_000),
            after_sending("10302", "regId illegal", 11_000),
            after_sending("10311", "device cannot be pushed now", 9_000),
            after_sending("10070", "operation volume over limit", 900),
        ],
    },
    Channel {
        platform: 8,
        permille: 40,
        silent_ppm: 95_000,
        clicked_ppm: 48_000,
        losses: &[
            no_token(5_000),
            after_sending("80300007", "All the tokens are invalid", 9_000),
            after_sending("80100000", "some tokens failed", 2_000),
        ],
    },
    // Pushes to devices that are online use no vendor's channel.
    Channel {
        platform: 0,
        permille: 40,
        silent_ppm: 5_000,
        clicked_ppm: 200_000,
        losses: &[],
    },
];

/// Losses of devices whose vendor never became known, per million pushes of the app. They are
/// in the overall arrays only, which are not the sum of the platforms' in the service either.
pub(super) const UNATTRIBUTED: [Loss; 2] = [no_certificate(700), no_token(1_100)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channels_make_up_the_whole_app() {
        assert_eq!(CHANNELS.iter().map(|c| c.permille).sum::<u64>(), 1000);
    }

    #[test]
    fn the_ends_of_every_channel_make_up_the_whole_channel() {
        for channel in &CHANNELS {
            let lost: u64 = channel.losses.iter().map(|loss| loss.ppm).sum();
            let ends: u64 = channel.ends().iter().map(|(_, ppm)| ppm).sum();
            assert_eq!(lost + ends, 1_000_000, "{}", channel.platform);
        }
    }

    #[test]
    fn only_the_services_own_codes_are_lost_before_sending() {
        for loss in CHANNELS.iter().flat_map(|c| c.losses).chain(&UNATTRIBUTED) {
            assert_eq!(
                loss.stage == ReadyToSend,
                matches!(loss.code, "-1" | "-2"),
                "{}",
                loss.code
            );
        }
    }
}
