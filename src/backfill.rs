//! The past, as a healthy daemon would have served it: `OpenMetrics` with timestamps, for
//! the days that the service still keeps.
//!
//! ```text
//! timeline  from, to, step -> the moments of samples, and those that midnight needs
//! replay    moments -> the ranges that a daemon asks about; their counts -> samples
//! pieces    ranges -> adjacent pieces, each asked once; their answers -> any range's counts
//! bounds    what the service no longer keeps, and what has not settled yet
//! ask       pieces -> answers, within each app's limit
//! journal   answers on disk, so that an interrupted run can go on
//! text      samples -> OpenMetrics
//! ```
//!
//! Pure but for `ask` and `journal`. The answers to adjacent ranges are added up, as the
//! counters of the daemon rely on the service to do.

pub mod pieces;
pub mod replay;
pub mod timeline;
