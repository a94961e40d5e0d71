//! The body of a response: read within a bound, decoded and parsed, off the async workers if
//! that can take long.

use std::future::pending;
use std::io::Read;
use std::panic::resume_unwind;

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::spawn_blocking;

use super::failure::{Failure, MAX_MESSAGE_CHARS};
use crate::model::outcome::{FetchError, Outcome};
use crate::push_api::lost;
use crate::push_api::transport::Route;
use crate::push_api::wire::{Answer, NotAnAnswer};
use crate::scrubber::Scrubber;

/// The largest response body that is read, in bytes, before and after decoding. Real ones are
/// a few kilobytes.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// Bodies up to this many bytes are parsed in place: in the worst case, that takes about a
/// millisecond.
const MAX_INLINE: usize = 64 * 1024;

/// The maximum number of larger bodies in memory at once, in the whole process: at most
/// 64 MiB, and as much again while they are decoded.
const HELD_AT_ONCE: usize = 8;

static HELD: Semaphore = Semaphore::const_new(HELD_AT_ONCE);

/// The maximum number of larger bodies parsed at once, in the whole process.
const LARGE_AT_ONCE: usize = 2;

static LARGE: Semaphore = Semaphore::const_new(LARGE_AT_ONCE);

/// How a body is parsed.
pub(super) trait Understand<T>:
    Fn(&[u8], &Scrubber) -> Result<Answer<T>, NotAnAnswer> + Copy + Send + Sync + 'static
{
}

impl<T, F> Understand<T> for F where
    F: Fn(&[u8], &Scrubber) -> Result<Answer<T>, NotAnAnswer> + Copy + Send + Sync + 'static
{
}

/// A body as received.
pub(super) struct Body {
    bytes: Vec<u8>,
    coding: Option<Coding>,
    /// The permit of a large body.
    _held: Option<SemaphorePermit<'static>>,
}

/// The compression of a body, although none was requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
}

impl Body {
    /// Reads the body of a response that arrived by `route`.
    pub(super) async fn read(
        mut response: Response,
        route: &Route<'_>,
        scrubber: &Scrubber,
    ) -> Result<Self, Failure> {
        let host = route.host;
        let coding = coding(response.headers())
            .map_err(|coding| malformed(&format!("{host} answered in {coding}"), scrubber))?;
        if response
            .content_length()
            .is_some_and(|length| length > MAX_BODY as u64)
        {
            return Err(too_large(host).into());
        }
        let mut bytes = Vec::new();
        let mut held = None;
        let lost = |error| Failure::lost(lost::classify(error, route, None), scrubber);
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            let length = bytes.len() + chunk.len();
            if length > MAX_BODY {
                return Err(too_large(host).into());
            }
            if length > MAX_INLINE && held.is_none() {
                // Never closed.
                held = HELD.acquire().await.ok();
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Self {
            bytes,
            coding,
            _held: held,
        })
    }

    /// The content of the body, as parsed by `read`.
    pub(super) async fn answer<T: Send + 'static>(
        mut self,
        read: impl Understand<T>,
        host: &str,
        scrubber: &Scrubber,
    ) -> Result<Answer<T>, FetchError> {
        if self.coding.is_none() && self.bytes.len() <= MAX_INLINE {
            return understand(read, &self.bytes, scrubber);
        }
        // Never closed.
        let turn = LARGE.acquire().await.ok();
        let (host, scrubber) = (host.to_owned(), scrubber.clone());
        let work = spawn_blocking(move || {
            let _turn = turn;
            let plain = self.decoded(&host)?;
            understand(read, &plain, &scrubber)
        });
        match work.await {
            Ok(answer) => answer,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime is shutting down, and no caller is waiting.
                Err(_) => pending().await,
            },
        }
    }

    fn decoded(&mut self, host: &str) -> Result<Vec<u8>, FetchError> {
        let bytes = self.bytes.as_slice();
        let decoder: &mut dyn Read = match self.coding {
            None => return Ok(std::mem::take(&mut self.bytes)),
            Some(Coding::Gzip) => &mut MultiGzDecoder::new(bytes),
            Some(Coding::Deflate) => &mut ZlibDecoder::new(bytes),
        };
        let mut plain = Vec::new();
        let bound = MAX_BODY as u64 + 1;
        if decoder.take(bound).read_to_end(&mut plain).is_err() {
            return Err(FetchError::new(
                Outcome::Malformed,
                "the body is not compressed as its Content-Encoding says",
            ));
        }
        if plain.len() > MAX_BODY {
            return Err(too_large(host));
        }
        Ok(plain)
    }
}

