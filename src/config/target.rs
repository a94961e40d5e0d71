//! The unit of polling: one population of pushes of one app in one region.

use std::sync::Arc;

use super::{App, Config, Tasks};
use crate::model::push::Push;
use crate::model::reading::Api;
use crate::model::region::Region;
use crate::model::target_id::TargetId;

/// One population of pushes of one app in one region; the scheduler runs one loop for each.
#[derive(Clone, PartialEq)]
pub struct Target {
    pub app: Arc<App>,
    pub region: Region,
    pub push: Push,
}

impl Target {
    /// The APIs that are polled for the target, in this order.
    pub fn apis(&self) -> impl Iterator<Item = Api> + use<> {
        self.apis_of(self.push)
    }

    /// The same for another population of the app's pushes.
    pub fn apis_of(&self, push: Push) -> impl Iterator<Item = Api> + use<> {
        let statistics = self.app.polling.statistics;
        let statistics = statistics.then_some(Api::statistics(push));
        std::iter::once(Api::losses(push)).chain(statistics)
    }

    /// How the app's tasks are watched in the region, if they are. Tasks do not count chat
    /// messages; they belong to the one target of each region that always exists.
    pub fn tasks(&self) -> Option<&Tasks> {
        let tasks = self.app.tasks.as_ref();
        tasks.filter(|_| self.push == Push::Normal)
    }

    pub fn id(&self) -> TargetId {
        TargetId {
            app: self.app.name.clone(),
            region: self.region.name.clone(),
            push: self.push,
        }
    }
}

/// All targets of a configuration: the only loop over apps, regions and populations.
pub fn expand(config: &Config) -> Vec<Target> {
    config
        .apps
        .iter()
        .flat_map(|app| {
            app.regions.iter().flat_map(|region| {
                app.polling.pushes().map(|push| Target {
                    app: Arc::clone(app),
                    region: region.clone(),
                    push,
                })
            })
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::{Holds, KeySource, Polling};
    use crate::model::window::DayOffset;
    use crate::usersig::{Identifier, SecretKey};
    use std::time::Duration;

    /// A target with the configuration's defaults and a made-up key.
    pub(crate) fn target(app: &str, region: &str) -> Target {
        let app = App {
            name: app.to_owned(),
            sdk_app_id: 1_400_000_001,
            identifier: Identifier::new("administrator").unwrap(),
            key: KeySource::Inline(SecretKey::new("made-up key").unwrap()),
            calls_per_second: 0.9,
            day_offset: DayOffset::DEFAULT,
            holds: Holds {
                rollover: Duration::from_secs(150),
                zero: Duration::from_secs(150),
            },
            regions: vec![Region::known(region).unwrap()],
            polling: Polling::BUILT_IN,
            tasks: None,
        };
        Target {
            region: app.regions[0].clone(),
            app: Arc::new(app),
            push: Push::Normal,
        }
    }
}
