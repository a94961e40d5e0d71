//! Ready bodies, shared by all scrapes. A request that finds a current body copies nothing and
//! never waits. A request that finds an outdated one renders the next, while other requests for the
//! same body wait for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::Mutex;

use super::renderer::Renderer;
use crate::clock::Now;
use crate::http::server::progress::SharedBody;
use crate::metrics::{Body, Encoding, Format, Sheet};
use crate::self_metrics::SelfMetrics;
use crate::target::snapshot::Snapshot;

/// The source of bodies.
pub(super) struct Source {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) metrics: Arc<SelfMetrics>,
    /// The clock, replaceable in tests.
    pub(super) clock: Box<dyn Fn() -> Now + Send + Sync>,
    pub(super) renderer: Renderer,
}

/// The bodies of one format.
pub(super) struct Bodies {
    ready: ArcSwapOption<Body>,
    /// Locked while the next body is rendered. Pollers do not use it.
    sheet: Arc<Mutex<Sheet>>,
}

impl Bodies {
    pub(super) fn new(format: Format) -> Arc<Self> {
        Arc::new(Self {
            ready: ArcSwapOption::empty(),
            sheet: Arc::new(Mutex::new(Sheet::new(format))),
        })
    }

    /// The current body.
    pub(super) async fn get(
        self: &Arc<Self>,
        source: &Arc<Source>,
        encoding: Encoding,
    ) -> io::Result<Pieces> {
        let current = |body: &Arc<Body>| body.is_current(&source.snapshot, (source.clock)());
        if let Some(body) = self.ready.load_full().filter(current)
            && body.is_encoded(encoding)
        {
            return Ok(Pieces::new(body, encoding));
        }
        let mut sheet = Arc::clone(&self.sheet).lock_owned().await;
        let (bodies, of) = (Arc::clone(self), Arc::clone(source));
        let make = move || {
            let now = (of.clock)();
            let body = match bodies.ready.load_full() {
                Some(body) if body.is_current(&of.snapshot, now) => body,
                outdated => {
                    // Its memory can be reused piece by piece.
                    drop(outdated);
                    bodies.ready.store(None);
                    // Taken out during the update: after a panic, the half-updated sheet is dropped
                    // and the next scrape starts over.
                    let mut kept = sheet.take();
                    let body = Arc::new(kept.render(&of.snapshot, &of.metrics, now));
                    *sheet = kept;
                    bodies.ready.store(Some(Arc::clone(&body)));
                    body
                }
            };
            body.encode(encoding)?;
            Ok(Pieces::new(body, encoding))
        };
        source.renderer.run(make).await
    }
}

/// The body of one response.
pub(super) struct Pieces {
    body: Arc<Body>,
    encoding: Encoding,
    next: usize,
    left: u64,
}

impl Pieces {
    fn new(body: Arc<Body>, encoding: Encoding) -> Self {
        Self {
            left: body.length(encoding).unwrap_or(0),
            body,
            encoding,
            next: 0,
        }
    }

    /// The body, as shared with other responses.
    pub(super) fn shared(&self) -> Arc<dyn SharedBody> {
        Arc::new(Encoded(Arc::clone(&self.body), self.encoding))
    }
}

struct Encoded(Arc<Body>, Encoding);

impl SharedBody for Encoded {
    fn id(&self) -> (usize, u8) {
        (Arc::as_ptr(&self.0).addr(), self.1 as u8)
    }

