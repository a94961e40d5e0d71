//! Facts in words, in several languages.

/// Rows of texts: a name, its arguments, and the text in English and in Chinese. Each row is a
/// method of [`Words`], so no text can be missing in one language. `(count; s)`: the first argument
/// is a number, and `s` is what a noun in English ends with for this number.
macro_rules! texts {
    ($($(#[$about:meta])* $name:ident $(($($arguments:tt)*))?: $english:literal, $chinese:literal;)+) => {
        impl Words {
            $(text!($(#[$about])* $name $(($($arguments)*))?: $english, $chinese);)+
        }
    };
}

/// A row of [`texts`].
macro_rules! text {
    ($(#[$about:meta])* $name:ident: $english:literal, $chinese:literal) => {
        $(#[$about])*
        pub fn $name(&self) -> &'static str {
            self.pick(($english, $chinese))
        }
    };
    ($(#[$about:meta])* $name:ident($($argument:ident),+): $english:literal, $chinese:literal) => {
        $(#[$about])*
        pub fn $name(&self, $($argument: impl std::fmt::Display),+) -> String {
            match self.language {
                $crate::model::language::Language::English => format!($english),
                $crate::model::language::Language::Chinese => format!($chinese),
            }
        }
    };
    ($(#[$about:meta])* $name:ident($count:ident; $s:ident $(, $more:ident)*): $english:literal, $chinese:literal) => {
        $(#[$about])*
        pub fn $name(&self, $count: usize $(, $more: impl std::fmt::Display)*) -> String {
            let $s = if $count == 1 { "" } else { "s" };
            match self.language {
                $crate::model::language::Language::English => format!($english),
                $crate::model::language::Language::Chinese => format!($chinese),
            }
        }
    };
}

mod facts;
mod names;
mod page;
mod query;
mod sentences;

use crate::model::language::Language;
use crate::model::outcome::Outcome;
use crate::model::push::Push;
use crate::model::reading::Platform;

/// All texts of the page and of `query` in one language. Codes, names and units are the same in all
/// languages.
pub struct Words {
    language: Language,
}

const ENGLISH: Words = Words {
    language: Language::English,
};

const CHINESE: Words = Words {
    language: Language::Chinese,
};

/// The texts in one language.
pub fn of(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::Chinese => &CHINESE,
    }
}

/// The maximum number of names in a line: with more, the first are named and the others counted.
const NAMED: usize = 3;

impl Words {
    fn pick<T>(&self, (english, chinese): (T, T)) -> T {
        match self.language {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }

    /// Translates a text of the catalogue, which is in English.
    pub fn told(&self, text: &str) -> String {
        match self.language {
            Language::English => text.to_owned(),
            Language::Chinese => sentences::chinese(text),
        }
    }

    /// `45 s`, `12 min`, `3 h`, `2 days`: two digits are enough for a decision.
    pub fn duration(&self, seconds: u64) -> String {
        match seconds {
            0..120 => self.seconds(seconds),
            120..7200 => self.minutes(seconds / 60),
            7200..172_800 => self.hours(seconds / 3600),
            _ => self.days(seconds / 86_400),
        }
    }

    /// `1,234`, `1.5`, `under 0.1`.
    pub fn rate(&self, rate: f64) -> String {
        if rate == 0.0 {
            "0".to_owned()
        } else if rate < 0.1 {
            format!("{}0.1", self.under())
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
            format!("{}0.1 %", self.under())
        } else if percent < 9.95 {
            format!("{percent:.1} %")
        } else {
            format!("{percent:.0} %")
        }
    }

    /// In the vendors' own spelling; `all platforms` for the overall rows.
    pub fn platform_name(&self, platform: Option<Platform>) -> String {
        let Some(platform) = platform else {
            return self.all_platforms().to_owned();
        };
        if platform == Platform::ONLINE {
            return self.online().to_owned();
        }
        if platform == Platform::OTHER {
            return self.other_platforms().to_owned();
        }
        match platform.name() {
            Some("unknown") => self.no_platform().to_owned(),
            Some("apns") => "APNs".to_owned(),
            Some("fcm") => "FCM".to_owned(),
            Some("oppo") => "OPPO".to_owned(),
            Some("vivo") => "vivo".to_owned(),
            Some(name) => {
                let (first, rest) = name.split_at(1);
                first.to_uppercase() + rest
            }
            None => self.platform(platform.0),
        }
    }

    /// A region, and the population of pushes unless it is the usual one.
    pub fn place(&self, region: &str, push: Push) -> String {
        match push {
            Push::Normal => region.to_owned(),
            Push::AllMember => self.beside(region, self.all_user_pushes()),
        }
    }

    /// `a, b and c`; with more than three, the first three and the number of others.
    pub fn names(&self, names: &[String]) -> String {
        match names.get(..NAMED) {
            Some(first) if names.len() > NAMED => {
                let first = first.join(self.enumeration());
                self.and_more(first, names.len() - NAMED, names.len())
            }
            _ => self.list(names),
        }
    }

    fn list(&self, names: &[String]) -> String {
        match (self.language, names) {
            (Language::English, [first @ .., last]) if !first.is_empty() => {
                format!("{} and {last}", first.join(self.enumeration()))
            }
            _ => names.join(self.enumeration()),
        }
    }

    /// `a; b` for names that contain commas; with more than two, the first and the number of
    /// others.
    pub fn semicolons(&self, names: &[String]) -> String {
        match names {
            [first, rest @ ..] if rest.len() > 1 => self.first_and_more(first, rest.len()),
            _ => names.join(self.semicolon()),
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
            assert_eq!(ENGLISH.duration(seconds), text);
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
    fn sentences_about_targets_and_apps_count_some_of_several() {
        use crate::status::Concern::{Over, Repair};
        let apps = ["a, x".to_owned(), "b, y".to_owned()];
        for (told, english, chinese) in [
            (
                (|words| words.losing(Repair, &["a".to_owned()], 1)) as fn(&Words) -> String,
                "Pushes are lost for a reason that you can repair: a.",
                "正在丢失推送，原因可以修复：a。",
            ),
            (
                |words| words.waiting(1, 3),
                "1 of 3 targets was not asked yet.",
                "3 个目标中有 1 个尚未查询。",
            ),
            (
                |words| words.cannot_be_asked(3, 3),
                "None of the 3 targets can be asked",
                "全部 3 个目标都无法查询",
            ),
            (
                |words| words.partial(1, 1),
                "1 of 1 target answers about losses, but not about statistics.",
                "1 个目标中有 1 个只返回丢失，不返回统计。",
            ),
        ] {
            assert_eq!(
                (told(&ENGLISH), told(&CHINESE)),
                (english.into(), chinese.into())
            );
        }
        assert_eq!(
            ENGLISH.losing(Over, &apps, 3),
            "Pushes of 2 of 3 apps were lost, but no longer are: a, x; b, y."
        );
        assert_eq!(
            CHINESE.losing(Over, &apps, 3),
            "3 个应用中有 2 个曾丢失推送，现已结束：a, x；b, y。"
        );
    }

    #[test]
    fn an_advice_becomes_a_sentence() {
        assert_eq!(sentence("check the host's name"), "Check the host's name.");
        assert_eq!(sentence("Normal."), "Normal.");
        assert_eq!(sentence(""), "");
    }
}
