//! Series come and go with the targets that they are about.

use std::collections::BTreeSet;

use super::SelfMetrics;
use crate::api::Outcome;
use crate::reading::Api;
use crate::target::{Target, TargetId};

impl SelfMetrics {
    /// Takes up and drops targets: series of what is gone are gone at once, and those of
    /// what is new exist at 0.
    pub fn set_targets(&self, before: &[Target], now: &[Target]) {
        let apps = |targets: &[Target]| names(targets, |target| target.app.name.clone());
        let regions = |targets: &[Target]| names(targets, |target| target.region.name.clone());
        // A series that is not there needs no removal.
        for app in apps(before).difference(&apps(now)) {
            let _ = self.throttle_wait.remove_label_values(&[app]);
            let _ = self.usersig_expiry.remove_label_values(&[app]);
        }
        for region in regions(before).difference(&regions(now)) {
            let _ = self.clock_skew.remove_label_values(&[region]);
        }
        let questions = |targets: &[Target]| -> BTreeSet<(TargetId, Api)> {
            let of = |target: &Target| {
                let id = target.id();
                target.apis().iter().map(move |api| (id.clone(), *api))
            };
            targets.iter().flat_map(of).collect()
        };
        let gone: BTreeSet<(TargetId, Api)> = questions(before)
            .difference(&questions(now))
            .cloned()
            .collect();
        for (id, api) in &gone {
            let (app, region, api) = (id.app.as_str(), id.region.as_str(), api.as_str());
            let _ = self.retries.remove_label_values(&[app, region, api]);
            for outcome in Outcome::ALL {
                let labels = [app, region, api, outcome.as_str()];
                let _ = self.requests.remove_label_values(&labels);
            }
            if now.iter().all(|target| target.id() != *id) {
                let _ = self.backup_in_use.remove_label_values(&[app, region]);
            }
        }
        self.error_codes.drop_questions(&gone);
        for target in now {
            self.prepare(target);
        }
    }

    pub(super) fn prepare(&self, target: &Target) {
        let id = target.id();
        self.throttle_wait.with_label_values(&[id.app.as_str()]);
        self.backup_in_use
            .with_label_values(&[id.app.as_str(), id.region.as_str()]);
        for api in target.apis() {
            self.request_duration.with_label_values(&[api.as_str()]);
            self.retries
                .with_label_values(&[id.app.as_str(), id.region.as_str(), api.as_str()]);
            for outcome in Outcome::ALL {
                self.requests.with_label_values(&[
                    id.app.as_str(),
                    id.region.as_str(),
                    api.as_str(),
                    outcome.as_str(),
                ]);
            }
        }
    }
}

fn names(targets: &[Target], name: impl Fn(&Target) -> String) -> BTreeSet<String> {
    targets.iter().map(name).collect()
}
