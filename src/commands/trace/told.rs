//! A trace as people and as JSON consumers read it.

use std::io::{self, Write};

use serde::Serialize;

use crate::config::target::Target;
use crate::model::catalogue::{Meaning, loss_code, reason};
use crate::model::reading::{ErrCode, Platform, Stage};
use crate::model::trace::{Device, Place, Step, StepState, Trace, Trail};

/// The name of a push within a sentence.
pub(super) fn name(trail: &Trail) -> String {
    match trail {
        Trail::Push { push } => format!("push {}", push.as_str()),
        Trail::Task { task, user } => {
            format!("task {} for user {}", task.as_str(), user.as_str())
        }
    }
}

#[derive(Serialize)]
pub(super) struct Told {
    app: String,
    region: String,
    push_id: Option<String>,
    task_id: Option<String>,
    user_id: Option<String>,
    devices: Vec<OfDevice>,
    /// Devices in the response beyond those.
    left_out: usize,
    #[serde(skip)]
    name: String,
}

#[derive(Serialize)]
struct OfDevice {
    instance: String,
    platform: String,
    model: String,
    system: String,
    sdk_version: String,
    push_version: String,
    pushed_at: String,
    has_token: bool,
    has_certificate: bool,
    shows_notifications: bool,
    steps: Vec<OfStep>,
    /// The result of the push, in a sentence.
    verdict: String,
    causes: Vec<Cause>,
}

#[derive(Serialize)]
struct OfStep {
    step: String,
    words: String,
    state: &'static str,
    push_status: i64,
    err_code: i64,
    description: String,
    at: String,
}

/// Why the push did not arrive, or may not have arrived.
#[derive(Serialize)]
struct Cause {
    class: &'static str,
    meaning: String,
    advice: String,
}

impl Told {
    pub(super) fn new(target: &Target, trail: &Trail, trace: &Trace) -> Self {
        let (push_id, task_id, user_id) = match trail {
            Trail::Push { push } => (Some(push), None, None),
            Trail::Task { task, user } => (None, Some(task), Some(user)),
        };
        let id = |id: Option<&crate::model::trace::Id>| id.map(|id| id.as_str().to_owned());
        Self {
            app: target.app.name.clone(),
            region: target.region.name.clone(),
            push_id: id(push_id),
            task_id: id(task_id),
            user_id: id(user_id),
            devices: trace.devices.iter().map(OfDevice::new).collect(),
            left_out: trace.left_out,
            name: name(trail),
        }
    }

    /// Device by device and step by step, with what to do.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} in {}, {}", self.app, self.region, self.name)?;
        for device in &self.devices {
            writeln!(out)?;
            device.write(out)?;
        }
        if self.left_out > 0 {
            writeln!(out, "\n+ {} devices more", self.left_out)?;
        }
        Ok(())
    }
}

