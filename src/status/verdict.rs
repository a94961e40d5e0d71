//! All targets in one line, and what to do first.

use std::collections::BTreeSet;

use serde::Serialize;

use super::action::{Action, actions};
use super::{Concern, LossStatus, State, TargetStatus, words};
use crate::model::reading::Api;

/// The most actions told: who has more to do starts with these.
const MAX_ACTIONS: usize = 5;

/// What an on-call person reads first.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub level: Level,
    pub text: String,
    /// What to do, the most urgent first.
    pub actions: Vec<Action>,
    pub more_actions: usize,
}

/// How bad it is; also names colours in the style sheet.
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

    /// For those who do not see colours.
    pub fn words(self) -> &'static str {
        match self {
            Self::Good => "All good",
            Self::Waiting => "Not known yet",
            Self::Warning => "Worth a look",
            Self::Bad => "Action needed",
        }
    }
}

impl Verdict {
    pub(super) fn of(targets: &[TargetStatus]) -> Self {
        let mut actions = actions(targets);
        let more_actions = actions.len().saturating_sub(MAX_ACTIONS);
        actions.truncate(MAX_ACTIONS);
        let text = text(targets);
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

/// Concerns that a headline names, the worst first, with what is said of one app and of several.
const LOSSES: [(Concern, &str, &str); 3] = [
    (
        Concern::Repair,
        "are lost for a reason that you can repair",
        "are lost for reasons that you can repair",
    ),
    (
        Concern::Rising,
        "are lost more and more",
        "are lost more and more",
    ),
    (
        Concern::Over,
        "were lost, but no longer are",
        "were lost, but no longer are",
    ),
];

fn text(targets: &[TargetStatus]) -> String {
    let mut sentences: Vec<String> = failing(targets).into_iter().collect();
    let apps: BTreeSet<&str> = targets.iter().map(|target| target.app.as_str()).collect();
    for (n, (concern, one, several)) in LOSSES.into_iter().enumerate() {
        // What was told of a target once is not told again as something smaller.
        let is_told = |target: &&TargetStatus| LOSSES[..n].iter().any(|worse| target.has(worse.0));
        let untold = targets.iter().filter(|target| !is_told(target));
        let names = losing(untold, concern);
        let many = if names.len() == 1 { one } else { several };
        if !names.is_empty() {
            sentences.push(match apps.len() {
                1 => format!("Pushes {many}: {}.", words::names(&names)),
                apps => format!(
                    "Pushes of {} of {apps} apps {many}: {}.",
                    names.len(),
                    words::semicolons(&names)
                ),
            });
        }
    }
    sentences.extend(partial(targets));
    sentences.extend(waiting(targets));
    if !sentences.is_empty() {
        sentences.join(" ")
    } else if targets.is_empty() {
        "There is no target.".to_owned()
    } else {
        "All targets answer, nothing stands out.".to_owned()
    }
}

fn in_state(targets: &[TargetStatus], state: State) -> Vec<&TargetStatus> {
    let targets = targets.iter();
    targets.filter(|target| target.state == state).collect()
}

/// Which targets fail; their reason once, if all have the same.
fn failing(targets: &[TargetStatus]) -> Option<String> {
    let failing = in_state(targets, State::Failing);
    let cannot = negated(
        failing.len(),
        targets.len(),
        "cannot be asked",
        "can be asked",
    );
    let reasons: BTreeSet<Option<String>> = failing.iter().map(|target| target.failure()).collect();
    let names = |with_reason: bool| {
        let named = failing.iter().map(|target| match target.failure() {
            Some(reason) if with_reason => format!("{} ({reason})", target.id()),
            _ => target.id(),
        });
        words::names(&named.collect::<Vec<_>>())
    };
    let mut different = reasons.into_iter();
    match (different.next()?, different.next()) {
        (Some(reason), None) => Some(format!("{cannot} ({reason}): {}.", names(false))),
        (None, None) => Some(format!("{cannot}: {}.", names(false))),
        _ => Some(format!("{cannot}: {}.", names(true))),
    }
}

/// Each app of some targets once, with the loss of this concern that says most.
fn losing<'a>(targets: impl Iterator<Item = &'a TargetStatus>, concern: Concern) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for target in targets {
        let Some(loss) = target.worst(concern) else {
            continue;
        };
        if seen.insert(target.app.as_str()) {
            let over = loss.now.zip(loss.over_since);
            let over = over.map_or_else(String::new, |(now, over)| {
                format!(", {}", now.over_words(&loss.clock.at(over), over))
            });
            names.push(format!("{}, {}{over}", target.app, loss.headline()));
        }
    }
    names
}

fn partial(targets: &[TargetStatus]) -> Option<String> {
    let partial = in_state(targets, State::Partial).len();
    let all = words::plural(targets.len(), "target");
    let answer = if partial == 1 { "answers" } else { "answer" };
    (partial > 0)
        .then(|| format!("{partial} of {all} {answer} about losses, but not about statistics."))
}

fn waiting(targets: &[TargetStatus]) -> Option<String> {
    let waiting = in_state(targets, State::Waiting).len();
    let was = if waiting == 1 { "was" } else { "were" };
    let some = format!("{was} not asked yet");
    (waiting > 0).then(|| {
        format!(
            "{}.",
            negated(waiting, targets.len(), &some, "was asked yet")
        )
    })
}

/// `2 of 3 targets cannot ...`, but `none of the 3 targets can ...`.
fn negated(count: usize, all: usize, some: &str, none: &str) -> String {
    match all {
        1 => format!("The only target {some}"),
        _ if count == all => format!("None of the {all} targets {none}"),
        _ => format!("{count} of {all} targets {some}"),
    }
}

impl TargetStatus {
    fn has(&self, concern: Concern) -> bool {
        self.losses.iter().any(|loss| loss.concern == concern)
    }

    /// The loss that says most: of a platform, if there is one.
    fn worst(&self, concern: Concern) -> Option<&LossStatus> {
        worst(&self.losses, concern)
    }

    /// Why losses cannot be asked for: `authentication failed, auth 70009`.
    fn failure(&self) -> Option<String> {
        let health = self.health.get(Api::NormalPushLoss.as_str())?;
        let error = health.last_error.as_ref()?;
        (!health.up).then(|| error.reason())
    }
}

pub(super) fn worst(losses: &[LossStatus], concern: Concern) -> Option<&LossStatus> {
    let rows = || losses.iter().filter(|loss| loss.concern == concern);
    rows().find(|loss| !loss.is_overall()).or(rows().next())
}
