//! Durations as people write them: `60s`, `5m`, `2h30m`, `7d`.

use std::time::Duration;

/// Units from the largest to the smallest, in seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// Why a text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a duration such as 30s, 5m, 2h30m or 7d")]
pub struct DurationError;

/// Parses whole numbers with one unit each: `d`, `h`, `m`, `s`, in this order, each at most once. A
/// bare number is refused, since it hides its unit.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let mut units = UNITS.iter();
    let mut seconds = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .ok_or(DurationError)?;
        let (number, tail) = rest.split_at(digits);
        let mut chars = tail.chars();
        let unit = chars.next().ok_or(DurationError)?;
        let (_, length) = units.find(|(name, _)| *name == unit).ok_or(DurationError)?;
        seconds = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*length))
            .and_then(|part| part.checked_add(seconds))
            .ok_or(DurationError)?;
        rest = chars.as_str();
    }
    if text.is_empty() {
        return Err(DurationError);
    }
    Ok(Duration::from_secs(seconds))
}

/// The shortest text that [`parse`] reads as `duration`. Fractions of a second, which only computed
/// durations have, are cut.
pub fn text(duration: Duration) -> String {
    let mut seconds = duration.as_secs();
    if seconds == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, length) in UNITS {
        if seconds >= length {
            text.push_str(&(seconds / length).to_string());
            text.push(unit);
            seconds %= length;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_need_units_in_falling_order() {
        for (text, seconds) in [
            ("0s", Some(0)),
            ("60s", Some(60)),
            ("5m", Some(300)),
            ("1h", Some(3600)),
            ("7d", Some(604_800)),
            ("2h30m", Some(9000)),
            ("1d1s", Some(86_401)),
            ("1h60m", Some(7200)),
            ("", None),
            ("60", None),
            ("s", None),
            ("30m2h", None),
            ("1m1m", None),
            ("1.5h", None),
            ("-1s", None),
            ("5 m", None),
            ("5M", None),
            ("1w", None),
            ("１s", None),
            ("5é", None),
            ("1h30", None),
            ("99999999999999999999s", None),
            ("999999999999999999d", None),
        ] {
            assert_eq!(
                parse(text).ok(),
                seconds.map(Duration::from_secs),
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in any::<u64>()) {
            let duration = Duration::from_secs(seconds);
            prop_assert_eq!(parse(&text(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,12}") {
            let _ = parse(&text);
        }
    }
}
