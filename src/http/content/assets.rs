//! The page's style sheet and icon, under names that change with their content, so that browsers
//! may cache them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

use crate::digest::sha256_hex;

/// A file built into the program.
pub(super) struct Asset {
    pub(super) path: LazyLock<String>,
    kind: &'static str,
    text: &'static str,
}

pub(super) static STYLE: Asset = Asset {
    path: LazyLock::new(|| path(STYLE.text, "css")),
    kind: "text/css; charset=utf-8",
    text: include_str!("templates/style.css"),
};

pub(super) static ICON: Asset = Asset {
    path: LazyLock::new(|| path(ICON.text, "svg")),
    kind: "image/svg+xml",
    text: include_str!("templates/icon.svg"),
};

fn path(text: &str, ending: &str) -> String {
    format!("/static/{:.16}.{ending}", sha256_hex(text))
}

pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let is_named = |asset: &&Asset| asset.path.strip_prefix("/static/") == Some(&name);
    let Some(asset) = [&STYLE, &ICON].into_iter().find(is_named) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, asset.kind),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.text).into_response()
}
