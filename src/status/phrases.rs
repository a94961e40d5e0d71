//! Losses and targets in a line.

use super::loss::Ranked;
use super::verdict::worst;
use super::{Concern, LossStatus, State, words};
use crate::model::catalogue::CodeClass;
use crate::model::reading::{Api, Stage};
use crate::target::snapshot::TargetState;

impl LossStatus {
    /// `APNs 403 (InvalidProviderToken) after sending`.
    pub fn name(&self) -> String {
        let platform = words::platform(self.key.platform);
        let code = &self.err_code;
        let stage = words::stage(self.key.stage);
        if self.description.is_empty() {
            format!("{platform} {code} {stage}")
        } else {
            format!("{platform} {code} ({}) {stage}", self.description)
        }
    }

    /// `APNs credential refused (403 InvalidProviderToken)`.
    pub(super) fn headline(&self) -> String {
        let what = match self.code_class {
            CodeClass::Credential => "credential refused",
            CodeClass::Permission => "right missing",
            CodeClass::Config => "setting wrong",
            CodeClass::Content => "content refused",
            CodeClass::TokenInvalid => "tokens invalid",
            CodeClass::Quota => "quota used up",
            CodeClass::DeviceState => "devices not reached",
            CodeClass::VendorTransient => "vendor in trouble",
            CodeClass::Unknown => "code",
        };
        let platform = words::platform(self.key.platform);
        let text = format!("{} {}", self.err_code, self.description);
        format!("{platform} {what} ({})", text.trim_end())
    }

    /// `340 lost, 10 % of the pushes sent there; rose from 12 to 340 in 3 h`.
    pub(super) fn size(&self) -> String {
        let part = match self.share_of_pushes {
            Some(share) => {
                format!("{} of {}", words::percent(share), self.pushes())
            }
            None => format!(
                "{} of the losses {}",
                words::percent(self.share),
                words::stage(self.key.stage)
            ),
        };
        let window = format!("{} lost in the window, {part}", words::count(self.count));
        match (self.course(), &self.trend) {
            (Some(course), _) => format!("{course}; {window}"),
            (None, Some(trend)) => format!("{window}; {}", trend.words),
            (None, None) => window,
        }
    }

    /// `now 500 a minute, rising, 83 % of the pushes sent on APNs; since 13:02 UTC, goes on`,
    /// or `over since 13:06 UTC, leaves the window by 14:06 UTC`; absent without counters.
    pub fn course(&self) -> Option<String> {
        let now = self.now?;
        if let (Some(over), Some(leaves)) = (self.over_since, self.leaves_window) {
            let began = self
                .since
                .map_or_else(String::new, |at| format!(", began {}", words::clock(at)));
            return Some(format!(
                "{}{began}, leaves the window by {}",
                now.over_words(over),
                words::clock(leaves)
            ));
        }
        let share = now.share_of_pushes.map_or_else(String::new, |share| {
            format!(", {} of {}", words::percent(share), self.pushes())
        });
        if self.concern == Concern::Steady {
            return Some(format!("now {}{share}", now.words()));
        }
        let since = match self.since {
            Some(at) => format!("since {}", words::clock(at)),
            None => format!("since before {}", words::clock(now.watched_since)),
        };
        Some(format!("now {}{share}; {since}, goes on", now.words()))
    }

    /// What [`Self::share_of_pushes`] is a part of.
    pub fn pushes(&self) -> String {
        let pushes = match self.key.stage {
            Stage::ReadyToSend => "sendable pushes",
            Stage::PostSendDelivered => "pushes sent",
        };
        match self.key.platform {
            None => format!("all {pushes}"),
            platform => format!("{pushes} on {}", words::platform(platform)),
        }
    }
}

/// A target in a line.
pub(super) fn summary(state: State, target: &TargetState, ranked: &Ranked) -> String {
    let error = |api| {
        let last = target.apis.get(&api)?.last_error.as_ref()?;
        Some(words::outcome(last.error.outcome.as_str(), last.error.code))
    };
    let told = |concern| {
        worst(&ranked.rows, concern)
            .map(|loss| format!("{}: {}", loss.name(), loss.size()))
            .unwrap_or_default()
    };
    match state {
        State::Failing => error(Api::NormalPushLoss).unwrap_or_default(),
        State::Losing => told(Concern::Repair),
        State::Rising => told(Concern::Rising),
        State::Over => told(Concern::Over),
        State::Partial => format!(
            "statistics: {}",
            error(Api::NormalPushStatistics).unwrap_or_default()
        ),
        State::Waiting => "the first poll comes within seconds".to_owned(),
        State::Good => {
            let lost = |stage| words::count(ranked.lost.get(&stage).copied().unwrap_or(0));
            format!(
                "nothing stands out; {} lost before sending, {} after",
                lost(Stage::ReadyToSend),
                lost(Stage::PostSendDelivered)
            )
        }
    }
}
