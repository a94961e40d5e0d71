//! HTTP: the server with its bounds, what a request has to pass, and what is served. A
//! request never causes a poll.

pub mod content;
pub mod guard;
mod lanes;
mod network;
mod occasionally;
pub mod server;
