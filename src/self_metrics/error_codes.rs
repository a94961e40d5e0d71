//! Children of `timpush_api_errors_total`: unlike the rest, they appear with their first
//! count, so each is held at 0 for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use crate::catalogue::rest_code;
use crate::reading::Api;
use crate::target::TargetId;

/// How often each code refused a question.
pub(super) struct ErrorCodes {
    codes: ArcSwap<BTreeMap<Key, ErrorCode>>,
    zero_hold: ArcSwap<Duration>,
}

/// A child; the text is its label `code`.
type Key = (TargetId, Api, String);

#[derive(Clone, Copy)]
struct ErrorCode {
    count: u64,
    first_seen: Instant,
}

impl ErrorCodes {
    pub(super) fn new(zero_hold: Duration) -> Self {
        Self {
            codes: ArcSwap::default(),
            zero_hold: ArcSwap::from_pointee(zero_hold),
        }
    }

    pub(super) fn set_zero_hold(&self, zero_hold: Duration) {
        self.zero_hold.store(Arc::new(zero_hold));
    }

    pub(super) fn count(&self, id: &TargetId, api: Api, code: i64) {
        let key = (id.clone(), api, label(code));
        let new = ErrorCode {
            count: 0,
            first_seen: Instant::now(),
        };
        // Refusals are rare and codes few: who scrapes must not be able to hold up a poll.
        self.codes.rcu(|codes| {
            let mut codes = BTreeMap::clone(codes);
            codes.entry(key.clone()).or_insert(new).count += 1;
            codes
        });
    }

    /// Drops what was counted for questions that are asked no more.
    pub(super) fn drop_questions(&self, gone: &BTreeSet<(TargetId, Api)>) {
        self.codes.rcu(|codes| {
            let mut codes = BTreeMap::clone(codes);
            codes.retain(|(id, api, _), _| !gone.contains(&(id.clone(), *api)));
            codes
        });
    }

    pub(super) fn at(&self, now: Instant) -> Vec<(TargetId, Api, String, u64)> {
        let zero_hold = **self.zero_hold.load();
        let codes = self.codes.load();
        codes
            .iter()
            .map(|((id, api, label), code)| {
                let held = now.saturating_duration_since(code.first_seen) < zero_hold;
                (
                    id.clone(),
                    *api,
                    label.clone(),
                    if held { 0 } else { code.count },
                )
            })
            .collect()
    }

    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        let zero_hold = **self.zero_hold.load();
        let codes = self.codes.load();
        let ends = codes.values().map(|code| code.first_seen + zero_hold);
        ends.filter(|end| *end > now).min()
    }
}

/// The value of the label `code`: bounded by the catalogue.
fn label(code: i64) -> String {
    rest_code(code).map_or_else(|| "other".to_owned(), |known| known.code.to_string())
}
