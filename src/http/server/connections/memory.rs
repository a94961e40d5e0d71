//! The memory of responses that their clients have not read yet.
//!
//! Bodies are shared, and so are pieces of consecutive bodies. The bound applies to the memory that
//! all of them keep together: a thousand readers of one body keep no more than one reader.

use std::collections::{HashMap, HashSet};

use crate::http::server::progress::Held;

/// The maximum bytes of memory that all responses except [`LARGE`] ones may keep together because
/// clients have not read them.
pub(super) const MAX_HELD: usize = 64 << 20;

/// This many responses may each keep more than an equal share of that, whatever their size: a
/// million series make a body of more than a hundred megabytes, and the scrapers of each format may
/// be a little slow.
pub(super) const LARGE: usize = 8;

/// The memory of the responses that may continue.
#[derive(Default)]
pub(super) struct Memory {
    bytes: usize,
    large: usize,
    pieces: HashSet<usize>,
    /// The decision about a body applies to all its readers.
    bodies: HashMap<(usize, u8), bool>,
}

impl Memory {
    /// Whether the response may be kept, too. If so, it is counted.
    pub(super) fn has_room_for(&mut self, held: &Held) -> bool {
        let Some(body) = &held.shared else {
            return self.add(held.bytes);
        };
        if let Some(decided) = self.bodies.get(&body.id()) {
            return *decided;
        }
        let pieces = || {
            let pieces = (0..).map_while(|index| body.piece(index));
            pieces.map(|piece| (piece.as_ptr().addr(), piece.len()))
        };
        let new = pieces().filter(|(address, _)| !self.pieces.contains(address));
        let bytes = new.map(|(_, length)| length).sum();
        let has_room = self.add(bytes);
        if has_room {
            self.pieces.extend(pieces().map(|(address, _)| address));
        }
        self.bodies.insert(body.id(), has_room);
        has_room
    }

    fn add(&mut self, bytes: usize) -> bool {
        if bytes > MAX_HELD / LARGE {
            let has_room = self.large < LARGE;
            self.large += usize::from(has_room);
            return has_room;
        }
        let has_room = self.bytes + bytes <= MAX_HELD;
        self.bytes += if has_room { bytes } else { 0 };
        has_room
    }
}
