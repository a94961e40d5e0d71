//! The Prometheus text format, versions 0.0.4 and 1.0.0.

use std::fmt::{self, Display};
use std::io::Write;

use super::{Family, Kind, Labels};
use crate::model::window::UnixSeconds;

/// HELP and TYPE.
pub(super) fn head(family: &Family<'_>, out: &mut Vec<u8>) {
    help(family.name, family.help, false, out);
    put(
        out,
        format_args!("# TYPE {} {}\n", family.name, kind(family.kind)),
    );
}

/// `quotes` are escaped in OpenMetrics only.
pub(super) fn help(name: &str, help: &str, quotes: bool, out: &mut Vec<u8>) {
    put(out, format_args!("# HELP {name} "));
    escape(help, quotes, out);
    out.push(b'\n');
}

pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
        Kind::Histogram => "histogram",
    }
}

pub(super) fn sample(name: &str, labels: &Labels<'_>, value: f64, out: &mut Vec<u8>) {
    line((name, ""), labels, None, Number(value), out);
}

/// Writes a histogram; `bound` writes the upper bounds of the buckets.
pub(super) fn histogram<B: Display>(
    name: &str,
    labels: &Labels<'_>,
    buckets: &[(f64, u64)],
    bound: impl Fn(f64) -> B,
    (count, sum): (u64, f64),
    out: &mut Vec<u8>,
) {
    let bucket = (name, "_bucket");
    for (upper, cumulative) in buckets {
        let upper = bound(*upper).to_string();
        line(bucket, labels, Some(("le", &upper)), cumulative, out);
    }
    line(bucket, labels, Some(("le", "+Inf")), count, out);
    line((name, "_sum"), labels, None, Number(sum), out);
    line((name, "_count"), labels, None, count, out);
}

pub(super) fn line(
    (name, suffix): (&str, &str),
    labels: &Labels<'_>,
    extra: Option<(&str, &str)>,
    value: impl Display,
    out: &mut Vec<u8>,
) {
    series((name, suffix), labels, extra, out);
    end(value, None, out);
}

/// Name and labels of a sample.
pub(super) fn series(
    (name, suffix): (&str, &str),
    labels: &Labels<'_>,
    extra: Option<(&str, &str)>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(suffix.as_bytes());
    let mut separator = b'{';
    for (name, value) in labels.iter().copied().chain(extra) {
        out.push(separator);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"=\"");
        escape(value, true, out);
        out.push(b'"');
        separator = b',';
    }
    if separator == b',' {
        out.push(b'}');
    }
}

/// The value of a sample and, unless it is current, its time.
pub(super) fn end(value: impl Display, at: Option<UnixSeconds>, out: &mut Vec<u8>) {
    match at {
        None => put(out, format_args!(" {value}\n")),
        Some(at) => put(out, format_args!(" {value} {}\n", at.0)),
    }
}

/// A float in this format: whole numbers without a fraction, all others with as many digits as
/// are needed to read the same value back.
pub(super) struct Number(pub(super) f64);

/// Whole numbers up to this one are exact, and much faster to write as integers.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            value if value == f64::INFINITY => f.write_str("+Inf"),
            value if value == f64::NEG_INFINITY => f.write_str("-Inf"),
            #[expect(clippy::cast_possible_truncation, reason = "whole, and within i64")]
            value if value.fract() == 0.0 && value.abs() < EXACT => (value as i64).fmt(f),
            value => value.fmt(f),
        }
    }
}

/// Backslash and line feed are always escaped; quotes are not escaped in a HELP of this
/// format.
pub(super) fn escape(text: &str, quotes: bool, out: &mut Vec<u8>) {
    let mut plain = text.as_bytes();
    while let Some(at) = plain
        .iter()
        .position(|byte| matches!(byte, b'\\' | b'\n') || (quotes && *byte == b'"'))
    {
        out.extend_from_slice(&plain[..at]);
        out.push(b'\\');
        out.push(if plain[at] == b'\n' { b'n' } else { plain[at] });
        plain = &plain[at + 1..];
    }
    out.extend_from_slice(plain);
}

pub(super) fn put(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    // Writing to a Vec cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::super::{Encoder, Format};
    use super::*;

    fn family(kind: Kind) -> Family<'static> {
        Family {
            name: "x",
            kind,
            help: "a \\ \"b\"\nc",
        }
    }

    fn text(write: impl FnOnce(&mut Encoder)) -> String {
        let mut encoder = Encoder::new(Format::Text);
        write(&mut encoder);
        String::from_utf8(encoder.into_body()).unwrap()
    }

    #[test]
    fn labels_and_help_are_escaped_as_the_format_says() {
        let body = text(|text| {
            text.family(family(Kind::Gauge));
            text.sample(&[("a", "q\"b\\l\né")], 1.0);
            text.sample(&[], -0.5);
        });
        assert_eq!(
            body,
            "# HELP x a \\\\ \"b\"\\nc\n# TYPE x gauge\nx{a=\"q\\\"b\\\\l\\né\"} 1\nx -0.5\n"
        );
    }

    #[test]
    fn a_family_without_samples_is_not_mentioned() {
        let body = text(|text| {
            text.family(family(Kind::Gauge));
            text.family(Family {
                name: "y",
                ..family(Kind::Counter)
            });
            text.sample(&[], 2.0);
        });
        assert!(body.starts_with("# HELP y "));
    }

    #[test]
    fn a_histogram_ends_with_the_infinite_bucket_sum_and_count() {
        let body = text(|text| {
            text.family(family(Kind::Histogram));
            text.histogram(&[("api", "a")], &[(0.5, 1), (1.0, 2)], 3, 4.25);
        });
        let lines: Vec<&str> = body.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "x_bucket{api=\"a\",le=\"0.5\"} 1",
                "x_bucket{api=\"a\",le=\"1\"} 2",
                "x_bucket{api=\"a\",le=\"+Inf\"} 3",
                "x_sum{api=\"a\"} 4.25",
                "x_count{api=\"a\"} 3",
            ]
        );
    }

    #[test]
    fn numbers_are_read_back_the_same() {
        for (number, text) in [
            (0.0, "0"),
            (1_741_795_200.0, "1741795200"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (0.1, "0.1"),
            (-3.5, "-3.5"),
            (-7.0, "-7"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(Number(number).to_string(), text);
        }
    }
}
