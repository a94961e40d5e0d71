//! One question to the service: signed, limited, bounded, and answered by a
//! [`Reading`](crate::reading::Reading) or by a [`FetchError`] that says what to do.

mod backup;
pub mod client;
pub mod error;
mod limiter;
mod local;
mod lost;
pub mod names;
mod signer;
pub mod tls;
pub mod transport;
pub mod wire;

pub use client::Client;
pub use error::{FetchError, Outcome};
