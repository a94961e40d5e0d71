//! The exposition formats, and the encoder that writes all of them.

use super::{Family, Kind, Labels, openmetrics, protobuf, text};
use crate::model::window::UnixSeconds;

/// An exposition format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The Prometheus text format. Versions 0.0.4 and 1.0.0 differ only in names that must be
    /// quoted, and we have none.
    Text,
    /// OpenMetrics text, equal for versions 0.0.1 and 1.0.0.
    OpenMetrics {
        /// Whether counters with a known start get a `_created` series.
        created: bool,
    },
    /// Length-delimited messages `io.prometheus.client.MetricFamily`.
    Protobuf,
}

impl Format {
    /// Begins a family in a body: `head` is its description as encoded by an [`Encoder`],
    /// `samples` the length of its encoded samples.
    pub(super) fn begin(self, head: &[u8], samples: usize, body: &mut Vec<u8>) {
        if self == Self::Protobuf {
            protobuf::length(head.len() + samples, body);
        }
        body.extend_from_slice(head);
    }

    /// The end of a body.
    pub(super) fn end(self) -> &'static [u8] {
        match self {
            Self::OpenMetrics { .. } => openmetrics::END,
            Self::Text | Self::Protobuf => b"",
        }
    }
}

/// Encodes samples in one format. Families are kept separate, so that a body can be composed
/// of the samples of several encoders.
pub struct Encoder {
    format: Format,
    name: String,
    kind: Kind,
    /// Absent if the families' descriptions are kept elsewhere.
    heads: Option<Parts>,
    samples: Parts,
    written: u64,
}

impl Encoder {
    pub fn new(format: Format) -> Self {
        Self {
            heads: Some(Parts::default()),
            ..Self::headless(format)
        }
    }

    /// Encodes samples only, for callers that already have the families' descriptions.
    pub(super) fn headless(format: Format) -> Self {
        Self {
            format,
            name: String::new(),
            kind: Kind::Gauge,
            heads: None,
            samples: Parts::default(),
            written: 0,
        }
    }

    /// The description of each family, in the order in which the families were begun.
    pub(super) fn heads(&self) -> impl Iterator<Item = &[u8]> {
        let heads = self.heads.iter();
        heads.flat_map(|heads| (0..heads.starts.len()).map(|index| heads.get(index)))
    }

    /// The samples of a family, by its position in that order.
    pub(super) fn samples(&self, family: usize) -> &[u8] {
        self.samples.get(family)
    }

    /// Releases memory that no further samples need.
    pub(super) fn shrink(&mut self) {
        self.samples.bytes.shrink_to_fit();
    }

    /// Appends the families that have samples.
    pub(super) fn write_to(&self, body: &mut Vec<u8>) {
        let families = self.heads().enumerate();
        let families = families.map(|(index, head)| (head, self.samples.get(index)));
        for (head, samples) in families.filter(|(_, samples)| !samples.is_empty()) {
            self.format.begin(head, samples.len(), body);
            body.extend_from_slice(samples);
        }
    }

    /// A whole body.
    pub fn into_body(self) -> Vec<u8> {
        let mut body = Vec::new();
        self.write_to(&mut body);
        body.extend_from_slice(self.format.end());
        body
    }

    /// The number of samples so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// The samples that follow belong to this family. It is not mentioned in the output
    /// unless a sample follows.
    pub fn family(&mut self, family: Family<'_>) {
        family.name.clone_into(&mut self.name);
        self.kind = family.kind;
        self.samples.begin();
        let Some(heads) = &mut self.heads else {
            return;
        };
        let head = heads.begin();
        match self.format {
            Format::Text => text::head(&family, head),
            Format::OpenMetrics { .. } => openmetrics::head(&family, head),
            Format::Protobuf => protobuf::head(&family, head),
        }
    }

    pub fn sample(&mut self, labels: &Labels<'_>, value: f64) {
        self.counted(labels, value, None);
    }

    /// A sample of a counter that was 0 at `since`, if that is known.
    pub fn counted(&mut self, labels: &Labels<'_>, value: f64, since: Option<UnixSeconds>) {
        self.written += 1;
        let (name, out) = (&self.name, &mut self.samples.bytes);
        match (self.format, self.kind) {
            (Format::Text, _) => text::sample(name, labels, value, out),
            (Format::OpenMetrics { created }, _) => {
                text::sample(name, labels, value, out);
                if let Some(since) = since.filter(|_| created) {
                    openmetrics::created(name, labels, since, out);
                }
            }
            (Format::Protobuf, Kind::Counter) => protobuf::counter(labels, value, since, out),
            (Format::Protobuf, Kind::Gauge | Kind::Histogram) => {
                protobuf::gauge(labels, value, out);
            }
        }
    }

    /// `buckets` are upper bounds with cumulative counts, without the infinite one.
    pub fn histogram(&mut self, labels: &Labels<'_>, buckets: &[(f64, u64)], count: u64, sum: f64) {
        self.written += 1;
        let (name, out) = (&self.name, &mut self.samples.bytes);
        match self.format {
            Format::Text => {
                text::histogram(name, labels, buckets, text::Number, (count, sum), out);
            }
            Format::OpenMetrics { .. } => {
                let bound = openmetrics::Canonical;
                text::histogram(name, labels, buckets, bound, (count, sum), out);
            }
            Format::Protobuf => protobuf::histogram(labels, buckets, count, sum, out),
        }
    }
}

/// Consecutive byte strings.
#[derive(Default)]
struct Parts {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Parts {
    fn begin(&mut self) -> &mut Vec<u8> {
        self.starts.push(self.bytes.len());
        &mut self.bytes
    }

    fn get(&self, index: usize) -> &[u8] {
        let start = self.starts.get(index).copied().unwrap_or(self.bytes.len());
        let end = self.starts.get(index + 1).copied();
        &self.bytes[start..end.unwrap_or(self.bytes.len())]
    }
}
