//! Traces: the devices of a push and the steps of each.

use serde_json::value::RawValue;

use super::{NotAnAnswer, json};
use crate::model::reading::Platform;
use crate::model::trace::{
    Device, KNOWN, MAX_DEVICES, MAX_STEPS, MAX_TEXT_CHARS, Place, Step, Trace,
};
use crate::scrubber::Scrubber;

const DEVICES: &str = "InstanceTrace";

/// The trace in a successful response: at its top level, or where one of its keys wraps it.
/// It has no devices if the service does not know the push.
pub(super) fn trace(top: &str, scrubber: &Scrubber) -> Result<Trace, NotAnAnswer> {
    let mut devices = None;
    let mut has_key = false;
    let mut note = |found: Option<&RawValue>| {
        has_key |= found.is_some();
        if devices.is_none() {
            devices = found.map(|value| value.get().to_owned());
        }
    };
    let mut wrapped = Vec::new();
    let visited = json::members(top, |key, value| {
        if key == DEVICES {
            note(Some(value));
        } else if ["Results", "Result", "Data", "Response"].contains(&&*key) {
            wrapped.push(value);
        }
        Ok(())
    });
    visited.unwrap_or(Ok(()))?;
    for value in wrapped {
        let mut look = |object: &str| {
            if let Ok([found]) = json::fields(object, [DEVICES]) {
                note(found);
            }
        };
        if value.get().starts_with('{') {
            look(value.get());
        } else {
            // A value that is not an array holds no object.
            let _ = json::elements(value.get(), |element| {
                look(element.get());
                Ok(())
            });
        }
    }
    if !has_key {
        return Err(NotAnAnswer::new(format!("{DEVICES} is missing")));
    }
    read_devices(devices.as_deref().unwrap_or("null"), scrubber)
}

fn read_devices(text: &str, scrubber: &Scrubber) -> Result<Trace, NotAnAnswer> {
    let mut trace = Trace::default();
    if text == "null" {
        return Ok(trace);
    }
    let visited = json::elements(text, |element| {
        if trace.devices.len() < MAX_DEVICES {
            trace.devices.push(device(element.get(), scrubber)?);
        } else {
            trace.left_out += 1;
        }
        Ok(())
    });
    let not_an_array = |_| NotAnAnswer::new(format!("{DEVICES} is not an array"));
    visited.map_err(not_an_array)??;
    Ok(trace)
}

fn device(object: &str, scrubber: &Scrubber) -> Result<Device, NotAnAnswer> {
    const KEYS: [&str; 11] = [
        "InstanceId",
        "PushTime",
        "DeviceModel",
        "System",
        "SystemVersion",
        "SdkVersion",
        "PushVersion",
        "PushPlatform",
        "Token",
        "CertId",
        "NotificationStatus",
    ];
    let fields = json::fields(object, KEYS)
        .map_err(|_| NotAnAnswer::new(format!("an element of {DEVICES} is not an object")))?;
    let [
        instance,
        pushed_at,
        model,
        system,
        system_version,
        sdk_version,
        push_version,
        platform,
        token,
        certificate,
        notifications,
    ] = fields;
    let words = |value: Option<&RawValue>| words(value, scrubber);
    let is_there = |value| !["", "0"].contains(&words(value).as_str());
    Ok(Device {
        instance: words(instance),
        pushed_at: words(pushed_at),
        model: words(model),
        system: words(system),
        system_version: words(system_version),
        sdk_version: words(sdk_version),
        push_version: words(push_version),
        platform: json::integer(platform).ok().map(Platform),
        has_token: is_there(token),
        has_certificate: is_there(certificate),
        shows_notifications: json::integer(notifications) == Ok(1),
        steps: steps(object, scrubber)?,
    })
}

/// The steps that the documents name, in their order, then any others.
fn steps(object: &str, scrubber: &Scrubber) -> Result<Vec<Step>, NotAnAnswer> {
    let mut found: Vec<(usize, Step)> = Vec::new();
    let visited = json::members(object, |group, value| {
        if !group.ends_with("Stat") || !value.get().starts_with('{') {
            return Ok(());
        }
        let visited = json::members(value.get(), |name, value| {
            if value.get().starts_with('{') && found.len() < MAX_STEPS {
                let known = KNOWN
                    .iter()
                    .position(|(of, step, _)| **of == group && **step == name);
                let place = known.map_or(Place::Other, |at| KNOWN[at].2);
                let name = scrubber.scrub(&name, MAX_TEXT_CHARS);
                let step = step(place, &name, value.get(), scrubber)?;
                found.push((known.unwrap_or(KNOWN.len()), step));
            }
            Ok(())
        });
        visited.unwrap_or(Ok(()))
    });
    visited.unwrap_or(Ok(()))?;
    found.sort_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, step)| step).collect())
}

fn step(place: Place, name: &str, object: &str, scrubber: &Scrubber) -> Result<Step, NotAnAnswer> {
    const KEYS: [&str; 4] = ["PushStatus", "ErrorCode", "ErrorInfo", "EventTime"];
    let [status, code, info, at] = json::fields(object, KEYS).unwrap_or_default();
    let number = |key, value: Option<&RawValue>| match value {
        None => Ok(0),
        Some(value) if value.get() == "null" => Ok(0),
        Some(value) => json::integer(Some(value))
            .map_err(|kind| NotAnAnswer::new(format!("{key} of {name} {kind}"))),
    };
    Ok(Step {
        place,
        status: number("PushStatus", status)?,
        code: number("ErrorCode", code)?,
        info: words(info, scrubber),
        at: words(at, scrubber),
        name: name.to_owned(),
    })
}

