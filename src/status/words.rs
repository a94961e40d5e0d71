//! Facts in words, in several languages.

mod en;
mod sentences;
mod zh;

use super::{Level, State};
use crate::model::catalogue::CodeClass;
use crate::model::language::Language;
use crate::model::outcome::{FetchError, Outcome};
use crate::model::push::Push;
use crate::model::reading::{Api, Measure, Platform, Stage};
use crate::target::snapshot::Slope;

/// All texts of the page and of `query` in one language. None can be missing: a language without
/// one does not compile. Codes, names and units are the same in all languages.
pub struct Words {
    pub page: PageWords,
    pub query: QueryWords,
    /// Translates a text of the catalogue, which is in English.
    pub told: fn(&str) -> String,

    pub level: fn(Level) -> &'static str,
    pub state: fn(State) -> &'static str,
    /// When the push was lost.
    pub stage: fn(Stage) -> &'static str,
    /// The pushes that can be lost at the stage.
    pub pushes: fn(Stage) -> &'static str,
    /// The cause, before the code.
    pub cause: fn(CodeClass) -> &'static str,
    /// Who has to act on a loss.
    pub class: fn(CodeClass) -> &'static str,
    /// The kind of failure, before its label.
    pub outcome: fn(Outcome) -> &'static str,
    pub losses: &'static str,
    pub statistics: &'static str,
    /// The name of a population of pushes, unless it is the usual one.
    pub push: fn(Push) -> Option<&'static str>,

    pub all_platforms: &'static str,
    pub no_platform: &'static str,
    /// Devices not reached through a vendor's channel, since they are online.
    pub online: &'static str,
    /// The platforms that are not distinguished.
    pub other_platforms: &'static str,
    pub platform: fn(i64) -> String,

    /// `45 s`, `12 min`, `3 h`, `2 days`: two digits are enough for a decision.
    pub duration: fn(u64) -> String,
    /// Before an upper limit, for a smaller number.
    pub under: &'static str,
    pub now: &'static str,
    pub ago: fn(&str) -> String,
    pub ahead: fn(&str) -> String,
    /// A text with an addition in parentheses.
    pub beside: fn(&str, &str) -> String,
    /// Between parts within parentheses.
    pub comma: &'static str,
    /// Between parts of a sentence.
    pub semicolon: &'static str,
    /// `a, b and c`.
    pub list: fn(&[String]) -> String,
    /// Between names, except the last two.
    pub enumeration: &'static str,
    /// Names, the number of others, and the total.
    pub and_more: fn(&str, usize, usize) -> String,
    /// The first of several names that contain commas, and the number of others.
    pub first_and_more: fn(&str, usize) -> String,

    pub rose: fn(&str, &str, &str) -> String,
    pub fell: fn(&str, &str, &str) -> String,
    pub steady: fn(&str, &str) -> String,
    pub at_most: fn(&str, &str) -> String,

    /// A platform, what happened there, and the code.
    pub headline: fn(&str, &str, &str) -> String,
    pub at_stage: fn(&str, &str) -> String,
    /// A share and its total.
    pub share_of: fn(&str, &str) -> String,
    pub of_losses: fn(&str, &str) -> String,
    pub of_losses_on: fn(&str, &str, &str) -> String,
    pub all_pushes: fn(&str) -> String,
    pub pushes_on: fn(&str, &str) -> String,
    pub lost_in_window: fn(&str) -> String,
    pub a_minute: fn(&str, Slope) -> String,
    pub now_lost: fn(&str) -> String,
    pub goes_on_since: fn(&str) -> String,
    pub goes_on_since_before: fn(&str) -> String,
    pub over_since: fn(&str) -> String,
    pub or_earlier: &'static str,
    pub began: fn(&str) -> String,
    pub leaves_window: fn(&str) -> String,
    pub nothing_now: fn(&str) -> String,
    pub first_poll: &'static str,
    pub nothing_stands_out: fn(&str, &str) -> String,
    pub colon: &'static str,
    pub at_target: fn(&str, &str) -> String,

    pub answers: &'static str,
    pub not_asked: &'static str,
    pub failed: fn(u32) -> String,

