//! One file per command.

pub mod backfill;
pub mod check_config;
mod chosen;
pub mod demo;
pub mod healthcheck;
mod moment;
mod output;
pub mod probe;
pub mod query;
pub mod run;
mod shard;
mod share;
pub mod simulate;
pub mod trace;
pub mod usersig;

pub use chosen::Choice;
