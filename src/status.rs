//! What is wrong and what to do about it: the facts for the page for people and for the JSON, so
//! that the two cannot disagree.

mod action;
mod clock;
mod health;
mod loss;
mod moment;
mod phrases;
mod ranking;
mod recently;
mod runbook;
mod state;
mod tasks;
mod trend;
mod verdict;
pub mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::clock::Now;
use crate::model::language::Language;
use crate::model::push::Push;
use crate::model::reading::{Api, Reading, Stage};
use crate::model::window::{DAY, DayOffset, UnixSeconds};
use crate::target::snapshot::{Good, Point, SetBack, TargetState, Targets};

use ranking::Depth;

pub use action::Action;
pub use clock::Clock;
pub use health::{ApiHealth, ErrorStatus};
pub(crate) use loss::share;
pub use loss::{Concern, LossStatus};
pub use moment::Moment;
pub use recently::Recently;
pub use runbook::Runbook;
pub use state::State;
pub use tasks::TasksStatus;
pub use trend::{Counted, Direction, Trend};
pub use verdict::{Level, Verdict};

/// All targets at one moment, those that need attention first.
#[derive(Debug, Serialize)]
pub struct Status {
    pub time: Moment,
    pub verdict: Verdict,
    pub targets: Vec<TargetStatus>,
    /// All existing apps, even if only one was requested.
    #[serde(skip)]
    pub apps: BTreeSet<String>,
    /// The clock of the first target.
    #[serde(skip)]
    pub clock: Clock,
}

impl Status {
    /// The facts at `now`, about one app or about all, in one language.
    pub fn of(targets: &Targets, now: Now, app: Option<&str>, language: Language) -> Self {
        Self::of_first(usize::MAX, targets, now, app, language)
    }

    /// The same for at most `most` targets, and the number of the others: those that need attention
    /// first, or from a position in the order of names, which no poll changes.
    pub fn of_part(
        from: Option<usize>,
        most: usize,
        targets: &Targets,
        now: Now,
        app: Option<&str>,
        language: Language,
    ) -> (Self, usize) {
        let whole = if from.is_some() { 0 } else { most };
        let mut status = Self::of_first(whole, targets, now, app, language);
        let all = status.targets.len();
        if let Some(from) = from {
            let told = chosen(targets, app).skip(from).take(most);
            let told = told.map(|target| TargetStatus::of(target, now, language, Depth::All));
            status.targets = told.collect();
        } else {
            status.targets.truncate(most);
        }
        let left_out = all - status.targets.len();
        (status, left_out)
    }

    /// The same as [`Self::of`], but only the first `whole` targets have a history and losses
    /// without concern: each of thousands of targets keeps only one line.
    pub fn of_first(
        whole: usize,
        targets: &Targets,
        now: Now,
        app: Option<&str>,
        language: Language,
    ) -> Self {
        let chosen: Vec<_> = chosen(targets, app).collect();
        let depth = if chosen.len() > whole {
            Depth::Concerns
        } else {
            Depth::All
        };
        let status = |target, depth| TargetStatus::of(target, now, language, depth);
        let mut ranked: Vec<_> = chosen
            .into_iter()
            .map(|target| (status(target, depth), target))
            .collect();
        ranked.sort_by_cached_key(|(status, _)| status.rank());
        let statuses = ranked
            .into_iter()
            .enumerate()
            .map(|(place, (brief, target))| {
                if depth == Depth::Concerns && place < whole {
                    status(target, Depth::All)
                } else {
                    brief
                }
            });
        let statuses: Vec<TargetStatus> = statuses.collect();
        let time = Moment(now.unix());
        let clock = statuses.first().map(|target| target.clock);
        Self {
            time,
            clock: clock.unwrap_or(Clock {
                now: time,
                offset: DayOffset::UTC,
                language,
            }),
            verdict: Verdict::of(&statuses, words::of(language)),
            targets: statuses,
            apps: targets.keys().map(|id| id.app.clone()).collect(),
        }
    }
}

/// The targets of one app, or of all, by name.
fn chosen<'a>(
    targets: &'a Targets,
    app: Option<&'a str>,
) -> impl Iterator<Item = &'a Arc<TargetState>> {
    let targets = targets.values();
    targets.filter(move |target| app.is_none_or(|app| app == target.target.app.name))
}

/// One population of pushes of one app in one region.
#[derive(Debug, Serialize)]
pub struct TargetStatus {
    pub app: String,
    pub region: String,
    pub push: Push,
    pub state: State,
    /// The state in one line.
    pub summary: String,
    pub health: BTreeMap<Api, ApiHealth>,
    /// The window over which the losses are counted; absent without a fresh successful response.
    pub window: Option<Window>,
    /// Absent until the target's loop has started.
    pub next_poll: Option<Moment>,
    /// Overall losses in the window; empty if there is no window.
    pub lost: BTreeMap<Stage, u64>,
    /// The pushes that `lost` is a part of: sendable and sent. Empty without statistics.
    pub pushes: BTreeMap<Stage, u64>,
    pub losses: Vec<LossStatus>,
    /// The number of smaller losses that are not in the list.
    pub losses_left_out: usize,
    /// Overall losses and pushes, each in the window that ends at the given time.
    pub history: Vec<HistoryPoint>,
    /// Further facts needed to read the counts correctly.
    pub notes: Vec<String>,
    /// Absent where no tasks are watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<TasksStatus>,
    #[serde(skip)]
    pub clock: Clock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    pub start: Moment,
    pub end: Moment,
}