    pub no_target: &'static str,
    pub all_good: &'static str,
    /// The number of affected targets, and the number of all targets.
    pub cannot_be_asked: fn(usize, usize) -> String,
    pub because: fn(&str, &str, &str) -> String,
    pub partial: fn(usize, usize) -> String,
    pub waiting: fn(usize, usize) -> String,
    pub losing: Losing,
    pub rising: Losing,
    pub over: Losing,
    pub sentence_gap: &'static str,

    pub whether_unknown: &'static str,
    pub set_back: fn(&str, &str) -> String,
    pub too_old: fn(&str) -> String,
    pub nothing_lost: fn(&str) -> String,
    pub no_loss_seen: &'static str,
    pub latest_loss: fn(&str) -> String,
    pub whole_days: &'static str,
    pub without_counters: &'static str,
    pub not_additive: &'static str,
}

/// Sentences about apps that lose pushes: for a single app, and for some of several, with their
/// names.
pub struct Losing {
    /// Names.
    pub one_app: fn(&str, usize) -> String,
    /// The number of affected apps, the number of all apps, and names.
    pub apps: fn(usize, usize, &str) -> String,
}

/// The page's texts around the facts.
pub struct PageWords {
    pub push_loss: &'static str,
    pub skip: &'static str,
    pub pages: &'static str,
    pub metrics: &'static str,
    pub health: &'static str,
    pub readiness: &'static str,
    pub help: &'static str,
    /// The page in the other language, in that language.
    pub other_language: &'static str,
    pub no_such_app: &'static str,
    pub unknown_app: fn(&str) -> String,
    pub renamed: &'static str,
    pub show_all: &'static str,
    pub first: &'static str,
    pub more_below: fn(usize) -> String,
    pub what_to_do: &'static str,
    pub app: &'static str,
    pub all_apps: fn(usize) -> String,
    pub show: &'static str,
    pub as_of: &'static str,
    pub not_refreshing: &'static str,
    pub refresh: &'static str,
    pub refreshes: &'static str,
    pub stop: &'static str,
    pub full_stop: &'static str,
    pub targets: fn(usize) -> String,
    pub of_app: fn(&str) -> String,
    pub more_urgent: fn(usize) -> String,
    pub more_calm: fn(usize) -> String,
    pub cut: fn(usize) -> String,
    pub choose: &'static str,
    pub runbook: &'static str,
    pub dashboard: fn(&str, &str) -> String,
    pub chart: &'static str,
    pub by_platform: &'static str,
    pub described_as: &'static str,
    pub since: &'static str,
    pub last_answer: &'static str,
    pub no_answer: &'static str,
    pub window: &'static str,
    pub to: &'static str,
    pub no_counts: &'static str,
    pub next_poll: &'static str,
    pub soon: &'static str,
    pub tasks: &'static str,
    pub tasks_fail: &'static str,
    pub tasks_watched: fn(usize) -> String,
    pub tasks_not_dispatched: fn(usize) -> String,
    pub tasks_left_out: fn(usize) -> String,
    pub tasks_unknown: fn(usize) -> String,
    pub lost: fn(&str) -> String,
    pub earlier_error: &'static str,
    pub failing_since: &'static str,
    pub top_losses: &'static str,
    pub more_codes: fn(usize) -> String,
    pub left_out: fn(usize) -> String,
    pub see_metrics: &'static str,
    pub repair_this: &'static str,
    pub rising: &'static str,
    pub over: &'static str,
    pub code: fn(&str) -> String,
    pub comma: &'static str,
    pub glossary: &'static str,
    /// Words and what they mean.
    pub terms: [(&'static str, &'static str); 7],
    pub where_next: &'static str,
    pub metrics_help: &'static str,
    pub json_help: &'static str,
    pub query_help: &'static str,
    pub check_help: &'static str,
    pub usersig_help: &'static str,
    pub readme_help: &'static str,
}