    fn piece(&self, index: usize) -> Option<Bytes> {
        self.0.piece(self.1, index)
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = self.body.piece(self.encoding, self.next);
        self.next += 1;
        self.left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as StdMutex;
    use std::time::Duration;

    use http_body::Body as _;
    use tokio::time::Instant;

    use super::*;
    use crate::config::target::tests::target;
    use crate::model::outcome::{FetchError, Outcome};
    use crate::model::reading::Api;
    use crate::target::snapshot::Recorder;

    struct Served {
        source: Arc<Source>,
        recorder: Recorder,
        now: Arc<StdMutex<Now>>,
        bodies: Arc<Bodies>,
    }

    impl Served {
        fn new() -> Self {
            let target = target("shop", "china");
            let targets = std::slice::from_ref(&target);
            let snapshot = Arc::new(Snapshot::new(targets));
            let metrics = Arc::new(SelfMetrics::new(targets).unwrap());
            let now = Arc::new(StdMutex::new(Now {
                wall: Duration::from_secs(1_800_000_000),
                steady: Instant::now(),
            }));
            let clock = Arc::clone(&now);
            let source = Source {
                snapshot: Arc::clone(&snapshot),
                metrics,
                clock: Box::new(move || *clock.lock().unwrap()),
                renderer: Renderer::start(),
            };
            Self {
                source: Arc::new(source),
                recorder: Recorder::new(&target, snapshot),
                now,
                bodies: Bodies::new(Format::Text),
            }
        }

        async fn get(&self, encoding: Encoding) -> Pieces {
            self.bodies.get(&self.source, encoding).await.unwrap()
        }

        fn fail(&mut self) {
            let now = *self.now.lock().unwrap();
            let error = FetchError::new(Outcome::Timeout, "too slow");
            self.recorder.finish(Api::NormalPushLoss, Err(error), now);
        }
    }

    const ENCODINGS: [Encoding; 3] = [Encoding::Identity, Encoding::Gzip, Encoding::Zstd];

    #[tokio::test]
    async fn scrapes_of_unchanged_data_get_the_same_memory() {
        let served = Served::new();
        for encoding in ENCODINGS {
            let first = served.get(encoding).await;
            let again = served.get(encoding).await;
            let start = |pieces: &Pieces| pieces.body.piece(encoding, 0).unwrap().as_ptr();
            assert_eq!(start(&first), start(&again), "{encoding:?}");
            assert!(Arc::ptr_eq(&first.body, &again.body));
        }
    }

    #[tokio::test]
    async fn a_scrape_after_a_poll_gets_what_the_poll_found() {
        let mut served = Served::new();
        for failures in 1..4 {
            served.fail();
            for encoding in ENCODINGS {
                let pieces = served.get(encoding).await;
                let pieces = (0..).map_while(|index| pieces.body.piece(Encoding::Identity, index));
                let text = String::from_utf8(pieces.flatten().collect()).unwrap();
                let line = format!(
                    "timpush_target_consecutive_failures{{app=\"shop\",region=\"china\",push=\"normal\",api=\"normal_push_loss\"}} {failures}\n"
                );
                assert!(text.contains(&line), "{text}");
            }
        }
    }

    #[tokio::test]
    async fn those_who_come_at_once_share_the_making() {
        let mut served = Served::new();
        served.get(Encoding::Gzip).await;
        served.fail();
        let (one, two, three) = tokio::join!(
            served.get(Encoding::Gzip),
            served.get(Encoding::Gzip),
            served.get(Encoding::Zstd)
        );
        assert!(Arc::ptr_eq(&one.body, &two.body) && Arc::ptr_eq(&one.body, &three.body));
    }

    #[tokio::test]
    async fn who_reads_slowly_keeps_the_old_bytes_and_nobody_from_the_new_ones() {
        let mut served = Served::new();
        let slow = served.get(Encoding::Identity).await;
        let length = slow.size_hint().exact();
        served.fail();
        served.now.lock().unwrap().steady += Duration::from_secs(2);
        let new = served.get(Encoding::Identity).await;
        assert!(!Arc::ptr_eq(&slow.body, &new.body));
        assert_eq!(slow.size_hint().exact(), length);
        assert!(slow.body.piece(Encoding::Identity, 0).is_some());
    }

    #[tokio::test]
    async fn who_leaves_while_a_body_is_made_does_not_stop_the_others() {
        let served = Served::new();
        // On a busy machine, the body may be ready in the meantime, which is correct, too.
        let _left = tokio::time::timeout(Duration::ZERO, served.get(Encoding::Gzip)).await;
        assert!(served.get(Encoding::Gzip).await.size_hint().exact() > Some(0));
    }
}
