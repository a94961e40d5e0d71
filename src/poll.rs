//! The polling loops: one for each target.

pub mod additivity;
pub mod log;
pub mod pollers;
pub mod schedule;
