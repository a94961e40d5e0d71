//! The page with the next steps for a cause.

use serde::{Serialize, Serializer};

use crate::model::catalogue::CodeClass;
use crate::model::outcome::Outcome;

/// A runbook in `deploy/runbooks`: the one that the alert for the same cause links to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runbook {
    AuthFailing,
    ConfigurationLoss,
    ErrorCodeSurge,
    PlatformLossHigh,
    TargetDown,
    TaskDispatchFailed,
    TokenSurge,
}

impl Runbook {
    pub(super) fn of_loss(class: CodeClass) -> Self {
        match class {
            CodeClass::Credential | CodeClass::Permission | CodeClass::Config => {
                Self::ConfigurationLoss
            }
            CodeClass::TokenInvalid => Self::TokenSurge,
            CodeClass::VendorTransient => Self::PlatformLossHigh,
            CodeClass::Content | CodeClass::Quota | CodeClass::DeviceState | CodeClass::Unknown => {
                Self::ErrorCodeSurge
            }
        }
    }

    pub(super) fn of_failure(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Auth => Self::AuthFailing,
            _ => Self::TargetDown,
        }
    }

    /// The name of the alert and of the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthFailing => "TimpushAuthFailing",
            Self::ConfigurationLoss => "TimpushConfigurationLoss",
            Self::ErrorCodeSurge => "TimpushErrorCodeSurge",
            Self::PlatformLossHigh => "TimpushPlatformLossHigh",
            Self::TargetDown => "TimpushTargetDown",
            Self::TaskDispatchFailed => "TimpushTaskDispatchFailed",
            Self::TokenSurge => "TimpushTokenSurge",
        }
    }

    /// The same URL as in the alert's `runbook_url`.
    pub fn url(self) -> String {
        format!(
            "{}/blob/main/deploy/runbooks/{}.md",
            env!("CARGO_PKG_REPOSITORY"),
            self.name()
        )
    }
}

impl Serialize for Runbook {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.url())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_runbook_is_the_one_of_its_alert() {
        let rules = include_str!("../../deploy/prometheus/timpush.alerts.yml");
        let losses = CodeClass::ALL.map(Runbook::of_loss);
        let failures = Outcome::ALL.map(Runbook::of_failure);
        for runbook in losses.into_iter().chain(failures) {
            let alert = format!("- alert: {}\n", runbook.name());
            let (_, rule) = rules.split_once(&alert).unwrap();
            let (rule, _) = rule.split_once("- alert:").unwrap_or((rule, ""));
            let url = format!("            {}\n", runbook.url());
            assert!(rule.contains(&url), "{}", runbook.url());
        }
    }
}
