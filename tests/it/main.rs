//! The whole program against its own simulator, over real HTTP and in real time.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on may end; the configuration allows it only in functions marked as tests"
)]

mod bad_days;
mod commands;
mod decode;
mod demo;
mod formats;
mod golden;
mod lab;
mod limits;
mod peers;
mod probe;
mod secrets;
