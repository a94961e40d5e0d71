//! The way of one push to its user's devices, as the service traces it (documents 71896 and
//! 71893).

use crate::model::line::one_line;
use crate::model::reading::{Platform, Stage};

/// The maximum number of devices kept of a trace; the service itself traces the last that
/// logged in.
pub const MAX_DEVICES: usize = 100;

/// The maximum number of steps kept of a device; the documents have seven.
pub const MAX_STEPS: usize = 16;

/// The longest text of a trace that is kept, in characters.
pub const MAX_TEXT_CHARS: usize = 200;

/// The longest id that can be queried, in bytes; the documents' ids have under 60.
pub const MAX_ID: usize = 256;

/// The id of a push, a task or a user, as it is sent to the service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(String);

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("must not be empty")]
    Empty,
    #[error("is longer than 256 bytes")]
    TooLong,
    #[error("must be one line without spaces around it")]
    NotALine,
}

impl Id {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            Err(IdError::Empty)
        } else if text.len() > MAX_ID {
            Err(IdError::TooLong)
        } else if text != text.trim() || text.chars().any(char::is_control) {
            Err(IdError::NotALine)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

/// The push that is traced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trail {
    /// One that followed a chat message.
    Push { push: Id },
    /// A push to all users, to a tag or to listed users, and its fate for one user.
    Task { task: Id, user: Id },
}

impl Trail {
    /// The last segment of the URL's path.
    pub fn command(&self) -> &'static str {
        match self {
            Self::Push { .. } => "normal_push_trace",
            Self::Task { .. } => "all_member_push_trace",
        }
    }
}

/// The service's information about a push.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// At most [`MAX_DEVICES`].
    pub devices: Vec<Device>,
    /// The number of further devices.
    pub left_out: usize,
}

/// One device's part of a trace. Texts are scrubbed and may be empty. The device's token is
/// omitted: whoever has it can send to the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub instance: String,
    pub pushed_at: String,
    pub model: String,
    pub system: String,
    pub system_version: String,
    pub sdk_version: String,
    pub push_version: String,
    pub platform: Option<Platform>,
    pub has_token: bool,
    pub has_certificate: bool,
    /// Whether the device reported that it shows notifications.
    pub shows_notifications: bool,
    /// At most [`MAX_STEPS`], in the order in which they happen.
    pub steps: Vec<Step>,
}

/// The service's names of groups of steps and of steps, and their meaning, in order.
pub const KNOWN: [(&str, &str, Place); 7] = [
    ("IMCommitStat", "IMStat", Place::Chat),
    ("OfflinePushStat", "OfflineStat", Place::Offline),
    ("OfflinePushStat", "ChannelStat", Place::Vendor),
    ("OfflinePushStat", "DeviceStat", Place::Device),
    ("OfflinePushStat", "ClickStat", Place::Click),
    ("OnlinePushStat", "OnlineStat", Place::Online),
    ("OnlinePushStat", "ClickStat", Place::OnlineClick),
];

/// A step of a push's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Chat,
    Offline,
    Vendor,
    Device,
    Click,
    Online,
    OnlineClick,
    /// One that the documents do not name.
    Other,
}

impl Place {
    /// What has happened once the step is done.
    pub fn words(self) -> &'static str {
        match self {
            Self::Chat => "taken by Chat",
            Self::Offline => "to be pushed",
            Self::Vendor => "taken by the vendor",
            Self::Device => "on the device",
            Self::Click => "opened",
            Self::Online => "sent online",
            Self::OnlineClick => "opened online",
            Self::Other => "step",
        }
    }

    /// The stage in which a push that fails here is counted as lost.
    pub fn stage(self) -> Stage {
        match self {
            Self::Chat | Self::Offline | Self::Vendor | Self::Online | Self::Other => {
                Stage::ReadyToSend
            }
            Self::Device | Self::Click | Self::OnlineClick => Stage::PostSendDelivered,
        }
    }
}

/// The state of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    Done,
    /// Not done, and not known to have failed: the push may not have reached it, or it is not
    /// reported.
    Open,
    Failed,
}

impl StepState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Open => "open",
            Self::Failed => "failed",
        }
    }
}

/// One step. Texts are scrubbed and may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub place: Place,
    /// The service's name of the step.
    pub name: String,
    /// `PushStatus`; in the documents' samples, it is 1 on success.
    pub status: i64,
    pub code: i64,
    pub info: String,
    /// By the service's clock; the service does not state the time zone.
    pub at: String,
}

impl Step {
    pub fn state(&self) -> StepState {
        match (self.code, self.status) {
            (0, 1) => StepState::Done,
            (0, _) => StepState::Open,
            _ => StepState::Failed,
        }
    }
}

impl Device {
    /// The first step that failed.
    pub fn failure(&self) -> Option<&Step> {
        let mut steps = self.steps.iter();
        steps.find(|step| step.state() == StepState::Failed)
    }

    /// The last step that was done.
    pub fn reached(&self) -> Option<&Step> {
        let mut steps = self.steps.iter().rev();
        steps.find(|step| step.state() == StepState::Done)
    }
}

/// Text from the service, on one line.
pub fn text(text: &str) -> String {
    one_line(text, MAX_TEXT_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_one_line_that_the_service_can_be_asked_for() {
        for (text, expected) in [
            ("144115233775727695_1_2", Ok(())),
            ("batch_667015d4_537529d8_2000005e80aa873", Ok(())),
            ("用户 1", Ok(())),
            ("", Err(IdError::Empty)),
            (" x", Err(IdError::NotALine)),
            ("x\n", Err(IdError::NotALine)),
            ("a\u{0}b", Err(IdError::NotALine)),
        ] {
            assert_eq!(text.parse::<Id>().map(|_| ()), expected, "{text:?}");
        }
        assert!("a".repeat(MAX_ID).parse::<Id>().is_ok());
        assert_eq!("a".repeat(MAX_ID + 1).parse::<Id>(), Err(IdError::TooLong));
    }

    #[test]
    fn a_step_has_failed_only_with_a_code() {
        for (status, code, state) in [
            (1, 0, StepState::Done),
            (0, 0, StepState::Open),
            (2, 0, StepState::Open),
            (0, 410, StepState::Failed),
            (1, -2, StepState::Failed),
        ] {
            let step = Step {
                place: Place::Vendor,
                name: "ChannelStat".to_owned(),
                status,
                code,
                info: String::new(),
                at: String::new(),
            };
            assert_eq!(step.state(), state, "{status} {code}");
        }
    }
}
