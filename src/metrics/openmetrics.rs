//! The OpenMetrics text format, as far as it differs from [`super::text`].

use std::fmt::{self, Display};

use super::text::{self, Number, kind, line, put};
use super::{Family, Kind, Labels};
use crate::model::window::UnixSeconds;

pub(super) const END: &[u8] = b"# EOF\n";

/// HELP and TYPE. The family of a counter is named without `_total`.
pub(super) fn head(family: &Family<'_>, out: &mut Vec<u8>) {
    help(family, out);
    described(family, out);
}

pub(super) fn help(family: &Family<'_>, out: &mut Vec<u8>) {
    text::help(typed(family).0, family.help, true, out);
}

pub(super) fn described(family: &Family<'_>, out: &mut Vec<u8>) {
    let (name, kind) = typed(family);
    put(out, format_args!("# TYPE {name} {kind}\n"));
}

/// Name and type in this format.
fn typed<'a>(family: &Family<'a>) -> (&'a str, &'static str) {
    match (family.kind, family.name.strip_suffix("_total")) {
        (Kind::Counter, Some(name)) => (name, kind(Kind::Counter)),
        // The format has no counter of another name.
        (Kind::Counter, None) => (family.name, "unknown"),
        (other, _) => (family.name, kind(other)),
    }
}

/// The `_created` line of the counter just written: when it was 0.
pub(super) fn created(name: &str, labels: &Labels<'_>, since: UnixSeconds, out: &mut Vec<u8>) {
    if let Some(name) = name.strip_suffix("_total") {
        line((name, "_created"), labels, None, since.0, out);
    }
}

/// The upper bound of a bucket, always recognisable as a float.
pub(super) struct Canonical(pub(super) f64);

impl Display for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Number(self.0).fmt(f)?;
        if self.0.fract() == 0.0 {
            f.write_str(".0")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Encoder, Format};
    use super::*;

    fn body(created: bool, write: impl FnOnce(&mut Encoder)) -> String {
        let mut encoder = Encoder::new(Format::OpenMetrics { created });
        write(&mut encoder);
        String::from_utf8(encoder.into_body()).unwrap()
    }

    fn counter(encoder: &mut Encoder) {
        encoder.family(Family {
            name: "x_total",
            kind: Kind::Counter,
            help: "a \\ \"b\"\nc",
        });
        encoder.counted(&[("a", "1")], 5.0, Some(UnixSeconds(1_741_708_800)));
        encoder.counted(&[("a", "2")], 6.0, Some(UnixSeconds(1_741_708_800)));
        encoder.sample(&[("a", "3")], 7.0);
    }

    #[test]
    fn a_counters_family_is_named_without_total_and_quotes_in_help_are_escaped() {
        assert_eq!(
            body(false, counter),
            "# HELP x a \\\\ \\\"b\\\"\\nc\n# TYPE x counter\n\
             x_total{a=\"1\"} 5\nx_total{a=\"2\"} 6\nx_total{a=\"3\"} 7\n# EOF\n"
        );
    }

    #[test]
    fn the_start_of_a_counter_stands_beside_it_when_wanted_and_known() {
        assert!(body(true, counter).ends_with(
            "x_total{a=\"1\"} 5\nx_created{a=\"1\"} 1741708800\n\
             x_total{a=\"2\"} 6\nx_created{a=\"2\"} 1741708800\nx_total{a=\"3\"} 7\n# EOF\n"
        ));
    }

    #[test]
    fn nothing_at_all_still_ends() {
        assert_eq!(body(false, |_| ()), "# EOF\n");
    }

    #[test]
    fn bounds_of_buckets_are_floats() {
        for (bound, text) in [(1.0, "1.0"), (0.025, "0.025"), (120.0, "120.0")] {
            assert_eq!(Canonical(bound).to_string(), text);
        }
    }
}
