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

/// The bytes of a piece of [`Slow::spaces`].
const PIECE: usize = 64 * 1024;

static SPACES: [u8; PIECE] = [b' '; PIECE];

/// A body in pieces with a pause after each. Ends in an error if it announced more bytes than
/// the pieces have.
pub(super) struct Slow {
    pieces: Box<dyn Iterator<Item = Bytes> + Send>,
    pause: Duration,
    pausing: Option<Pin<Box<Sleep>>>,
    /// The announced bytes that are not sent yet; `None` if no length is announced.
    left: Option<u64>,
}

impl Slow {
    /// One byte at a time.
    pub(super) fn drip(text: Bytes, pause: Duration) -> Self {
        let length = text.len();
        Self {
            pieces: Box::new((0..length).map(move |at| text.slice(at..=at))),
            pause,
            pausing: None,
            left: Some(length as u64),
        }
    }

    /// The first half, then an error.
    pub(super) fn half(text: &Bytes) -> Self {
        let half = text.slice(..text.len() / 2);
        Self {
            pieces: Box::new(std::iter::once(half)),
            pause: HALF_TIME,
            pausing: None,
            left: Some(text.len() as u64),
        }
    }

    /// Spaces, which are valid before any JSON, at once.
    pub(super) fn spaces(bytes: u64, chunked: bool) -> Self {
        let piece = move |at| {
            let length = usize::try_from(bytes - at).map_or(PIECE, |left| left.min(PIECE));
            Bytes::from_static(&SPACES).slice(..length)
        };
        Self {
            pieces: Box::new((0..bytes).step_by(PIECE).map(piece)),
            pause: Duration::ZERO,
            pausing: None,
            left: (!chunked).then_some(bytes),
        }
    }
}

impl Body for Slow {
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
        let Some(piece) = self.pieces.next() else {
            let is_cut = self.left.is_some_and(|left| left > 0);
            return Poll::Ready(is_cut.then(|| Err(io::ErrorKind::BrokenPipe.into())));
        };
        self.left = self.left.map(|left| left - piece.len() as u64);
        if !self.pause.is_zero() {
            self.pausing = Some(Box::pin(tokio::time::sleep(self.pause)));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
