//! Series with their samples, and the families they belong to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::replay::Frame;
use crate::families::{Family, day, knowledge, window};
use crate::metrics::walk::labels;
use crate::metrics::{Dated, Labels, Written};
use crate::model::reading::{Api, CountKey, LossKey, Measure};
use crate::model::target_id::TargetId;
use crate::model::window::UnixSeconds;

/// A series of one target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Series {
    Window(CountKey),
    WindowStart(Api),
    WindowEnd(Api),
    Total(CountKey),
    DayAnchor,
}

/// The samples of one target's series, in order of time.
pub type Samples = BTreeMap<Series, Vec<(UnixSeconds, u64)>>;

/// Adds the values served at one stop for one API. Both APIs' counters belong to the same day,
/// whose start is served with the losses.
pub fn add(samples: &mut Samples, api: Api, frame: Frame) {
    let at = frame.at;
    if let Some((at, keys)) = frame.zeros {
        for key in keys {
            samples.entry(Series::Total(key)).or_default().push((at, 0));
        }
    }
    let mut put = |series, value| samples.entry(series).or_default().push((at, value));
    if let Some((range, counts)) = frame.window {
        put(Series::WindowStart(api), range.start.0);
        put(Series::WindowEnd(api), range.end.0);
        for (key, count) in counts {
            put(Series::Window(key), count);
        }
    }
    if let Some(served) = frame.counters {
        if api.measure() == Measure::Losses {
            put(Series::DayAnchor, served.anchor.0);
        }
        for (key, count) in served.counts {
            put(Series::Total(key), count);
        }
    }
}

impl Series {
    fn family(&self) -> Family<'static> {
        match self {
            Self::Window(key) => window::COUNTS.of(key),
            Self::WindowStart(_) => window::START,
            Self::WindowEnd(_) => window::END,
            Self::Total(key) => day::COUNTS.of(key),
            Self::DayAnchor => day::ANCHOR,
        }
    }

    /// Passes the labels to `write`, in the order of the metric contract.
    fn labels<T>(&self, id: &TargetId, write: impl FnOnce(&Labels<'_>) -> T) -> T {
        match self {
            Self::Window(key) | Self::Total(key) => labels::count(id, key, write),
            Self::WindowStart(api) | Self::WindowEnd(api) => write(&labels::api(id, *api)),
            Self::DayAnchor => write(&labels::target(id)),
        }
    }
}

/// Writes all series of all targets as `OpenMetrics`: family by family, series by series, and
/// each series in order of time. `more` labels follow ours on every series.
pub fn write(
    out: &mut dyn Write,
    targets: &[(TargetId, Samples)],
    more: &Labels<'_>,
) -> io::Result<Written> {
    let mut out = Dated::new(out);
    for family in families() {
        let mut told = false;
        for (id, samples) in targets {
            for (series, points) in samples.iter().filter(|(s, _)| s.family() == family) {
                if !told {
                    out.family(&family);
                    told = true;
                }
                series.labels(id, |labels| {
                    let labels = [labels, more].concat();
                    out.series(&family, &labels, points.iter().copied())
                })?;
            }
        }
    }
    let codes = codes(targets);
    if !codes.is_empty() {
        out.family(&knowledge::CODE_INFO);
    }
    for (key, times) in codes {
        labels::class(key, None, |labels| {
            let labels = [labels, more].concat();
            out.series(
                &knowledge::CODE_INFO,
                &labels,
                times.into_iter().map(|at| (at, 1)),
            )
        })?;
    }
    out.finish()
}

/// When each code was served, for any target.
fn codes(targets: &[(TargetId, Samples)]) -> BTreeMap<&LossKey, BTreeSet<UnixSeconds>> {
    let mut times: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (series, points) in targets.iter().flat_map(|(_, samples)| samples) {
        if let Series::Window(CountKey::Loss(key)) | Series::Total(CountKey::Loss(key)) = series {
            let at = points.iter().map(|(at, _)| *at);
            times.entry(key).or_default().extend(at);
        }
    }
    times
}

/// All families in the order in which they are written.
fn families() -> impl Iterator<Item = Family<'static>> {
    window::COUNTS
        .all()
        .chain([window::START, window::END])
        .chain(day::COUNTS.all())
        .chain([day::ANCHOR])
}
