//! How a command prints what it found.

use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Table,
    Json,
}

impl Output {
    /// Prints all items: as one JSON list, or each by `write` with an empty line between two.
    pub(super) fn print<T: Serialize>(
        self,
        items: &[T],
        out: &mut dyn Write,
        write: impl Fn(&T, &mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        match self {
            Self::Json => {
                serde_json::to_writer_pretty(&mut *out, items).map_err(Failure::failed)?;
                writeln!(out)?;
            }
            Self::Table => {
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        writeln!(out)?;
                    }
                    write(item, out)?;
                }
            }
        }
        Ok(())
    }
}
