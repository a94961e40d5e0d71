//! Pieces of bodies, kept and shared between bodies.

use std::io;
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::{Compress, Crc, FlushCompress};

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

/// Deflate blocks that do not refer to earlier data, are not marked as the last, and end on a
/// byte boundary. Any sequence of them can form a gzip member.
pub(super) struct Deflated {
    pub(super) blocks: Vec<u8>,
    /// Checksum of the uncompressed bytes.
    pub(super) crc: Crc,
}

impl Deflated {
    /// Compresses `bytes`. `deflate` may have been used before.
    pub(super) fn new(bytes: &[u8], deflate: &mut Compress) -> io::Result<Self> {
        deflate.reset();
        let mut crc = Crc::new();
        crc.update(bytes);
        let mut blocks = Vec::with_capacity(bytes.len() / 6 + 256);
        let mut rest = bytes;
        loop {
            let before = deflate.total_in();
            deflate.compress_vec(rest, &mut blocks, FlushCompress::Sync)?;
            let taken = usize::try_from(deflate.total_in() - before).unwrap_or(rest.len());
            rest = &rest[taken..];
            // With room left, the flush is complete.
            if rest.is_empty() && blocks.len() < blocks.capacity() {
                break;
            }
            blocks.reserve(bytes.len() / 6 + 256);
        }
        blocks.shrink_to_fit();
        Ok(Self { blocks, crc })
    }
}