/// A text, or a number as text; empty for anything else.
fn words(value: Option<&RawValue>, scrubber: &Scrubber) -> String {
    let Some(value) = value else {
        return String::new();
    };
    match json::text(value) {
        Some(text) => scrubber.scrub(&text, MAX_TEXT_CHARS),
        None => json::integer(Some(value)).map_or_else(|_| String::new(), |n| n.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, parse_trace};
    use super::*;
    use crate::model::trace::StepState;
    use proptest::prelude::*;

    const HEAD: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"sucess""#;

    /// The document's sample, with what is behind the two most frequent losses.
    const DEVICE: &str = r#"{"InstanceId":"101205908","PushTime":"2025-03-07 10:04:47","DeviceModel":"",
        "System":"APNS","SystemVersion":"","PushPlatform":1,"Token":"","CertId":"0","SdkVersion":"",
        "PushVersion":"","NotificationStatus":0,"last_active_terminal":1,
        "OfflinePushStat":{"ClickStat":{"PushStatus":0,"ErrorCode":0,"ErrorInfo":"","EventTime":""},
        "DeviceStat":{"PushStatus":0,"ErrorCode":410,"ErrorInfo":"Unregistered","EventTime":"2025-03-13 16:16:29"},
        "OfflineStat":{"PushStatus":1,"ErrorCode":0,"ErrorInfo":"success","EventTime":"2025-03-13 16:16:29"},
        "NewStat":{"PushStatus":1}},
        "IMCommitStat":{"IMStat":{"PushStatus":"1","ErrorCode":0,"ErrorInfo":"success","EventTime":"2025-03-07 10:04:47"}}}"#;

    fn parse(body: &str) -> Result<Trace, String> {
        match parse_trace(body.as_bytes(), &Scrubber::new(["secret-token"])) {
            Ok(Answer::Good(trace)) => Ok(trace),
            Ok(Answer::Refused { code, .. }) => Err(code.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn steps_come_in_the_order_in_which_they_happen_wherever_the_trace_is() {
        let plain = parse(&format!(r#"{HEAD},"InstanceTrace":[{DEVICE}]}}"#)).unwrap();
        let [device] = plain.devices.as_slice() else {
            panic!("{plain:?}");
        };
        let steps: Vec<(&str, StepState)> = device
            .steps
            .iter()
            .map(|step| (step.name.as_str(), step.state()))
            .collect();
        assert_eq!(
            steps,
            [
                ("IMStat", StepState::Done),
                ("OfflineStat", StepState::Done),
                ("DeviceStat", StepState::Failed),
                ("ClickStat", StepState::Open),
                ("NewStat", StepState::Done),
            ]
        );
        assert_eq!(device.failure().map(|step| step.code), Some(410));
        assert_eq!(device.platform, Some(Platform(1)));
        assert!(!device.has_token && !device.has_certificate && !device.shows_notifications);
        for wrapped in [
            format!(r#"{HEAD},"Results":{{"InstanceTrace":[{DEVICE}]}}}}"#),
            format!(r#"{HEAD},"Results":[{{"InstanceTrace":[{DEVICE}]}}]}}"#),
            format!(r#"{HEAD},"Data":{{"InstanceTrace":[{DEVICE}]}}}}"#),
        ] {
            assert_eq!(parse(&wrapped).as_ref(), Ok(&plain), "{wrapped}");
        }
    }

    #[test]
    fn a_push_that_nothing_is_known_of_has_no_devices_and_what_is_no_trace_is_refused() {
        for (tail, expected) in [
            (r#","InstanceTrace":[]"#, Ok(0)),
            (r#","InstanceTrace":null"#, Ok(0)),
            (r#","InstanceTrace":[{}]"#, Ok(1)),
            ("", Err("InstanceTrace is missing")),
            (
                r#","InstanceTrace":{}"#,
                Err("InstanceTrace is not an array"),
            ),
            (
                r#","InstanceTrace":[1]"#,
                Err("an element of InstanceTrace is not an object"),
            ),
            (
                r#","InstanceTrace":[{"IMCommitStat":{"IMStat":{"ErrorCode":"x"}}}]"#,
                Err("ErrorCode of IMStat is text that is not a whole number"),
            ),
        ] {
            let trace = parse(&format!("{HEAD}{tail}}}")).map(|trace| trace.devices.len());
            assert_eq!(trace, expected.map_err(str::to_owned), "{tail}");
        }
        let refused = r#"{"ActionStatus":"FAIL","ErrorCode":90049,"ErrorInfo":"invalid TaskId"}"#;
        assert_eq!(parse(refused), Err("90049".to_owned()));
    }

    #[test]
    fn devices_and_steps_beyond_the_bounds_are_left_out_and_secrets_are_not_kept() {
        let devices = vec![r#"{"InstanceId":"a secret-token b"}"#; MAX_DEVICES + 7].join(",");
        let trace = parse(&format!(r#"{HEAD},"InstanceTrace":[{devices}]}}"#)).unwrap();
        assert_eq!((trace.devices.len(), trace.left_out), (MAX_DEVICES, 7));
        assert!(!trace.devices[0].instance.contains("secret-token"));
        let steps: Vec<String> = (0..99)
            .map(|n| format!(r#""S{n}":{{"PushStatus":1}}"#))
            .collect();
        let steps = steps.join(",");
        let body = format!(r#"{HEAD},"InstanceTrace":[{{"XStat":{{{steps}}}}}]}}"#);
        assert_eq!(parse(&body).unwrap().devices[0].steps.len(), MAX_STEPS);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in r#"(\{|\}|\[|\]|"InstanceTrace":|"IMCommitStat":|"IMStat":|,|[a-z0-9":]){0,60}"#) {
            let _ = parse(&body);
            let _ = parse(&format!(r#"{HEAD},"InstanceTrace":[{{{body}}}]}}"#));
        }
    }
}
