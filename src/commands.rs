//! What the program can be told to do, a file for each command.

pub mod check_config;
