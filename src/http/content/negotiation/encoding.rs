//! `Accept-Encoding`.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;

use super::{Element, elements, list};
use crate::metrics::Encoding;

/// The encoding that the client prefers; of several, the one that saves most. An encoding that is
/// not named is never sent, even if `*` would allow it: a client that sends `*` may not know which
/// encodings exist.
pub(in crate::http) fn choose(headers: &HeaderMap) -> Encoding {
    let accepted = list(headers, ACCEPT_ENCODING).unwrap_or_default();
    let elements: Vec<Element> = elements(&accepted).collect();
    let quality = |names: &[&str]| {
        let mut named = elements
            .iter()
            .filter(|element| names.contains(&element.name.as_str()));
        named.next().map(|element| element.quality)
    };
    // If not mentioned, identity is acceptable, but less than the requested encodings.
    let identity = quality(&["identity"]).or(quality(&["*"])).unwrap_or(0.0);
    let mut best = (Encoding::Identity, identity);
    for (encoding, names) in [
        (Encoding::Gzip, &["gzip", "x-gzip"][..]),
        (Encoding::Zstd, &["zstd"]),
    ] {
        if let Some(quality) = quality(names)
            && quality > 0.0
            && quality >= best.1
        {
            best = (encoding, quality);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn chosen(accepted: &str) -> Encoding {
        let value = HeaderValue::from_str(accepted).unwrap();
        choose(&HeaderMap::from_iter([(ACCEPT_ENCODING, value)]))
    }

    #[test]
    fn the_best_liked_encoding_is_chosen() {
        for (accepted, expected) in [
            // Prometheus, curl --compressed, browsers.
            ("gzip", Encoding::Gzip),
            ("deflate, gzip, br, zstd", Encoding::Zstd),
            ("gzip, deflate, br", Encoding::Gzip),
            ("zstd;q=0.9, gzip", Encoding::Gzip),
            ("zstd, gzip;q=0.9", Encoding::Zstd),
            ("gzip;q=0.001", Encoding::Gzip),
            ("GZIP", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("identity, gzip", Encoding::Gzip),
            ("identity;q=0.5, gzip;q=0.4", Encoding::Identity),
            ("identity;q=0.5, gzip;q=0.4, zstd;q=0.5", Encoding::Zstd),
            ("gzip;q=0.4, *", Encoding::Identity),
            ("gzip;q=0, *", Encoding::Identity),
            ("gzip;q=0, zstd;q=0.1", Encoding::Zstd),
            ("gzip, identity;q=0", Encoding::Gzip),
            ("gzip, *;q=0", Encoding::Gzip),
        ] {
            assert_eq!(chosen(accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn what_is_not_there_or_not_understood_leaves_the_bytes_as_they_are() {
        for accepted in [
            "",
            "*",
            "*;q=0",
            "identity",
            "identity;q=0",
            "br",
            "gzip;q=0",
            "gzip;q=2",
            "gzip;q=",
            "gzip zstd",
            ",;,",
            "gz",
        ] {
            assert_eq!(chosen(accepted), Encoding::Identity, "{accepted}");
        }
        assert_eq!(choose(&HeaderMap::new()), Encoding::Identity);
    }

    proptest! {
        #[test]
        fn an_encoding_that_is_refused_or_not_named_is_never_chosen(
            gzip in prop::option::of(0_u32..=999),
            zstd in prop::option::of(0_u32..=999),
            any in prop::option::of(0_u32..=999),
            noise in "[ a-z;=,]{0,8}",
        ) {
            let element = |name, quality: Option<u32>| quality.map(|q| format!("{name};q=0.{q:03}"));
            let list: Vec<String> = [element("gzip", gzip), element("zstd", zstd), element("*", any)]
                .into_iter()
                .flatten()
                .chain([format!("x{noise}")])
                .collect();
            let (gzip, zstd) = (gzip.unwrap_or(0), zstd.unwrap_or(0));
            let expected = match any.unwrap_or(0) {
                any if any > gzip.max(zstd) => Encoding::Identity,
                _ if gzip.max(zstd) == 0 => Encoding::Identity,
                _ if zstd >= gzip => Encoding::Zstd,
                _ => Encoding::Gzip,
            };
            prop_assume!(!noise.contains("gzip") && !noise.contains("zstd") && !noise.contains("identity"));
            prop_assert_eq!(chosen(&list.join(",")), expected);
        }
    }
}
