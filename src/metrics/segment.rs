//! Pieces of bodies, kept and shared between bodies.

use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::Compress;

use super::deflated::Deflated;

/// The approximate length of a segment. Longer segments would compress a little better;
/// shorter ones mean less work when one target changes.
pub(super) const SEGMENT: usize = 64 * 1024;

/// Consecutive bytes of a body, with their compressed form.
pub(super) struct Segment {
    bytes: Bytes,
    deflated: OnceLock<Deflated>,
}

impl Segment {
    pub(super) fn new(mut bytes: Vec<u8>) -> Self {
        bytes.shrink_to_fit();
        Self {
            bytes: bytes.into(),
            deflated: OnceLock::new(),
        }
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Compressed on first use.
    pub(super) fn deflated(&self, deflate: &mut Compress) -> io::Result<&Deflated> {
        if let Some(deflated) = self.deflated.get() {
            return Ok(deflated);
        }
        let deflated = Deflated::new(&self.bytes, deflate)?;
        Ok(self.deflated.get_or_init(|| deflated))
    }
}

/// Cuts `bytes` into segments, and reuses those of `old` that are unchanged.
pub(super) fn cut(bytes: &[u8], old: &[Arc<Segment>]) -> Vec<Arc<Segment>> {
    let parts = bytes.chunks(SEGMENT).enumerate();
    parts
        .map(|(index, part)| match old.get(index) {
            Some(same) if same.bytes[..] == *part => Arc::clone(same),
            _ => Arc::new(Segment::new(part.to_vec())),
        })
        .collect()
}
