//! `/metrics`: the same facts in the format and encoding that the client likes best.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};

use super::Served;
use super::negotiation::media::{Choice, Media};
use crate::clock;
use crate::exposition::{self, Encoder, Format};

pub(super) async fn metrics(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    let choice = Choice::of(&headers);
    let format = match choice.media {
        Media::Text004 | Media::Text100 => Format::Text,
        Media::OpenMetrics001 | Media::OpenMetrics100 => Format::OpenMetrics {
            created: served.openmetrics_created,
        },
        Media::Protobuf => Format::Protobuf,
    };
    let mut encoder = Encoder::new(format);
    exposition::write(
        &served.snapshot.load(),
        &served.metrics,
        clock::now(),
        &mut encoder,
    );
    let headers = [
        (CONTENT_TYPE, choice.content_type()),
        (VARY, "Accept, Accept-Encoding"),
    ];
    (headers, encoder.into_body()).into_response()
}
