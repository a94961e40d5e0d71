//! Facts as people say them.

use crate::model::catalogue::CodeClass;
use crate::model::outcome::Outcome;
use crate::model::reading::{Api, Platform, Stage};

/// `45 s`, `12 min`, `3 h`, `2 days`: two digits are enough to decide by.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// `1 target`, `12 targets`.
pub fn plural(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// `12,345`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1,234`, `1.5`, `under 0.1`.
pub fn rate(rate: f64) -> String {
    if rate == 0.0 {
        "0".to_owned()
    } else if rate < 0.1 {
        "under 0.1".to_owned()
    } else if rate < 9.95 {
        format!("{rate:.1}")
    } else {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate of counts, which saturates"
        )]
        let whole = rate.round() as u64;
        count(whole)
    }
}

/// `12 %`, `1.5 %`, `under 0.1 %`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 {
        "0 %".to_owned()
    } else if percent < 0.1 {
        "under 0.1 %".to_owned()
    } else if percent < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// As the vendors write themselves; `all platforms` for the overall rows.
pub fn platform(platform: Option<Platform>) -> String {
    let Some(platform) = platform else {
        return "all platforms".to_owned();
    };
    match platform.name() {
        Some("unknown") => "no platform".to_owned(),
        Some("apns") => "APNs".to_owned(),
        Some("fcm") => "FCM".to_owned(),
        Some("oppo") => "OPPO".to_owned(),
        Some("vivo") => "vivo".to_owned(),
        Some(name) => {
            let (first, rest) = name.split_at(1);
            first.to_uppercase() + rest
        }
        None => format!("platform {}", platform.0),
    }
}

/// When the push was lost.
pub fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::ReadyToSend => "before sending",
        Stage::PostSendDelivered => "after sending",
    }
}

/// What can be lost at the stage.
pub fn pushes(stage: Stage) -> &'static str {
    match stage {
        Stage::ReadyToSend => "sendable pushes",
        Stage::PostSendDelivered => "pushes sent",
    }
}

/// What happened, before a code says so.
pub fn cause(class: CodeClass) -> &'static str {
    match class {
        CodeClass::Credential => "credential refused",
        CodeClass::Permission => "right missing",
        CodeClass::Config => "setting wrong",
        CodeClass::Content => "content refused",
        CodeClass::TokenInvalid => "tokens invalid",
        CodeClass::Quota => "quota used up",
        CodeClass::DeviceState => "devices not reached",
        CodeClass::VendorTransient => "vendor in trouble",
        CodeClass::Unknown => "reason unknown",
    }
}

/// Who has to do something about a loss.
pub fn class(class: CodeClass) -> &'static str {
    match class {
        CodeClass::TokenInvalid => "The app or the device is gone: churn, not a fault.",
        CodeClass::Credential => "A certificate, key or secret at the vendor: you can repair it.",
        CodeClass::Permission => "A right that the vendor withholds: you can apply for it.",
        CodeClass::Config => "A setting in the app or in a console: you can correct it.",
        CodeClass::Content => "The message itself: whoever sends it can change it.",
        CodeClass::Quota => "Too many messages: send less, or ask the vendor for more.",
        CodeClass::DeviceState => "The device is off, or its user wants no pushes: normal.",
        CodeClass::VendorTransient => "The vendor's own trouble: wait.",
        CodeClass::Unknown => "The code alone does not say who can do something.",
    }
}

/// Each class with what it says.
pub fn classes() -> [(&'static str, &'static str); CodeClass::ALL.len()] {
    CodeClass::ALL.map(|each| (each.as_str(), class(each)))
}

/// What is asked for, by its label.
pub fn api(api: &str) -> &'static str {
    if api == Api::NormalPushLoss.as_str() {
        "Losses"
    } else {
        "Statistics"
    }
}

/// What a failure is, before its label says so.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "success",
        Outcome::RateLimited => "too many calls",
        Outcome::Auth => "authentication failed",
        Outcome::Permission => "access denied",
        Outcome::NotEnabled => "feature not enabled",
        Outcome::BadRequest => "request refused",
        Outcome::Transient => "service in trouble",
        Outcome::UnknownCode => "unknown error",
        Outcome::Timeout => "no answer in time",
        Outcome::Connect => "no connection",
        Outcome::Tls => "no secure connection",
        Outcome::HttpStatus => "HTTP error",
        Outcome::Malformed => "answer not understood",
        Outcome::TooLarge => "answer too large",
        Outcome::Local => "this machine in trouble",
    }
}

/// `auth 70009`.
pub fn label(outcome: Outcome, code: Option<i64>) -> String {
    match code {
        Some(code) => format!("{outcome} {code}"),
        None => outcome.to_string(),
    }
}

/// With a capital and a full stop, as an advice reads between others.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return String::new();
    };
    let end = if text.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{}{}{end}", first.to_uppercase(), chars.as_str())
}

/// `a, b and c`; of more than three, the first three and how many others.
pub fn names(names: &[String]) -> String {
    const NAMED: usize = 3;
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] if names.len() <= NAMED => format!("{} and {last}", all.join(", ")),
        _ => format!(
            "{} and {} more",
            names[..NAMED].join(", "),
            names.len() - NAMED
        ),
    }
}

/// `a; b` for names that hold commas; of more than two, the first and how many others.
pub fn semicolons(names: &[String]) -> String {
    match names {
        [first, rest @ ..] if rest.len() > 1 => format!("{first}; and {} more", rest.len()),
        _ => names.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_table() {
        for (seconds, text) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7199, "119 min"),
            (7200, "2 h"),
            (172_800, "2 days"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn percents_never_round_something_to_nothing() {
        for (share, text) in [
            (0.0, "0 %"),
            (0.000_1, "under 0.1 %"),
            (0.001, "0.1 %"),
            (0.099_4, "9.9 %"),
            (0.0996, "10 %"),
            (1.0, "100 %"),
        ] {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn three_names_are_named_and_others_counted() {
        let list: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        for (length, text) in [
            (0, ""),
            (1, "a"),
            (2, "a and b"),
            (3, "a, b and c"),
            (5, "a, b, c and 2 more"),
        ] {
            assert_eq!(names(&list[..length]), text);
        }
    }

    #[test]
    fn an_advice_becomes_a_sentence() {
        assert_eq!(sentence("check the host's name"), "Check the host's name.");
        assert_eq!(sentence("Normal."), "Normal.");
        assert_eq!(sentence(""), "");
    }
}
