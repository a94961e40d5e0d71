//! The process's counts of its own work. Calls are counted per target and published with it; counts
//! that belong to no target are in a registry.

mod calls;
mod targets;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, Opts, Registry};

use crate::config::target::Target;
use crate::families::{Family, process};
use crate::model::outcome::Outcome;
use crate::model::reading::Api;
use crate::model::shard::Shard;
use crate::model::target_id::TargetId;
use crate::model::window::UnixSeconds;
use calls::Calls;
use targets::Counted;

pub use calls::{AppCalls, CallCounts};

/// Responses of the service take tens to hundreds of milliseconds; it gives up after 3 s.
const REQUEST_BUCKETS: [f64; 11] = [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 5.0, 10.0, 30.0];

/// A poll consists of some requests with the limiter's waits between them.
const POLL_BUCKETS: [f64; 9] = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0];

const LATENESS_BUCKETS: [f64; 9] = [0.001, 0.01, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0];

/// The process's own counters, histograms and gauges.
pub struct SelfMetrics {
    registry: Registry,
    counted: ArcSwap<Counted>,
    steps: AtomicU64,
    request_duration: HistogramVec,
    poll_duration: Histogram,
    poll_lateness: Histogram,
    clock_skew: GaugeVec,
    reload_successful: Gauge,
    reload_success_time: Gauge,
    shard: GaugeVec,
    shard_apps: Gauge,
    configured_apps: Gauge,
}

impl SelfMetrics {
    /// Counts calls for these targets.
    pub fn new(targets: &[Target]) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let metrics = Self {
            counted: ArcSwap::default(),
            steps: AtomicU64::new(0),
            request_duration: register(
                &registry,
                HistogramVec::new(
                    buckets(process::REQUEST_DURATION, &REQUEST_BUCKETS),
                    &["api"],
                ),
            )?,
            poll_duration: register(
                &registry,
                Histogram::with_opts(buckets(process::POLL_DURATION, &POLL_BUCKETS)),
            )?,
            poll_lateness: register(
                &registry,
                Histogram::with_opts(buckets(process::POLL_LATENESS, &LATENESS_BUCKETS)),
            )?,
            clock_skew: gauges(&registry, process::CLOCK_SKEW, &["region"])?,
            reload_successful: gauge(&registry, process::RELOAD_SUCCESSFUL)?,
            reload_success_time: gauge(&registry, process::RELOAD_SUCCESS_TIME)?,
            shard: gauges(
                &registry,
                process::SHARD_INFO,
                &["shard_index", "shard_total"],
            )?,
            shard_apps: gauge(&registry, process::SHARD_APPS)?,
            configured_apps: gauge(&registry, process::CONFIGURED_APPS)?,
            registry,
        };
        metrics.describe_process()?;
        metrics.set_targets(targets);
        Ok(metrics)
    }

    /// The usual `process_*` metrics, and the build information.
    fn describe_process(&self) -> Result<(), prometheus::Error> {
        self.registry
            .register(Box::new(ProcessCollector::for_self()))?;
        gauges(
            &self.registry,
            process::BUILD_INFO,
            &["version", "revision", "rustc"],
        )?
        .with_label_values(&[
            env!("CARGO_PKG_VERSION"),
            env!("TIMPUSH_REVISION"),
            env!("TIMPUSH_RUSTC"),
        ])
        .set(1.0);
        Ok(())
    }

    /// Serves the metrics of another part of the program.
    pub fn serve(
        &self,
        collectors: impl IntoIterator<Item = Box<dyn Collector>>,
    ) -> Result<(), prometheus::Error> {
        collectors
            .into_iter()
            .try_for_each(|collector| self.registry.register(collector))
    }

    /// Records the result of reading the configuration; a start is a success, too.
    pub fn reloaded(&self, at: Option<UnixSeconds>) {
        self.reload_successful
            .set(f64::from(u8::from(at.is_some())));
        if let Some(at) = at {
            self.reload_success_time.set(at.as_f64());
        }
    }

    /// Records how many of the configured apps belong to this shard.
    pub fn shared(&self, shard: Shard, own: usize, configured: usize) {
        let labels = [shard.index().to_string(), shard.total().to_string()];
        self.shard
            .with_label_values(&labels.each_ref().map(String::as_str))
            .set(1.0);
        for (gauge, apps) in [(&self.shard_apps, own), (&self.configured_apps, configured)] {
            // A configuration has some millions of apps at most.
            gauge.set(f64::from(u32::try_from(apps).unwrap_or(u32::MAX)));
        }
    }

    /// Counts one HTTP call.
    pub fn request(&self, id: &TargetId, api: Api, outcome: Outcome, took: Duration) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.of_target(id, |calls| calls.outcome(api, outcome));
        self.request_duration
            .with_label_values(&[api.as_str()])
            .observe(took.as_secs_f64());
    }

    /// Counts a response that refused with `code`.
    pub fn error_code(&self, id: &TargetId, api: Api, code: i64) {
        self.of_target(id, |calls| calls.code(api, code));
    }

    /// Counts a call that repeats a query.
    pub fn retry(&self, id: &TargetId, api: Api) {
        self.of_target(id, |calls| calls.retry(api));
    }

    pub fn backup_in_use(&self, id: &TargetId, in_use: bool) {
        self.of_target(id, |calls| calls.set_backup_in_use(in_use));
    }

    fn of_target(&self, id: &TargetId, count: impl FnOnce(&Calls)) {
        // A target that a reload has just removed is no longer counted.
        if let Some(calls) = self.counted.load().target(id) {
            count(calls);
        }
    }

    pub fn throttled(&self, app: &str, waited: Duration) {
        self.counted
            .load()
            .note(app, |calls| calls.throttled += waited);
    }

    pub fn usersig_expiry(&self, app: &str, at: UnixSeconds) {
        self.counted
            .load()
            .note(app, |calls| calls.usersig_expiry = Some(at));
    }

    pub fn poll_began(&self, late_by: Duration) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.poll_lateness.observe(late_by.as_secs_f64());
    }

    pub fn poll_ended(&self, took: Duration) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.poll_duration.observe(took.as_secs_f64());
    }

    /// The total number of steps of all polls: the beginning, the end, and each call between.
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// Whether the latest read of the configuration ended with a refusal.
    pub fn is_reload_refused(&self) -> bool {
        self.reload_successful.get() < 0.5
    }

    /// `ahead`: how far this machine's clock is ahead of the service's, in seconds.
    pub fn clock_skew(&self, region: &str, ahead: f64) {
        self.clock_skew.with_label_values(&[region]).set(ahead);
    }

    /// The metrics that belong to no target, and the usual `process_*` metrics.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

fn opts(of: Family<'_>) -> Opts {
    Opts::new(of.name, of.help)
}

fn gauge(registry: &Registry, of: Family<'_>) -> Result<Gauge, prometheus::Error> {
    register(registry, Gauge::with_opts(opts(of)))
}

fn gauges(
    registry: &Registry,
    of: Family<'_>,
    labels: &[&str],
) -> Result<GaugeVec, prometheus::Error> {
    register(registry, GaugeVec::new(opts(of), labels))
}

fn buckets(of: Family<'_>, bounds: &[f64]) -> HistogramOpts {
    HistogramOpts::from(opts(of)).buckets(bounds.to_vec())
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: Result<C, prometheus::Error>,
) -> Result<C, prometheus::Error> {
    let collector = collector?;
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
