//! OpenMetrics text for past samples: with timestamps, series by series.

use std::io::{self, Write};

use super::{Family, Labels, openmetrics, text};
use crate::model::window::UnixSeconds;

/// How many bytes are buffered before they are written.
const CHUNK: usize = 64 << 10;

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub series: u64,
    pub samples: u64,
    /// The times of the first and the last sample; absent without samples.
    pub span: Option<(UnixSeconds, UnixSeconds)>,
}

impl Written {
    fn sample(&mut self, at: UnixSeconds) {
        let (first, last) = self.span.unwrap_or((at, at));
        self.samples += 1;
        self.span = Some((first.min(at), last.max(at)));
    }
}

/// Writes families one after another, each with its series.
pub struct Dated<'a> {
    out: &'a mut dyn Write,
    /// Text not written yet: hardly more than [`CHUNK`].
    buffer: Vec<u8>,
    /// Name and labels of the current series.
    series: Vec<u8>,
    written: Written,
}

impl<'a> Dated<'a> {
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            buffer: Vec::new(),
            series: Vec::new(),
            written: Written::default(),
        }
    }

    /// Begins a family: the series that follow belong to it.
    pub fn family(&mut self, family: &Family<'_>) {
        openmetrics::described(family, &mut self.buffer);
        openmetrics::help(family, &mut self.buffer);
    }

    /// Writes a series of `family` with its samples, in order of time.
    pub fn series(
        &mut self,
        family: &Family<'_>,
        labels: &Labels<'_>,
        samples: impl IntoIterator<Item = (UnixSeconds, u64)>,
    ) -> io::Result<()> {
        self.written.series += 1;
        self.series.clear();
        text::series((family.name, ""), labels, None, &mut self.series);
        for (at, value) in samples {
            self.written.sample(at);
            self.buffer.extend_from_slice(&self.series);
            text::end(value, Some(at), &mut self.buffer);
            if self.buffer.len() >= CHUNK {
                self.out.write_all(&self.buffer)?;
                self.buffer.clear();
            }
        }
        Ok(())
    }

    /// Writes the rest. The text is incomplete before.
    pub fn finish(mut self) -> io::Result<Written> {
        self.buffer.extend_from_slice(openmetrics::END);
        self.out.write_all(&self.buffer)?;
        Ok(self.written)
    }
}
