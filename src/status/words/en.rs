//! English.

use super::{Losing, PageWords, QueryWords, Words};
use crate::model::catalogue::CodeClass;
use crate::model::outcome::Outcome;
use crate::model::push::Push;
use crate::model::reading::Stage;
use crate::status::{Level, State};
use crate::target::snapshot::Slope;

pub(super) const WORDS: Words = Words {
    page: PAGE,
    query: QUERY,
    told: str::to_owned,

    level: |level| match level {
        Level::Good => "All good",
        Level::Waiting => "Not known yet",
        Level::Warning => "Worth a look",
        Level::Bad => "Action needed",
    },
    state: |state| match state {
        State::Failing => "cannot be asked",
        State::Losing => "losing pushes",
        State::Rising => "losses rise",
        State::Over => "was losing pushes",
        State::Partial => "answers in part",
        State::Waiting => "not asked yet",
        State::Good => "good",
    },
    stage: |stage| match stage {
        Stage::ReadyToSend => "before sending",
        Stage::PostSendDelivered => "after sending",
    },
    pushes: |stage| match stage {
        Stage::ReadyToSend => "sendable pushes",
        Stage::PostSendDelivered => "pushes sent",
    },
    cause: |class| match class {
        CodeClass::Credential => "credential refused",
        CodeClass::Permission => "right missing",
        CodeClass::Config => "setting wrong",
        CodeClass::Content => "content refused",
        CodeClass::TokenInvalid => "tokens invalid",
        CodeClass::Quota => "quota used up",
        CodeClass::DeviceState => "devices not reached",
        CodeClass::VendorTransient => "vendor in trouble",
        CodeClass::Unknown => "reason unknown",
    },
    class: |class| match class {
        CodeClass::TokenInvalid => "The app or the device is gone: churn, not a fault.",
        CodeClass::Credential => "A certificate, key or secret at the vendor: you can repair it.",
        CodeClass::Permission => "A right that the vendor withholds: you can apply for it.",
        CodeClass::Config => "A setting in the app or in a console: you can correct it.",
        CodeClass::Content => "The message itself: whoever sends it can change it.",
        CodeClass::Quota => "Too many messages: send less, or ask the vendor for more.",
        CodeClass::DeviceState => "The device is off, or its user wants no pushes: normal.",
        CodeClass::VendorTransient => "The vendor's own trouble: wait.",
        CodeClass::Unknown => "The code alone does not say who can do something.",
    },
    outcome: |outcome| match outcome {
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
    },
    losses: "Losses",
    statistics: "Statistics",
    push: |push| match push {
        Push::Normal => None,
        Push::AllMember => Some("all-user pushes"),
    },

    all_platforms: "all platforms",
    no_platform: "no platform",
    online: "online devices",
    other_platforms: "other platforms",
    platform: |number| format!("platform {number}"),

    duration: |seconds| match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    },
    under: "under ",
    now: "now",
    ago: |time| format!("{time} ago"),
    ahead: |time| format!("in {time}"),
    beside: |text, more| format!("{text} ({more})"),
    comma: ", ",
    semicolon: "; ",
    list: |names| match names {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    },
    enumeration: ", ",
    and_more: |names, more, _| format!("{names} and {more} more"),
    first_and_more: |first, more| format!("{first}; and {more} more"),

    rose: |from, to, time| format!("rose from {from} to {to} in {time}"),
    fell: |from, to, time| format!("fell from {from} to {to} in {time}"),
    steady: |count, time| format!("steady around {count} for {time}"),
    at_most: |trend, highest| format!("{trend}, at most {highest}"),

    headline: |platform, cause, code| format!("{platform} {cause} ({code})"),
    at_stage: |headline, stage| format!("{headline} {stage}"),
    share_of: |share, pushes| format!("{share} of {pushes}"),
    of_losses: |share, stage| format!("{share} of what is lost {stage}"),
    of_losses_on: |share, stage, platform| format!("{share} of what is lost {stage} on {platform}"),
    all_pushes: |pushes| format!("all {pushes}"),
    pushes_on: |pushes, platform| format!("{pushes} on {platform}"),
    lost_in_window: |count| format!("{count} lost in the window"),
    a_minute: |rate, slope| match slope {
        Slope::Rising => format!("{rate} a minute, rising"),
        Slope::Falling => format!("{rate} a minute, falling"),
        Slope::Steady => format!("{rate} a minute"),
    },
    now_lost: |rate| format!("now {rate}"),
    goes_on_since: |time| format!("since {time}, goes on"),
    goes_on_since_before: |time| format!("since before {time}, goes on"),
    over_since: |time| format!("over since {time}"),
    or_earlier: " or earlier",
    began: |time| format!("began {time}"),
    leaves_window: |time| format!("leaves the window by {time}"),
    nothing_now: |advice| format!("Nothing now. If it comes back: {advice}"),
    first_poll: "the first poll comes within seconds",
    nothing_stands_out: |before, after| {
        format!("nothing stands out; {before} lost before sending, {after} after")
    },
    colon: ": ",
    at_target: |problem, target| format!("{problem}, at {target}"),

    answers: "answers",
    not_asked: "not asked yet",
    failed: |times| match times {
        1 => "failed once".to_owned(),
        times => format!("failed {times} times in a row"),
    },

    no_target: "There is no target.",
    all_good: "All targets answer, nothing stands out.",
    cannot_be_asked: |count, all| negated(count, all, "cannot be asked", "can be asked"),
    because: |cannot, reason, names| {
        if reason.is_empty() {
            format!("{cannot}: {names}.")
        } else {
            format!("{cannot} ({reason}): {names}.")
        }
    },
    partial: |count, all| {
        let answer = if count == 1 { "answers" } else { "answer" };
        let all = plural(all, "target");
        format!("{count} of {all} {answer} about losses, but not about statistics.")
    },
    waiting: |count, all| {
        let some = if count == 1 {
            "was not asked yet"
        } else {
            "were not asked yet"
        };
        format!("{}.", negated(count, all, some, "was asked yet"))
    },
    losing: Losing {
        one_app: |names, several| {
            let reasons = reasons(several);
            format!("Pushes are lost for {reasons} that you can repair: {names}.")
        },
        apps: |count, all, names| {
            let reasons = reasons(count);
            format!(
                "Pushes of {count} of {all} apps are lost for {reasons} that you can repair: {names}."
            )
        },
    },
    rising: Losing {
        one_app: |names, _| format!("Pushes are lost more and more: {names}."),
        apps: |count, all, names| {
            format!("Pushes of {count} of {all} apps are lost more and more: {names}.")
        },
    },
    over: Losing {
        one_app: |names, _| format!("Pushes were lost, but no longer are: {names}."),
        apps: |count, all, names| {
            format!("Pushes of {count} of {all} apps were lost, but no longer are: {names}.")
        },
    },
    sentence_gap: " ",

    whether_unknown: "Whether a loss goes on is known once it grows, or was watched for 5 minutes without growing.",
    set_back: |time, until| {
        format!(
            "This machine's clock had been ahead by {time} until {until}. Windows and counters follow the right time since then; check the time synchronisation."
        )
    },
    too_old: |time| {
        format!(
            "The last good answer, of {time}, is too old to be shown. What was lost since is not known here."
        )
    },
    nothing_lost: |last| format!("Nothing was lost in this window, or nothing was sent. {last}"),
    no_loss_seen: "No loss was seen since the exporter started.",
    latest_loss: |time| format!("The latest window with a loss ended at {time}."),
    whole_days: "The service seems to tell only whole days apart: a window inside a day may show too little or too much.",
    without_counters: "Without counters this page can only speak of the whole window: not of what is lost now, since when, or whether it goes on.",
    not_additive: "The service's counts do not add up over adjacent ranges, so there are no counters for this target.",
};

