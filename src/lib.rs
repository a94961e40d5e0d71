pub mod clock;
pub mod commands;
pub mod config;
pub mod reading;
pub mod region;
pub mod target;
pub mod usersig;
pub mod window;
