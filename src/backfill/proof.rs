//! A backfill adds up parts, so parts must add up and be resolved by the service.

use crate::config::target::Target;
use crate::fetch::Fetch;
use crate::model::outcome::FetchError;
use crate::model::reading::Api;
use crate::model::window::{DAY, UnixSeconds};
use crate::poll::additivity::{self, Additivity};

/// Why a target's past cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    #[error("{0}; {advice}", advice = .0.advice)]
    Refused(#[from] FetchError),
    #[error(
        "{0}; the past cannot be put together from such parts, `timpush-exporter probe` shows more"
    )]
    NotAdditive(Additivity),
    #[error(
        "the service does not distinguish ranges within a day; set `window` and `step` to 1d for this app"
    )]
    WholeDays,
}

/// Checks whether the counts of a target add up, with at most [`additivity::MOST_CALLS`]
/// calls. Zeros prove nothing, but are not an obstacle.
pub(super) async fn prove<F: Fetch>(
    fetch: &F,
    target: &Target,
    now: UnixSeconds,
) -> Result<(), Obstacle> {
    let api = Api::losses(target.push);
    let verdict = additivity::check(fetch, target, api, now).await?;
    if verdict.passes() == Some(false) {
        return Err(Obstacle::NotAdditive(verdict));
    }
    let resolved = additivity::resolved(fetch, target, api, now).await?;
    let polling = &target.app.polling;
    let whole_days = [polling.window, polling.step]
        .iter()
        .all(|length| length.as_secs().is_multiple_of(DAY));
    if resolved == Some(false) && !whole_days {
        return Err(Obstacle::WholeDays);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::target::tests::target;
    use crate::poll::additivity::tests::{MIDNIGHT, Service};
    use crate::simulator::Counting;
    use std::sync::Arc;
    use std::time::Duration;

    const NOW: UnixSeconds = UnixSeconds(MIDNIGHT + 10 * DAY + DAY / 2);

    async fn proved(counting: Counting, window: u64) -> Result<usize, Obstacle> {
        let (service, mut target) = (Service::simulated(counting), target("shop", "china"));
        let polling = &mut Arc::get_mut(&mut target.app).unwrap().polling;
        (polling.window, polling.step) = (Duration::from_secs(window), Duration::from_secs(window));
        prove(&service, &target, NOW).await?;
        Ok(service.calls())
    }

    #[tokio::test]
    async fn a_usual_proof_takes_as_many_calls_as_are_announced() {
        let usual = usize::try_from(additivity::USUAL_CALLS).unwrap();
        assert_eq!(proved(Counting::HALF_OPEN, 3600).await.unwrap(), usual);
        let most = usize::try_from(additivity::MOST_CALLS).unwrap();
        let edges = proved(Counting::INCLUSIVE, 3600).await.unwrap();
        assert!(edges > usual && edges <= most, "{edges}");
    }

    #[tokio::test]
    async fn a_service_whose_parts_do_not_add_up_or_are_not_told_apart_is_refused() {
        let refused = proved(Counting::HALF_OPEN.touched(DAY), 3600)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            refused.starts_with("the service does not distinguish"),
            "{refused}"
        );
        assert!(proved(Counting::HALF_OPEN.touched(DAY), DAY).await.is_ok());
        let refused = proved(Counting::INCLUSIVE.touched(DAY), DAY)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("do not add up") && refused.contains("probe"),
            "{refused}"
        );
    }
}