/// The texts of `query` around the facts.
pub struct QueryWords {
    /// App, region, start and end.
    pub of: fn(&str, &str, &str, &str) -> String,
    pub nothing: &'static str,
    /// A count, the stage, and its fraction of the pushes that could be lost.
    pub total: fn(u64, Stage, &str) -> String,
    /// A percentage, a number, and the step.
    pub part: fn(&str, u64, &str) -> String,
    pub part_of: fn(u64, &str) -> String,
    pub part_unknown: fn(&str) -> String,
    pub header: [&'static str; 7],
    pub small: fn(u64, usize) -> String,
    pub churn: fn(u64, usize) -> String,
    /// What happened and what to do.
    pub failed: fn(&FetchError) -> String,
    pub what_to_do: &'static str,
}

/// The texts in one language.
pub fn of(language: Language) -> &'static Words {
    match language {
        Language::English => &en::WORDS,
        Language::Chinese => &zh::WORDS,
    }
}

/// The maximum number of names in a line: with more, the first are named and the others counted.
const NAMED: usize = 3;

impl Words {
    /// `1,234`, `1.5`, `under 0.1`.
    pub fn rate(&self, rate: f64) -> String {
        if rate == 0.0 {
            "0".to_owned()
        } else if rate < 0.1 {
            format!("{}0.1", self.under)
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
    pub fn percent(&self, share: f64) -> String {
        let percent = share * 100.0;
        if percent == 0.0 {
            "0 %".to_owned()
        } else if percent < 0.1 {
            format!("{}0.1 %", self.under)
        } else if percent < 9.95 {
            format!("{percent:.1} %")
        } else {
            format!("{percent:.0} %")
        }
    }

    /// In the vendors' own spelling; `all platforms` for the overall rows.
    pub fn platform_name(&self, platform: Option<Platform>) -> String {
        let Some(platform) = platform else {
            return self.all_platforms.to_owned();
        };
        if platform == Platform::ONLINE {
            return self.online.to_owned();
        }
        if platform == Platform::OTHER {
            return self.other_platforms.to_owned();
        }
        match platform.name() {
            Some("unknown") => self.no_platform.to_owned(),
            Some("apns") => "APNs".to_owned(),
            Some("fcm") => "FCM".to_owned(),
            Some("oppo") => "OPPO".to_owned(),
            Some("vivo") => "vivo".to_owned(),
            Some(name) => {
                let (first, rest) = name.split_at(1);
                first.to_uppercase() + rest
            }
            None => (self.platform)(platform.0),
        }
    }

    /// The queried data, by its label.
    pub fn api(&self, api: Api) -> &'static str {
        match api.measure() {
            Measure::Losses => self.losses,
            Measure::Funnel => self.statistics,
        }
    }

    /// A region, and the population of pushes unless it is the usual one.
    pub fn place(&self, region: &str, push: Push) -> String {
        match (self.push)(push) {
            Some(push) => (self.beside)(region, push),
            None => region.to_owned(),
        }
    }

    /// `a, b and c`; with more than three, the first three and the number of others.
    pub fn names(&self, names: &[String]) -> String {
        match names.get(..NAMED) {
            Some(first) if names.len() > NAMED => {
                let first = first.join(self.enumeration);
                (self.and_more)(&first, names.len() - NAMED, names.len())
            }
            _ => (self.list)(names),
        }
    }

    /// `a; b` for names that contain commas; with more than two, the first and the number of
    /// others.
    pub fn semicolons(&self, names: &[String]) -> String {
        match names {
            [first, rest @ ..] if rest.len() > 1 => (self.first_and_more)(first, rest.len()),
            _ => names.join(self.semicolon),
        }
    }
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

/// `auth 70009`.
pub fn label(outcome: Outcome, code: Option<i64>) -> String {
    match code {
        Some(code) => format!("{outcome} {code}"),
        None => outcome.to_string(),
    }
}

/// With a capital letter and a full stop, as advice appears between other sentences.
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

#[cfg(test)]
mod tests {
    use super::*;

    const ENGLISH: &Words = &en::WORDS;

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
            assert_eq!((ENGLISH.duration)(seconds), text);
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
            assert_eq!(ENGLISH.percent(share), text);
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
            assert_eq!(ENGLISH.names(&list[..length]), text);
        }
    }

    #[test]
    fn an_advice_becomes_a_sentence() {
        assert_eq!(sentence("check the host's name"), "Check the host's name.");
        assert_eq!(sentence("Normal."), "Normal.");
        assert_eq!(sentence(""), "");
    }
}
