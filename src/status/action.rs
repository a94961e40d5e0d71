//! What to do, combined for all targets with the same problem.

use std::collections::BTreeMap;

use serde::Serialize;

use super::words::Words;
use super::{Concern, Level, LossStatus, Runbook, TargetStatus};
use crate::model::reading::Measure;

/// One thing to do, for one or several targets.
#[derive(Debug, Serialize)]
pub struct Action {
    /// Each as `app/region`.
    pub targets: Vec<String>,
    pub problem: String,
    /// The meaning, unless the problem states it.
    pub meaning: String,
    pub advice: String,
    /// The page with the next steps.
    pub runbook: Runbook,
    pub level: Level,
}

impl Action {
    /// The targets, as far as they fit into a line.
    pub fn who(&self, words: &Words) -> String {
        words.names(&self.targets)
    }
}

/// What is wrong with one target.
#[derive(PartialEq, Eq)]
struct Problem {
    name: String,
    details: String,
    meaning: String,
    advice: String,
    runbook: Runbook,
}

/// A problem and the targets that share it, possibly with different details.
struct Shared {
    level: Level,
    problem: Problem,
    targets: Vec<String>,
    is_alike: bool,
    /// Nothing to do now, so it comes last.
    is_over: bool,
}

/// One action for each failure and for each loss that needs attention, combined over all targets
/// that share it: if a hundred targets fail for one reason, there is one thing to do.
pub(super) fn actions(targets: &[TargetStatus], words: &Words) -> Vec<Action> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut shared: Vec<Shared> = Vec::new();
    let failures = targets.iter().flat_map(failures);
    for (key, target, level, problem, is_over) in failures.chain(targets.iter().flat_map(losses)) {
        if let Some(known) = places.get(&key).and_then(|place| shared.get_mut(*place)) {
            known.is_alike &= known.problem == problem;
            known.level = known.level.max(level);
            if known.targets.last() != Some(&target) {
                known.targets.push(target);
            }
        } else {
            places.insert(key, shared.len());
            shared.push(Shared {
                level,
                problem,
                targets: vec![target],
                is_alike: true,
                is_over,
            });
        }
    }
    shared.sort_by_key(|problem| (problem.is_over, std::cmp::Reverse(problem.level)));
    shared
        .into_iter()
        .map(|problem| problem.action(words))
        .collect()
}

impl Shared {
    fn action(self, words: &Words) -> Action {
        let Problem {
            name,
            details,
            meaning,
            advice,
            runbook,
        } = self.problem;
        let problem = match self.targets.first() {
            Some(first) if !self.is_alike => words.at_target(&name, first),
            _ => name,
        };
        let problem = [problem, details].join(words.colon());
        Action {
            targets: self.targets,
            problem,
            meaning,
            advice,
            runbook,
            level: self.level,
        }
    }
}

/// The key that the problem has in common with other targets, this target, how bad the problem is,
/// the problem, and whether it is over.
type Found = (String, String, Level, Problem, bool);

fn failures(target: &TargetStatus) -> impl Iterator<Item = Found> {
    target.health.iter().filter_map(|(api, health)| {
        let error = health.last_error.as_ref().filter(|_| !health.up)?;
        let level = match api.measure() {
            Measure::Losses => Level::Bad,
            Measure::Funnel => Level::Warning,
        };
        let problem = Problem {
            name: error.name(),
            details: error.message.clone(),
            meaning: String::new(),
            advice: error.advice.clone(),
            runbook: error.runbook,
        };
        // The key is the same for both APIs of a target, too.
        let key = format!("{} {}", problem.name, problem.advice);
        Some((key, target.id(), level, problem, false))
    })
}

fn losses(target: &TargetStatus) -> impl Iterator<Item = Found> {
    let acute = target
        .losses
        .iter()
        .filter(|loss| loss.concern != Concern::Steady);
    acute.filter_map(|loss| {
        let level = loss.concern.level();
        let is_over = loss.concern == Concern::Over;
        // Of an overall row and its platforms' rows, only those with the advice count: the overall
        // row, if its advice is the same everywhere. A problem of one platform is not reported
        // twice.
        let is_same = |other: &LossStatus| other.advice == loss.advice;
        let is_as_bad = |other: &LossStatus| other.concern == loss.concern;
        let is_told_by_others = target
            .losses
            .iter()
            .filter(|other| other.is_same_code(loss))
            .any(|other| match (loss.is_overall(), other.is_overall()) {
                (true, false) => {
                    other.concern < loss.concern || is_as_bad(other) && !is_same(other)
                }
                (false, true) => is_as_bad(other) && is_same(other),
                _ => false,
            });
        let problem = Problem {
            name: loss.name(),
            details: loss.size(),
            meaning: loss.meaning.clone(),
            advice: loss.advice_words(),
            runbook: Runbook::of_loss(loss.code_class),
        };
        let key = format!("{:?} {:?}", loss.concern, loss.key);
        (!is_told_by_others).then(|| (key, target.id(), level, problem, is_over))
    })
}

impl LossStatus {
    fn is_same_code(&self, other: &Self) -> bool {
        self.key.stage == other.key.stage && self.key.code == other.key.code
    }
}
