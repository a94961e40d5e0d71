//! The incidents that scenarios define, and those of the past.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::seconds::Seconds;
use crate::model::reading::Platform;
use crate::model::window::{DAY, Range, UnixSeconds};
use crate::simulator::data::{Cause, Injected};

/// How long past incidents are remembered, in seconds: longer than any range that the service
/// accepts.
const REMEMBERED: u64 = 31 * DAY;

/// `PushPlatform` of the vendors (document 71898).
const VENDORS: std::ops::RangeInclusive<i64> = 1..=8;

/// A vendor that refuses most of an app's pushes for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Injection {
    /// The app that is hit; absent for all apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdkappid: Option<u32>,
    /// A vendor's channel, by its value of the label `platform`.
    #[serde(with = "vendor")]
    pub platform: Platform,
    /// The code with which the vendor refuses.
    pub code: String,
    /// The service's description of the code.
    #[serde(default)]
    pub info: String,
    /// When it begins, in seconds since the scenario was set.
    #[serde(default)]
    pub from: Seconds,
    /// How long it lasts, in seconds; absent: until another scenario is set.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Seconds>,
}

mod vendor {
    use super::{Deserialize, Deserializer, Platform, Serializer, VENDORS};
    use serde::de::Error;

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature that serde calls"
    )]
    pub(super) fn serialize<S: Serializer>(platform: &Platform, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(platform)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Platform, D::Error> {
        let name = String::deserialize(from)?;
        let known = || VENDORS.map(Platform);
        known()
            .find(|platform| platform.name() == Some(name.as_str()))
            .ok_or_else(|| {
                let names: Vec<_> = known().filter_map(Platform::name).collect();
                D::Error::custom(format!(
                    "unknown platform `{name}`, expected one of {}",
                    names.join(", ")
                ))
            })
    }
}

impl Injection {
    pub(super) fn problem(&self) -> Option<&'static str> {
        self.code.is_empty().then_some("has an empty `code`")
    }

    fn begun_at(&self, now: UnixSeconds) -> Injected {
        let start = now.0.saturating_add(self.from.0.as_secs());
        let end = match self.lasting {
            Some(lasting) => start.saturating_add(lasting.0.as_secs()),
            None => u64::MAX,
        };
        Injected {
            sdk_app_id: self.sdkappid,
            cause: Cause {
                platform: self.platform.0,
                code: self.code.clone().into(),
                info: self.info.clone().into(),
            },
            range: Range::new(start, end),
        }
    }
}

/// Puts a scenario's incidents into effect, in place of those before. A new scenario does not
/// change the past: a current incident ends at that moment and remains as a past one.
pub(super) fn replace(injected: &mut Vec<Injected>, wanted: &[Injection], now: UnixSeconds) {
    injected.retain_mut(|injected| {
        let range = &mut injected.range;
        range.end = range.end.min(now);
        range.start < range.end && range.end.0.saturating_add(REMEMBERED) > now.0
    });
    injected.extend(wanted.iter().map(|one| one.begun_at(now)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injections(text: &str) -> Vec<Injection> {
        serde_json::from_str(text).unwrap()
    }

    fn ranges(injected: &[Injected]) -> Vec<(u64, u64)> {
        let of = |injected: &Injected| (injected.range.start.0, injected.range.end.0);
        injected.iter().map(of).collect()
    }

    #[test]
    fn a_new_scenario_ends_what_goes_on_and_forgets_what_has_not_begun() {
        let mut so_far = Vec::new();
        let wanted = injections(
            r#"[{"platform": "apns", "code": "403"},
                {"platform": "fcm", "code": "429", "from": 10, "for": 20},
                {"platform": "vivo", "code": "10000", "from": 100}]"#,
        );
        replace(&mut so_far, &wanted, UnixSeconds(1000));
        let open = u64::MAX;
        assert_eq!(ranges(&so_far), [(1000, open), (1010, 1030), (1100, open)]);
        replace(&mut so_far, &[], UnixSeconds(1020));
        assert_eq!(ranges(&so_far), [(1000, 1020), (1010, 1020)]);
        replace(&mut so_far, &wanted[..1], UnixSeconds(2000));
        assert_eq!(ranges(&so_far), [(1000, 1020), (1010, 1020), (2000, open)]);
        replace(&mut so_far, &[], UnixSeconds(2000 + REMEMBERED));
        assert_eq!(ranges(&so_far), [(2000, 2000 + REMEMBERED)]);
    }

    #[test]
    fn only_vendors_channels_can_be_hit() {
        for (platform, known) in [
            ("apns", true),
            ("honor", true),
            ("unknown", false),
            ("1", false),
        ] {
            let text = format!(r#"{{"platform": "{platform}", "code": "1"}}"#);
            let read = serde_json::from_str::<Injection>(&text);
            assert_eq!(read.is_ok(), known, "{platform}");
            if let Err(error) = read {
                assert!(
                    error.to_string().contains("expected one of apns, xiaomi"),
                    "{error}"
                );
            }
        }
    }
}
