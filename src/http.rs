//! HTTP: the server with its bounds, the checks that a request has to pass, and the content. A
//! request never causes a poll.

pub mod content;
pub mod guard;
mod lanes;
mod network;
mod occasionally;
pub mod server;
