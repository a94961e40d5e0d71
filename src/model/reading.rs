//! The content of one successful response, in our own terms.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::once;

use serde::{Deserialize, Serialize};

pub use crate::model::api::{Api, Measure};
use crate::model::line::one_line;

/// Where on its way a push was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Between "this device could be reached" and "handed to the channel".
    ReadyToSend,
    /// Between "handed to the channel" and "the device sent a receipt".
    PostSendDelivered,
}

impl Stage {
    pub const ALL: [Self; 2] = [Self::ReadyToSend, Self::PostSendDelivered];

    /// The value of the label `stage`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadyToSend => "ready_to_send",
            Self::PostSendDelivered => "post_send_delivered",
        }
    }

    /// The step of the funnel whose pushes can be lost in this stage.
    pub fn step(self) -> FunnelStep {
        match self {
            Self::ReadyToSend => FunnelStep::Sendable,
            Self::PostSendDelivered => FunnelStep::Sent,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A push channel by its `PushPlatform` number (document 71898). Numbers that the
/// document does not list are kept: the product already supports more channels
/// than the document names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform(pub i64);

impl Platform {
    /// Represents the platforms beyond the maximum number of separate ones (see `Platforms`
    /// of the series limit).
    pub const OTHER: Self = Self(i64::MIN);

    /// Represents pushes to devices that were online, which use no vendor's channel
    /// (`EventType` 2 of documents 71894 and 71895).
    pub const ONLINE: Self = Self(i64::MIN + 1);

    /// Whether this is one vendor's channel, even with an undocumented number.
    pub fn is_vendors(self) -> bool {
        self != Self::OTHER && self != Self::ONLINE
    }

    /// Names of the documented numbers, by number.
    pub const NAMES: [&'static str; 9] = [
        "unknown", "apns", "xiaomi", "huawei", "fcm", "meizu", "oppo", "vivo", "honor",
    ];

    /// The documented name; `None` for a number that the document does not list.
    pub fn name(self) -> Option<&'static str> {
        usize::try_from(self.0)
            .ok()
            .and_then(|number| Self::NAMES.get(number).copied())
    }
}

/// The value of the label `platform`.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None if *self == Self::OTHER => f.write_str("other"),
            None if *self == Self::ONLINE => f.write_str("online"),
            None => write!(f, "platform_{}", self.0),
        }
    }
}

/// The longest error code that is kept, in characters.
pub const MAX_CODE_CHARS: usize = 64;

/// `ErrCode` as label text: one line of at most [`MAX_CODE_CHARS`] visible characters, never
/// empty and never `other`, which is the name for the sum of codes over a series limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ErrCode(String);

impl ErrCode {
    pub fn new(text: &str) -> Self {
        let line = one_line(text, MAX_CODE_CHARS);
        Self(match line.as_str() {
            "" => "_empty".to_owned(),
            "other" => "_other".to_owned(),
            _ => line,
        })
    }

    /// The name for the sum of the codes over a series limit.
    pub fn other() -> Self {
        Self("other".to_owned())
    }

    pub fn is_other(&self) -> bool {
        self.0 == "other"
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ErrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a loss row counts. `platform` is `None` for rows of the overall arrays, which are a
/// measurement of their own and not the sum of the platforms'.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LossKey {
    pub stage: Stage,
    pub platform: Option<Platform>,
    pub code: ErrCode,
}

/// Lost pushes of one [`LossKey`] in a range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    pub count: u64,
    /// The service's most frequent description of the code, scrubbed, on one line, at most
    /// [`MAX_DESCRIPTION_CHARS`] characters; empty if the service sent none.
    pub description: String,
}

/// The longest description that is kept, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 120;

/// Pushes of one range at each step of their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funnel {
    pub sendable: u64,
    pub sent: u64,
    pub delivered: u64,
    pub clicked: u64,
}

impl Funnel {
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }

    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self {
            sendable: self.sendable.saturating_add(other.sendable),
            sent: self.sent.saturating_add(other.sent),
            delivered: self.delivered.saturating_add(other.delivered),
            clicked: self.clicked.saturating_add(other.clicked),
        }
    }

    pub fn get(self, step: FunnelStep) -> u64 {
        match step {
            FunnelStep::Sendable => self.sendable,
            FunnelStep::Sent => self.sent,
            FunnelStep::Delivered => self.delivered,
            FunnelStep::Clicked => self.clicked,
        }
    }
}

