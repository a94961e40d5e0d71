//! Losses and targets in a line.

use super::loss::{Ranked, share};
use super::verdict::worst;
use super::{Concern, LossStatus, State, words};
use crate::model::reading::{Api, Stage};
use crate::target::snapshot::TargetState;

impl LossStatus {
    /// `APNs credential refused (403 InvalidProviderToken) after sending`.
    pub fn name(&self) -> String {
        format!("{} {}", self.headline(), words::stage(self.key.stage))
    }

    /// `APNs credential refused (403 InvalidProviderToken)`.
    pub(super) fn headline(&self) -> String {
        let what = words::cause(self.code_class);
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

    /// `now 500 a minute, rising, 83 % of the pushes sent on APNs; since 13:02 UTC (21:02
    /// +08:00, 4 min ago), goes on`, or `over since ..., leaves the window by ...`; absent
    /// without counters.
    pub fn course(&self) -> Option<String> {
        let now = self.now?;
        if let (Some(over), Some(leaves)) = (self.over_since, self.leaves_window) {
            let began = self
                .since
                .map_or_else(String::new, |at| format!(", began {}", self.clock.at(at)));
            return Some(format!(
                "{}{began}, leaves the window by {}",
                now.over_words(&self.clock.since(over), over),
                self.clock.at(leaves)
            ));
        }
        let share = now.share_of_pushes.map_or_else(String::new, |share| {
            format!(", {} of {}", words::percent(share), self.pushes())
        });
        if self.concern == Concern::Steady {
            return Some(format!("now {}{share}", now.words()));
        }
        let since = match self.since {
            Some(at) => format!("since {}", self.clock.since(at)),
            None => format!("since before {}", self.clock.since(now.watched_since)),
        };
        Some(format!("now {}{share}; {since}, goes on", now.words()))
    }

    /// What to do, which is nothing while it is over.
    pub fn advice_words(&self) -> String {
        if self.concern == Concern::Over {
            format!("Nothing now. If it comes back: {}", self.advice)
        } else {
            self.advice.clone()
        }
    }

    /// What [`Self::share_of_pushes`] is a part of.
    pub fn pushes(&self) -> String {
        let pushes = words::pushes(self.key.stage);
        match self.key.platform {
            None => format!("all {pushes}"),
            platform => format!("{pushes} on {}", words::platform(platform)),
        }
    }
}

/// A target in a line.
pub(super) fn summary(state: State, target: &TargetState, ranked: &Ranked) -> String {
    let error = |api| {
        let error = &target.apis.get(&api)?.last_error.as_ref()?.error;
        let label = words::label(error.outcome, error.code);
        Some(format!("{} ({label})", words::outcome(error.outcome)))
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
            let lost = |stage| {
                let lost = ranked.lost.get(&stage).copied().unwrap_or(0);
                let all = ranked.pushes.get(&stage).copied();
                let share = all.and_then(|all| share(lost, all));
                let share =
                    share.map_or_else(String::new, |share| format!(" ({})", words::percent(share)));
                words::count(lost) + &share
            };
            format!(
                "nothing stands out; {} lost before sending, {} after",
                lost(Stage::ReadyToSend),
                lost(Stage::PostSendDelivered)
            )
        }
    }
}
