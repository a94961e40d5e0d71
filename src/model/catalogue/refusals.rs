//! Codes with which the REST API refuses a query (documents 34348, 71898, 74196 and 78841).

use std::sync::LazyLock;

use serde::Deserialize;

/// The kind of refusal that a REST error code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestClass {
    Auth,
    Permission,
    Request,
    RateLimited,
    NotEnabled,
    Transient,
    Unknown,
}

/// The immediate remedy for a REST error code, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    Never,
    /// The same query again, after a pause.
    Once,
    /// The same query with a new signature.
    Fresh,
}

/// A code with which the REST API refuses a query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestCode {
    pub code: i64,
    pub class: RestClass,
    pub retry: Retry,
    pub meaning: String,
    pub advice: String,
}

/// The known REST error codes, in order.
pub fn rest_codes() -> &'static [RestCode] {
    #[expect(clippy::expect_used, reason = "the embedded file is parsed by a test")]
    static CODES: LazyLock<Vec<RestCode>> = LazyLock::new(|| {
        serde_json::from_str(include_str!("rest_codes.json")).expect("embedded data")
    });
    &CODES
}

/// The REST error code with that number, if it is documented.
pub fn rest_code(code: i64) -> Option<&'static RestCode> {
    let codes = rest_codes();
    codes
        .binary_search_by_key(&code, |known| known.code)
        .ok()
        .map(|index| &codes[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_codes_are_sorted_unique_and_say_what_to_do() {
        assert_eq!(rest_codes().len(), 68);
        assert!(rest_codes().is_sorted_by(|a, b| a.code < b.code));
        for known in rest_codes() {
            assert!(
                known.meaning.ends_with('.') && known.advice.ends_with('.'),
                "{}",
                known.code
            );
            assert!(
                known.meaning.is_ascii() && known.advice.is_ascii(),
                "{}",
                known.code
            );
        }
    }

    #[test]
    fn what_may_be_retried_follows_from_the_class() {
        for known in rest_codes() {
            let expected: &[Retry] = match known.class {
                RestClass::RateLimited => &[Retry::Once, Retry::Never],
                RestClass::Transient => &[Retry::Once],
                RestClass::Auth => &[Retry::Fresh, Retry::Never],
                _ => &[Retry::Never],
            };
            assert!(expected.contains(&known.retry), "{}", known.code);
        }
        for quota_of_a_day in [60028, 90047] {
            assert_eq!(rest_code(quota_of_a_day).unwrap().retry, Retry::Never);
        }
    }

    #[test]
    fn rest_codes_of_the_apis_own_pages_are_known() {
        for code in [
            91000, 90009, 90045, 90049, 90100, 90102, 90103, 90104, 90107,
        ] {
            assert!(rest_code(code).is_some(), "{code}");
        }
        assert!(rest_code(0).is_none());
    }
}
