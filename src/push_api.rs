//! One query to the service: signed, limited, bounded. It returns a
//! [`Reading`](crate::model::reading::Reading), or a
//! [`FetchError`](crate::model::outcome::FetchError) with advice.

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
