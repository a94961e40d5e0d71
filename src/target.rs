//! The state of a target: its counters, its limit of series, its latest state, and what of it
//! outlives the process.

pub mod counters;
pub mod memory;
pub mod series_limit;
pub mod snapshot;
pub mod state_file;
pub mod tasks;
