//! From the snapshot to the bytes of a scrape. No I/O and no clock: `now` is an argument.
//!
//! [`walk`] goes through the snapshot, family by family; what it finds goes to an [`Encoder`] of
//! one of the formats.

mod dated;
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
use crate::self_metrics::SelfMetrics;

pub use dated::{Dated, Written};
pub use encoding::Encoding;
pub use format::{Encoder, Format};
pub use sheet::{Body, Sheet, targets_body};

/// Names and values of a sample's labels, in the order of the contract.
pub type Labels<'a> = [(&'a str, &'a str)];

/// The metrics of the process itself.
fn write_own(metrics: &SelfMetrics, now: Now, out: &mut Encoder) {
    out.family(process::CLOCK);
    out.sample(&[], now.wall.as_secs_f64());
    for family in metrics.gather() {
        write_gathered(&family, out);
    }
}

fn write_gathered(family: &MetricFamily, out: &mut Encoder) {
    let kind = match family.get_field_type() {
        MetricType::COUNTER => Kind::Counter,
        MetricType::HISTOGRAM => Kind::Histogram,
        MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => Kind::Gauge,
    };
    out.family(Family {
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
            Kind::Counter => out.sample(&labels, metric.get_counter().get_value()),
            Kind::Gauge => out.sample(&labels, metric.get_gauge().get_value()),
            Kind::Histogram => {
                let histogram = metric.get_histogram();
                let buckets: Vec<(f64, u64)> = histogram
                    .get_bucket()
                    .iter()
                    .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()))
                    .filter(|(bound, _)| bound.is_finite())
                    .collect();
                out.histogram(
                    &labels,
                    &buckets,
                    histogram.get_sample_count(),
                    histogram.get_sample_sum(),
                );
            }
        }
    }
}
