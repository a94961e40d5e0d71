//! Do adjacent ranges add up?

use super::finding::Finding;
use super::ground::Ground;
use super::resolution::Resolution;
use super::{Pair, Probe, SERVICE_OFFSET};
use crate::additivity::{SumCheck, Verdict, closed_day};
use crate::api::FetchError;
use crate::reading::Api;
use crate::window::{DAY, UnixSeconds};

const HOUR: u64 = 3600;

/// A verdict on adjacent ranges.
pub(super) struct Sums {
    pub(super) verdict: Verdict,
    pub(super) finding: Finding,
}

/// Two days at the app's own offset.
pub(super) async fn days<F: Pair>(
    probe: &Probe<'_, F>,
    ground: &Ground,
) -> Result<Sums, FetchError> {
    let middle = ground.second_day.start;
    measure(probe, ground.api, middle, DAY).await
}

/// Two days at the service's presumable offset, if the app has another one and its days do
/// not add up.
pub(super) async fn service_days<F: Pair>(
    probe: &Probe<'_, F>,
    ground: &Ground,
    own: &Sums,
) -> Result<Option<Sums>, FetchError> {
    let offset = probe.target.app.day_offset;
    if offset == SERVICE_OFFSET || own.verdict.passes() != Some(false) {
        return Ok(None);
    }
    let middle = closed_day((probe.clock)(), SERVICE_OFFSET).start;
    measure(probe, ground.api, middle, DAY).await.map(Some)
}

/// Two hours in the busiest part of a closed day.
pub(super) async fn hours<F: Pair>(
    probe: &Probe<'_, F>,
    ground: &Ground,
    resolution: &Resolution,
) -> Result<Sums, FetchError> {
    let noon = ground.day.start.0.saturating_add(DAY / 2);
    let middle = resolution
        .busiest(6 * HOUR)
        .map_or(noon, |quarter| quarter.start.0.saturating_add(3 * HOUR));
    let mut hours = measure(probe, ground.api, UnixSeconds(middle), HOUR).await?;
    if resolution.step == Some(DAY) && hours.verdict.passes() == Some(false) {
        hours
            .finding
            .explanation
            .push_str("; as it must be where only whole days are told apart");
    }
    Ok(hours)
}

async fn measure<F: Pair>(
    probe: &Probe<'_, F>,
    api: Api,
    middle: UnixSeconds,
    length: u64,
) -> Result<Sums, FetchError> {
    let verdict = compare(probe, api, middle, length).await?;
    let finding = Finding::new(verdict.as_str(), verdict.to_string(), probe.evidence());
    Ok(Sums { verdict, finding })
}

/// The two ranges of `length` seconds that meet in `middle`.
pub(super) async fn compare<F: Pair>(
    probe: &Probe<'_, F>,
    api: Api,
    middle: UnixSeconds,
    length: u64,
) -> Result<Verdict, FetchError> {
    let start = UnixSeconds(middle.0.saturating_sub(length));
    let end = UnixSeconds(middle.0.saturating_add(length));
    let mut check = SumCheck::new(start, middle, end);
    while let Some(range) = check.next_question() {
        check.counted(probe.ask(api, range).await?);
    }
    Ok(check.verdict())
}
