//! Prometheus exporter for offline push loss of Tencent Cloud Chat (TIMPush).
//!
//! # The path of a datum
//!
//! ```text
//! config      file + environment -> checked Config
//! target      expand(&Config) -> targets, one per app and region
//! schedule    one loop per target: wait until due (cadence), ask, record
//! api         window -> usersig -> limiter -> POST -> bounded body -> wire -> Reading
//! additivity  may ranges be added up at all? asked once, before there are counters
//! counters    answers about the day -> what a scrape sees of them at any moment
//! snapshot    latest state per target, in a slot each: many writers, many readers
//! state       what of it outlives the process
//! exposition  snapshot + now -> families -> bytes, encoded once for many scrapes
//! status      snapshot + now -> what is wrong and what to do
//! web         /metrics, health, a page for people and its facts as JSON
//! ```
//!
//! # Invariants
//!
//! - A scrape never causes a poll, and a poll never waits for a scrape.
//! - The scheduler writes the snapshot and never reads it.
//! - `usersig`, `window`, `cadence`, `counters`, `exposition` and `status` do no I/O and
//!   read no clock: the time is an argument.
//! - A counter is the service's own sum since the day's start, never one of ours.
//! - Wall time decides what is asked for, steady time decides how old an answer is.
//! - A key or a signature is never part of a type that can be printed; every text that
//!   came from outside passes the `scrubber` before a log line, a page or a label.
//! - An answer is published whole or not at all.
//! - A scrape gets what would be rendered at that moment, though most of it is kept from
//!   earlier ones; only the process's own metrics may be a second old.
//! - A scrape loads what polls have published without a lock.
//!
//! # To add a metric
//!
//! Read from the service: extend [`reading`] and `api::wire`, then declare the family in
//! [`exposition::families`]. Counted by the process itself: [`self_metrics`], which
//! publishes what belongs to a target with the target.

pub mod cli;
pub mod commands;
pub mod failure;
pub mod shell;

pub mod config;
pub mod files;
pub mod region;
pub mod target;

pub mod cadence;
pub mod clock;
pub mod poll_log;
pub mod schedule;
pub mod window;

pub mod additivity;
pub mod api;
pub mod catalogue;
pub mod fetch;
pub mod probe;
pub mod reading;
pub mod scrubber;
pub mod usersig;

pub mod counters;
mod digest;
pub mod exposition;
pub mod self_metrics;
pub mod series_limit;
pub mod snapshot;
pub mod state;
pub mod status;
pub mod web;

pub mod backfill;

pub mod simulator;

pub mod app;
pub mod logging;
pub mod pollers;
pub mod reload;
