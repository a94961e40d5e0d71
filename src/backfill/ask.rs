//! Asks the questions, each app as fast as its own limit allows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::journal::{Journal, JournalError};
use super::plan::{Answers, Plan, Question};
use crate::api::{FetchError, Outcome};
use crate::fetch::Fetch;
use crate::reading::{Counts, Reading};
use crate::target::{Target, TargetId};

/// Answers on their way to be kept; more would be lost with an interruption.
const ON_THE_WAY: usize = 1;

/// How often a question is asked again that a daemon beside this run has crowded out, and
/// how long the pause is. The answerer has asked twice by itself each time.
const CROWDED_OUT: usize = 5;
const PAUSE: Duration = Duration::from_millis(2300);

/// Asks `questions` and adds what is answered to `answers`, and to the journal if there is
/// one. `told` is called after each.
pub async fn collect<F: Fetch>(
    fetch: Arc<F>,
    plan: &Plan,
    questions: Vec<Question>,
    answers: &mut Answers,
    mut journal: Option<Journal>,
    mut told: impl FnMut(),
) -> Result<(), AskError> {
    let keep = |question: Question, id: &TargetId, counts: Counts| {
        if let Some(journal) = &mut journal {
            journal.add(id, question.api, question.range, &counts)?;
        }
        answers
            .entry((question.target, question.api))
            .or_default()
            .insert(question.range.start, counts);
        told();
        Ok(())
    };
    ask(fetch, plan, questions, keep).await
}

/// Why not all questions are answered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("{id}: {error}; {}", error.advice)]
    Refused { id: TargetId, error: FetchError },
    #[error("not all answers came, which is a bug")]
    Incomplete,
    #[error(transparent)]
    Keep(#[from] JournalError),
}

/// Asks all `questions` in their order, and gives each answer to `keep`. The first failure
/// ends everything.
async fn ask<F: Fetch>(
    fetch: Arc<F>,
    plan: &Plan,
    questions: Vec<Question>,
    mut keep: impl FnMut(Question, &TargetId, Counts) -> Result<(), JournalError>,
) -> Result<(), AskError> {
    let total = questions.len();
    let mut by_app: BTreeMap<u32, Vec<(Target, Question)>> = BTreeMap::new();
    for question in questions {
        if let Some(planned) = plan.targets.get(question.target) {
            let target = planned.target.clone();
            by_app
                .entry(target.app.sdk_app_id)
                .or_default()
                .push((target, question));
        }
    }
    let (sender, mut answers) = mpsc::channel(ON_THE_WAY);
    let mut apps = JoinSet::new();
    for questions in by_app.into_values() {
        let (fetch, sender) = (Arc::clone(&fetch), sender.clone());
        apps.spawn(async move {
            for (target, question) in questions {
                let answer = patiently(fetch.as_ref(), &target, question).await;
                let failed = answer.is_err();
                // Nobody listens once another app has failed.
                if sender.send((target.id(), question, answer)).await.is_err() || failed {
                    return;
                }
            }
        });
    }
    drop(sender);
    let mut kept = 0;
    while let Some((id, question, answer)) = answers.recv().await {
        match answer {
            Ok(reading) => keep(question, &id, reading.counts())?,
            Err(error) => return Err(AskError::Refused { id, error }),
        }
        kept += 1;
    }
    if kept == total {
        Ok(())
    } else {
        Err(AskError::Incomplete)
    }
}

async fn patiently<F: Fetch>(
    fetch: &F,
    target: &Target,
    question: Question,
) -> Result<Reading, FetchError> {
    let mut answer = fetch.fetch(target, question.api, question.range).await;
    for _ in 0..CROWDED_OUT {
        match &answer {
            Err(error) if error.outcome == Outcome::RateLimited => {}
            _ => break,
        }
        sleep(PAUSE).await;
        answer = fetch.fetch(target, question.api, question.range).await;
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backfill::plan::Span;
    use crate::reading::Api;
    use crate::target::tests::target;
    use crate::window::{Range, UnixSeconds};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::Instant;

    /// Refuses each question a few times before it is answered.
    struct Busy {
        refusals: usize,
        outcome: i64,
        asked: AtomicUsize,
    }

    impl Fetch for Busy {
        async fn fetch(&self, _: &Target, _: Api, _: Range) -> Result<Reading, FetchError> {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst);
            if asked % (self.refusals + 1) < self.refusals {
                return Err(FetchError::refused(self.outcome, ""));
            }
            Ok(Reading::Loss(BTreeMap::new()))
        }
    }

    /// How many questions there were, and how many calls or which failure.
    async fn run(refusals: usize, outcome: i64) -> (usize, Result<usize, String>) {
        let span = Span {
            from: UnixSeconds(1_741_752_000),
            to: UnixSeconds(1_741_759_200),
            step: Duration::from_secs(3600),
        };
        let plan = Plan::new(vec![target("shop", "singapore")], span, Instant::now());
        let mut answers = Answers::new();
        let questions = plan.questions(&answers);
        let total = questions.len();
        let service = Arc::new(Busy {
            refusals,
            outcome,
            asked: AtomicUsize::new(0),
        });
        let asking = Arc::clone(&service);
        let asked = collect(asking, &plan, questions, &mut answers, None, || ()).await;
        let calls = service.asked.load(Ordering::SeqCst);
        (
            total,
            asked.map(|()| calls).map_err(|error| error.to_string()),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_beside_it_slows_it_down_and_does_not_stop_it() {
        let (total, calls) = run(CROWDED_OUT, 60007).await;
        assert_eq!(calls, Ok(total * (CROWDED_OUT + 1)));
        let (_, failure) = run(CROWDED_OUT + 1, 60007).await;
        assert!(failure.unwrap_err().contains("rate_limited 60007"));
    }

    #[tokio::test(start_paused = true)]
    async fn any_other_refusal_ends_it_with_what_to_do() {
        let (_, failure) = run(1, 90045).await;
        let advice = crate::catalogue::rest_code(90045).unwrap().advice.clone();
        let failure = failure.unwrap_err();
        assert!(
            failure.starts_with("shop/singapore: not_enabled 90045"),
            "{failure}"
        );
        assert!(failure.ends_with(&advice), "{failure}");
    }
}
