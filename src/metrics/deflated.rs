//! Compressed pieces of which gzip members are composed.

use std::io;

use flate2::{Compress, Crc, FlushCompress};

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
