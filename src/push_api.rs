//! One question to the service: signed, limited, bounded, and answered by a
//! [`Reading`](crate::model::reading::Reading) or by a [`FetchError`](crate::model::outcome::FetchError) that says what to do.

mod backup;
pub mod client;
mod limiter;
mod local;
mod lost;
pub mod names;
mod signer;
pub mod tls;
pub mod transport;
pub mod wire;

pub use client::Client;
