//! Compressed pieces that gzip members are put together from.

use std::io;

use flate2::{Compress, Crc, FlushCompress};

/// Deflate blocks that refer to nothing before them, are not the last and end with a whole
/// byte: runs of them can stand one after the other in a gzip member.
pub(super) struct Deflated {
    pub(super) blocks: Vec<u8>,
    /// Of the bytes before they were compressed.
    pub(super) crc: Crc,
}

impl Deflated {
    /// `deflate` may have been used before.
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
