//! The Prometheus text format, version 0.0.4.

use std::fmt::{Display, Write};

use super::{Family, Kind, Labels, Sink};

/// The format's media type.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Collects a body in the text format.
#[derive(Default)]
pub struct Text {
    body: String,
    name: String,
    header: String,
}

impl Text {
    pub fn into_body(self) -> String {
        self.body
    }

    fn line(
        &mut self,
        suffix: &str,
        labels: &Labels<'_>,
        extra: Option<(&str, &str)>,
        value: impl Display,
    ) {
        self.body.push_str(&self.header);
        self.header.clear();
        self.body.push_str(&self.name);
        self.body.push_str(suffix);
        let mut separator = '{';
        for (name, value) in labels.iter().copied().chain(extra) {
            self.body.push(separator);
            self.body.push_str(name);
            self.body.push_str("=\"");
            escape(&mut self.body, value, true);
            self.body.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.body.push('}');
        }
        // Writing to a String cannot fail.
        let _ = writeln!(self.body, " {value}");
    }
}

impl Sink for Text {
    fn family(&mut self, family: Family<'_>) {
        family.name.clone_into(&mut self.name);
        self.header.clear();
        self.header.push_str("# HELP ");
        self.header.push_str(family.name);
        self.header.push(' ');
        escape(&mut self.header, family.help, false);
        let kind = match family.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.header, "\n# TYPE {} {kind}", family.name);
    }

    fn sample(&mut self, labels: &Labels<'_>, value: f64) {
        self.line("", labels, None, Number(value));
    }

    fn histogram(&mut self, labels: &Labels<'_>, buckets: &[(f64, u64)], count: u64, sum: f64) {
        for (bound, cumulative) in buckets {
            self.line(
                "_bucket",
                labels,
                Some(("le", &Number(*bound).to_string())),
                cumulative,
            );
        }
        self.line("_bucket", labels, Some(("le", "+Inf")), count);
        self.line("_sum", labels, None, Number(sum));
        self.line("_count", labels, None, count);
    }
}

/// A float as the format writes it: whole numbers without a fraction, all others with as
/// many digits as they need to be read back the same.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            value if value == f64::INFINITY => f.write_str("+Inf"),
            value if value == f64::NEG_INFINITY => f.write_str("-Inf"),
            value => value.fmt(f),
        }
    }
}

/// Backslash and line feed are escaped everywhere, quotes in label values alone.
fn escape(out: &mut String, text: &str, quotes: bool) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(kind: Kind) -> Family<'static> {
        Family {
            name: "x",
            kind,
            help: "a \\ \"b\"\nc",
        }
    }

    #[test]
    fn labels_and_help_are_escaped_as_the_format_says() {
        let mut text = Text::default();
        text.family(family(Kind::Gauge));
        text.sample(&[("a", "q\"b\\l\né")], 1.0);
        text.sample(&[], -0.5);
        assert_eq!(
            text.into_body(),
            "# HELP x a \\\\ \"b\"\\nc\n# TYPE x gauge\nx{a=\"q\\\"b\\\\l\\né\"} 1\nx -0.5\n"
        );
    }

    #[test]
    fn a_family_without_samples_is_not_mentioned() {
        let mut text = Text::default();
        text.family(family(Kind::Gauge));
        text.family(Family {
            name: "y",
            ..family(Kind::Counter)
        });
        text.sample(&[], 2.0);
        assert!(text.into_body().starts_with("# HELP y "));
    }

    #[test]
    fn a_histogram_ends_with_the_infinite_bucket_sum_and_count() {
        let mut text = Text::default();
        text.family(family(Kind::Histogram));
        text.histogram(&[("api", "a")], &[(0.5, 1), (1.0, 2)], 3, 4.25);
        let body = text.into_body();
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
            (0.1, "0.1"),
            (-3.5, "-3.5"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(Number(number).to_string(), text);
        }
    }
}
