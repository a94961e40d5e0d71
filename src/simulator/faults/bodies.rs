//! Bodies that misbehave: too short, too slow, too long.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

/// How long the first half of a body has to reach the wire: a connection that ends in an
/// error drops what it has not written yet.
const HALF_TIME: Duration = Duration::from_millis(50);

/// A text in pieces with a pause after each.
pub(super) struct Pieces {
    rest: Bytes,
    /// The bytes of a piece.
    piece: usize,
    pause: Duration,
    pausing: Option<Pin<Box<Sleep>>>,
    /// Bytes that are announced but never sent.
    missing: u64,
}

impl Pieces {
    /// One byte at a time.
    pub(super) fn drip(text: Bytes, pause: Duration) -> Self {
        Self {
            rest: text,
            piece: 1,
            pause,
            pausing: None,
            missing: 0,
        }
    }

    /// The first half, then an error.
    pub(super) fn half(text: &Bytes) -> Self {
        let half = text.len() / 2;
        Self {
            rest: text.slice(..half),
            piece: half.max(1),
            pause: HALF_TIME,
            pausing: None,
            missing: (text.len() - half) as u64,
        }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(pausing) = &mut self.pausing {
            std::task::ready!(pausing.as_mut().poll(context));
            self.pausing = None;
        }
        if self.rest.is_empty() {
            return Poll::Ready((self.missing > 0).then(|| Err(io::ErrorKind::BrokenPipe.into())));
        }
        let length = self.piece.min(self.rest.len());
        let piece = self.rest.split_to(length);
        self.pausing = Some(Box::pin(tokio::time::sleep(self.pause)));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.missing == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64 + self.missing)
    }
}

/// Spaces, which are valid before any JSON.
pub(super) struct Filler {
    /// Bytes still to send.
    pub(super) left: u64,
    /// Whether the client is not informed of the length.
    pub(super) chunked: bool,
}

static SPACES: [u8; 64 * 1024] = [b' '; 64 * 1024];

impl Body for Filler {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let length = usize::try_from(self.left).map_or(SPACES.len(), |left| left.min(SPACES.len()));
        if length == 0 {
            return Poll::Ready(None);
        }
        self.left -= length as u64;
        let spaces = Bytes::from_static(&SPACES).slice(..length);
        Poll::Ready(Some(Ok(Frame::data(spaces))))
    }

    fn size_hint(&self) -> SizeHint {
        if self.chunked {
            SizeHint::default()
        } else {
            SizeHint::with_exact(self.left)
        }
    }
}
