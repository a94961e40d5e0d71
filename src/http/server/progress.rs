//! The progress of a connection, and the stream that records it.
//!
//! A connection may take its time only where a healthy client does. Everything else has a time
//! limit: a handshake, a head, a handler, an unread response. hyper's own timer for heads is not
//! suitable: it also runs between two requests, where a scraper is quiet for longer than any head
//! may take.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Phase {
    /// TLS is being negotiated.
    Handshake,
    /// The head of a request is expected or has begun to arrive.
    Head,
    /// A request waits for its response.
    Handling,
    /// The client reads the response.
    Writing,
    /// Between two requests.
    Idle,
}

impl Phase {
    /// The maximum duration of the phase. Idle is longer than any usual scrape interval: otherwise
    /// each scrape would need a new connection and a new TLS handshake.
    pub(in crate::http) const fn limit(self) -> Duration {
        Duration::from_secs(match self {
            Self::Handshake | Self::Head => 10,
            Self::Handling => 30,
            Self::Writing => 60,
            Self::Idle => 300,
        })
    }
}

/// How long a client may pause while it reads a response, in [`Phase::Writing`].
pub(in crate::http) const STALL: Duration = Duration::from_secs(10);

/// The memory that a response keeps until the client has read it.
#[derive(Clone)]
pub(in crate::http) struct Held {
    /// The amount of memory.
    pub(in crate::http) bytes: usize,
    /// Absent if none of it is shared.
    pub(in crate::http) shared: Option<Arc<dyn SharedBody>>,
}

/// A body shared by many responses. As an extension of a response, it identifies the memory that
/// the response keeps.
pub(in crate::http) trait SharedBody: Send + Sync {
    /// Identical for all responses that share the body, as long as one of them exists.
    fn id(&self) -> (usize, u8);

    /// The bytes piece by piece, absent after the last. Other bodies may contain the same pieces.
    fn piece(&self, index: usize) -> Option<Bytes>;
}

/// Written by the connection, read by the table that decides which connection ends.
pub(in crate::http) struct Progress(Mutex<State>);

struct State {
    phase: Phase,
    /// When the phase began.
    since: Instant,
    /// When the client last read bytes, in [`Phase::Writing`].
    moved: Instant,
    held: Option<Held>,
    /// Whether the whole response has been passed to the HTTP library, so that a flush ends it.
    handed_over: bool,
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
        self.moved = self.since;
    }
}

impl Progress {
    pub(in crate::http) fn new(phase: Phase) -> Self {
        let now = Instant::now();
        Self(Mutex::new(State {
            phase,
            since: now,
            moved: now,
            held: None,
            handed_over: false,
        }))
    }

    /// Each change is a few assignments, which no panic can interrupt halfway.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::http) fn enter(&self, phase: Phase) {
        self.state().enter(phase);
    }

    pub(in crate::http) fn phase(&self) -> Phase {
        self.state().phase
    }

    /// Since when the connection has made no progress: in [`Phase::Writing`] since the client last
    /// read bytes, otherwise since the phase began.
    pub(in crate::http) fn still_since(&self) -> Instant {
        self.state().moved
    }

    /// The phase that has lasted too long, if any.
    pub(in crate::http) fn overdue(&self) -> Option<Phase> {
        let state = self.state();
        let stalls = state.phase == Phase::Writing && state.moved.elapsed() > STALL;
        (stalls || state.since.elapsed() > state.phase.limit()).then_some(state.phase)
    }

    /// The response that the client has not read completely, and since when it is being written.
    pub(in crate::http) fn held(&self) -> Option<(Instant, Held)> {
        let state = self.state();
        state.held.clone().map(|held| (state.since, held))
    }

    /// Records the start of a response.
    pub(in crate::http) fn respond(&self, held: Held) {
        let mut state = self.state();
        state.enter(Phase::Writing);
        state.held = Some(held);
        state.handed_over = false;
    }

    fn read_some(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.enter(Phase::Head);
        }
    }

    fn wrote_some(&self) {
        self.state().moved = Instant::now();
    }

    fn flushed(&self) {
        let mut state = self.state();
        if state.phase == Phase::Writing && state.handed_over {
            state.held = None;
            state.enter(Phase::Idle);
        }
    }
}

/// A response's body that reports when all of it has been passed to the HTTP library.
pub(in crate::http) struct Watched {
    pub(in crate::http) body: axum::body::Body,
    pub(in crate::http) progress: Arc<Progress>,
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
        self.progress.state().handed_over = true;
    }
}

/// A stream that records its progress.
pub(in crate::http) struct Noted<S> {
    pub(in crate::http) stream: S,
    pub(in crate::http) progress: Arc<Progress>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if buffer.filled().len() > before {
            self.progress.read_some();
        }
        Poll::Ready(result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        self.progress.wrote_some();
        Poll::Ready(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, bytes));
        self.progress.wrote_some();
        Poll::Ready(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_flush(context));
        self.progress.flushed();
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

    fn own(bytes: usize) -> Held {
        Held {
            bytes,
            shared: None,
        }
    }

    const PHASES: [Phase; 5] = [
        Phase::Handshake,
        Phase::Head,
        Phase::Handling,
        Phase::Writing,
        Phase::Idle,
    ];

    #[tokio::test(start_paused = true)]
    async fn every_phase_ends_after_its_limit_and_not_before() {
        for phase in PHASES {
            let progress = Progress::new(phase);
            let limit = if phase == Phase::Writing {
                STALL
            } else {
                phase.limit()
            };
            advance(limit).await;
            assert_eq!(progress.overdue(), None);
            advance(Duration::from_millis(10)).await;
            assert_eq!(progress.overdue(), Some(phase));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_read_in_drips_ends_after_its_limit() {
        let progress = Progress::new(Phase::Head);
        progress.respond(own(100));
        for _ in 0..12 {
            assert_eq!(progress.overdue(), None);
            advance(Duration::from_secs(5)).await;
            progress.wrote_some();
        }
        advance(Duration::from_millis(10)).await;
        assert_eq!(progress.overdue(), Some(Phase::Writing));
    }

    #[tokio::test(start_paused = true)]
    async fn a_drip_of_bytes_does_not_renew_the_time_for_a_head() {
        let progress = Progress::new(Phase::Idle);
        for _ in 0..12 {
            advance(Duration::from_secs(1)).await;
            progress.read_some();
        }
        assert_eq!(progress.overdue(), Some(Phase::Head));
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_is_over_when_it_is_handed_over_and_flushed() {
        let progress = Arc::new(Progress::new(Phase::Head));
        progress.respond(own(100));
        progress.flushed();
        assert_eq!(progress.phase(), Phase::Writing);
        assert!(progress.held().is_some());
        drop(Watched {
            body: axum::body::Body::empty(),
            progress: Arc::clone(&progress),
        });
        progress.flushed();
        assert_eq!(progress.phase(), Phase::Idle);
        assert!(progress.held().is_none());
    }
}
