//! Pushes that the service counts late: a closed day is queried once more, hours after it has
//! settled.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::overall_losses;
use crate::model::reading::{Counts, Stage};
use crate::model::window::{DAY, Range, UnixSeconds};

/// When a closed day is queried again, in seconds after its end, and until when that is tried.
const LATE: u64 = 6 * 3600;
const TOO_LATE: u64 = 12 * 3600;

/// How much a closed day's loss grew after its final response.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Late {
    /// The closed day's end and its overall losses when it closed.
    pending: Option<(UnixSeconds, BTreeMap<Stage, u64>)>,
    result: Option<BTreeMap<Stage, i64>>,
}

impl Late {
    /// Records a closed day's final response, to compare later ones with.
    pub(super) fn begin(&mut self, closed_at: UnixSeconds, counts: &Counts) {
        self.pending = Some((closed_at, overall_losses(counts)));
    }

    /// The day to query again in a poll whose ranges end at `end`.
    pub(super) fn due(&mut self, end: UnixSeconds) -> Option<Range> {
        self.pending
            .take_if(|(closed_at, _)| end.0 >= closed_at.0 + TOO_LATE);
        let (closed_at, _) = self.pending.as_ref()?;
        (end.0 >= closed_at.0 + LATE).then(|| Range {
            start: UnixSeconds(closed_at.0 - DAY),
            end: *closed_at,
        })
    }

    pub(super) fn answer(&mut self, range: Range, counts: &Counts) {
        if let Some((_, before)) = self
            .pending
            .take_if(|(closed_at, _)| *closed_at == range.end)
        {
            let growth = overall_losses(counts).into_iter().map(|(stage, count)| {
                let before = before.get(&stage).copied().unwrap_or(0);
                (stage, signed(count) - signed(before))
            });
            self.result = Some(growth.collect());
        }
    }

    /// Absent until a day has been queried again.
    pub(super) fn growth(&self) -> Option<&BTreeMap<Stage, i64>> {
        self.result.as_ref()
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
