//! `/metrics`: the same facts in the client's preferred format and encoding.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tracing::error;

use super::Content;
use super::bodies::{Bodies, Source};
use super::negotiation::encoding;
use super::negotiation::media::{Choice, Media};
use crate::metrics::{Encoding, Format};

/// Ready bodies in every format.
pub(super) struct Metrics {
    source: Arc<Source>,
    text: Arc<Bodies>,
    openmetrics: Arc<Bodies>,
    protobuf: Arc<Bodies>,
}

impl Metrics {
    /// `created` adds `_created` series to OpenMetrics.
    pub(super) fn new(source: Source, created: bool) -> Self {
        Self {
            source: Arc::new(source),
            text: Bodies::new(Format::Text),
            openmetrics: Bodies::new(Format::OpenMetrics { created }),
            protobuf: Bodies::new(Format::Protobuf),
        }
    }

    fn bodies(&self, media: Media) -> &Arc<Bodies> {
        match media {
            Media::Text004 | Media::Text100 => &self.text,
            Media::OpenMetrics001 | Media::OpenMetrics100 => &self.openmetrics,
            Media::Protobuf => &self.protobuf,
        }
    }
}

pub(super) async fn metrics(State(served): State<Arc<Content>>, request: HeaderMap) -> Response {
    let (choice, encoding) = (Choice::of(&request), encoding::choose(&request));
    let metrics = &served.metrics;
    let bodies = metrics.bodies(choice.media);
    let pieces = match bodies.get(&metrics.source, encoding).await {
        Ok(pieces) => pieces,
        Err(cause) => {
            error!("cannot render the metrics; this is a bug, please report it: {cause}");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let shared = pieces.shared();
    let content_type = [(CONTENT_TYPE, choice.content_type())];
    let mut response = (content_type, Body::new(pieces)).into_response();
    response.extensions_mut().insert(shared);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    let name = match encoding {
        Encoding::Identity => return response,
        Encoding::Gzip => "gzip",
        Encoding::Zstd => "zstd",
    };
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    response
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use axum::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH};
    use axum::http::{Method, Request};
    use tower::ServiceExt;

    use super::super::Lifecycle;
    use super::*;
    use crate::config::Web;
    use crate::config::target::tests::target;
    use crate::self_metrics::SelfMetrics;
    use crate::target::snapshot::Snapshot;

    struct Answer {
        headers: HeaderMap,
        body: Vec<u8>,
    }

    async fn ask(router: &axum::Router, method: Method, accept: &str, encoding: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri("/metrics")
            .header(ACCEPT, accept)
            .header(ACCEPT_ENCODING, encoding)
            .body(Body::empty())
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            headers: parts.headers,
            body: body.into(),
        }
    }

    fn decoded(answer: &Answer) -> Vec<u8> {
        let mut bytes = Vec::new();
        let body = &answer.body[..];
        match answer
            .headers
            .get(CONTENT_ENCODING)
            .map(HeaderValue::as_bytes)
        {
            None => bytes.extend(body),
            Some(b"gzip") => {
                flate2::read::GzDecoder::new(body)
                    .read_to_end(&mut bytes)
                    .unwrap();
            }
            Some(b"zstd") => bytes = zstd::decode_all(body).unwrap(),
            Some(other) => panic!("{other:?}"),
        }
        bytes
    }

    #[tokio::test]
    async fn type_encoding_length_and_body_agree_and_head_says_the_same_without_a_body() {
        let targets = [target("shop", "china")];
        let metrics = SelfMetrics::new(&targets).unwrap();
        let served = Content::new(
            Arc::new(Snapshot::new(&targets)),
            Arc::new(metrics),
            &Web {
                openmetrics_created: true,
                ..Web::BUILT_IN
            },
            Arc::new(Lifecycle::new(None, false)),
        );
        let router = super::super::router(Arc::new(served));
        for (accept, media, begin, end) in [
            (
                "*/*",
                "text/plain; version=0.0.4; charset=utf-8",
                &b"# HELP timpush"[..],
                &b"\n"[..],
            ),
            (
                "text/plain;version=1.0.0;escaping=allow-utf-8",
                "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
                b"# HELP timpush",
                b"\n",
            ),
            (
                "application/openmetrics-text;version=1.0.0",
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                b"# HELP timpush",
                b"\n# EOF\n",
            ),
            (
                "application/openmetrics-text;version=0.0.1",
                "application/openmetrics-text; version=0.0.1; charset=utf-8",
                b"# HELP timpush",
                b"\n# EOF\n",
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
                b"",
                b"",
            ),
        ] {
            for (accepted, encoding) in [
                ("", None),
                ("gzip", Some("gzip")),
                ("zstd", Some("zstd")),
                ("br", None),
            ] {
                let get = ask(&router, Method::GET, accept, accepted).await;
                let head = ask(&router, Method::HEAD, accept, accepted).await;
                assert_eq!(get.headers[CONTENT_TYPE], media);
                assert_eq!(get.headers[VARY], "accept, accept-encoding");
                assert_eq!(
                    get.headers
                        .get(CONTENT_ENCODING)
                        .map(|name| name.to_str().unwrap()),
                    encoding
                );
                let body = decoded(&get);
                assert!(body.len() > 1000);
                assert!(body.starts_with(begin) && body.ends_with(end), "{accept}");
                assert_eq!(body[0] == b'#', !begin.is_empty());
                assert!(head.body.is_empty());
                for name in [CONTENT_TYPE, VARY] {
                    assert_eq!(head.headers[&name], get.headers[&name]);
                }
                let length = head.headers[CONTENT_LENGTH]
                    .to_str()
                    .unwrap()
                    .parse::<usize>();
                // Between the two requests, the process's own metrics may have been rendered again.
                assert!(length.unwrap().abs_diff(get.body.len()) < 100);
            }
        }
    }
}
