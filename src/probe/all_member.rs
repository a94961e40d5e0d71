//! Does an app have pushes to all users, tags or lists of users that are not watched?

use super::finding::Finding;
use super::ground::Ground;
use super::{Pair, Probe};
use crate::model::outcome::Outcome;
use crate::model::push::Push;
use crate::model::reading::{Api, CountKey, FunnelStep};
use crate::model::window::{DAY, Range};

/// The verdict on pushes that the configuration does not poll.
pub(super) const UNWATCHED: &str = "unwatched";

/// Days before the end of the ground that the query covers, of the 30 that the service keeps
/// (document 71894): campaigns are rare.
const DAYS: u64 = 28;

/// Sends one query; `None` if such pushes are polled anyway.
pub(super) async fn measure<F: Pair>(probe: &Probe<'_, F>, ground: &Ground) -> Option<Finding> {
    let target = probe.target;
    if target.push == Push::AllMember || target.app.polling.all_member {
        return None;
    }
    let end = ground.day.end.0;
    let month = Range::new(end.saturating_sub(DAYS * DAY), end);
    let answer = probe
        .ask(Api::statistics(Push::AllMember), month)
        .await
        .map(|counts| counts.get(&CountKey::Funnel(FunnelStep::Sendable, None)));
    let (verdict, explanation) = match answer {
        Ok(0) => ("none", "no such pushes in four weeks".to_owned()),
        Ok(sendable) => (UNWATCHED, format!("{sendable} such pushes in four weeks")),
        Err(error) if error.outcome == Outcome::NotEnabled => (
            "not_enabled",
            "the service does not offer them to this app".to_owned(),
        ),
        Err(error) => ("unknown", format!("unknown: {error}")),
    };
    Some(probe.finding(verdict, explanation))
}
