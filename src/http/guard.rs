//! The checks that a request passes before the response.

pub mod auth;
pub mod front;
pub mod host;
mod passwords;
