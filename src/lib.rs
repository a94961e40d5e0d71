//! Prometheus exporter for offline push loss of Tencent Cloud Chat (TIMPush).
//!
//! # The path of a datum
//!
//! ```text
//! config      files and environment -> a checked Config; its targets, one per app and region
//! poll        one loop per target: wait until due, query, record
//! tasks       one more where tasks are watched: list, query, record
//! push_api    range -> UserSig -> limiter -> POST -> bounded body -> wire -> Reading
//! target      what is known of a target: counters, the limit of series, the latest state in
//!             a slot of its own, and what of it outlives the process
//! families    the name, the type and the help of everything served
//! metrics     slots + now -> families -> bytes, encoded once for many scrapes
//! status      slots + now -> what is wrong and what to do
//! http        server and its bounds, guard, and content: /metrics, health, the page, JSON
//! ```
//!
//! `model` holds the words that all of them share. `probe`, `backfill` and `simulator` are tools
//! beside the daemon. `app` binds, runs, reloads and stops: it is the only room that depends on all
//! others.
//!
//! # Invariants
//!
//! Checked by `tests/it/tidy.rs`:
//!
//! - A room imports only rooms below it, in the order given there.
//! - `model`, `usersig`, `scrubber`, `metrics`, `status`, and the counters and limits of
//!   `target` do no I/O and read no clock: the time is an argument.
//!
//! Checked by tests of the rooms:
//!
//! - A scrape never causes a poll and never waits for one; it loads published states without a
//!   lock.
//! - Wall time decides what is queried, steady time decides how old a response is.
//! - A key or a signature is never part of a type that can be printed; every text from outside
//!   passes the `scrubber` before a log line, a page or a label.
//! - A response is published whole or not at all.
//! - A scrape gets what would be rendered at that moment, although most of it is cached from
//!   earlier scrapes.
//!
//! # To add a metric
//!
//! Read from the service: extend [`model::reading`] and `push_api::wire`, then declare the family
//! in [`families`] and write it in [`metrics::walk`]. Counted by the process itself:
//! [`self_metrics`], which publishes the counts of a target together with the target.

pub mod cli;
pub mod commands;
mod failure;
pub mod logging;

pub mod app;
pub mod reload;

pub mod backfill;
pub mod probe;
pub mod simulator;

pub mod http;
pub mod metrics;
pub mod status;

pub mod poll;
pub mod push_api;
pub mod self_metrics;
pub mod target;
pub mod tasks;

pub mod config;
pub mod families;
pub mod fetch;

pub mod clock;
mod digest;
pub mod files;
pub mod model;
pub mod notify;
pub mod scrubber;
pub mod shell;
pub mod usersig;
