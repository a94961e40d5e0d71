//! Weeks of polling in seconds of virtual time, against a service that is late, forgetful
//! and wrong, with processes that die and clocks that jump. No sockets here.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on may end; the configuration allows it only in functions marked as tests"
)]

mod births;
mod clock;
mod counters;
mod events;
mod flood;
mod process;
mod promql;
mod rules;
mod week;
mod world;