/// One count of a [`Funnel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunnelStep {
    Sendable,
    Sent,
    Delivered,
    Clicked,
}

impl FunnelStep {
    pub const ALL: [Self; 4] = [Self::Sendable, Self::Sent, Self::Delivered, Self::Clicked];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sendable => "sendable",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Clicked => "clicked",
        }
    }
}

/// What one count of a reading counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountKey {
    Loss(LossKey),
    /// `None` is the overall count.
    Funnel(FunnelStep, Option<Platform>),
}

impl CountKey {
    /// `None` for overall counts.
    pub fn platform(&self) -> Option<Platform> {
        match self {
            Self::Loss(key) => key.platform,
            Self::Funnel(_, platform) => *platform,
        }
    }

    /// The stage, or the step of the funnel.
    pub fn row(&self) -> &'static str {
        match self {
            Self::Loss(key) => key.stage.as_str(),
            Self::Funnel(step, _) => step.as_str(),
        }
    }
}

/// `ready_to_send apns 410`, `sent all`.
impl fmt::Display for CountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row())?;
        match self.platform() {
            Some(platform) => write!(f, " {platform}")?,
            None => f.write_str(" all")?,
        }
        match self {
            Self::Loss(key) => write!(f, " {}", key.code),
            Self::Funnel(..) => Ok(()),
        }
    }
}

/// A reading as plain counts.
pub type Counts = BTreeMap<CountKey, u64>;

/// One successful response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    Loss(BTreeMap<LossKey, Loss>),
    Statistics {
        overall: Funnel,
        platforms: BTreeMap<Platform, Funnel>,
    },
}

impl Reading {
    /// The losses; absent for the funnel.
    pub fn losses(&self) -> Option<&BTreeMap<LossKey, Loss>> {
        match self {
            Self::Loss(rows) => Some(rows),
            Self::Statistics { .. } => None,
        }
    }

    /// The counts of the funnel, overall and by platform; none for losses.
    pub fn steps(&self) -> impl Iterator<Item = (FunnelStep, Option<Platform>, u64)> {
        let funnels = match self {
            Self::Statistics { overall, platforms } => Some((overall, platforms)),
            Self::Loss(_) => None,
        };
        let funnels = funnels.into_iter().flat_map(|(overall, platforms)| {
            let by_platform = platforms.iter().map(|(platform, of)| (Some(*platform), of));
            once((None, overall)).chain(by_platform)
        });
        funnels.flat_map(|(of, counts)| FunnelStep::ALL.map(|step| (step, of, counts.get(step))))
    }

    /// All counts of the response. Keys that it omits are absent.
    pub fn counts(&self) -> Counts {
        let losses = self.losses().into_iter().flatten();
        let losses = losses.map(|(key, loss)| (CountKey::Loss(key.clone()), loss.count));
        let steps = self.steps();
        let steps = steps.map(|(step, of, count)| (CountKey::Funnel(step, of), count));
        losses.chain(steps).collect()
    }

    /// Whether all counts of the response are 0.
    pub fn is_zero(&self) -> bool {
        self.counts().values().all(|count| *count == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undocumented_platform_keeps_its_number() {
        assert_eq!(Platform(8).to_string(), "honor");
        assert_eq!(Platform(9).to_string(), "platform_9");
        assert_eq!(Platform(-1).to_string(), "platform_-1");
    }

    #[test]
    fn reserved_and_empty_codes_are_escaped() {
        for (text, label) in [
            ("", "_empty"),
            (" ", "_empty"),
            ("other", "_other"),
            ("410", "410"),
            ("-1", "-1"),
            ("\u{202e}other\u{200b}", "_other"),
            ("\u{2066}410\u{ad}\n", "410"),
            ("\u{e0041}", "_empty"),
        ] {
            assert_eq!(ErrCode::new(text).as_str(), label, "{text:?}");
        }
    }

    #[test]
    fn a_code_is_cut_by_characters_not_bytes() {
        assert_eq!(
            ErrCode::new(&"未".repeat(99)).as_str(),
            "未".repeat(MAX_CODE_CHARS)
        );
    }
}
