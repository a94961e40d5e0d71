//! The vocabulary that all rooms share. Nothing here reads a clock, does I/O or imports
//! another room.

pub mod api;
pub mod cadence;
pub mod catalogue;
pub mod language;
pub mod line;
pub mod outcome;
pub mod push;
pub mod reading;
pub mod region;
pub mod shard;
pub mod target_id;
pub mod task;
pub mod trace;
pub mod window;
