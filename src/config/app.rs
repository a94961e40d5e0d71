//! One element of `apps`.

use super::key;
use super::keys::{Layer, Tasks, TasksLayer};
use super::read::{Mistake, Read};
use super::schema::Group;
use super::section::Section;
use super::{App, Holds, KeySource, Polling, regions};
use crate::model::region::Region;
use crate::model::window::{DayOffset, DayOffsetError};
use crate::usersig::Identifier;

/// The service's own limit, in calls per second and SDKAppID, unless the console raised it.
const SERVICE_LIMIT: f64 = 1.0;

/// Slack for clock drift: a second is not exactly the same on both sides.
const DEFAULT_CALLS_PER_SECOND: f64 = 0.9;

/// The maximum length of an app name, in characters; it is a label's value.
const LONGEST_NAME: usize = 128;

/// The values that an app inherits.
pub(super) struct Inherited {
    pub(super) calls_per_second: Read<f64>,
    pub(super) day_offset: Read<DayOffset>,
    pub(super) polling: Layer,
    tasks: TasksLayer,
}

impl Inherited {
    pub(super) fn read(top: &Section) -> Self {
        let defaults = top.table("defaults", Group::Defaults);
        Self {
            day_offset: day_offset(top),
            calls_per_second: calls_per_second(top),
            polling: match &defaults {
                Some(defaults) => Layer::read(defaults, Layer::LOWEST),
                None => Layer::LOWEST,
            },
            tasks: TasksLayer::of_defaults(defaults.as_ref()),
        }
    }
}

/// An app as far as it could be read: rules over several apps check the valid parts of invalid
/// apps, too. `None` is a refused value.
pub(super) struct Draft {
    pub(super) path: String,
    pub(super) name: Option<String>,
    pub(super) sdk_app_id: Option<u32>,
    pub(super) calls_per_second: Option<f64>,
    pub(super) regions: Vec<(String, Option<Region>)>,
    pub(super) polling: Option<Polling>,
    pub(super) tasks: Read<Tasks>,
    identifier: Option<Identifier>,
    key: Option<KeySource>,
    day_offset: Option<DayOffset>,
}

impl Draft {
    pub(super) fn read(section: &Section, inherited: &Inherited) -> Self {
        for key in ["sdk_app_id", "identifier"] {
            if !section.has(key) {
                section.refuse(key, "is missing");
            }
        }
        let sdk_app_id = section.whole("sdk_app_id", &(1..=u32::MAX)).given();
        Self {
            path: section.path.clone(),
            name: match section.parsed("name", name) {
                Read::Absent => sdk_app_id.map(|id| id.to_string()),
                other => other.given(),
            },
            sdk_app_id,
            identifier: identifier(section),
            key: key::read(section),
            regions: regions::read(section),
            day_offset: day_offset(section)
                .over(inherited.day_offset)
                .or(DayOffset::DEFAULT),
            calls_per_second: calls_per_second(section)
                .over(inherited.calls_per_second)
                .or(DEFAULT_CALLS_PER_SECOND),
            polling: Layer::read(section, inherited.polling).polling(),
            tasks: inherited.tasks.of_app(section),
        }
    }

    /// `None` if any part was refused.
    pub(super) fn finish(self, holds: Holds) -> Option<App> {
        Some(App {
            holds,
            name: self.name?,
            sdk_app_id: self.sdk_app_id?,
            identifier: self.identifier?,
            key: self.key?,
            calls_per_second: self.calls_per_second?,
            day_offset: self.day_offset?,
            regions: self
                .regions
                .into_iter()
                .map(|(_, region)| region)
                .collect::<Option<_>>()?,
            polling: self.polling?,
            tasks: self.tasks.map(Some).or(None)?,
        })
    }
}

/// The text as an app's name, or what is wrong with it.
pub(super) fn name(text: &str) -> Result<String, Mistake> {
    if text.chars().any(char::is_control) {
        return Err("must not hold line breaks or other control characters".into());
    }
    if text.trim() != text {
        return Err("must not begin or end with a space".into());
    }
    if text.chars().count() > LONGEST_NAME {
        return Err(format!("must have at most {LONGEST_NAME} characters").into());
    }
    Ok(text.to_owned())
}

fn identifier(section: &Section) -> Option<Identifier> {
    let identifier = section.parsed("identifier", Identifier::new).given()?;
    if !identifier.looks_usual() {
        section.notice(
            "identifier",
            "is not 1 to 32 letters, digits, _ and -, as the service requires",
        );
    }
    Some(identifier)
}

/// Where a day begins; the same rule for the top level and apps.
fn day_offset(section: &Section) -> Read<DayOffset> {
    let wanted = DayOffsetError.to_string();
    section
        .text_such_as("day_offset", Some(&wanted))
        .and_then(|text| section.accept::<_, DayOffsetError>("day_offset", text.parse()))
}

/// The maximum rate of calls; the same rule for the top level and apps.
fn calls_per_second(section: &Section) -> Read<f64> {
    let rate = section.number("calls_per_second", &(0.001..=100.0));
    if rate.given().is_some_and(|rate| rate > SERVICE_LIMIT) {
        section.notice(
            "calls_per_second",
            "is above the service's 1 per second; calls are refused unless the console raised the limit",
        );
    }
    rate
}
