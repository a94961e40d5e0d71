//! Series with their samples, and the families they belong to.

use std::collections::{BTreeMap, BTreeSet};

use super::replay::Frame;
use crate::metrics::Family;
use crate::metrics::families::{ANCHOR, CountFamilies, TOTAL, WINDOW, WINDOW_END, WINDOW_START};
use crate::model::reading::{Api, CountKey, FunnelStep, LossKey, Platform};
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

/// Adds what was served at one stop about one API. Both APIs' counters are of the same day,
/// whose start is told with the losses.
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
        if api == Api::NormalPushLoss {
            put(Series::DayAnchor, served.anchor.0);
        }
        for (key, count) in served.counts {
            put(Series::Total(key), count);
        }
    }
}

impl Series {
    /// The family; a counter's name is without `_total`, which `OpenMetrics` adds to samples.
    pub fn family(&self) -> Family<'static> {
        match self {
            Self::Window(key) => of_count(key, &WINDOW),
            Self::WindowStart(_) => WINDOW_START,
            Self::WindowEnd(_) => WINDOW_END,
            Self::Total(key) => metric_family(of_count(key, &TOTAL)),
            Self::DayAnchor => ANCHOR,
        }
    }

    /// The labels after `app` and `region`, in the order of the contract.
    pub fn labels(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Window(key) | Self::Total(key) => count_labels(key),
            Self::WindowStart(api) | Self::WindowEnd(api) => vec![("api", api.to_string())],
            Self::DayAnchor => Vec::new(),
        }
    }
}

/// Every label name that a series of ours has.
pub const LABELS: [&str; 7] = [
    "app", "region", "api", "stage", "platform", "err_code", "class",
];

/// When each code was served, whichever target it was of.
pub fn codes(targets: &[(TargetId, Samples)]) -> BTreeMap<&LossKey, BTreeSet<UnixSeconds>> {
    let mut times: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (series, points) in targets.iter().flat_map(|(_, samples)| samples) {
        if let Series::Window(CountKey::Loss(key)) | Series::Total(CountKey::Loss(key)) = series {
            let at = points.iter().map(|(at, _)| *at);
            times.entry(key).or_default().extend(at);
        }
    }
    times
}

fn count_labels(key: &CountKey) -> Vec<(&'static str, String)> {
    let platform =
        |platform: Option<Platform>| platform.map(|number| ("platform", number.to_string()));
    match key {
        CountKey::Loss(LossKey {
            stage,
            platform: of,
            code,
        }) => [("stage", stage.to_string())]
            .into_iter()
            .chain(platform(*of))
            .chain([("err_code", code.to_string())])
            .collect(),
        CountKey::Funnel(_, of) => platform(*of).into_iter().collect(),
    }
}

fn of_count(key: &CountKey, families: &CountFamilies) -> Family<'static> {
    let (step, platform) = match key {
        CountKey::Loss(key) => (0, key.platform),
        CountKey::Funnel(FunnelStep::Sendable, platform) => (2, *platform),
        CountKey::Funnel(FunnelStep::Sent, platform) => (4, *platform),
        CountKey::Funnel(FunnelStep::Delivered, platform) => (6, *platform),
        CountKey::Funnel(FunnelStep::Clicked, platform) => (8, *platform),
    };
    families[step + usize::from(platform.is_some())]
}

/// All families in the order in which they are written.
pub fn families() -> impl Iterator<Item = Family<'static>> {
    WINDOW
        .into_iter()
        .chain([WINDOW_START, WINDOW_END])
        .chain(TOTAL.map(metric_family))
        .chain([ANCHOR])
}

/// A counter as `OpenMetrics` names it: `_total` is the samples' own.
fn metric_family(counter: Family<'static>) -> Family<'static> {
    Family {
        name: counter.name.trim_end_matches("_total"),
        ..counter
    }
}
