//! The past, as a healthy daemon would have served it: `OpenMetrics` with timestamps, for
//! the days that the service still keeps.
//!
//! ```text
//! timeline     from, to, step -> the moments of samples, and those that midnight needs
//! replay       moments -> the ranges that a daemon asks about; their counts -> what it serves
//! pieces       ranges -> adjacent pieces, each asked once; answers -> any range's counts
//! plan         all of this for every target: the questions, and the samples from the answers
//! bounds       what the service no longer keeps, and what has not settled yet
//! proof        may the counts of a target be added up at all?
//! ask          proofs and questions -> answers, within each app's limit
//! answers      what is known so far
//! journal      the same on disk, so that an interrupted run can go on
//! samples      what was served -> series and their families -> OpenMetrics
//! destination  the file, whole or not at all
//! ```
//!
//! Pure but for `ask`, `journal`, `destination` and `progress`. The answers to adjacent
//! ranges are added up, as the counters of the daemon rely on the service to do.
//!
//! # Bounds
//!
//! Time and memory are linear in targets, moments and codes:
//!
//! - at most 4 million moments are planned, of all targets together (`bounds`);
//! - at most [`ask::AT_ONCE`] apps ask at once, each one question at a time, whose answer of
//!   at most 8 MiB is held until it is in the journal;
//! - an answer is kept as 16 bytes a count, and a count is gone once its target's samples of
//!   16 bytes each are made, at most [`answers::MAX_SAMPLES`];
//! - a journal is read line by line, at most [`journal::MAX_LINE`] and
//!   [`journal::MAX_BYTES`].

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