impl OfDevice {
    fn new(device: &Device) -> Self {
        let platform = device.platform.map(|platform| platform.to_string());
        let version = [device.system.as_str(), &device.system_version];
        Self {
            instance: device.instance.clone(),
            platform: platform.unwrap_or_else(|| "unknown".to_owned()),
            model: device.model.clone(),
            system: joined(&version),
            sdk_version: device.sdk_version.clone(),
            push_version: device.push_version.clone(),
            pushed_at: device.pushed_at.clone(),
            has_token: device.has_token,
            has_certificate: device.has_certificate,
            shows_notifications: device.shows_notifications,
            steps: device.steps.iter().map(OfStep::new).collect(),
            verdict: verdict(device),
            causes: causes(device),
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let facts = [
            self.platform.clone(),
            self.model.clone(),
            self.system.clone(),
            labelled("SDK", &self.sdk_version),
            labelled("pushed at", &self.pushed_at),
        ];
        let facts: Vec<String> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
        writeln!(out, "device {}: {}", self.instance, facts.join(", "))?;
        let reported = |is_there| if is_there { "reported" } else { "none" };
        let notifications = if self.shows_notifications {
            "on"
        } else {
            "off or not reported"
        };
        writeln!(
            out,
            "  push token: {}, certificate id: {}, notifications: {notifications}",
            reported(self.has_token),
            reported(self.has_certificate)
        )?;
        let width = self.steps.iter().map(|step| step.words.chars().count());
        let width = width.max().unwrap_or(0);
        for step in &self.steps {
            step.write(width, out)?;
        }
        writeln!(out, "  {}", self.verdict)?;
        for cause in &self.causes {
            writeln!(out, "  - {}: {}", cause.class, cause.meaning)?;
            writeln!(out, "    {}", cause.advice)?;
        }
        Ok(())
    }
}

impl OfStep {
    fn new(step: &Step) -> Self {
        let words = match step.place {
            Place::Other => format!("{} {}", step.place.words(), step.name),
            known => known.words().to_owned(),
        };
        Self {
            step: step.name.clone(),
            words,
            state: step.state().as_str(),
            push_status: step.status,
            err_code: step.code,
            description: step.info.clone(),
            at: step.at.clone(),
        }
    }

    fn write(&self, width: usize, out: &mut dyn Write) -> io::Result<()> {
        let said = match self.err_code {
            0 => String::new(),
            code => joined(&["code", &code.to_string(), &self.description]),
        };
        let line = format!(
            "  {:<width$}  {:<6}  {:<19}  {said}",
            self.words, self.state, self.at
        );
        writeln!(out, "{}", line.trim_end())
    }
}

/// How far the push got.
fn verdict(device: &Device) -> String {
    if let Some(step) = device.failure() {
        let words = match step.place {
            Place::Other => step.name.as_str(),
            known => known.words(),
        };
        return format!("The push was lost before it was {words}:");
    }
    match device.reached().map(|step| step.place) {
        Some(Place::Click | Place::OnlineClick) => "The push was opened.".to_owned(),
        Some(Place::Device) => "The push is on the device; nobody has opened it.".to_owned(),
        Some(Place::Vendor) if device.platform.and_then(Platform::name) == Some("fcm") => {
            "The vendor took the push; fcm has no receipts.".to_owned()
        }
        Some(Place::Vendor) => {
            "The vendor took the push, and no receipt came from the device.".to_owned()
        }
        Some(Place::Online) => "The push was sent to the app while it was online.".to_owned(),
        Some(Place::Offline) => "The push has not reached the vendor.".to_owned(),
        Some(Place::Chat) => "Chat took the message, and pushed nothing.".to_owned(),
        Some(Place::Other) | None => "The service says of no step that it is done.".to_owned(),
    }
}

/// The catalogue's causes of the failure or, without one, of a missing certificate or token.
fn causes(device: &Device) -> Vec<Cause> {
    if let Some(step) = device.failure() {
        let code = ErrCode::new(&step.code.to_string());
        let stage = step.place.stage();
        let class = loss_code(stage, device.platform, &code, &step.info).class;
        let meaning = reason(stage, device.platform, &code, &step.info);
        return vec![Cause {
            class: class.as_str(),
            ..Cause::of(meaning)
        }];
    }
    let mut causes = Vec::new();
    let is_on_device = device
        .steps
        .iter()
        .any(|step| step.place >= Place::Device && step.state() == StepState::Done);
    if !is_on_device {
        let missing = [("-1", device.has_certificate), ("-2", device.has_token)];
        for (code, _) in missing.iter().filter(|(_, is_there)| !is_there) {
            let code = ErrCode::new(code);
            causes.push(Cause::of(loss_code(Stage::ReadyToSend, None, &code, "")));
        }
    }
    causes
}

impl Cause {
    fn of(meaning: &Meaning) -> Self {
        Self {
            class: meaning.class.as_str(),
            meaning: meaning.meaning.clone(),
            advice: meaning.advice.clone(),
        }
    }
}

/// The parts that are not empty.
fn joined(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts
        .iter()
        .copied()
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" ")
}

