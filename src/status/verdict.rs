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

fn text(targets: &[TargetStatus]) -> String {
    let all = targets.len();
    let is = |state: State| targets.iter().filter(move |target| target.state == state);
    let mut sentences = Vec::new();
    let failing = is(State::Failing).count();
    if failing > 0 {
        let cannot = negated(failing, all, "cannot be asked", "can be asked");
        let reasons: BTreeSet<Option<String>> =
            is(State::Failing).map(TargetStatus::failure).collect();
        let shared = (reasons.len() == 1).then(|| reasons.first().cloned().flatten());
        let names: Vec<String> = is(State::Failing)
            .map(|target| match target.failure() {
                Some(reason) if shared.is_none() => format!("{} ({reason})", target.id()),
                _ => target.id(),
            })
            .collect();
        let names = words::names(&names);
        sentences.push(match shared.flatten() {
            Some(reason) => format!("{cannot} ({reason}): {names}."),
            None => format!("{cannot}: {names}."),
        });
    }
    for (concern, one, several) in [
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
    ] {
        // What was told of a target once is not told again as something smaller.
        let told = |target: &TargetStatus| {
            [Concern::Repair, Concern::Rising]
                .iter()
                .any(|worse| *worse < concern && target.has(*worse))
        };
        let mut losing: Vec<(&str, String)> = Vec::new();
        for target in targets.iter().filter(|target| !told(target)) {
            if let Some(loss) = target.worst(concern)
                && losing.iter().all(|(app, _)| *app != target.app)
            {
                let over = loss.now.zip(loss.over_since);
                let over = over.map_or_else(String::new, |(now, over)| {
                    format!(", {}", now.over_words(over))
                });
                let name = format!("{}, {}{over}", target.app, loss.headline());
                losing.push((&target.app, name));
            }
        }
        if losing.is_empty() {
            continue;
        }
        let apps: BTreeSet<&str> = targets.iter().map(|target| target.app.as_str()).collect();
        let names: Vec<String> = losing.iter().map(|(_, name)| name.clone()).collect();
        let many = if losing.len() == 1 { one } else { several };
        sentences.push(match apps.len() {
            1 => format!("Pushes {many}: {}.", words::names(&names)),
            apps => format!(
                "Pushes of {} of {apps} apps {many}: {}.",
                losing.len(),
                words::semicolons(&names)
            ),
        });
    }
    let partial = is(State::Partial).count();
    if partial > 0 {
        sentences.push(format!(
            "{partial} of {} {} about losses, but not about statistics.",
            words::plural(all, "target"),
            if partial == 1 { "answers" } else { "answer" }
        ));
    }
    let waiting = is(State::Waiting).count();
    if waiting > 0 {
        let was = if waiting == 1 { "was" } else { "were" };
        let text = negated(
            waiting,
            all,
            &format!("{was} not asked yet"),
            "was asked yet",
        );
        sentences.push(format!("{text}."));
    }
    if !sentences.is_empty() {
        sentences.join(" ")
    } else if all == 0 {
        "There is no target.".to_owned()
    } else {
        "All targets answer, nothing stands out.".to_owned()
    }
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

    /// Why losses cannot be asked for: `auth 70009`.
    fn failure(&self) -> Option<String> {
        let health = self.health.get(Api::NormalPushLoss.as_str())?;
        let error = health.last_error.as_ref()?;
        (!health.up).then(|| error.name())
    }
}

pub(super) fn worst(losses: &[LossStatus], concern: Concern) -> Option<&LossStatus> {
    let rows = || losses.iter().filter(|loss| loss.concern == concern);
    rows().find(|loss| !loss.is_overall()).or(rows().next())
}
