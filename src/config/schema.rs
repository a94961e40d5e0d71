//! The existing keys, and where they are allowed.

use super::keys::{GlobalLayer, Layer, TasksLayer, WebLayer};

/// How to read a value given as text, from an environment variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Flag,
    /// A table or a list; not accepted from an environment variable.
    Nested,
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
    /// The top level of the file that `web.config_file` names, and the tables in it.
    WebFile,
    WebFileTls,
    WebFileHttp,
    WebFileRate,
}

/// The keys of the top level besides those of [`GlobalLayer`].
const TOP: &[(&str, Kind)] = &[
    ("day_offset", Kind::Text),
    ("calls_per_second", Kind::Number),
    ("web", Kind::Nested),
    ("defaults", Kind::Nested),
    ("apps", Kind::Nested),
];

/// The keys of `defaults` besides those of [`Layer`].
const DEFAULTS: &[(&str, Kind)] = &[("tasks", Kind::Nested)];

/// The keys of an app besides its own values for those of [`Layer`].
const APP: &[(&str, Kind)] = &[
    ("name", Kind::Text),
    ("sdk_app_id", Kind::Number),
    ("identifier", Kind::Text),
    ("secret_key_file", Kind::Text),
    ("secret_key_env", Kind::Text),
    ("secret_key", Kind::Text),
    ("regions", Kind::Nested),
    ("day_offset", Kind::Text),
    ("calls_per_second", Kind::Number),
    ("tasks", Kind::Nested),
];

const REGION: &[(&str, Kind)] = &[
    ("name", Kind::Text),
    ("url", Kind::Text),
    ("insecure", Kind::Flag),
];

/// From here on, the names are those of the Prometheus exporter-toolkit.
const WEB_FILE: &[(&str, Kind)] = &[
    ("tls_server_config", Kind::Nested),
    ("http_server_config", Kind::Nested),
    ("basic_auth_users", Kind::Nested),
    ("rate_limit", Kind::Nested),
];

const WEB_FILE_TLS: &[(&str, Kind)] = &[
    ("cert", Kind::Text),
    ("key", Kind::Text),
    ("client_ca", Kind::Text),
    ("cert_file", Kind::Text),
    ("key_file", Kind::Text),
    ("client_auth_type", Kind::Text),
    ("client_ca_file", Kind::Text),
    ("client_allowed_sans", Kind::Nested),
    ("min_version", Kind::Text),
    ("max_version", Kind::Text),
    ("cipher_suites", Kind::Nested),
    ("prefer_server_cipher_suites", Kind::Flag),
    ("curve_preferences", Kind::Nested),
];

const WEB_FILE_HTTP: &[(&str, Kind)] = &[("http2", Kind::Flag), ("headers", Kind::Nested)];

const WEB_FILE_RATE: &[(&str, Kind)] = &[("interval", Kind::Text), ("burst", Kind::Number)];

impl Group {
    /// The groups whose keys an environment variable can override.
    pub(super) const OVERRIDABLE: [Self; 3] = [Self::Top, Self::Web, Self::Defaults];

    /// The keys allowed here, in the order of the documentation.
    pub(super) fn keys(self) -> impl Iterator<Item = (&'static str, Kind)> {
        let (own, more): (&[_], &[_]) = match self {
            Self::Top => (GlobalLayer::KEYS, TOP),
            Self::Web => (WebLayer::KEYS, &[]),
            Self::Defaults => (Layer::KEYS, DEFAULTS),
            Self::App => (APP, Layer::KEYS),
            Self::Region => (REGION, &[]),
            Self::Tasks => (TasksLayer::KEYS, &[]),
            Self::WebFile => (WEB_FILE, &[]),
            Self::WebFileTls => (WEB_FILE_TLS, &[]),
            Self::WebFileHttp => (WEB_FILE_HTTP, &[]),
            Self::WebFileRate => (WEB_FILE_RATE, &[]),
        };
        own.iter().chain(more).copied()
    }

    pub(super) fn has(self, key: &str) -> bool {
        self.keys().any(|(known, _)| known == key)
    }

    /// The key at the top level that holds the group, if the group is a table there.
    pub(super) fn table(self) -> Option<&'static str> {
        match self {
            Self::Web => Some("web"),
            Self::Defaults => Some("defaults"),
            _ => None,
        }
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
        if let Some(key) = closest(unknown, self.keys().map(|(key, _)| key)) {
            return format!("; did you mean `{key}`?");
        }
        let homes = [
            (Self::Top, "at the top level"),
            (Self::Web, "under `web`"),
            (Self::Defaults, "under `defaults` or in an app"),
            (Self::App, "in an app"),
        ];
        let web_file = [
            (Self::WebFile, "at the top level"),
            (Self::WebFileTls, "under `tls_server_config`"),
            (Self::WebFileHttp, "under `http_server_config`"),
            (Self::WebFileRate, "under `rate_limit`"),
        ];
        let homes = if web_file.iter().any(|(group, _)| *group == self) {
            web_file
        } else {
            homes
        };
        homes
            .into_iter()
            .find(|(home, _)| home.has(unknown))
            .map(|(_, place)| format!("; it belongs {place}"))
            .unwrap_or_default()
    }
}

/// The candidate that `text` was probably meant to be: equal except for case and separators, or at
/// most two edits away.
pub(super) fn closest<'a>(
    text: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = |text: &str| -> Vec<char> {
        text.chars()
            .filter(|c| !matches!(c, '_' | '-' | ' '))
            .flat_map(char::to_lowercase)
            .collect()
    };
    let wanted = plain(text);
    candidates
        .map(|candidate| (distance(&wanted, &plain(candidate)), candidate))
        .filter(|(edits, candidate)| *edits <= (candidate.len() / 3).min(2))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
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

    #[test]
    fn distances_count_edits() {
        for (a, b, edits) in [
            ("", "", 0),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
        ] {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(distance(&chars(a), &chars(b)), edits, "{a} {b}");
        }
    }
}
