//! The part of a body that belongs to the targets: family by family, each with the samples of
//! all targets. The bytes of a body are the only copy of the encoded samples: unchanged
//! samples are copied from there, and unchanged segments are kept.

use std::ops::Range;
use std::sync::Arc;

use super::segment::{SEGMENT, Segment};
use super::{Encoder, Format};

/// The samples of one target in one family.
#[derive(Clone, Copy, Default)]
struct Cell {
    segment: usize,
    start: usize,
    end: usize,
}

impl Cell {
    fn len(self) -> usize {
        self.end - self.start
    }
}

/// Cells are numbered in body order: family by family, and within a family target by target.
pub(super) struct Grid {
    format: Format,
    targets: usize,
    /// The description of each family.
    heads: Vec<Box<[u8]>>,
    /// The length of the samples of each family.
    sizes: Vec<usize>,
    cells: Vec<Cell>,
    segments: Vec<Arc<Segment>>,
    /// The range of cells in each segment.
    ranges: Vec<Range<usize>>,
    /// The total length of samples when the cells were divided into segments.
    planned: usize,
}

impl Grid {
    pub(super) fn new(format: Format, targets: usize) -> Self {
        Self {
            format,
            targets,
            heads: Vec::new(),
            sizes: Vec::new(),
            cells: Vec::new(),
            segments: Vec::new(),
            ranges: Vec::new(),
            planned: 0,
        }
    }

    /// An encoder for the samples of a target. The first one also keeps the families'
    /// descriptions.
    pub(super) fn encoder(&self, is_first: bool) -> Encoder {
        if is_first && self.heads.is_empty() {
            Encoder::new(self.format)
        } else {
            Encoder::headless(self.format)
        }
    }

    pub(super) fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// Updates the changed targets. The first time, all targets are changed.
    pub(super) fn update(&mut self, changed: &[Option<Encoder>]) {
        let Some(first) = changed.iter().flatten().next() else {
            return;
        };
        if self.heads.is_empty() {
            self.heads = first.heads().map(Into::into).collect();
            self.cells = vec![Cell::default(); self.heads.len() * self.targets];
        }
        let lengths: Vec<usize> = (0..self.cells.len())
            .map(|cell| match &changed[cell % self.targets] {
                Some(encoder) => encoder.samples(cell / self.targets).len(),
                None => self.cells[cell].len(),
            })
            .collect();
        let sizes: Vec<usize> = lengths
            .chunks(self.targets)
            .map(|family| family.iter().sum())
            .collect();
        let before = std::mem::replace(&mut self.sizes, sizes);
        let total: usize = self.sizes.iter().sum();
        if self.segments.is_empty() || total / 2 > self.planned || total < self.planned / 2 {
            self.plan(&lengths, changed);
            self.planned = total;
            return;
        }
        for index in 0..self.segments.len() {
            let range = self.ranges[index].clone();
            let touched = range.clone().any(|cell| {
                let (family, target) = (cell / self.targets, cell % self.targets);
                changed[target].is_some() || (target == 0 && self.sizes[family] != before[family])
            });
            if !touched {
                continue;
            }
            let (bytes, cells) = self.write(range.clone(), index, changed);
            self.cells[range].copy_from_slice(&cells);
            if self.segments[index].bytes()[..] != bytes[..] {
                self.segments[index] = Arc::new(Segment::new(bytes));
            }
        }
    }

    /// Divides the cells into new segments.
    fn plan(&mut self, lengths: &[usize], changed: &[Option<Encoder>]) {
        let mut ranges = Vec::new();
        let (mut start, mut size) = (0, 0);
        for (cell, length) in lengths.iter().enumerate() {
            size += length;
            if size >= SEGMENT || cell + 1 == lengths.len() {
                ranges.push(start..cell + 1);
                (start, size) = (cell + 1, 0);
            }
        }
        let mut segments = Vec::with_capacity(ranges.len());
        let mut cells = Vec::with_capacity(self.cells.len());
        for range in &ranges {
            let (bytes, more) = self.write(range.clone(), segments.len(), changed);
            segments.push(Arc::new(Segment::new(bytes)));
            cells.extend(more);
        }
        (self.ranges, self.segments, self.cells) = (ranges, segments, cells);
    }

    /// The current bytes of some cells, and the position of each cell in them.
    fn write(
        &self,
        range: Range<usize>,
        segment: usize,
        changed: &[Option<Encoder>],
    ) -> (Vec<u8>, Vec<Cell>) {
        let mut bytes = Vec::with_capacity(SEGMENT + SEGMENT / 4);
        let mut cells = Vec::with_capacity(range.len());
        for cell in range {
            let (family, target) = (cell / self.targets, cell % self.targets);
            let size = self.sizes[family];
            if target == 0 && size > 0 {
                self.format.begin(&self.heads[family], size, &mut bytes);
            }
            let start = bytes.len();
            if let Some(encoder) = &changed[target] {
                bytes.extend_from_slice(encoder.samples(family));
            } else {
                let old = self.cells[cell];
                let from = self.segments[old.segment].bytes();
                bytes.extend_from_slice(&from[old.start..old.end]);
            }
            cells.push(Cell {
                segment,
                start,
                end: bytes.len(),
            });
        }
        (bytes, cells)
    }
}
