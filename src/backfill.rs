//! The past, as a healthy daemon would have served it: `OpenMetrics` with timestamps, for
//! the days that the service still keeps.
//!
//! ```text
//! timeline     from, to, step -> the moments of samples, and those that midnight needs
//! replay       moments -> the ranges that a daemon asks about; their counts -> what it serves
//! pieces       ranges -> adjacent pieces, each asked once; answers -> any range's counts
//! plan         all of this for every target: the questions, and the samples from the answers
//! bounds       what the service no longer keeps, and what has not settled yet
//! ask          questions -> answers, within each app's limit
//! journal      answers on disk, so that an interrupted run can go on
//! samples      what was served -> series and their families
//! text         series -> OpenMetrics
//! destination  the file, whole or not at all
//! ```
//!
//! Pure but for `ask`, `journal`, `destination` and `progress`. The answers to adjacent
//! ranges are added up, as the counters of the daemon rely on the service to do.

pub mod timeline;

pub mod pieces;
pub mod replay;

pub mod bounds;
pub mod plan;

pub mod ask;
pub mod destination;
pub mod journal;
pub mod progress;

pub mod label;
pub mod samples;
pub mod text;

#[cfg(test)]
mod tests;
