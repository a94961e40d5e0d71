//! Traces of single pushes (documents 71896 and 71893). The fate of a push follows from its
//! id, which may name it: `opened-1`, `delivered-2`, `silent-3`, `refused-4`, `no-token-5`,
//! `no-certificate-6`, `unknown-7`. Any other id has one of these fates by chance.

use serde_json::{Value, json};

use crate::digest::sha256_hex;
use crate::model::push::Push;
use crate::model::trace::{Id, Trail};
use crate::model::window::{DayOffset, UnixSeconds};
use crate::simulator::tasks::civil;
use crate::simulator::verify::{Refusal, object, refusal};

/// How long before the query a push was made, in seconds: at most an hour.
const RECENT: u64 = 3600;

/// The push that a body names, for a trace in this population.
pub(super) fn trail(push: Push, body: &[u8]) -> Result<Trail, Refusal> {
    let fields = object(body)?;
    let id = |name: &str, missing, invalid| match fields.get(name) {
        None => Err(refusal(90100, missing)),
        Some(Value::String(text)) => text.parse::<Id>().map_err(|_| refusal(90100, invalid)),
        Some(_) => Err(refusal(90001, invalid)),
    };
    match push {
        Push::Normal => Ok(Trail::Push {
            push: id("PushID", "PushID is required", "PushID is invalid")?,
        }),
        Push::AllMember => Ok(Trail::Task {
            task: id("TaskID", "TaskID is required", "TaskID is invalid")?,
            user: id("UserID", "UserID is required", "UserID is invalid")?,
        }),
    }
}

/// The fate of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Opened,
    Delivered,
    Silent,
    Refused,
    NoToken,
    NoCertificate,
}

const FATES: [(&str, Fate); 6] = [
    ("opened-", Fate::Opened),
    ("delivered-", Fate::Delivered),
    ("silent-", Fate::Silent),
    ("refused-", Fate::Refused),
    ("no-token-", Fate::NoToken),
    ("no-certificate-", Fate::NoCertificate),
];

/// Platforms with their systems and their error for an invalid token.
const PLATFORMS: [(i64, &str, i64, &str); 4] = [
    (1, "APNS", 410, "Unregistered"),
    (3, "Android", 80_300_007, "all tokens are illegal"),
    (4, "Android", 404, "UNREGISTERED"),
    (6, "Android", 1, "regid_invalid"),
];

/// The fields of the response, or the refusal.
pub(super) fn answer(trail: &Trail, now: UnixSeconds) -> Result<Value, Refusal> {
    let (id, whose, event_type) = match trail {
        Trail::Push { push } => (push, "", None),
        Trail::Task { task, user } => (task, user.as_str(), Some(1)),
    };
    if id.as_str().starts_with("unknown-") {
        return match trail {
            Trail::Push { .. } => Ok(traces(&[])),
            Trail::Task { .. } => Err(refusal(90049, "invalid TaskId, no push record")),
        };
    }
    let chance = sha256_hex(format!("{} {whose}", id.as_str()));
    let chance = u64::from_str_radix(&chance[..8], 16).unwrap_or(0);
    let pick = |of: usize, salt: u64| usize::try_from(chance / salt).unwrap_or(0) % of;
    let named = FATES.iter().find(|(name, _)| id.as_str().starts_with(name));
    let (_, fate) = named.unwrap_or(&FATES[pick(FATES.len(), 1)]);
    let platform = PLATFORMS[pick(PLATFORMS.len(), 7)];
    let at = UnixSeconds(now.0.saturating_sub(60 + chance % RECENT));
    Ok(traces(&[device(*fate, platform, event_type, chance, at)]))
}

