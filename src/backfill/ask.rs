//! Runs proofs and queries, each app as fast as its own limit allows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::answers::{Answers, Entry, Query, TooMany};
use super::journal::{Journal, JournalError};
use super::plan::{Backfill, Work};
use super::proof::{Obstacle, prove};
use crate::config::target::Target;
use crate::fetch::Fetch;
use crate::model::outcome::{FetchError, Outcome};
use crate::model::reading::{Api, Reading};
use crate::model::target_id::TargetId;
use crate::model::window::{Range, UnixSeconds};

/// How many apps query at once. Each has a connection and at most one response that is not
/// recorded yet; the other apps take turns between their calls.
pub const AT_ONCE: u16 = 256;

/// Events that may wait to be recorded: an interruption loses them, so only one.
const ON_THE_WAY: usize = 1;

/// How often a query is repeated after a daemon beside this run crowded it out, and the pause
/// in between. Each time, the implementation of [`Fetch`] itself makes two tries.
const CROWDED_OUT: usize = 5;
const PAUSE: Duration = Duration::from_millis(2300);

/// Why a run did not finish its proofs and queries.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("{id}: {obstacle}")]
    Target { id: TargetId, obstacle: Obstacle },
    #[error("not all answers came, which is a bug")]
    Incomplete,
    #[error(transparent)]
    TooMany(#[from] TooMany),
    #[error(transparent)]
    Keep(#[from] JournalError),
}

impl AskError {
    /// Whether a continued run would end the same way.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::TooMany(_) => true,
            Self::Target { obstacle, .. } => !matches!(obstacle, Obstacle::Refused(_)),
            Self::Incomplete | Self::Keep(_) => false,
        }
    }
}

/// One task of an app.
#[derive(Clone, Copy)]
enum Task {
    Prove(usize),
    Ask(Query),
}

/// A step of an app.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A call was made.
    Called,
    /// A task is done, with this many of the calls before.
    Found(Entry, u32),
}

/// Does all of `work`, and adds the responses to `answers` and to the journal, if any. Each
/// app is proved before it is queried, in the order of its queries; the apps run in parallel.
/// The first failure ends everything. `told` is called after each step.
pub async fn collect<F: Fetch>(
    fetch: Arc<F>,
    plan: &Arc<Backfill>,
    work: Work,
    now: UnixSeconds,
    answers: &mut Answers,
    mut journal: Option<Journal>,
    mut told: impl FnMut(&Event),
) -> Result<(), AskError> {
    let mut open = work.proofs.len() + work.questions.len();
    let (sender, mut events) = mpsc::channel(ON_THE_WAY);
    let turns = Arc::new(Semaphore::new(usize::from(AT_ONCE)));
    let mut apps = JoinSet::new();
    for tasks in by_app(plan, work).into_values() {
        let app = App {
            fetch: Arc::clone(&fetch),
            events: sender.clone(),
            calls: AtomicU32::new(0),
        };
        apps.spawn(app.run(tasks, Arc::clone(plan), Arc::clone(&turns), now));
    }
    drop(sender);
    while let Some(event) = events.recv().await {
        let event = event?;
        told(&event);
        if let Event::Found(entry, _) = event {
            if let Some(journal) = &mut journal {
                journal.add(&entry)?;
            }
            answers.add(entry)?;
            open -= 1;
        }
    }
    if open == 0 {
        Ok(())
    } else {
        Err(AskError::Incomplete)
    }
}

/// The tasks by SDKAppID, as the service counts calls per SDKAppID: proofs first.
fn by_app(plan: &Backfill, work: Work) -> BTreeMap<u32, Vec<Task>> {
    let mut tasks: BTreeMap<u32, Vec<Task>> = BTreeMap::new();
    let proofs = work
        .proofs
        .into_iter()
        .map(|target| (target, Task::Prove(target)));
    let questions = work
        .questions
        .into_iter()
        .map(|question| (question.target, Task::Ask(question)));
    for (target, task) in proofs.chain(questions) {
        let app = plan.targets[target].target.app.sdk_app_id;
        tasks.entry(app).or_default().push(task);
    }
    tasks
}

/// The means by which one app sends its queries, one at a time.
struct App<F> {
    fetch: Arc<F>,
    events: mpsc::Sender<Result<Event, AskError>>,
    /// Calls since they were last counted.
    calls: AtomicU32,
}

impl<F: Fetch> App<F> {
    async fn run(
        self,
        tasks: Vec<Task>,
        plan: Arc<Backfill>,
        turns: Arc<Semaphore>,
        now: UnixSeconds,
    ) {
        for task in tasks {
            let Ok(_turn) = turns.acquire().await else {
                return;
            };
            let event = self.step(task, &plan, now).await;
            let failed = event.is_err();
            // There is no receiver once another app has failed.
            if self.events.send(event).await.is_err() || failed {
                return;
            }
        }
    }

    async fn step(&self, task: Task, plan: &Backfill, now: UnixSeconds) -> Result<Event, AskError> {
        let (Task::Prove(index) | Task::Ask(Query { target: index, .. })) = task;
        let target = &plan.targets[index].target;
        let id = target.id();
        self.calls.store(0, Ordering::Relaxed);
        let found = match task {
            Task::Prove(_) => prove(self, target, now)
                .await
                .map(|()| Entry::Proved(id.clone())),
            Task::Ask(Query { api, range, .. }) => self
                .fetch(target, api, range)
                .await
                .map(|reading| Entry::Answer {
                    id: id.clone(),
                    api,
                    range,
                    counts: reading.counts().into_iter().collect(),
                })
                .map_err(Obstacle::from),
        };
        match found {
            Ok(entry) => Ok(Event::Found(entry, self.calls.load(Ordering::Relaxed))),
            Err(obstacle) => Err(AskError::Target { id, obstacle }),
        }
    }
}

