//! `OpenMetrics` 1.0 text with timestamps: family by family, series by series, and each
//! series in order of time.

use std::io::{self, Write};

use super::label::Label;
use super::samples::{Samples, codes, families};
use crate::metrics::families::{CODE_INFO, code_labels};
use crate::metrics::{Family, Kind};
use crate::model::target_id::TargetId;
use crate::model::window::UnixSeconds;

/// Writes all series of all targets. `labels` follow ours on every series.
pub fn write(
    out: &mut dyn Write,
    targets: &[(TargetId, Samples)],
    labels: &[Label],
) -> io::Result<()> {
    for family in families() {
        let mut told = false;
        for (id, samples) in targets {
            for (of, points) in samples.iter().filter(|(s, _)| s.family() == family) {
                if !told {
                    head(out, family)?;
                    told = true;
                }
                let own = [("app", id.app.as_str()), ("region", id.region.as_str())];
                let more = of.labels();
                let more = more.iter().map(|(name, value)| (*name, value.as_str()));
                series(out, family, own.into_iter().chain(more), labels, points)?;
            }
        }
    }
    let codes = codes(targets);
    if !codes.is_empty() {
        head(out, CODE_INFO)?;
    }
    for (key, times) in codes {
        let own = code_labels(key);
        let own = own.iter().map(|(name, value)| (*name, &**value));
        let points: Vec<_> = times.into_iter().map(|at| (at, 1)).collect();
        series(out, CODE_INFO, own, labels, &points)?;
    }
    writeln!(out, "# EOF")
}

fn series<'a>(
    out: &mut dyn Write,
    family: Family<'_>,
    own: impl Iterator<Item = (&'a str, &'a str)>,
    labels: &'a [Label],
    points: &[(UnixSeconds, u64)],
) -> io::Result<()> {
    let suffix = match family.kind {
        Kind::Counter => "_total",
        Kind::Gauge | Kind::Histogram => "",
    };
    let given = labels.iter().map(|label| (label.name(), label.value()));
    let start = format!("{}{suffix}{{{}}}", family.name, braced(own.chain(given)));
    for (at, value) in points {
        writeln!(out, "{start} {value} {}", at.0)?;
    }
    Ok(())
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
