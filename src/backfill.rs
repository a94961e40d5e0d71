//! The past as a healthy daemon would have served it: `OpenMetrics` with timestamps, for the
//! days that the service still keeps.
//!
//! ```text
//! timeline     from, to, step -> the moments of samples, and those that midnight needs
//! replay       moments -> the ranges that a daemon queries; their counts -> what it serves
//! pieces       ranges -> adjacent pieces, each queried once; responses -> any range's counts
//! plan         all of this for every target: the queries, and the samples from the responses
//! bounds       what the service no longer keeps, and what has not settled yet
//! proof        do the counts of a target add up at all?
//! ask          proofs and queries -> responses, within each app's limit
//! answers      the responses so far
//! journal      the same on disk, so that an interrupted run can be resumed
//! samples      what was served -> series and their families -> OpenMetrics
//! destination  the file, whole or not at all
//! ```
//!
//! No I/O except in `ask`, `journal`, `destination` and `progress`. The counts of adjacent
//! ranges are added up; the daemon's counters rely on the service to do the same.
//!
//! # Bounds
//!
//! Time and memory are linear in targets, moments and codes:
//!
//! - at most 4 million moments are planned for all targets together (`bounds`);
//! - at most [`ask::AT_ONCE`] apps run at once, each with one query at a time; its response of
//!   at most 8 MiB is held until it is in the journal;
//! - a response is kept as 16 bytes per count, and a count is freed once its target's samples
//!   of 16 bytes each exist, at most [`answers::MAX_SAMPLES`];
//! - a journal is read line by line, up to [`journal::MAX_LINE`] bytes per line and
//!   [`journal::MAX_BYTES`] in all.

pub mod timeline;

pub mod pieces;
pub mod replay;

pub mod bounds;
pub mod plan;

pub mod answers;
pub mod ask;
pub mod destination;
pub mod journal;
pub mod progress;
pub mod proof;

pub mod label;
pub mod samples;

#[cfg(test)]
mod tests;