fn labelled(label: &str, text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{label} {text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::target::tests::target;

    fn step(place: Place, status: i64, code: i64, info: &str) -> Step {
        Step {
            place,
            name: format!("{place:?}Stat"),
            status,
            code,
            info: info.to_owned(),
            at: "2025-03-13 16:16:29".to_owned(),
        }
    }

    fn device(steps: Vec<Step>) -> Device {
        Device {
            instance: "74224656".to_owned(),
            pushed_at: "2025-03-13 16:16:27".to_owned(),
            model: String::new(),
            system: "Android".to_owned(),
            system_version: "14".to_owned(),
            sdk_version: "8.0.1".to_owned(),
            push_version: String::new(),
            platform: Some(Platform(3)),
            has_token: true,
            has_certificate: true,
            shows_notifications: true,
            steps,
        }
    }

    fn text(device: Device) -> String {
        let trail = Trail::Push {
            push: "a-b".parse().unwrap(),
        };
        let trace = Trace {
            devices: vec![device],
            left_out: 2,
        };
        let mut out = Vec::new();
        Told::new(&target("shop", "china"), &trail, &trace)
            .write(&mut out)
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_push_that_was_lost_is_told_step_by_step_with_its_reason() {
        let lost = device(vec![
            step(Place::Chat, 1, 0, "success"),
            step(Place::Vendor, 0, 80_300_007, "noPushTypeRight"),
            step(Place::Other, 0, 0, ""),
        ]);
        assert_eq!(
            text(lost),
            "shop in china, push a-b\n\n\
             device 74224656: huawei, Android 14, SDK 8.0.1, pushed at 2025-03-13 16:16:27\n  \
             push token: reported, certificate id: reported, notifications: on\n  \
             taken by Chat        done    2025-03-13 16:16:29\n  \
             taken by the vendor  failed  2025-03-13 16:16:29  code 80300007 noPushTypeRight\n  \
             step OtherStat       open    2025-03-13 16:16:29\n  \
             The push was lost before it was taken by the vendor:\n  \
             - permission: The app has no right to this category of messages.\n    \
             Apply for notification categories at Huawei.\n\n\
             + 2 devices more\n"
        );
    }

    #[test]
    fn how_far_a_push_came_is_the_last_step_that_is_done() {
        use Place::{Chat, Click, Device as OnDevice, Offline, Vendor};
        for (done, verdict) in [
            (&[][..], "of no step"),
            (&[Chat], "pushed nothing"),
            (&[Chat, Offline], "not reached the vendor"),
            (&[Chat, Offline, Vendor], "no receipt"),
            (&[Chat, Offline, Vendor, OnDevice], "nobody has opened"),
            (&[Chat, Offline, Vendor, OnDevice, Click], "was opened"),
        ] {
            let steps = done.iter().map(|place| step(*place, 1, 0, "success"));
            let text = text(device(steps.collect()));
            assert!(text.contains(verdict), "{verdict}\n{text}");
            assert!(!text.contains("\n  - "), "{text}");
        }
        let unreceipted = Device {
            platform: Some(Platform(4)),
            ..device(vec![step(Vendor, 1, 0, "success")])
        };
        assert!(text(unreceipted).contains("fcm has no receipts"));
    }

    #[test]
    fn what_is_missing_on_the_device_is_a_cause_until_the_push_is_there() {
        let without = |steps| Device {
            has_token: false,
            has_certificate: false,
            ..device(steps)
        };
        let open = text(without(vec![step(Place::Chat, 1, 0, "success")]));
        for part in ["no push token", "no push certificate id", "- config: "] {
            assert!(open.contains(part), "{part}\n{open}");
        }
        let there = text(without(vec![step(Place::Device, 1, 0, "success")]));
        assert!(!there.contains("- config: "), "{there}");
    }
}
