//! Does the limit of one call a second count an app's calls, or those of each API?
//!
//! Two calls at once, first to different APIs, then to the same. Each pair is made once more
//! if nothing was refused: a first connection takes longer than a warm one. At most eight
//! calls, all with good signatures; the service refuses at most half of them.

use std::time::Duration;

use tokio::time::sleep;

use super::finding::Finding;
use super::ground::Ground;
use super::{Pair, Probe};
use crate::model::outcome::Outcome;
use crate::model::reading::Api;

/// The rest before each pair, so that no earlier call falls into the service's second.
const REST: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answered {
    Both,
    /// One was refused for its frequency, and the other was not.
    One,
    /// Anything else, which shows nothing about the limit.
    Otherwise,
}

pub(super) async fn measure<F: Pair>(probe: &Probe<'_, F>, ground: &Ground) -> Finding {
    let different = twice(probe, ground, Api::statistics(probe.target.push)).await;
    let same = match different {
        Answered::Both => Some(twice(probe, ground, Api::losses(probe.target.push)).await),
        Answered::One | Answered::Otherwise => None,
    };
    let (verdict, explanation) = match (different, same) {
        (Answered::One, _) => (
            "per_sdk_app_id",
            "of two calls of different APIs at once one was refused: all calls of an SDKAppID count together, as the exporter presumes",
        ),
        (Answered::Both, Some(Answered::One)) => (
            "per_api",
            "of two calls of the same API at once one was refused, of different APIs none: every API has a limit of its own",
        ),
        (Answered::Both, Some(Answered::Both)) => (
            "not_seen",
            "two calls at once were both answered: the limit is higher than one a second, or is not enforced that closely",
        ),
        _ => (
            "unknown",
            "unknown: the calls failed for other reasons, or both were refused, as when another program calls for this SDKAppID at the same time",
        ),
    };
    probe.finding(verdict, explanation)
}

async fn twice<F: Pair>(probe: &Probe<'_, F>, ground: &Ground, other: Api) -> Answered {
    match once(probe, ground, other).await {
        Answered::Both => once(probe, ground, other).await,
        answered => answered,
    }
}

async fn once<F: Pair>(probe: &Probe<'_, F>, ground: &Ground, other: Api) -> Answered {
    sleep(REST).await;
    let questions = [
        (Api::losses(probe.target.push), ground.day),
        (other, ground.day),
    ];
    let answers = probe.fetch.pair(probe.target, questions).await;
    for ((api, range), answer) in questions.iter().zip(&answers) {
        probe.keep(*api, *range, answer);
    }
    let outcomes = answers.map(|answer| answer.map_or_else(|error| error.outcome, |_| Outcome::Ok));
    match outcomes {
        [Outcome::Ok, Outcome::Ok] => Answered::Both,
        [Outcome::Ok, Outcome::RateLimited] | [Outcome::RateLimited, Outcome::Ok] => Answered::One,
        _ => Answered::Otherwise,
    }
}
