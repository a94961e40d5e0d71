//! The page with the next steps for a cause.

use serde::{Serialize, Serializer};

use crate::model::catalogue::CodeClass;
use crate::model::outcome::Outcome;

/// A runbook in `deploy/runbooks`, by the name of the file and of the alert for the same cause,
/// which links to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runbook(&'static str);

impl Runbook {
    pub const TASK_DISPATCH_FAILED: Self = Self("TimpushTaskDispatchFailed");

    pub(super) fn of_loss(class: CodeClass) -> Self {
        Self(match class {
            CodeClass::Credential | CodeClass::Permission | CodeClass::Config => {
                "TimpushConfigurationLoss"
            }
            CodeClass::TokenInvalid => "TimpushTokenSurge",
            CodeClass::VendorTransient => "TimpushPlatformLossHigh",
            CodeClass::Content | CodeClass::Quota | CodeClass::DeviceState | CodeClass::Unknown => {
                "TimpushErrorCodeSurge"
            }
        })
    }

    pub(super) fn of_failure(outcome: Outcome) -> Self {
        Self(match outcome {
            Outcome::Auth => "TimpushAuthFailing",
            _ => "TimpushTargetDown",
        })
    }

    pub fn name(self) -> &'static str {
        self.0
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
        let others = [Runbook::TASK_DISPATCH_FAILED];
        for runbook in losses.into_iter().chain(failures).chain(others) {
            let alert = format!("- alert: {}\n", runbook.name());
            let (_, rule) = rules.split_once(&alert).unwrap();
            let (rule, _) = rule.split_once("- alert:").unwrap_or((rule, ""));
            let url = format!("            {}\n", runbook.url());
            assert!(rule.contains(&url), "{}", runbook.url());
        }
    }
}