const PAGE: PageWords = PageWords {
    push_loss: "push loss",
    skip: "Skip to the facts",
    pages: "Pages",
    metrics: "Metrics",
    health: "Health",
    readiness: "Readiness",
    help: "Help",
    other_language: "中文",
    no_such_app: "No such app",
    unknown_app: |app| format!("There is no app “{app}” here."),
    renamed: "It may have been renamed or removed from the configuration.",
    show_all: "Show all apps",
    first: "What to do first",
    more_below: |count| format!("{count} more below, at the targets."),
    what_to_do: "What to do:",
    app: "App",
    all_apps: |count| format!("all {count} apps"),
    show: "Show",
    as_of: "As of",
    not_refreshing: "Not refreshing.",
    refresh: "Refresh by itself",
    refreshes: "Refreshes by itself every 30 s.",
    stop: "Stop refreshing",
    full_stop: ".",
    targets: |count| plural(count, "target"),
    of_app: |app| format!("of {app}"),
    more_urgent: |count| format!("{} that need somebody", plural(count, "more target")),
    more_calm: |count| format!("{} that need nobody now", plural(count, "more target")),
    cut: |count| {
        let (need, are) = if count == 1 {
            ("needs", "is")
        } else {
            ("need", "are")
        };
        let targets = plural(count, "more target");
        format!("{targets} that {need} less attention {are} not on this page.")
    },
    choose: "Choose an app above to see it, or read all as",
    runbook: "Runbook",
    dashboard: |app, region| format!("Dashboard of {app} in {region}"),
    chart: "Chart:",
    by_platform: "By platform:",
    described_as: "Described as",
    since: "since",
    last_answer: "last answer",
    no_answer: "no answer since the exporter started",
    window: "Window",
    to: "to",
    no_counts: "no counts to show",
    next_poll: "Next poll",
    soon: "soon",
    tasks: "Tasks",
    tasks_fail: "cannot all be queried",
    tasks_watched: |count| format!("{count} watched"),
    tasks_not_dispatched: |count| format!("{count} that the service could not dispatch"),
    tasks_left_out: |count| format!("{count} left out"),
    tasks_unknown: |count| format!("{count} unknown to the service"),
    lost: |stage| format!("Lost {stage}"),
    earlier_error: "Earlier error, over now",
    failing_since: "Failing since",
    top_losses: "Top losses",
    more_codes: |count| plural(count, "more code"),
    left_out: |count| format!("{} not listed: see", plural(count, "smaller row")),
    see_metrics: "the metrics",
    repair_this: "Repair this",
    rising: "Rising",
    over: "Over",
    code: |code| format!("Code {code}"),
    comma: ", ",
    glossary: "What the words on this page mean",
    terms: [
        (
            "Before sending",
            "A push to a device that can be reached was not handed to the vendor's channel. The label is ready_to_send.",
        ),
        (
            "After sending",
            "It was handed over, and the device never confirmed it. The label is post_send_delivered.",
        ),
        (
            "All platforms",
            "The service counts losses overall and by platform separately. The two do not add up, so never sum them. Vendors use the same numbers for different things: what a code means, its platform's row says.",
        ),
        (
            "Repair this",
            "A loss that somebody can end, and of at least 1 % of the pushes: a refused credential or a missing right always, settings and contents when they rise or reach 5 %.",
        ),
        (
            "Rising",
            "At least 1 % of the pushes, and twice the part that it was when the chart begins.",
        ),
        (
            "Over",
            "One of the above in the window, but not in the last minutes: it stays until it has left the window. “Now” is about the last 5 to 10 minutes.",
        ),
        (
            "Charts",
            "Counts in the rolling window, for the last 6 hours at most, since the exporter started. Neighbouring windows overlap.",
        ),
    ],
    where_next: "Where to go from here",
    metrics_help: "for Prometheus, each with its help text.",
    json_help: "The facts of this page as JSON",
    query_help: "ask for the losses of another time, up to 7 days back.",
    check_help: "find what is wrong with a configuration.",
    usersig_help: "try a signature by hand when the service refuses it.",
    readme_help: "The README of the program: set-up, every setting and every metric.",
};

