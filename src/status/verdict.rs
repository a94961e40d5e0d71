//! All targets in one line, and what to do first.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::loss::Ranked;
use super::{Concern, LossStatus, State, TargetStatus, words};
use crate::catalogue::CodeClass;
use crate::reading::{Api, Stage};
use crate::snapshot::TargetState;

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

/// One thing to do, for one or several targets.
#[derive(Debug, Serialize)]
pub struct Action {
    /// `app/region` of each.
    pub targets: Vec<String>,
    pub problem: String,
    /// What it means, as far as the problem does not say so itself.
    pub meaning: String,
    pub advice: String,
    pub level: Level,
}

impl Action {
    /// The targets, as far as a line can name them.
    pub fn who(&self) -> String {
        words::names(&self.targets)
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
        let names: Vec<String> = is(State::Failing)
            .map(|target| match target.failure() {
                Some(name) => format!("{} ({name})", target.id()),
                None => target.id(),
            })
            .collect();
        sentences.push(format!(
            "{}: {}.",
            negated(failing, all, "cannot be asked", "can be asked"),
            words::names(&names)
        ));
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
    ] {
        // What was told of a target once is not told again as something smaller.
        let told =
            |target: &TargetStatus| concern == Concern::Rising && target.has(Concern::Repair);
        let mut losing: Vec<(&str, String)> = Vec::new();
        for target in targets.iter().filter(|target| !told(target)) {
            if let Some(loss) = target.worst(concern)
                && losing.iter().all(|(app, _)| *app != target.app)
            {
                losing.push((&target.app, format!("{}, {}", target.app, loss.headline())));
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

/// What is wrong with one target. Targets that share the name differ in the details.
struct Problem {
    name: String,
    details: String,
    meaning: String,
    advice: String,
}

/// `2 of 3 targets cannot ...`, but `none of the 3 targets can ...`.
fn negated(count: usize, all: usize, some: &str, none: &str) -> String {
    match all {
        1 => format!("The only target {some}"),
        _ if count == all => format!("None of the {all} targets {none}"),
        _ => format!("{count} of {all} targets {some}"),
    }
}

/// One for each failure and for each loss that needs somebody, over all targets that share
/// it: where a hundred targets fail for one reason, there is one thing to do.
fn actions(targets: &[TargetStatus]) -> Vec<Action> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut actions: Vec<Action> = Vec::new();
    let mut add = |key: String, target: String, level: Level, problem: Problem| {
        if let Some(place) = places.get(&key) {
            let action: &mut Action = &mut actions[*place];
            if action.targets.last() != Some(&target) {
                action.targets.push(target);
                action.problem = problem.name;
            }
        } else {
            places.insert(key, actions.len());
            actions.push(Action {
                targets: vec![target],
                problem: format!("{}: {}", problem.name, problem.details),
                meaning: problem.meaning,
                advice: problem.advice,
                level,
            });
        }
    };
    for target in targets {
        for (api, health) in &target.health {
            if let (false, Some(error)) = (health.up, &health.last_error) {
                let losses = *api == Api::NormalPushLoss.as_str();
                add(
                    format!("{} {} {losses}", error.name(), error.advice),
                    target.id(),
                    if losses { Level::Bad } else { Level::Warning },
                    Problem {
                        name: error.name(),
                        details: error.message.clone(),
                        meaning: String::new(),
                        advice: error.advice.clone(),
                    },
                );
            }
        }
    }
    for (concern, level) in [
        (Concern::Repair, Level::Bad),
        (Concern::Rising, Level::Warning),
    ] {
        for target in targets {
            let is_platforms = |loss: &LossStatus| !loss.is_overall();
            let rows = || target.losses.iter().filter(|loss| loss.concern == concern);
            for loss in rows() {
                // The platforms' rows say where to begin.
                let detailed = loss.is_overall()
                    && rows().any(|other| is_platforms(other) && other.is_same_code(loss));
                if detailed {
                    continue;
                }
                add(
                    format!("{:?} {concern:?}", loss.key),
                    target.id(),
                    level,
                    Problem {
                        name: loss.name(),
                        details: loss.size(),
                        meaning: loss.meaning.clone(),
                        advice: loss.advice.clone(),
                    },
                );
            }
        }
    }
    actions.sort_by_key(|action| std::cmp::Reverse(action.level));
    actions
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

fn worst(losses: &[LossStatus], concern: Concern) -> Option<&LossStatus> {
    let rows = || losses.iter().filter(|loss| loss.concern == concern);
    rows().find(|loss| !loss.is_overall()).or(rows().next())
}

impl LossStatus {
    fn is_same_code(&self, other: &Self) -> bool {
        self.key.stage == other.key.stage && self.key.code == other.key.code
    }

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
    fn headline(&self) -> String {
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
    fn size(&self) -> String {
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
        let count = words::count(self.count);
        match &self.trend {
            Some(trend) => format!("{count} lost, {part}; {}", trend.words),
            None => format!("{count} lost, {part}"),
        }
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
