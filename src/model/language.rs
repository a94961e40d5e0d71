//! The languages of texts for people.

use std::str::FromStr;

/// The languages of the page and of `query`. Codes, names and units are the same in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    /// Simplified.
    Chinese,
}

/// The maximum number of languages examined in a request; a browser sends a handful.
const MAX_RANGES: usize = 32;

impl Language {
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// As in HTML, HTTP and the configuration.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// The language that `Accept-Language` prefers; `None` if it accepts none of ours.
    pub fn accepted(header: &str) -> Option<Self> {
        let ranges = header.split(',').take(MAX_RANGES).filter_map(range);
        // Of several equally good ones, the first.
        let best = ranges.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map(|(language, _)| language)
    }
}

/// One of our languages, and its weight in thousandths.
fn range(text: &str) -> Option<(Language, u32)> {
    let (tag, weight) = text.split_once(';').unwrap_or((text, "q=1"));
    let weight: f64 = weight.trim().strip_prefix("q=")?.trim().parse().ok()?;
    if !(weight > 0.0 && weight <= 1.0) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1000"
    )]
    let weight = (weight * 1000.0) as u32;
    let primary = tag.trim().split('-').next()?;
    let of = |language: &Language| {
        let own = language.tag().split('-').next();
        own.is_some_and(|own| own.eq_ignore_ascii_case(primary))
    };
    Some((Language::ALL.into_iter().find(of)?, weight))
}

/// Why a text is not a [`Language`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be en or zh-CN")]
pub struct LanguageError;

impl FromStr for Language {
    type Err = LanguageError;

    fn from_str(text: &str) -> Result<Self, LanguageError> {
        let languages = Self::ALL.into_iter();
        let mut named = languages.filter(|language| language.tag().eq_ignore_ascii_case(text));
        named.next().ok_or(LanguageError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_language_that_is_wanted_most_is_spoken() {
        use Language::{Chinese, English};
        for (header, expected) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Chinese)),
            ("en-GB, zh;q=0.9", Some(English)),
            ("de, zh-Hans;q=0.3, en;q=0.2", Some(Chinese)),
            ("en, zh", Some(English)),
            ("zh;q=0, en;q=0.1", Some(English)),
            ("fr, *;q=0.5", None),
            ("", None),
            ("zh;q=2", None),
        ] {
            assert_eq!(Language::accepted(header), expected, "{header}");
        }
        assert_eq!("zh-cn".parse(), Ok(Chinese));
        assert_eq!("zh".parse::<Language>(), Err(LanguageError));
    }

    proptest! {
        #[test]
        fn any_header_can_be_read(header in ".{0,200}") {
            let _ = Language::accepted(&header);
        }
    }
}
