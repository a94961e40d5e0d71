//! `Accept`: formats, their versions, and the escaping of names.

use std::cmp::Reverse;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

use super::{Element, elements, list};

/// The content type of a body: a format in one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Media {
    Text004,
    Text100,
    OpenMetrics100,
    OpenMetrics001,
    Protobuf,
}

/// The schemes for writing names beyond the classic ones. Our names are classic and the same in
/// each scheme; the response to a client that names a scheme names it, too.
const ESCAPING: [&str; 4] = ["allow-utf-8", "underscores", "dots", "values"];

impl Media {
    /// The first is for clients without a preference.
    const ALL: [Self; 5] = [
        Self::Text004,
        Self::Text100,
        Self::OpenMetrics100,
        Self::OpenMetrics001,
        Self::Protobuf,
    ];

    fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Text004 | Self::Text100 => ("text", "plain"),
            Self::OpenMetrics100 | Self::OpenMetrics001 => ("application", "openmetrics-text"),
            Self::Protobuf => ("application", "vnd.google.protobuf"),
        }
    }

    /// The parameters that distinguish it from others of the same name. `true`: required.
    fn parameters(self) -> &'static [(&'static str, &'static str, bool)] {
        match self {
            Self::Text004 => &[("version", "0.0.4", false)],
            Self::Text100 | Self::OpenMetrics100 => &[("version", "1.0.0", false)],
            Self::OpenMetrics001 => &[("version", "0.0.1", false)],
            Self::Protobuf => &[
                ("proto", "io.prometheus.client.MetricFamily", true),
                ("encoding", "delimited", true),
            ],
        }
    }

    /// How closely an element of `Accept` matches this; absent if it does not match.
    fn closeness(self, element: &Element<'_>) -> Option<usize> {
        let (kind, subtype) = self.name();
        match element.name.split_once('/')? {
            ("*", "*") => Some(0),
            (of, "*") if of == kind => Some(1),
            (of, name) if (of, name) == (kind, subtype) => {
                let mut named = 0;
                for (name, value, required) in self.parameters() {
                    let mut given = element.parameters.iter().filter(|(of, _)| of == name);
                    match given.next() {
                        Some((_, of)) if of == value => named += 1,
                        None if !required => {}
                        _ => return None,
                    }
                }
                Some(2 + named)
            }
            _ => None,
        }
    }
}

/// The format sent to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Choice {
    pub(in crate::http) media: Media,
    /// One of [`ESCAPING`].
    escaping: Option<&'static str>,
}

impl Choice {
    /// The format that the client prefers by `Accept`; of several, the one that it names most
    /// closely, then first.
    pub(in crate::http) fn of(headers: &HeaderMap) -> Self {
        let accept = list(headers, ACCEPT).unwrap_or_default();
        let elements: Vec<Element> = elements(&accept).collect();
        // The closest element gives a client's preference for a format: with `text/*;q=0.1, */*` it
        // prefers anything to text.
        let liked = Media::ALL.into_iter().filter_map(|media| {
            let matching = elements.iter().enumerate().filter_map(|(at, element)| {
                let closeness = media.closeness(element)?;
                Some((closeness, element.quality, Reverse(at), element))
            });
            let closest = matching.max_by(|a, b| (a.0, a.2).cmp(&(b.0, b.2)))?;
            (closest.1 > 0.0).then_some((media, closest))
        });
        let best = liked.reduce(|best, other| {
            let (a, b) = (&best.1, &other.1);
            let better = b.1.total_cmp(&a.1).then((b.0, b.2).cmp(&(a.0, a.2)));
            if better.is_gt() { other } else { best }
        });
        match best {
            Some((media, (_, _, _, element))) => Self {
                media,
                escaping: element
                    .parameters
                    .iter()
                    .find(|(name, _)| name == "escaping")
                    .and_then(|(_, scheme)| ESCAPING.into_iter().find(|known| known == scheme)),
            },
            None => Self {
                media: Media::Text004,
                escaping: None,
            },
        }
    }

