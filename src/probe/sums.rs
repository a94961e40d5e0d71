//! Do adjacent ranges add up?

use super::finding::Finding;
use super::ground::Ground;
use super::resolution::Resolution;
use super::{Pair, Probe, SERVICE_OFFSETS};
use crate::model::outcome::FetchError;
use crate::model::reading::Api;
use crate::model::window::{DAY, DayOffset, UnixSeconds};
use crate::poll::additivity::{Additivity, SumCheck, closed_day};

const HOUR: u64 = 3600;

/// A verdict on adjacent ranges.
pub(super) struct Sums {
    pub(super) verdict: Additivity,
    pub(super) finding: Finding,
}

/// A verdict on two days that begin at another time than the app's own.
pub(super) struct ServiceDays {
    pub(super) offset: DayOffset,
    pub(super) sums: Sums,
}

impl ServiceDays {
    pub(super) fn passes(&self) -> bool {
        self.sums.verdict.passes() == Some(true)
    }
}

/// Two days at the app's own offset.
pub(super) async fn days<F: Pair>(
    probe: &Probe<'_, F>,
    ground: &Ground,
) -> Result<Sums, FetchError> {
    let middle = ground.second_day.start;
    measure(probe, ground.api, middle, DAY).await
}

/// Two days at the service's presumable offsets, if the app has another one and its days do
/// not add up: at the first offset at which they do, else at the last.
pub(super) async fn service_days<F: Pair>(
    probe: &Probe<'_, F>,
    ground: &Ground,
    own: &Sums,
) -> Result<Option<ServiceDays>, FetchError> {
    let mut found = None;
    if own.verdict.passes() != Some(false) {
        return Ok(found);
    }
    let configured = probe.target.app.day_offset;
    for offset in SERVICE_OFFSETS {
        if offset == configured {
            continue;
        }
        let middle = closed_day((probe.clock)(), offset).start;
        let mut sums = measure(probe, ground.api, middle, DAY).await?;
        let explanation = &mut sums.finding.explanation;
        *explanation = format!("at {offset}: {explanation}");
        let days = ServiceDays { offset, sums };
        let passes = days.passes();
        found = Some(days);
        if passes {
            break;
        }
    }
    Ok(found)
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
    let finding = probe.finding(verdict.as_str(), verdict.to_string());
    Ok(Sums { verdict, finding })
}

/// The two ranges of `length` seconds that meet in `middle`.
pub(super) async fn compare<F: Pair>(
    probe: &Probe<'_, F>,
    api: Api,
    middle: UnixSeconds,
    length: u64,
) -> Result<Additivity, FetchError> {
    let start = UnixSeconds(middle.0.saturating_sub(length));
    let end = UnixSeconds(middle.0.saturating_add(length));
    let mut check = SumCheck::new(start, middle, end);
    while let Some(range) = check.next_question() {
        check.answered(probe.ask(api, range).await?);
    }
    Ok(check.verdict())
}
