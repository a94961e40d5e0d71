//! What the process counts about its own work. These live as long as the process, unlike
//! the values that were read from the service, which are rendered from the snapshot.

mod error_codes;
mod targets;

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{
    CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec, Opts,
    Registry,
};
use tokio::time::Instant;

use crate::api::Outcome;
use crate::reading::Api;
use crate::target::{Target, TargetId};
use crate::window::UnixSeconds;
use error_codes::ErrorCodes;

/// Answers of the service take tens to hundreds of milliseconds; it gives up after 3 s.
const REQUEST_BUCKETS: [f64; 11] = [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 5.0, 10.0, 30.0];

/// A poll is some requests with the limiter's waits between them.
const POLL_BUCKETS: [f64; 9] = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0];

const LATENESS_BUCKETS: [f64; 7] = [0.001, 0.01, 0.1, 1.0, 5.0, 15.0, 60.0];

/// The process's own counters, histograms and gauges.
pub struct SelfMetrics {
    registry: Registry,
    requests: IntCounterVec,
    request_duration: HistogramVec,
    retries: IntCounterVec,
    throttle_wait: CounterVec,
    poll_duration: Histogram,
    poll_lateness: Histogram,
    clock_skew: GaugeVec,
    usersig_expiry: GaugeVec,
    backup_in_use: GaugeVec,
    reload_successful: Gauge,
    reload_success_time: Gauge,
    error_codes: ErrorCodes,
}

