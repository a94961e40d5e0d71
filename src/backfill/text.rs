//! `OpenMetrics` 1.0 text with timestamps: family by family, series by series, and each
//! series in order of time.

use std::io::{self, Write};

use super::label::Label;
use super::samples::{Samples, families};
use crate::exposition::{Family, Kind};
use crate::target::TargetId;

/// Writes all series of all targets. `labels` follow ours on every series.
pub fn write(
    out: &mut dyn Write,
    targets: &[(TargetId, Samples)],
    labels: &[Label],
) -> io::Result<()> {
    for family in families() {
        let mut told = false;
        for (id, samples) in targets {
            for (series, points) in samples.iter().filter(|(s, _)| s.family() == family) {
                if !told {
                    head(out, family)?;
                    told = true;
                }
                let own = [("app", id.app.as_str()), ("region", id.region.as_str())];
                let more = series.labels();
                let of_series = own
                    .into_iter()
                    .chain(more.iter().map(|(name, value)| (*name, value.as_str())))
                    .chain(labels.iter().map(|label| (label.name(), label.value())));
                let suffix = match family.kind {
                    Kind::Counter => "_total",
                    Kind::Gauge | Kind::Histogram => "",
                };
                let start = format!("{}{suffix}{{{}}}", family.name, braced(of_series));
                for (at, value) in points {
                    writeln!(out, "{start} {value} {}", at.0)?;
                }
            }
        }
    }
    writeln!(out, "# EOF")
}

fn head(out: &mut dyn Write, family: Family<'_>) -> io::Result<()> {
    let kind = match family.kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
        Kind::Histogram => "histogram",
    };
    writeln!(out, "# TYPE {} {kind}", family.name)?;
    writeln!(out, "# HELP {} {}", family.name, escaped(family.help))
}

fn braced<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<String> = labels
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    pairs.join(",")
}

/// Label values and help alike.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
