//! The existing keys, and where they are allowed.

use strsim::levenshtein;

use super::keys::{GlobalLayer, Layer, TasksLayer, WebLayer};

/// How to read a value given as text, from an environment variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Flag,
}

/// A place for keys in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Top,
    Web,
    Defaults,
    App,
    Region,
    Tasks,
    /// The top level of the file that `web.config_file` names, and the tables in it. Their keys are
    /// those of the Prometheus exporter-toolkit.
    WebFile,
    WebFileTls,
    WebFileHttp,
    WebFileRate,
}

/// The keys of the top level that are also keys of an app, besides those of [`Layer`].
const SHARED: &[(&str, Kind)] = &[
    ("day_offset", Kind::Text),
    ("calls_per_second", Kind::Number),
];

/// The keys that hold one value outside apps, each with the start of its path.
pub(super) const OVERRIDABLE: [(&str, &[(&str, Kind)]); 4] = [
    ("", GlobalLayer::KEYS),
    ("", SHARED),
    ("web.", WebLayer::KEYS),
    ("defaults.", Layer::KEYS),
];

impl Group {
    /// The keys allowed here.
    pub(super) fn keys(self) -> impl Iterator<Item = &'static str> {
        let (values, more): (&[&[_]], &[_]) = match self {
            Self::Top => (&[GlobalLayer::KEYS, SHARED], &["web", "defaults", "apps"]),
            Self::Web => (&[WebLayer::KEYS], &[]),
            Self::Defaults => (&[Layer::KEYS], &["tasks"]),
            Self::App => (
                &[SHARED, Layer::KEYS],
                &[
                    "name",
                    "sdk_app_id",
                    "identifier",
                    "secret_key_file",
                    "secret_key_env",
                    "secret_key",
                    "regions",
                    "tasks",
                ],
            ),
            Self::Region => (&[], &["name", "url", "insecure"]),
            Self::Tasks => (&[TasksLayer::KEYS], &[]),
            Self::WebFile => (
                &[],
                &[
                    "tls_server_config",
                    "http_server_config",
                    "basic_auth_users",
                    "rate_limit",
                ],
            ),
            Self::WebFileTls => (
                &[],
                &[
                    "cert",
                    "key",
                    "client_ca",
                    "cert_file",
                    "key_file",
                    "client_auth_type",
                    "client_ca_file",
                    "client_allowed_sans",
                    "min_version",
                    "max_version",
                    "cipher_suites",
                    "prefer_server_cipher_suites",
                    "curve_preferences",
                ],
            ),
            Self::WebFileHttp => (&[], &["http2", "headers"]),
            Self::WebFileRate => (&[], &["interval", "burst"]),
        };
        let values = values.iter().copied().flatten();
        values.map(|(key, _)| *key).chain(more.iter().copied())
    }

    pub(super) fn has(self, key: &str) -> bool {
        self.keys().any(|known| known == key)
    }

    /// Whether the key is for the author's own use: `x-...` at the top level holds YAML anchors,
    /// and is not read.
    pub(super) fn is_extension(self, key: &str) -> bool {
        self == Self::Top && key.starts_with("x-")
    }

    /// The suggestion for an unknown key, as the end of a sentence; empty if nothing is similar.
    pub(super) fn hint(self, unknown: &str) -> String {
        if unknown == "<<" {
            return "; a YAML merge key requires a table or a list of tables".to_owned();
        }
        if let Some(key) = closest(unknown, self.keys()) {
            return format!("; did you mean `{key}`?");
        }
        let web_file = [
            (Self::WebFile, "at the top level"),
            (Self::WebFileTls, "under `tls_server_config`"),
            (Self::WebFileHttp, "under `http_server_config`"),
            (Self::WebFileRate, "under `rate_limit`"),
        ];
        let homes = if web_file.iter().any(|(group, _)| *group == self) {
            web_file
        } else {
            [
                (Self::Top, "at the top level"),
                (Self::Web, "under `web`"),
                (Self::Defaults, "under `defaults` or in an app"),
                (Self::App, "in an app"),
            ]
        };
        let home = homes.into_iter().find(|(home, _)| home.has(unknown));
        home.map_or(String::new(), |(_, place)| format!("; it belongs {place}"))
    }
}

/// The candidate that `text` was probably meant to be: equal except for case and separators, or at
/// most two edits away.
pub(super) fn closest<'a>(
    text: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = |text: &str| text.replace(['_', '-', ' '], "").to_lowercase();
    let wanted = plain(text);
    candidates
        .map(|candidate| (levenshtein(&wanted, &plain(candidate)), candidate))
        .filter(|(edits, candidate)| *edits <= (candidate.len() / 3).min(2))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_given_for_near_misses_and_misplaced_keys_only() {
        for (group, unknown, hint) in [
            (Group::Defaults, "intervall", "; did you mean `interval`?"),
            (Group::App, "SDKAppID", "; did you mean `sdk_app_id`?"),
            (
                Group::App,
                "secret-key-file",
                "; did you mean `secret_key_file`?",
            ),
            (Group::Top, "default", "; did you mean `defaults`?"),
            (
                Group::Top,
                "interval",
                "; it belongs under `defaults` or in an app",
            ),
            (Group::Defaults, "listen", "; it belongs at the top level"),
            (Group::Top, "identifier", "; it belongs in an app"),
            (Group::Top, "colour", ""),
            (Group::Defaults, "log", "; did you mean `lag`?"),
            (Group::Defaults, "leg_", "; did you mean `lag`?"),
            (Group::Defaults, "tag_x", ""),
        ] {
            assert_eq!(group.hint(unknown), hint, "{unknown}");
        }
    }
}
