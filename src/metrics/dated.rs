//! OpenMetrics text of the past: samples with their times, series by series.

use std::io::{self, Write};

use super::{Family, Labels, openmetrics, text};
use crate::model::window::UnixSeconds;

/// How much is put together before it is written, in bytes.
const CHUNK: usize = 64 << 10;

/// Writes families one after the other, each with its series.
pub struct Dated<'a> {
    out: &'a mut dyn Write,
    /// What is not written yet: hardly more than [`CHUNK`].
    buffer: Vec<u8>,
    /// Name and labels of the series under way.
    series: Vec<u8>,
}

impl<'a> Dated<'a> {
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            buffer: Vec::new(),
            series: Vec::new(),
        }
    }

    /// The series that follow belong to this family.
    pub fn family(&mut self, family: &Family<'_>) {
        openmetrics::described(family, &mut self.buffer);
        openmetrics::help(family, &mut self.buffer);
    }

    /// A series of `family` with its samples, in order of time.
    pub fn series(
        &mut self,
        family: &Family<'_>,
        labels: &Labels<'_>,
        samples: impl IntoIterator<Item = (UnixSeconds, u64)>,
    ) -> io::Result<()> {
        self.series.clear();
        text::series((family.name, ""), labels, None, &mut self.series);
        for (at, value) in samples {
            self.buffer.extend_from_slice(&self.series);
            text::end(value, Some(at), &mut self.buffer);
            if self.buffer.len() >= CHUNK {
                self.out.write_all(&self.buffer)?;
                self.buffer.clear();
            }
        }
        Ok(())
    }

    /// Writes the rest. Nothing is complete before.
    pub fn finish(mut self) -> io::Result<()> {
        self.buffer.extend_from_slice(openmetrics::END);
        self.out.write_all(&self.buffer)
    }
}