fn understand<T>(
    read: impl Understand<T>,
    body: &[u8],
    scrubber: &Scrubber,
) -> Result<Answer<T>, FetchError> {
    read(body, scrubber).map_err(|error| FetchError::new(Outcome::Malformed, error.to_string()))
}

fn malformed(message: &str, scrubber: &Scrubber) -> FetchError {
    FetchError::new(
        Outcome::Malformed,
        scrubber.scrub(message, MAX_MESSAGE_CHARS),
    )
}

fn too_large(host: &str) -> FetchError {
    FetchError::new(
        Outcome::TooLarge,
        format!("the response of {host} is larger than {MAX_BODY} bytes"),
    )
}

/// The content coding of a body that cannot be decoded, as the header names it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content coding {0:?}, although it was asked for an answer without one")]
struct UnknownCoding(String);

/// The only content coding of a body, if any.
fn coding(headers: &HeaderMap) -> Result<Option<Coding>, UnknownCoding> {
    let codings: Vec<String> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|coding| String::from_utf8_lossy(coding).trim().to_ascii_lowercase())
        .filter(|coding| !matches!(coding.as_str(), "" | "identity"))
        .collect();
    match codings.join(", ").as_str() {
        "" => Ok(None),
        "gzip" | "x-gzip" => Ok(Some(Coding::Gzip)),
        "deflate" => Ok(Some(Coding::Deflate)),
        other => Err(UnknownCoding(other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::Api;
    use crate::model::reading::Reading;
    use crate::push_api::wire;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn body(length: usize) -> Body {
        let text = r#"{"ActionStatus":"OK","ErrorCode":0,"ReadyToSendLoss":[{"ErrCode":"1","ErrCount":5}]}"#;
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(length, b' ');
        Body {
            bytes,
            coding: None,
            _held: None,
        }
    }

    #[tokio::test]
    async fn a_large_body_waits_for_its_turn_and_a_small_one_for_nothing() {
        let scrubber = Scrubber::new([]);
        let read =
            |body: &[u8], scrubber: &Scrubber| wire::parse(Api::NormalPushLoss, body, scrubber);
        let answer = |body: Body| body.answer(read, "host", &scrubber);
        let mut context = Context::from_waker(Waker::noop());
        let turns = LARGE.acquire_many(2).await.unwrap();
        let mut large = pin!(answer(body(MAX_INLINE + 1)));
        assert!(large.as_mut().poll(&mut context).is_pending());
        let small = pin!(answer(body(MAX_INLINE))).poll(&mut context);
        drop(turns);
        let large = large.await.unwrap();
        assert!(matches!(&large, Answer::Good(Reading::Loss(rows)) if rows.len() == 1));
        assert_eq!(small, Poll::Ready(Ok(large)));
    }

    #[test]
    fn content_codings_are_known_or_named() {
        for (values, expected) in [
            (&[][..], Ok(None)),
            (&["identity"], Ok(None)),
            (&[""], Ok(None)),
            (&["gzip"], Ok(Some(Coding::Gzip))),
            (&["X-GZip"], Ok(Some(Coding::Gzip))),
            (&["identity, deflate"], Ok(Some(Coding::Deflate))),
            (&["br"], Err(UnknownCoding("br".to_owned()))),
            (&["gzip, gzip"], Err(UnknownCoding("gzip, gzip".to_owned()))),
            (
                &["gzip", "zstd"],
                Err(UnknownCoding("gzip, zstd".to_owned())),
            ),
        ] {
            let headers = values
                .iter()
                .map(|value| (CONTENT_ENCODING, value.parse().unwrap()));
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(name, value);
            }
            assert_eq!(coding(&map), expected, "{values:?}");
        }
    }
}
