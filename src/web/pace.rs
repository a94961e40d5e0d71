//! How a connection gets on, and the stream that notes it.
//!
//! A connection may take its time only where a healthy client does. Everything else has an
//! end: a handshake, a head, a handler, a response that nobody takes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What a connection is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// TLS is being agreed on.
    Handshake,
    /// The head of a request is awaited or has begun to arrive.
    Head,
    /// A request waits for its answer; its body, if any, is read here, too.
    Handling,
    /// The client takes the response.
    Writing,
    /// Between two requests.
    Idle,
}

impl Phase {
    const ALL: [Self; 5] = [
        Self::Handshake,
        Self::Head,
        Self::Handling,
        Self::Writing,
        Self::Idle,
    ];

    /// How long the phase may last. Idle is longer than any usual scrape interval, since
    /// a new connection for each scrape is a new TLS handshake for each scrape.
    pub(super) const fn limit(self) -> Duration {
        Duration::from_secs(match self {
            Self::Handshake | Self::Head => 10,
            Self::Handling => 30,
            Self::Writing => 60,
            Self::Idle => 300,
        })
    }
}

/// How long a client may take none of a response, in [`Phase::Writing`].
pub(super) const STALL: Duration = Duration::from_secs(10);

/// Bytes of responses, over all connections, that may wait to be taken. Above, the
/// connections that hold most of them give way.
pub(super) const MAX_UNTAKEN: usize = 64 << 20;

/// Bytes of all responses that clients have not taken yet.
#[derive(Default)]
pub(super) struct Untaken {
    total: AtomicUsize,
    /// Told when the total passes [`MAX_UNTAKEN`].
    pub(super) over: Notify,
}

/// Written by the connection, read by the table that decides which connection ends.
pub(super) struct Pace {
    origin: Instant,
    phase: AtomicU8,
    /// Milliseconds after `origin` at which the phase began.
    since: AtomicU64,
    /// Milliseconds after `origin` at which the client last took bytes.
    taken: AtomicU64,
    /// Bytes of the response that is being written.
    held: AtomicUsize,
    /// Whether the whole response is with the HTTP library, so that a flush ends it.
    handed_over: AtomicBool,
    untaken: Arc<Untaken>,
}

impl Pace {
    pub(super) fn new(origin: Instant, phase: Phase, untaken: Arc<Untaken>) -> Self {
        let pace = Self {
            origin,
            phase: AtomicU8::new(phase as u8),
            since: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            held: AtomicUsize::new(0),
            handed_over: AtomicBool::new(false),
            untaken,
        };
        pace.enter(phase);
        pace
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.since.store(self.now(), Relaxed);
        self.phase.store(phase as u8, Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        Phase::ALL
            .into_iter()
            .find(|phase| *phase as u8 == self.phase.load(Relaxed))
            .unwrap_or(Phase::Idle)
    }

    /// For how long the connection has not got on: in [`Phase::Writing`] since the client
    /// last took bytes, else since the phase began.
    pub(super) fn age(&self) -> Duration {
        let since = match self.phase() {
            Phase::Writing => &self.taken,
            _ => &self.since,
        };
        Duration::from_millis(self.now().saturating_sub(since.load(Relaxed)))
    }

    /// Whether the phase has lasted too long.
    pub(super) fn is_overdue(&self) -> bool {
        let phase = self.phase();
        let lasted = Duration::from_millis(self.now().saturating_sub(self.since.load(Relaxed)));
        lasted > phase.limit() || (phase == Phase::Writing && self.age() > STALL)
    }

    /// Bytes of a response that the client has not taken.
    pub(super) fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    /// A response of `bytes` begins.
    pub(super) fn respond(&self, bytes: usize) {
        self.held.store(bytes, Relaxed);
        if self.untaken.total.fetch_add(bytes, Relaxed) + bytes > MAX_UNTAKEN {
            self.untaken.over.notify_one();
        }
        self.handed_over.store(false, Relaxed);
        self.taken.store(self.now(), Relaxed);
        self.enter(Phase::Writing);
    }

    fn read_some(&self) {
        if self.phase() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    fn wrote_some(&self) {
        self.taken.store(self.now(), Relaxed);
    }

    fn flushed(&self) {
        if self.phase() == Phase::Writing && self.handed_over.load(Relaxed) {
            self.release();
            self.enter(Phase::Idle);
        }
    }

    fn release(&self) {
        self.untaken
            .total
            .fetch_sub(self.held.swap(0, Relaxed), Relaxed);
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.release();
    }
}

/// A response's body that tells when all of it is with the HTTP library.
pub(super) struct Watched {
    pub(super) body: axum::body::Body,
    pub(super) pace: Arc<Pace>,
}

impl Body for Watched {
    type Data = <axum::body::Body as Body>::Data;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.pace.handed_over.store(true, Relaxed);
    }
}

/// A stream that notes what moves.
pub(super) struct Paced<S> {
    pub(super) stream: S,
    pub(super) pace: Arc<Pace>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if buffer.filled().len() > before {
            self.pace.read_some();
        }
        Poll::Ready(result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        self.pace.wrote_some();
        Poll::Ready(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, bytes));
        self.pace.wrote_some();
        Poll::Ready(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_flush(context));
        self.pace.flushed();
        Poll::Ready(result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn pace(phase: Phase) -> Pace {
        Pace::new(Instant::now(), phase, Arc::default())
    }

    #[tokio::test(start_paused = true)]
    async fn every_phase_ends_after_its_limit_and_not_before() {
        for phase in Phase::ALL {
            let pace = pace(Phase::Idle);
            if phase == Phase::Writing {
                pace.respond(1);
            } else {
                pace.enter(phase);
            }
            let limit = if phase == Phase::Writing {
                STALL
            } else {
                phase.limit()
            };
            advance(limit).await;
            assert!(!pace.is_overdue(), "{phase:?}");
            advance(Duration::from_millis(10)).await;
            assert!(pace.is_overdue(), "{phase:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_taken_in_drips_ends_after_its_limit() {
        let pace = pace(Phase::Head);
        pace.respond(100);
        for _ in 0..12 {
            assert!(!pace.is_overdue());
            advance(Duration::from_secs(5)).await;
            pace.wrote_some();
        }
        advance(Duration::from_millis(10)).await;
        assert!(pace.is_overdue());
    }

    #[tokio::test(start_paused = true)]
    async fn a_drip_of_bytes_does_not_renew_the_time_for_a_head() {
        let pace = pace(Phase::Idle);
        for _ in 0..12 {
            advance(Duration::from_secs(1)).await;
            pace.read_some();
        }
        assert!(pace.is_overdue());
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_is_over_when_it_is_handed_over_and_flushed() {
        let untaken = Arc::new(Untaken::default());
        let pace = Arc::new(Pace::new(Instant::now(), Phase::Head, Arc::clone(&untaken)));
        pace.respond(100);
        pace.flushed();
        assert_eq!((pace.phase(), pace.held()), (Phase::Writing, 100));
        drop(Watched {
            body: axum::body::Body::empty(),
            pace: Arc::clone(&pace),
        });
        pace.flushed();
        assert_eq!((pace.phase(), pace.held()), (Phase::Idle, 0));
        pace.respond(100);
        drop(pace);
        assert_eq!(untaken.total.load(Relaxed), 0);
    }
}
