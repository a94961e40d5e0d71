//! From the snapshot to the bytes of a scrape. No I/O and no clock: `now` is an argument.
//!
//! [`walk`] goes through the snapshot, family by family; what it finds goes to a [`Sink`], in
//! practice an [`Encoder`] of one of the formats.

mod dated;
mod deflated;
mod encoding;
mod format;
mod grid;
mod openmetrics;
mod protobuf;
mod segment;
mod sheet;
mod text;
pub mod walk;

use prometheus::proto::{MetricFamily, MetricType};

use crate::clock::Now;
use crate::families::{Family, Kind, process};
use crate::model::window::UnixSeconds;
use crate::self_metrics::SelfMetrics;

pub use dated::{Dated, Written};
pub use encoding::Encoding;
pub use format::{Encoder, Format};
pub use sheet::{Body, Sheet, targets_body};

/// Names and values of a sample's labels, in the order of the contract.
pub type Labels<'a> = [(&'a str, &'a str)];

/// Receives the samples, family by family.
pub trait Sink {
    /// The samples that follow belong to this family. It is not mentioned in the output
    /// unless a sample follows.
    fn family(&mut self, family: Family<'_>);
    fn sample(&mut self, labels: &Labels<'_>, value: f64);
    /// A sample of a counter that was 0 at `since`.
    fn counted(&mut self, labels: &Labels<'_>, value: f64, since: UnixSeconds);
    /// `buckets` are upper bounds with cumulative counts, without the infinite one.
    fn histogram(&mut self, labels: &Labels<'_>, buckets: &[(f64, u64)], count: u64, sum: f64);
}

/// The metrics of the process itself.
fn write_own(metrics: &SelfMetrics, now: Now, sink: &mut impl Sink) {
    sink.family(process::CLOCK);
    sink.sample(&[], now.wall.as_secs_f64());
    for family in metrics.gather() {
        write_gathered(&family, sink);
    }
}

fn write_gathered(family: &MetricFamily, sink: &mut impl Sink) {
    let kind = match family.get_field_type() {
        MetricType::COUNTER => Kind::Counter,
        MetricType::HISTOGRAM => Kind::Histogram,
        MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => Kind::Gauge,
    };
    sink.family(Family {
        name: family.name(),
        kind,
        help: family.help(),
    });
    for metric in family.get_metric() {
        let labels: Vec<(&str, &str)> = metric
            .get_label()
            .iter()
            .map(|label| (label.name(), label.value()))
            .collect();
        match kind {
            Kind::Counter => sink.sample(&labels, metric.get_counter().get_value()),
            Kind::Gauge => sink.sample(&labels, metric.get_gauge().get_value()),
            Kind::Histogram => {
                let histogram = metric.get_histogram();
                let buckets: Vec<(f64, u64)> = histogram
                    .get_bucket()
                    .iter()
                    .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()))
                    .filter(|(bound, _)| bound.is_finite())
                    .collect();
                sink.histogram(
                    &labels,
                    &buckets,
                    histogram.get_sample_count(),
                    histogram.get_sample_sum(),
                );
            }
        }
    }
}
