//! How a command failed, which determines its exit code.

use std::error::Error;
use std::io;

/// How a command failed.
#[derive(Debug)]
pub enum Failure {
    /// Wrong usage or configuration: exit code 64.
    Usage(Box<dyn Error>),
    /// Anything else: exit code 1.
    Failed(Box<dyn Error>),
}

impl Failure {
    pub fn usage(error: impl Into<Box<dyn Error>>) -> Self {
        Self::Usage(error.into())
    }

    pub fn failed(error: impl Into<Box<dyn Error>>) -> Self {
        Self::Failed(error.into())
    }
}

/// A failed write to standard output, for example because the reader of a pipe has exited.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::failed(error)
    }
}