fn device(
    fate: Fate,
    (push_platform, system, gone, says): (i64, &'static str, i64, &'static str),
    event_type: Option<u8>,
    chance: u64,
    at: UnixSeconds,
) -> Value {
    let stat = |status: u8, code: i64, info: &str, time: String| json!({"PushStatus": status, "ErrorCode": code, "ErrorInfo": info, "EventTime": time});
    let done = |seconds| stat(1, 0, "success", time(at, seconds));
    let failed = |code, info| stat(0, code, info, time(at, 2));
    let open = || stat(0, 0, "", String::new());
    let (has_token, has_certificate) = (fate != Fate::NoToken, fate != Fate::NoCertificate);
    let [offline, channel, device, click] = match fate {
        Fate::NoToken => [failed(-2, "token not uploaded"), open(), open(), open()],
        Fate::NoCertificate => [failed(-1, "certificate id not set"), open(), open(), open()],
        Fate::Refused => [done(1), failed(gone, says), open(), open()],
        Fate::Silent => [done(1), done(2), open(), open()],
        Fate::Delivered => [done(1), done(2), done(3), open()],
        Fate::Opened => [done(1), done(2), done(3), done(40)],
    };
    let mut trace = json!({
        "InstanceId": (10_000_000 + chance % 90_000_000).to_string(),
        "PushTime": time(at, 0),
        "DeviceModel": "",
        "System": system,
        "SystemVersion": "",
        "PushPlatform": push_platform,
        "Token": if has_token { "made-up-token" } else { "" },
        "CertId": if has_certificate { "40012" } else { "0" },
        "SdkVersion": "8.8.7357",
        "PushVersion": "8.8.7357",
        "NotificationStatus": 1,
        "last_active_terminal": 1,
        "IMCommitStat": {"IMStat": done(0)},
        "OfflinePushStat": {
            "OfflineStat": offline,
            "ChannelStat": channel,
            "DeviceStat": device,
            "ClickStat": click,
        },
    });
    if let Some(event_type) = event_type {
        trace["EventType"] = event_type.into();
    }
    trace
}

fn traces(devices: &[Value]) -> Value {
    json!({"InstanceTrace": devices})
}

/// As in the documents' samples; at +08:00, as far as they show.
fn time(at: UnixSeconds, seconds: u64) -> String {
    let at = UnixSeconds(at.0 + seconds);
    civil(DayOffset::DEFAULT.local(at).0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::trace::{StepState, Trace};
    use crate::push_api::wire::{self, Answer as Parsed};
    use crate::scrubber::Scrubber;
    use crate::simulator::answer::Answer;

    const NOW: UnixSeconds = UnixSeconds(1_741_795_200);

    fn traced(trail: &Trail) -> Trace {
        let body = Answer::flat(answer(trail, NOW).unwrap()).text();
        match wire::parse_trace(body.as_bytes(), &Scrubber::new([])) {
            Ok(Parsed::Good(trace)) => trace,
            other => panic!("{other:?}"),
        }
    }

    fn push(id: &str) -> Trail {
        Trail::Push {
            push: id.parse().unwrap(),
        }
    }

    #[test]
    fn an_id_says_what_becomes_of_its_push_and_any_other_is_of_one_of_them() {
        for (id, done, failed) in [
            ("opened-1", 5, None),
            ("delivered-1", 4, None),
            ("silent-1", 3, None),
            ("no-token-1", 1, Some(-2)),
            ("no-certificate-1", 1, Some(-1)),
        ] {
            let trace = traced(&push(id));
            let device = &trace.devices[0];
            let steps = device.steps.iter();
            let count = steps.filter(|step| step.state() == StepState::Done).count();
            assert_eq!(count, done, "{id}");
            assert_eq!(device.failure().map(|step| step.code), failed, "{id}");
            assert_eq!(device.has_token, id != "no-token-1");
        }
        assert!(traced(&push("refused-1")).devices[0].failure().is_some());
        assert_eq!(traced(&push("unknown-1")), Trace::default());
        assert_eq!(traced(&push("x")), traced(&push("x")));
        let task = |task: &str| Trail::Task {
            task: task.parse().unwrap(),
            user: "user1".parse().unwrap(),
        };
        assert_eq!(traced(&task("opened-1")).devices.len(), 1);
        assert_eq!(answer(&task("unknown-1"), NOW).unwrap_err().code, 90049);
    }

    #[test]
    fn bodies_are_checked() {
        for (push, body, code) in [
            (Push::Normal, "{", 60003),
            (Push::Normal, "[]", 90001),
            (Push::Normal, "{}", 90100),
            (Push::Normal, r#"{"PushID":1}"#, 90001),
            (Push::Normal, r#"{"PushID":""}"#, 90100),
            (Push::AllMember, r#"{"TaskID":"a"}"#, 90100),
            (Push::AllMember, r#"{"UserID":"a"}"#, 90100),
        ] {
            let refused = trail(push, body.as_bytes()).unwrap_err();
            assert_eq!(refused.code, code, "{body}");
        }
        let body = br#"{"TaskID":"a","UserID":"b"}"#;
        let Ok(Trail::Task { task, user }) = trail(Push::AllMember, body) else {
            panic!("refused");
        };
        assert_eq!((task.as_str(), user.as_str()), ("a", "b"));
    }
}