/// Overall losses by stage, in the window that ends at `end`.
#[derive(Debug, Serialize)]
pub struct HistoryPoint {
    pub end: Moment,
    pub ready_to_send: u64,
    pub post_send_delivered: u64,
    pub sent: Option<u64>,
    #[serde(skip)]
    pub sendable: Option<u64>,
}

impl TargetStatus {
    fn of(target: &TargetState, now: Now, language: Language, depth: Depth) -> Self {
        let clock = Clock {
            now: Moment(now.unix()),
            offset: target.target.app.day_offset,
            language,
        };
        let words = clock.words();
        let ranked = ranking::ranked(target, now, clock, depth);
        let good = target.losses(now.steady);
        let health = target
            .apis
            .iter()
            .map(|(api, state)| (*api, ApiHealth::of(state, language)))
            .collect();
        let state = State::of(target, &ranked.rows);
        let mut notes = notes(target, good, now, clock);
        let is_open = |loss: &LossStatus| loss.concern != Concern::Steady && loss.now.is_none();
        if target.has_counters() && ranked.rows.iter().any(is_open) {
            notes.push(words.whether_unknown().to_owned());
        }
        Self {
            app: target.target.app.name.clone(),
            region: target.target.region.name.clone(),
            push: target.target.push,
            state,
            summary: phrases::summary(state, target, &ranked, words),
            health,
            window: good.map(|good| Window {
                start: Moment(good.range.start),
                end: Moment(good.range.end),
            }),
            next_poll: target.page.next_poll().map(|due| {
                let pause = due.saturating_duration_since(now.steady);
                Moment(UnixSeconds((now.wall + pause).as_secs()))
            }),
            losses: ranked.rows,
            losses_left_out: ranked.left_out,
            lost: ranked.lost,
            pushes: ranked.pushes,
            history: match depth {
                Depth::Concerns => Vec::new(),
                Depth::All => history(target),
            },
            notes,
            tasks: TasksStatus::of(target, now),
            clock,
        }
    }

    /// The sort key: how bad the state is, then the largest loss that someone can fix.
    fn rank(&self) -> (State, std::cmp::Reverse<u64>, String, String, Push) {
        let acute = |loss: &&LossStatus| loss.concern != Concern::Steady;
        let count = self.losses.iter().find(acute).map_or(0, |loss| loss.count);
        (
            self.state,
            std::cmp::Reverse(count),
            self.app.clone(),
            self.region.clone(),
            self.push,
        )
    }

    /// `shop/singapore`, and the population of pushes unless it is the usual one.
    pub fn id(&self) -> String {
        format!("{}/{}", self.app, self.place())
    }

    /// The region, and the population of pushes unless it is the usual one.
    pub fn place(&self) -> String {
        self.clock.words().place(&self.region, self.push)
    }
}

fn history(target: &TargetState) -> Vec<HistoryPoint> {
    let point = |point: &Point| HistoryPoint {
        end: Moment(point.end),
        ready_to_send: point.lost(Stage::ReadyToSend),
        post_send_delivered: point.lost(Stage::PostSendDelivered),
        sent: point.pushes(Stage::PostSendDelivered),
        sendable: point.pushes(Stage::ReadyToSend),
    };
    target.page.history().points().map(point).collect()
}

/// How long the page reports that the clock was set back, in seconds.
const SET_BACK_SHOWN: u64 = DAY;

fn notes(target: &TargetState, good: Option<&Good>, now: Now, clock: Clock) -> Vec<String> {
    let words = clock.words();
    let mut notes = Vec::new();
    if let Some(SetBack { at, seconds }) = target.page.set_back()
        && now.unix().0.saturating_sub(at.0) < SET_BACK_SHOWN
    {
        let time = words.duration(seconds);
        notes.push(words.set_back(&time, clock.since(Moment(at))));
    }
    let api = target.apis.get(&Api::losses(target.target.push));
    if good.is_none()
        && let Some(at) = api.and_then(|api| api.last_success)
    {
        notes.push(words.too_old(clock.since(Moment(at))));
    }
    let is_empty = |good: &Good| match &good.reading {
        Reading::Loss(rows) => rows.values().all(|loss| loss.count == 0),
        Reading::Statistics { .. } => true,
    };
    if good.is_some_and(is_empty) {
        let last = api.and_then(|api| api.last_nonzero).map_or_else(
            || words.no_loss_seen().to_owned(),
            |end| words.latest_loss(clock.since(Moment(end))),
        );
        notes.push(words.nothing_lost(&last));
    }
    if target.resolved == Some(false) {
        notes.push(words.whole_days().to_owned());
    }
    if good.is_some() && !target.has_counters() {
        notes.push(words.without_counters().to_owned());
    }
    if target.additive == Some(false) {
        notes.push(words.not_additive().to_owned());
    }
    notes
}

#[cfg(test)]
pub(crate) mod tests;
