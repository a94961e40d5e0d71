//! What happened, and how much of it a service has counted by a moment: pushes that are
//! counted late, and pushes that are taken back.

use std::collections::BTreeMap;

use timpush_exporter::model::reading::{Loss, LossKey, Reading};
use timpush_exporter::model::window::{Range, UnixSeconds};
use timpush_exporter::simulator::Counting;

/// Pushes of one second.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    at: u64,
    /// From when on they are counted.
    known: u64,
    /// Below 0 for those that are taken back.
    count: i64,
}

impl Event {
    /// Pushes that are counted as soon as their second is over.
    pub(crate) fn new(at: u64, count: u64) -> Self {
        Self {
            at,
            known: at + 1,
            count: count.cast_signed(),
        }
    }

    pub(crate) fn known_at(self, known: u64) -> Self {
        Self { known, ..self }
    }

    /// As many pushes that turn out not to have been any.
    pub(crate) fn taken_back_at(self, known: u64) -> Self {
        let count = -self.count;
        Self {
            known,
            count,
            ..self
        }
    }
}

/// The events of one series, in order of time.
pub(crate) struct Events(Vec<Event>);

impl Events {
    pub(crate) fn new(mut events: Vec<Event>) -> Self {
        events.retain(|event| event.count != 0);
        events.sort_by_key(|event| event.at);
        Self(events)
    }

    /// What a service that is asked for `range` at `now` has counted.
    pub(crate) fn count(&self, range: Range, now: u64) -> u64 {
        let covered = Counting::HALF_OPEN.covered(range, UnixSeconds(now));
        let before = |at: UnixSeconds| self.0.partition_point(|event| event.at < at.0);
        let mut known = 0;
        // A plain loop: adapters are slow in a debug build, and nothing here runs more often.
        for event in &self.0[before(covered.start)..before(covered.end)] {
            if event.known <= now {
                known += event.count;
            }
        }
        // Where there is hardly anything, there is nothing to take.
        u64::try_from(known).unwrap_or(0)
    }
}

/// The response that holds these losses.
pub(crate) fn losses(counts: impl IntoIterator<Item = (LossKey, u64)>) -> Reading {
    let rows = counts.into_iter().filter(|(_, count)| *count > 0);
    let rows = rows.map(|(key, count)| {
        let description = String::new();
        (key, Loss { count, description })
    });
    Reading::Loss(rows.collect::<BTreeMap<_, _>>())
}
