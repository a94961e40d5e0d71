//! The owners of counts: the targets of the configuration and their apps.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::SelfMetrics;
use super::calls::{AppCalls, CallCounts, Calls};
use crate::config::target::Target;
use crate::model::reading::Api;
use crate::model::target_id::TargetId;

/// Every target with its counts. Replaced as a whole by a reload, never by a call.
#[derive(Default)]
pub(super) struct Counted {
    targets: HashMap<TargetId, Arc<Calls>>,
    apps: HashMap<String, App>,
    regions: BTreeSet<String>,
}

/// The calls of an app, and the target with which they are served.
struct App {
    calls: Arc<Mutex<AppCalls>>,
    first: TargetId,
}

impl Counted {
    pub(super) fn target(&self, id: &TargetId) -> Option<&Calls> {
        self.targets.get(id).map(Arc::as_ref)
    }

    pub(super) fn note(&self, app: &str, note: impl FnOnce(&mut AppCalls)) {
        if let Some(app) = self.apps.get(app) {
            note(&mut app.calls.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// The same counts for another set of targets: those of remaining targets continue.
    fn followed_by(&self, targets: &[Target]) -> Self {
        let mut next = Self::default();
        for target in targets {
            let id = target.id();
            next.apps.entry(id.app.clone()).or_insert_with(|| App {
                calls: self
                    .apps
                    .get(&id.app)
                    .map_or_else(Arc::default, |known| Arc::clone(&known.calls)),
                first: id.clone(),
            });
            let known = self.targets.get(&id).cloned();
            next.targets.insert(id, known.unwrap_or_default());
            next.regions.insert(target.region.name.clone());
        }
        next
    }
}

impl SelfMetrics {
    /// Adds and removes targets. Series of removed targets end at once.
    pub fn set_targets(&self, targets: &[Target]) {
        let before = self.counted.load_full();
        let now = before.followed_by(targets);
        for region in before.regions.difference(&now.regions) {
            // A missing series needs no removal.
            let _ = self.clock_skew.remove_label_values(&[region]);
        }
        self.counted.store(Arc::new(now));
        for push in targets.iter().map(|target| target.push) {
            for api in Api::of(push) {
                self.request_duration.with_label_values(&[api.as_str()]);
            }
        }
    }

    /// The results of the target's calls so far, and those of its app if they are served with this
    /// target.
    pub fn calls(&self, id: &TargetId) -> (CallCounts, Option<AppCalls>) {
        let counted = self.counted.load();
        let calls = counted.target(id).map(Calls::counts).unwrap_or_default();
        let app = counted.apps.get(&id.app).filter(|app| app.first == *id);
        let app = app.map(|app| *app.calls.lock().unwrap_or_else(PoisonError::into_inner));
        (calls, app)
    }
}