impl SelfMetrics {
    /// Every series whose labels are known beforehand exists at 0 from now on. Codes are
    /// 0 for `zero_hold` from their first sight.
    pub fn new(targets: &[Target], zero_hold: Duration) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let metrics = Self {
            requests: counter(
                &registry,
                "timpush_api_requests_total",
                "HTTP calls to the service by how they ended, retries included.",
                &["app", "region", "api", "outcome"],
            )?,
            request_duration: register(
                &registry,
                HistogramVec::new(
                    buckets(
                        "timpush_api_request_duration_seconds",
                        "How long an HTTP call to the service took, from its start to the end of the body or to its failure.",
                        &REQUEST_BUCKETS,
                    ),
                    &["api"],
                )?,
            )?,
            retries: counter(
                &registry,
                "timpush_api_retries_total",
                "HTTP calls that repeated a question within the same poll.",
                &["app", "region", "api"],
            )?,
            throttle_wait: register(
                &registry,
                CounterVec::new(
                    Opts::new(
                        "timpush_api_throttle_wait_seconds_total",
                        "Time that calls waited for the limit of calls per second of their SDKAppID.",
                    ),
                    &["app"],
                )?,
            )?,
            poll_duration: histogram(
                &registry,
                "timpush_poll_duration_seconds",
                "How long a poll of a target took, with the waits for the limit and the retries.",
                &POLL_BUCKETS,
            )?,
            poll_lateness: histogram(
                &registry,
                "timpush_poll_lateness_seconds",
                "How long after its due time a poll of a target began.",
                &LATENESS_BUCKETS,
            )?,
            clock_skew: gauge(
                &registry,
                "timpush_clock_skew_seconds",
                "This machine's clock minus the service's, from the Date header of the latest answer; skew breaks signatures and windows.",
                &["region"],
            )?,
            usersig_expiry: gauge(
                &registry,
                "timpush_usersig_expiry_timestamp_seconds",
                "When the signature in use expires; it is renewed at half of its life.",
                &["app"],
            )?,
            backup_in_use: gauge(
                &registry,
                "timpush_target_backup_in_use",
                "1 while the region's backup host answers in place of its main host.",
                &["app", "region"],
            )?,
            reload_successful: register(
                &registry,
                Gauge::new(
                    "timpush_config_last_reload_successful",
                    "1 if the configuration was accepted when it was last read, else 0.",
                )?,
            )?,
            reload_success_time: register(
                &registry,
                Gauge::new(
                    "timpush_config_last_reload_success_timestamp_seconds",
                    "When the configuration in use was read.",
                )?,
            )?,
            error_codes: ErrorCodes::new(zero_hold),
            registry,
        };
        metrics.describe_process()?;
        for target in targets {
            metrics.prepare(target);
        }
        Ok(metrics)
    }

    /// The usual `process_*`, and what the program was built from.
    fn describe_process(&self) -> Result<(), prometheus::Error> {
        self.registry
            .register(Box::new(ProcessCollector::for_self()))?;
        gauge(
            &self.registry,
            "timpush_build_info",
            "1; what this program was built from.",
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

    /// Changes how long codes are 0 from their first sight.
    pub fn set_zero_hold(&self, zero_hold: Duration) {
        self.error_codes.set_zero_hold(zero_hold);
    }

    /// Notes how reading the configuration ended; a start is a success, too.
    pub fn reloaded(&self, at: Option<UnixSeconds>) {
        self.reload_successful
            .set(f64::from(u8::from(at.is_some())));
        if let Some(at) = at {
            self.reload_success_time.set(at.as_f64());
        }
    }

    /// Counts one HTTP call.
    pub fn request(&self, id: &TargetId, api: Api, outcome: Outcome, took: Duration) {
        let labels = [
            id.app.as_str(),
            id.region.as_str(),
            api.as_str(),
            outcome.as_str(),
        ];
        self.requests.with_label_values(&labels).inc();
        self.request_duration
            .with_label_values(&[api.as_str()])
            .observe(took.as_secs_f64());
    }

    /// Counts an answer that refused with `code`.
    pub fn error_code(&self, id: &TargetId, api: Api, code: i64) {
        self.error_codes.count(id, api, code);
    }

    /// Counts a call that repeats a question.
    pub fn retry(&self, id: &TargetId, api: Api) {
        self.retries
            .with_label_values(&[id.app.as_str(), id.region.as_str(), api.as_str()])
            .inc();
    }

    pub fn throttled(&self, app: &str, waited: Duration) {
        self.throttle_wait
            .with_label_values(&[app])
            .inc_by(waited.as_secs_f64());
    }

    pub fn poll_began(&self, late_by: Duration) {
        self.poll_lateness.observe(late_by.as_secs_f64());
    }

    pub fn poll_ended(&self, took: Duration) {
        self.poll_duration.observe(took.as_secs_f64());
    }

    /// `ahead` is how far this machine's clock is ahead of the service's, in seconds.
    pub fn clock_skew(&self, region: &str, ahead: f64) {
        self.clock_skew.with_label_values(&[region]).set(ahead);
    }

    pub fn usersig_expiry(&self, app: &str, at: UnixSeconds) {
        self.usersig_expiry
            .with_label_values(&[app])
            .set(at.as_f64());
    }

    pub fn backup_in_use(&self, id: &TargetId, in_use: bool) {
        self.backup_in_use
            .with_label_values(&[id.app.as_str(), id.region.as_str()])
            .set(f64::from(u8::from(in_use)));
    }

    /// All of the above but the error codes, and the usual `process_*`.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }

    /// The children of `timpush_api_errors_total` with their values at `now`: a code is 0
    /// for a while from its first sight, since `increase()` loses the first value of a
    /// series that is born above 0.
    pub fn error_codes(&self, now: Instant) -> Vec<(TargetId, Api, String, u64)> {
        self.error_codes.at(now)
    }

    /// When [`Self::error_codes`] next changes though nothing is counted.
    pub fn error_codes_until(&self, now: Instant) -> Option<Instant> {
        self.error_codes.until(now)
    }
}

fn buckets(name: &str, help: &str, bounds: &[f64]) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(bounds.to_vec())
}

fn gauge(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<GaugeVec, prometheus::Error> {
    register(registry, GaugeVec::new(Opts::new(name, help), labels)?)
}

fn counter(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    register(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    bounds: &[f64],
) -> Result<Histogram, prometheus::Error> {
    register(registry, Histogram::with_opts(buckets(name, help, bounds))?)
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