/// Retries calls that fail because a daemon makes calls for the same app.
impl<F: Fetch> Fetch for App<F> {
    async fn fetch(&self, target: &Target, api: Api, range: Range) -> Result<Reading, FetchError> {
        let mut answer = self.fetch.fetch(target, api, range).await;
        for _ in 0..CROWDED_OUT {
            match &answer {
                Err(error) if error.outcome == Outcome::RateLimited => {}
                _ => break,
            }
            sleep(PAUSE).await;
            answer = self.fetch.fetch(target, api, range).await;
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        // There is no receiver once another app has failed.
        let _ = self.events.send(Ok(Event::Called)).await;
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backfill::plan::Span;
    use crate::config::target::tests::target;
    use crate::fetch::fake::{Asked, Fake};
    use tokio::time::Instant;

    const SECOND: Duration = Duration::from_secs(1);

    /// Refuses each query a few times before it returns an empty response, after a second.
    fn busy(refusals: usize, outcome: i64) -> Arc<Fake> {
        Arc::new(Fake::new(SECOND, move |asked| {
            if (asked.len() - 1) % (refusals + 1) < refusals {
                return Err(FetchError::refused(outcome, ""));
            }
            Ok(Reading::Loss(BTreeMap::new()))
        }))
    }

    const NOW: UnixSeconds = UnixSeconds(1_741_800_000);

    fn plan(apps: u32) -> Arc<Backfill> {
        let targets = (0..apps).map(|n| {
            let mut target = target(&format!("app{n}"), "singapore");
            Arc::get_mut(&mut target.app).unwrap().sdk_app_id += n;
            target
        });
        let span = Span {
            from: UnixSeconds(1_741_752_000),
            to: UnixSeconds(1_741_759_200),
            step: Duration::from_secs(3600),
        };
        Arc::new(Backfill::new(targets.collect(), span))
    }

    #[derive(Debug, PartialEq, Eq)]
    enum Step {
        Call,
        /// With the calls that it took.
        Proof(u32),
    }

    /// Calls of a proof that finds nothing but zeros.
    const PROOF: usize = 4;

    /// The outcome of all work on `apps` apps, and the number of calls without refusals.
    async fn run(service: &Arc<Fake>, apps: u32) -> (Result<Vec<Step>, AskError>, usize) {
        let plan = plan(apps);
        let mut answers = plan.no_answers();
        let work = plan.work(&answers);
        let calls = work.questions.len() + work.proofs.len() * PROOF;
        let (asking, mut steps) = (Arc::clone(service), Vec::new());
        let told = |event: &Event| match event {
            Event::Called => steps.push(Step::Call),
            Event::Found(Entry::Proved(_), calls) => steps.push(Step::Proof(*calls)),
            Event::Found(Entry::Answer { .. }, _) => {}
        };
        let asked = collect(asking, &plan, work, NOW, &mut answers, None, told).await;
        if asked.is_ok() {
            let left = plan.work(&answers);
            assert!(left.questions.is_empty() && left.proofs.is_empty());
        }
        (asked.map(|()| steps), calls)
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_beside_it_slows_it_down_and_does_not_stop_it() {
        let service = busy(CROWDED_OUT, 60007);
        let (steps, calls) = run(&service, 1).await;
        assert_eq!(steps.unwrap().len(), calls + 1);
        assert_eq!(service.asked().len(), calls * (CROWDED_OUT + 1));
        let (failure, _) = run(&busy(CROWDED_OUT + 1, 60007), 1).await;
        let failure = failure.unwrap_err().to_string();
        assert!(failure.contains("rate_limited 60007"), "{failure}");
    }

    #[tokio::test(start_paused = true)]
    async fn any_other_refusal_ends_it_with_what_to_do() {
        let (failure, _) = run(&busy(1, 90045), 1).await;
        let advice = crate::model::catalogue::rest_code(90045)
            .unwrap()
            .advice
            .clone();
        let failure = failure.unwrap_err().to_string();
        assert!(
            failure.starts_with("app0/singapore: not_enabled 90045"),
            "{failure}"
        );
        assert!(failure.ends_with(&advice), "{failure}");
    }

    #[tokio::test(start_paused = true)]
    async fn apps_are_proved_and_asked_side_by_side() {
        let (mut took, mut calls) = (Vec::new(), Vec::new());
        for apps in [1, 20] {
            let began = Instant::now();
            let service = busy(0, 0);
            let (steps, expected) = run(&service, apps).await;
            let steps = steps.unwrap();
            took.push(began.elapsed());
            calls.push(steps.iter().filter(|step| **step == Step::Call).count());
            assert_eq!(calls.last(), Some(&expected));
            let first = steps.iter().position(|step| *step != Step::Call).unwrap();
            assert_eq!(steps[first], Step::Proof(4));
        }
        assert_eq!(took[0], took[1]);
        assert_eq!(calls[0] * 20, calls[1]);
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_apps_there_are_only_so_many_ask_at_once() {
        let service = busy(0, 0);
        let (steps, calls) = run(&service, 2 * u32::from(AT_ONCE)).await;
        assert_eq!(steps.unwrap().len(), calls + 2 * usize::from(AT_ONCE));
        let asked = service.asked();
        let at_once = asked.iter().map(|one| {
            let under_way = |other: &&Asked| other.at <= one.at && one.at < other.at + SECOND;
            asked.iter().filter(under_way).count()
        });
        assert_eq!(at_once.max(), Some(usize::from(AT_ONCE)));
    }
}
