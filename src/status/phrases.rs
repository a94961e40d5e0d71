//! Losses and targets in one line.

use super::loss::share;
use super::ranking::Ranked;
use super::verdict::worst;
use super::words::{self, Words};
use super::{Concern, LossStatus, State};
use crate::model::reading::{Api, Stage};
use crate::target::snapshot::TargetState;

impl LossStatus {
    pub fn words(&self) -> &'static Words {
        self.clock.words()
    }

    /// `APNs credential refused (403 InvalidProviderToken) after sending`.
    pub fn name(&self) -> String {
        let words = self.words();
        words.at_stage(self.headline(), words.stage(self.key.stage))
    }

    /// `APNs credential refused (403 InvalidProviderToken)`.
    pub(super) fn headline(&self) -> String {
        let words = self.words();
        let platform = words.platform_name(self.key.platform);
        let code = format!("{} {}", self.err_code, self.description);
        words.headline(&platform, words.cause(self.code_class), code.trim_end())
    }

    /// `340 lost, 10 % of the pushes sent there; rose from 12 to 340 in 3 h`.
    pub(super) fn size(&self) -> String {
        let words = self.words();
        let part = self.part().unwrap_or_else(|| {
            words.of_losses(words.percent(self.share), words.stage(self.key.stage))
        });
        let lost = words.lost_in_window(words::count(self.count));
        let window = [lost, part].join(words.comma());
        match (self.course(), &self.trend) {
            (Some(course), _) => [course, window].join(words.semicolon()),
            (None, Some(trend)) => [window, trend.words.clone()].join(words.semicolon()),
            (None, None) => window,
        }
    }

    /// `now 500 a minute, rising, 83 % of the pushes sent on APNs; since 13:02 UTC (21:02
    /// +08:00, 4 min ago), goes on`, or `over since ..., leaves the window by ...`; absent
    /// without counters.
    pub fn course(&self) -> Option<String> {
        let (now, words) = (self.now?, self.words());
        if let (Some(over), Some(leaves)) = (self.over_since, self.leaves_window) {
            let parts = [
                Some(now.over_words(&self.clock.since(over), over, words)),
                self.since.map(|at| words.began(self.clock.at(at))),
                Some(words.leaves_window(self.clock.at(leaves))),
            ];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            return Some(parts.join(words.comma()));
        }
        let rate = words.now_lost(now.words(words));
        let share = now.share_of_pushes.map(|share| self.share_words_of(share));
        let parts: Vec<String> = [Some(rate), share].into_iter().flatten().collect();
        let rate = parts.join(words.comma());
        if self.concern == Concern::Steady {
            return Some(rate);
        }
        let goes_on = match self.since {
            Some(at) => words.goes_on_since(self.clock.since(at)),
            None => words.goes_on_since_before(self.clock.since(now.watched_since)),
        };
        Some([rate, goes_on].join(words.semicolon()))
    }

    /// `3.4 % of the pushes sent on APNs`; absent if statistics do not provide it.
    pub fn part(&self) -> Option<String> {
        Some(self.share_words_of(self.share_of_pushes?))
    }

    fn share_words_of(&self, share: f64) -> String {
        let words = self.words();
        words.share_of(words.percent(share), self.pushes())
    }

    /// What to do: nothing once it is over.
    pub fn advice_words(&self) -> String {
        if self.concern == Concern::Over {
            self.words().nothing_now(&self.advice)
        } else {
            self.advice.clone()
        }
    }

    /// The pushes that [`Self::share_of_pushes`] is a part of.
    fn pushes(&self) -> String {
        let words = self.words();
        let pushes = words.pushes(self.key.stage);
        match self.key.platform {
            None => words.all_pushes(pushes),
            platform => words.pushes_on(pushes, words.platform_name(platform)),
        }
    }
}

/// A target in one line.
pub(super) fn summary(
    state: State,
    target: &TargetState,
    ranked: &Ranked,
    words: &Words,
) -> String {
    let error = |api| {
        let error = &target.apis.get(&api)?.last_error.as_ref()?.error;
        let label = words::label(error.outcome, error.code);
        Some(words.beside(words.outcome(error.outcome), &label))
    };
    let told = |concern| {
        worst(&ranked.rows, concern)
            .map(|loss| [loss.name(), loss.size()].join(words.colon()))
            .unwrap_or_default()
    };
    match state {
        State::Failing => error(Api::losses(target.target.push)).unwrap_or_default(),
        State::Losing => told(Concern::Repair),
        State::Rising => told(Concern::Rising),
        State::Over => told(Concern::Over),
        State::Partial => [
            words.statistics().to_lowercase(),
            error(Api::statistics(target.target.push)).unwrap_or_default(),
        ]
        .join(words.colon()),
        State::Waiting => words.first_poll().to_owned(),
        State::Good => {
            let lost = |stage| {
                let lost = ranked.lost.get(&stage).copied().unwrap_or(0);
                let all = ranked.pushes.get(&stage).copied();
                let count = words::count(lost);
                match all.and_then(|all| share(lost, all)) {
                    Some(share) => words.beside(&count, words.percent(share)),
                    None => count,
                }
            };
            words.nothing_stands_out(lost(Stage::ReadyToSend), lost(Stage::PostSendDelivered))
        }
    }
}
