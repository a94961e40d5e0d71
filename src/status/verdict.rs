//! All targets in one line, and the first actions.

use std::collections::BTreeSet;

use serde::Serialize;

use super::action::{Action, actions};
use super::words::Words;
use super::{Concern, LossStatus, State, TargetStatus};
use crate::model::reading::Api;

/// The maximum number of actions shown: with more to do, these are the first.
const MAX_ACTIONS: usize = 5;

/// The first text for an on-call person.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub level: Level,
    pub text: String,
    /// What to do, the most urgent first.
    pub actions: Vec<Action>,
    pub more_actions: usize,
}

/// The severity; also names colours in the style sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Good,
    Waiting,
    Warning,
    Bad,
}

impl Level {
    /// The class in the style sheet.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Waiting => "waiting",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

impl Verdict {
    pub(super) fn of(targets: &[TargetStatus], words: &Words) -> Self {
        let mut actions = actions(targets, words);
        let more_actions = actions.len().saturating_sub(MAX_ACTIONS);
        actions.truncate(MAX_ACTIONS);
        let text = text(targets, words);
        Self {
            level: targets
                .iter()
                .map(|target| target.state.level())
                .max()
                .unwrap_or(Level::Good),
            text,
            actions,
            more_actions,
        }
    }
}

/// Concerns that a headline names, the worst first.
const LOSSES: [Concern; 3] = [Concern::Repair, Concern::Rising, Concern::Over];

fn text(targets: &[TargetStatus], words: &Words) -> String {
    let mut sentences: Vec<String> = failing(targets, words).into_iter().collect();
    let apps: BTreeSet<&str> = targets.iter().map(|target| target.app.as_str()).collect();
    for (n, concern) in LOSSES.into_iter().enumerate() {
        // A target mentioned once is not mentioned again for a smaller concern.
        let is_told = |target: &&TargetStatus| LOSSES[..n].iter().any(|worse| target.has(*worse));
        let untold = targets.iter().filter(|target| !is_told(target));
        let names = losing(untold, concern, words);
        if !names.is_empty() {
            sentences.push(words.losing(concern, &names, apps.len()));
        }
    }
    let partial = in_state(targets, State::Partial).len();
    if partial > 0 {
        sentences.push(words.partial(partial, targets.len()));
    }
    let waiting = in_state(targets, State::Waiting).len();
    if waiting > 0 {
        sentences.push(words.waiting(waiting, targets.len()));
    }
    if !sentences.is_empty() {
        sentences.join(words.sentence_gap())
    } else if targets.is_empty() {
        words.no_target().to_owned()
    } else {
        words.all_good().to_owned()
    }
}

fn in_state(targets: &[TargetStatus], state: State) -> Vec<&TargetStatus> {
    let targets = targets.iter();
    targets.filter(|target| target.state == state).collect()
}

/// The failing targets; the reason once, if all have the same.
fn failing(targets: &[TargetStatus], words: &Words) -> Option<String> {
    let failing = in_state(targets, State::Failing);
    let cannot = words.cannot_be_asked(failing.len(), targets.len());
    let reasons: BTreeSet<Option<String>> = failing.iter().map(|target| target.failure()).collect();
    let names = |with_reason: bool| {
        let named = failing.iter().map(|target| match target.failure() {
            Some(reason) if with_reason => words.beside(target.id(), reason),
            _ => target.id(),
        });
        words.names(&named.collect::<Vec<_>>())
    };
    let mut different = reasons.into_iter();
    Some(match (different.next()?, different.next()) {
        (Some(reason), None) => words.of_these(words.beside(cannot, reason), names(false)),
        (None, None) => words.of_these(cannot, names(false)),
        _ => words.of_these(cannot, names(true)),
    })
}

/// Each app of some targets once, with its most informative loss of this concern.
fn losing<'a>(
    targets: impl Iterator<Item = &'a TargetStatus>,
    concern: Concern,
    words: &Words,
) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for target in targets {
        let Some(loss) = target.worst(concern) else {
            continue;
        };
        if seen.insert(target.app.as_str()) {
            let mut name = [target.app.clone(), loss.headline()].join(words.comma());
            if let Some((now, over)) = loss.now.zip(loss.over_since) {
                name.push_str(words.comma());
                name.push_str(&now.over_words(&loss.clock.at(over), over, words));
            }
            names.push(name);
        }
    }
    names
}

impl TargetStatus {
    fn has(&self, concern: Concern) -> bool {
        self.losses.iter().any(|loss| loss.concern == concern)
    }

    /// The most informative loss: one of a platform, if there is one.
    fn worst(&self, concern: Concern) -> Option<&LossStatus> {
        worst(&self.losses, concern)
    }

    /// Why losses cannot be queried: `authentication failed, auth 70009`.
    fn failure(&self) -> Option<String> {
        let health = self.health.get(&Api::losses(self.push))?;
        let error = health.last_error.as_ref()?;
        (!health.up).then(|| error.reason())
    }
}

pub(super) fn worst(losses: &[LossStatus], concern: Concern) -> Option<&LossStatus> {
    let rows = || losses.iter().filter(|loss| loss.concern == concern);
    rows().find(|loss| !loss.is_overall()).or(rows().next())
}
