//! The whole program against its own simulator, over real HTTP and in real time.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on may end; the configuration allows it only in functions marked as tests"
)]

mod accepted;
mod all_member;
mod attacks;
mod backfill;
mod bad_days;
mod certificates;
mod commands;
mod corpora;
mod decode;
mod demo;
mod documented;
mod exactness;
mod files;
mod formats;
mod fuzzed;
mod golden;
mod lab;
mod limits;
mod machine;
mod name_server;
mod names;
mod notified;
mod packaged;
mod page;
mod pasted;
mod peers;
mod probe;
mod prometheus;
mod proof;
mod proxies;
mod reload;
mod secrets;
mod shards;
mod tasks;
mod tidy;
mod tunnel;
mod web_client;
mod web_config;
