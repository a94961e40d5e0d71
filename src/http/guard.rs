//! What a request passes before it is answered.

pub mod auth;
pub mod front;
pub mod host;
mod passwords;