    pub(in crate::http) fn content_type(self) -> String {
        let content_type = match self.media {
            Media::Text004 => "text/plain; version=0.0.4; charset=utf-8",
            Media::OpenMetrics001 => "application/openmetrics-text; version=0.0.1; charset=utf-8",
            Media::Text100 => "text/plain; version=1.0.0; charset=utf-8",
            Media::OpenMetrics100 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Media::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        };
        match (self.media, self.escaping) {
            // From before names could be escaped.
            (Media::Text004 | Media::OpenMetrics001, _) | (_, None) => content_type.to_owned(),
            (_, Some(scheme)) => format!("{content_type}; escaping={scheme}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn choice(accept: &[&str]) -> Choice {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, HeaderValue::from_str(value).unwrap());
        }
        Choice::of(&headers)
    }

    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    const NEW_TEXT: &str = "text/plain; version=1.0.0; charset=utf-8";
    const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    const OLD_OPEN: &str = "application/openmetrics-text; version=0.0.1; charset=utf-8";
    const PROTO: &str = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

    #[test]
    fn what_prometheus_sends_is_answered_with_what_it_likes_best() {
        for (accept, expected) in [
            // 2.42, and with native histograms.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OPEN,
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                PROTO,
            ),
            // 3, with its default protocols, and with protobuf first.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=allow-utf-8",
            ),
            (
                "text/plain;version=1.0.0;escaping=underscores;q=0.3,*/*;q=0.2",
                "text/plain; version=1.0.0; charset=utf-8; escaping=underscores",
            ),
            ("text/plain;version=0.0.4;q=0.3,*/*;q=0.2", TEXT),
        ] {
            assert_eq!(choice(&[accept]).content_type(), expected, "{accept}");
        }
    }

    #[test]
    fn quality_then_closeness_then_order_decide() {
        for (accept, expected) in [
            ("*/*", TEXT),
            ("text/*", TEXT),
            ("text/plain", TEXT),
            ("TEXT/PLAIN; VERSION=1.0.0", NEW_TEXT),
            ("text/plain;version=\"1.0.0\"", NEW_TEXT),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                TEXT,
            ),
            ("application/*", OPEN),
            ("application/openmetrics-text", OPEN),
            ("application/openmetrics-text;version=0.0.1", OLD_OPEN),
            ("*/*, application/openmetrics-text", OPEN),
            ("text/plain, application/openmetrics-text", TEXT),
            ("application/openmetrics-text, text/plain", OPEN),
            ("application/openmetrics-text;q=0.5, text/plain;q=0.4", OPEN),
            ("application/openmetrics-text;q=0.4, text/plain;q=0.5", TEXT),
            ("text/plain;q=0, application/openmetrics-text;q=0.001", OPEN),
            ("text/plain;q=0, */*;q=0.5", OPEN),
            ("text/*;q=0.1, */*", OPEN),
            ("text/plain;version=0.0.4;q=0, text/plain", NEW_TEXT),
            (
                "application/openmetrics-text;version=1.0.0;q=0, application/openmetrics-text;version=0.0.1",
                OLD_OPEN,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=snakes",
                OPEN,
            ),
            (
                "application/vnd.google.protobuf;encoding=delimited;proto=io.prometheus.client.MetricFamily",
                PROTO,
            ),
        ] {
            assert_eq!(choice(&[accept]).content_type(), expected, "{accept}");
        }
    }

    #[test]
    fn what_cannot_be_served_or_read_is_answered_with_the_default() {
        for accept in [
            "",
            " ",
            ",,;;,",
            "*/*;q=0",
            "text/plain;q=0",
            "application/json",
            "text",
            "/",
            "application/openmetrics-text;q=high",
            "application/openmetrics-text;q=1.1",
            "application/openmetrics-text;q",
            "application/openmetrics-text;version=2.0.0",
            "application/vnd.google.protobuf",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
            "application/vnd.google.protobuf;proto=other;encoding=delimited",
        ] {
            assert_eq!(choice(&[accept]).content_type(), TEXT, "{accept}");
        }
        assert_eq!(choice(&[]).content_type(), TEXT);
        let mut headers = HeaderMap::new();
        headers.append(ACCEPT, HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(Choice::of(&headers).content_type(), TEXT);
    }

    #[test]
    fn several_headers_are_one_list() {
        let choice = choice(&["text/plain;q=0.5", "application/openmetrics-text"]);
        assert_eq!(choice.content_type(), OPEN);
    }

    /// Every range that matches our formats.
    const RANGES: [&str; 7] = [
        "*/*",
        "text/*",
        "application/*",
        "text/plain;version=0.0.4",
        "text/plain;version=1.0.0",
        "application/openmetrics-text;version=1.0.0",
        "application/openmetrics-text;version=0.0.1",
    ];

    proptest! {
        #[test]
        fn any_header_gets_an_answer(accept in "\\PC{0,60}") {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(accept.as_bytes()) {
                headers.append(ACCEPT, value);
            }
            prop_assert!(!Choice::of(&headers).content_type().is_empty());
        }

        #[test]
        fn a_format_that_is_liked_best_by_its_name_is_chosen(
            best in 3_usize..7,
            qualities in prop::collection::vec(0_u32..900, 7),
            order in Just((0..7_usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let element = |at: &usize| {
                let quality = if *at == best { 999 } else { qualities[*at] };
                format!("{};q=0.{quality:03}", RANGES[*at])
            };
            let accept: Vec<String> = order.iter().map(element).collect();
            let chosen = choice(&[&accept.join(", ")]).content_type().replace("; charset=utf-8", "");
            prop_assert_eq!(chosen.replace("; ", ";"), RANGES[best]);
        }

        #[test]
        fn a_format_that_is_refused_by_name_is_never_chosen_when_another_is_welcome(
            refused in 3_usize..7,
            qualities in prop::collection::vec(1_u32..=999, 7),
        ) {
            let accept: Vec<String> = RANGES
                .iter()
                .enumerate()
                .map(|(at, range)| {
                    let quality = if at == refused { 0 } else { qualities[at] };
                    format!("{range};q=0.{quality:03}")
                })
                .collect();
            let chosen = choice(&[&accept.join(",")]).content_type().replace("; charset=utf-8", "");
            prop_assert_ne!(chosen.replace("; ", ";"), RANGES[refused]);
        }
    }
}