const QUERY: QueryWords = QueryWords {
    of: |app, region, from, to| format!("{app} in {region}, {from} to {to}"),
    nothing: "nothing was lost, or nothing was sent",
    total: |count, stage, part| match stage {
        Stage::ReadyToSend => format!("{count} not sent: {part}"),
        Stage::PostSendDelivered => format!("{count} sent and not delivered: {part}"),
    },
    part: |percent, of_count, of| format!("{percent} of {of_count} {of}"),
    part_of: |of_count, of| format!("of {of_count} {of}"),
    part_unknown: |of| format!("of an unknown number {of}"),
    header: [
        "PLATFORM",
        "CODE",
        "COUNT",
        "SHARE",
        "STAGE",
        "CLASS",
        "DESCRIPTION",
    ],
    small: |count, rows| {
        let rows = plural(rows, "row");
        format!("+ {count} in {rows} under 1 % (--all shows them)")
    },
    churn: |count, rows| {
        let rows = plural(rows, "row");
        format!("+ {count} in {rows} of churn: the app or the device is gone (--all shows them)")
    },
    failed: |error| format!("{error}; {}", error.advice),
    what_to_do: "What to do:",
};

/// `1 target`, `12 targets`.
fn plural(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

fn reasons(count: usize) -> &'static str {
    if count == 1 { "a reason" } else { "reasons" }
}

/// `2 of 3 targets cannot ...`, but `none of the 3 targets can ...`.
fn negated(count: usize, all: usize, some: &str, none: &str) -> String {
    match all {
        1 => format!("The only target {some}"),
        _ if count == all => format!("None of the {all} targets {none}"),
        _ => format!("{count} of {all} targets {some}"),
    }
}
