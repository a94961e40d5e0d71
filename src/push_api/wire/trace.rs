//! Traces: the devices of a push and the steps of each.

use super::object::{Field, Object};
use super::{NotAnAnswer, envelope, json};
use crate::model::reading::Platform;
use crate::model::trace::{
    Device, KNOWN, MAX_DEVICES, MAX_STEPS, MAX_TEXT_CHARS, Place, Step, Trace,
};
use crate::scrubber::Scrubber;

const DEVICES: &str = "InstanceTrace";

/// The trace in a successful response. It has no devices if the service does not know the
/// push.
pub(super) fn trace(top: Object, scrubber: &Scrubber) -> Result<Trace, NotAnAnswer> {
    let sections = envelope::sections(&[DEVICES], top)?;
    if sections.is_empty() {
        return Err(top.field(DEVICES).complaint("is missing"));
    }
    let mut trace = Trace::default();
    for section in sections {
        section.field(DEVICES).rows(|row| {
            if trace.devices.len() < MAX_DEVICES {
                trace.devices.push(device(row, scrubber)?);
            } else {
                trace.left_out += 1;
            }
            Ok(())
        })?;
    }
    Ok(trace)
}

fn device(row: Object, scrubber: &Scrubber) -> Result<Device, NotAnAnswer> {
    const TEXTS: [&str; 9] = [
        "InstanceId",
        "PushTime",
        "DeviceModel",
        "System",
        "SystemVersion",
        "SdkVersion",
        "PushVersion",
        "Token",
        "CertId",
    ];
    let [platform, notification] = row.fields(["PushPlatform", "NotificationStatus"]);
    let [
        instance,
        pushed_at,
        model,
        system,
        system_version,
        sdk_version,
        push_version,
        token,
        certificate,
    ] = row.fields(TEXTS).map(|field| words(field, scrubber));
    let is_there = |text: &str| !["", "0"].contains(&text);
    Ok(Device {
        instance,
        pushed_at,
        model,
        system,
        system_version,
        sdk_version,
        push_version,
        platform: platform.integer().ok().map(Platform),
        has_token: is_there(&token),
        has_certificate: is_there(&certificate),
        shows_notifications: notification.integer() == Ok(1),
        steps: steps(row, scrubber)?,
    })
}

/// The steps that the documents name, in their order, then any others.
fn steps(row: Object, scrubber: &Scrubber) -> Result<Vec<Step>, NotAnAnswer> {
    let mut found: Vec<(usize, Step)> = Vec::new();
    json::each(row.json, |group, steps| {
        if !group.ends_with("Stat") || !steps.get().starts_with('{') {
            return Ok(());
        }
        json::each(steps.get(), |name, value| {
            if value.get().starts_with('{') && found.len() < MAX_STEPS {
                let known = KNOWN
                    .iter()
                    .position(|(of, step, _)| **of == group && **step == name);
                let place = known.map_or(Place::Other, |at| KNOWN[at].2);
                let name = scrubber.scrub(&name, MAX_TEXT_CHARS);
                let step = step(place, name, Object::new(value.get()), scrubber)?;
                found.push((known.unwrap_or(KNOWN.len()), step));
            }
            Ok(())
        })
    })?;
    found.sort_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, step)| step).collect())
}

fn step(
    place: Place,
    name: String,
    object: Object,
    scrubber: &Scrubber,
) -> Result<Step, NotAnAnswer> {
    const KEYS: [&str; 4] = ["PushStatus", "ErrorCode", "ErrorInfo", "EventTime"];
    let [status, code, info, at] = object.fields(KEYS);
    let number = |key, field: Field| match field.given() {
        None => Ok(0),
        Some(_) => json::integer(field.value)
            .map_err(|kind| NotAnAnswer::new(format!("{key} of {name} {kind}"))),
    };
    Ok(Step {
        place,
        status: number(KEYS[0], status)?,
        code: number(KEYS[1], code)?,
        info: words(info, scrubber),
        at: words(at, scrubber),
        name,
    })
}

/// A text, or a number as text; empty for anything else.
fn words(field: Field, scrubber: &Scrubber) -> String {
    match field.value.and_then(json::text) {
        Some(text) => scrubber.scrub(&text, MAX_TEXT_CHARS),
        None => field
            .integer()
            .map_or_else(|_| String::new(), |number| number.to_string()),
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
                Err("InstanceTrace[0] is not an object"),
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
