//! Compression of bodies: one gzip member or one zstd frame, because not every client reads
//! past the first.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::{Compress, Compression, Crc};

use super::segment::Segment;

/// The content coding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// Expositions are so repetitive that higher levels save little for much more time.
const GZIP_LEVEL: Compression = Compression::new(2);
const ZSTD_LEVEL: i32 = 1;

/// Deflate, no flags, no modification time, no extra flags, unknown system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// An empty block marked as the last.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// The segments as one gzip member. Each segment is compressed only once, however many bodies
/// contain it.
pub(super) fn gzip<'a>(segments: impl Iterator<Item = &'a Segment> + Clone) -> io::Result<Bytes> {
    let mut deflate = Compress::new(GZIP_LEVEL, false);
    let mut runs = Vec::with_capacity(segments.size_hint().0);
    for segment in segments {
        runs.push(segment.deflated(&mut deflate)?);
    }
    let blocks: usize = runs.iter().map(|run| run.blocks.len()).sum();
    let mut member = Vec::with_capacity(GZIP_HEADER.len() + blocks + LAST_BLOCK.len() + 8);
    let mut crc = Crc::new();
    member.extend_from_slice(&GZIP_HEADER);
    for run in runs {
        member.extend_from_slice(&run.blocks);
        crc.combine(&run.crc);
    }
    member.extend_from_slice(&LAST_BLOCK);
    member.extend_from_slice(&crc.sum().to_le_bytes());
    // The length modulo 2^32, as the format wants it.
    member.extend_from_slice(&crc.amount().to_le_bytes());
    Ok(member.into())
}

/// The segments as one zstd frame. Unlike blocks of deflate, those of zstd depend on the
/// blocks before them, so the whole body is compressed anew.
pub(super) fn zstd<'a>(
    segments: impl Iterator<Item = &'a Segment>,
    length: u64,
) -> io::Result<Bytes> {
    let mut frame = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    frame.set_pledged_src_size(Some(length))?;
    for segment in segments {
        frame.write_all(segment.bytes())?;
    }
    let mut frame = frame.finish()?;
    frame.shrink_to_fit();
    Ok(frame.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn segments_are_read_back_from_one_member_and_one_frame(
            parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), 1_usize..500), 0..5),
        ) {
            let parts: Vec<Vec<u8>> = parts.into_iter().map(|(bytes, times)| bytes.repeat(times)).collect();
            let whole = parts.concat();
            let segments: Vec<Segment> = parts.into_iter().map(Segment::new).collect();
            for _ in 0..2 {
                let gzip = gzip(segments.iter()).unwrap();
                // A decoder that stops after one member must have come to the end.
                let mut member = flate2::bufread::GzDecoder::new(&gzip[..]);
                let mut read = Vec::new();
                member.read_to_end(&mut read).unwrap();
                prop_assert!(read == whole);
                prop_assert!(member.into_inner().is_empty());
            }
            let frame = zstd(segments.iter(), whole.len() as u64).unwrap();
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&frame[..]).unwrap().single_frame();
            let mut read = Vec::new();
            decoder.read_to_end(&mut read).unwrap();
            prop_assert!(read == whole);
            prop_assert!(decoder.finish().is_empty());
        }
    }
}
