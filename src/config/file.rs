//! Finds and reads the configuration file: text in, a tree of values out.
//!
//! Parsers like to quote the line that they do not understand, which may be the one with
//! the secret key. What they say is therefore never passed on as a whole.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use config::{ConfigError, FileFormat, Source, ValueKind};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// Where the file is looked for when the command line names none, in this order.
pub const PLACES: [&str; 2] = ["timpush.yml", "/etc/timpush-exporter/timpush.yml"];

/// A configuration of 100,000 apps is smaller; a device file is not.
const MAX_BYTES: u64 = 32 << 20;

/// There is no configuration file where one is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no configuration file: there is neither {} in the working directory nor {}; \
     name one with --config, or see the exporter at work without any: timpush-exporter demo",
    PLACES[0], PLACES[1]
)]
pub struct NotFound;

/// The file to use: the one that the command line names, or the first that exists.
pub fn find(explicit: Option<&Path>) -> Result<PathBuf, NotFound> {
    match explicit {
        Some(path) => Ok(path.to_owned()),
        None => first_of(PLACES.map(Path::new)),
    }
}

fn first_of<const N: usize>(places: [&Path; N]) -> Result<PathBuf, NotFound> {
    places
        .into_iter()
        // A file that cannot be looked at is there; reading it will say why it cannot.
        .find(|path| !matches!(path.try_exists(), Ok(false)))
        .map(Path::to_owned)
        .ok_or(NotFound)
}

/// A file's values, unchecked.
pub(super) struct Raw {
    pub(super) tree: Map<String, Value>,
    /// Permission bits that are not the owner's; 0 where there are none.
    pub(super) open_to_others: u32,
}

/// Reads a file in the format that its ending names. The error is one sentence without
/// the file's name.
pub(super) fn read(path: &Path) -> Result<Raw, String> {
    let format = Format::of(path)
        .ok_or("the ending does not tell the format; name the file .yml, .yaml, .toml or .json")?;
    let (text, open_to_others) = text(path)?;
    Ok(Raw {
        tree: parse(&text, format)?,
        open_to_others,
    })
}

/// The tree of a YAML file whatever its ending, empty if the file is; the error as in
/// [`read`].
pub(super) fn read_yaml(path: &Path) -> Result<Map<String, Value>, String> {
    let (text, _) = text(path)?;
    values(&text, Format::Yaml)
}

/// A file's text, and its permission bits that are not the owner's.
fn text(path: &Path) -> Result<(Zeroizing<String>, u32), String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let mut file = File::open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if metadata.is_dir() {
        return Err("is a directory, not a file".to_owned());
    }
    let mut bytes = Vec::new();
    file.by_ref()
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("is larger than {} MiB", MAX_BYTES >> 20));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
    Ok((Zeroizing::new(text), open_to_others(&metadata)))
}

#[cfg(unix)]
fn open_to_others(metadata: &std::fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077
}

#[cfg(not(unix))]
fn open_to_others(_: &std::fs::Metadata) -> u32 {
    0
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Yaml,
    Toml,
    Json,
}

impl Format {
    /// The format that a file's ending stands for.
    pub(super) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "yml" | "yaml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
            Self::Json => "JSON",
        }
    }
}

/// A file's text as a tree; the error as in [`read`].
pub(super) fn parse(text: &str, format: Format) -> Result<Map<String, Value>, String> {
    if plain(text).trim().is_empty() {
        return Err("is empty; it needs at least `apps`".to_owned());
    }
    let tree = values(text, format)?;
    if tree.is_empty() {
        return Err("holds no settings; it needs at least `apps`".to_owned());
    }
    Ok(tree)
}

/// Without the byte order mark that editors on Windows put first, and that TOML and JSON do
/// not know.
fn plain(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
}

fn values(text: &str, format: Format) -> Result<Map<String, Value>, String> {
    let text = plain(text);
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    let file_format = match format {
        Format::Yaml => FileFormat::Yaml,
        Format::Toml => FileFormat::Toml,
        Format::Json => FileFormat::Json,
    };
    let table = config::File::from_str(text, file_format)
        .collect()
        .map_err(|error| explain(&error, format))?;
    Ok(tree(table))
}

fn tree(table: config::Map<String, config::Value>) -> Map<String, Value> {
    table
        .into_iter()
        .map(|(key, value)| (key, generic(value)))
        .collect()
}

fn generic(value: config::Value) -> Value {
    match value.kind {
        ValueKind::Nil => Value::Null,
        ValueKind::Boolean(flag) => flag.into(),
        ValueKind::I64(number) => number.into(),
        ValueKind::U64(number) => number.into(),
        // Numbers that JSON cannot hold fit no key either; as text they are refused.
        ValueKind::I128(number) => number.to_string().into(),
        ValueKind::U128(number) => number.to_string().into(),
        ValueKind::Float(number) if number.is_finite() => number.into(),
        ValueKind::Float(number) => number.to_string().into(),
        ValueKind::String(text) => text.into(),
        ValueKind::Table(table) => Value::Object(tree(table)),
        ValueKind::Array(list) => list.into_iter().map(generic).collect(),
    }
}

/// What a parser found wrong and in which line, without any of the file's text.
fn explain(error: &ConfigError, format: Format) -> String {
    let ConfigError::FileParse { cause, .. } = error else {
        return format!("is not valid {}", format.name());
    };
    if cause.is::<Box<ConfigError>>() {
        return "must hold keys with values at its top level".to_owned();
    }
    let said = cause.to_string();
    let (line, reason) = match format {
        Format::Toml => toml_reason(&said),
        Format::Yaml | Format::Json => positioned_reason(&said),
    };
    let line = line.map_or(String::new(), |line| format!(", line {line}"));
    let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
    format!("is not valid {}{line}{reason}", format.name())
}

/// A message of the kind `reason at [byte B] line L column C`, as the parsers of YAML and
/// JSON write it. One without a position quotes values, so nothing of it is used.
fn positioned_reason(said: &str) -> (Option<usize>, Option<String>) {
    if said.starts_with("Got ") && said.ends_with(" YAML documents, expected 1") {
        return (None, Some("holds several documents, not one".to_owned()));
    }
    let position = said.rsplit_once(" line ").and_then(|(reason, rest)| {
        let (line, column) = rest.split_once(" column ")?;
        column.parse::<usize>().ok()?;
        Some((reason, line.parse().ok()?))
    });
    let Some((reason, line)) = position else {
        let text = "holds a key or a number of a kind that no setting has";
        return (None, Some(text.to_owned()));
    };
    // The key itself is quoted before this, and may be no key at all.
    if reason.contains("duplicated key in mapping") {
        return (
            Some(line),
            Some("a key stands twice in one table".to_owned()),
        );
    }
    let reason = reason
        .rsplit_once(" at")
        .map_or(reason, |(reason, _)| reason);
    (Some(line), Some(reason.to_owned()))
}

/// TOML's message is a line with the position, three that show the source, and the reason.
fn toml_reason(said: &str) -> (Option<usize>, Option<String>) {
    let line = said
        .strip_prefix("TOML parse error at line ")
        .and_then(|rest| rest.split_once(','))
        .and_then(|(line, _)| line.parse().ok());
    if line.is_none() {
        return (None, None);
    }
    let reason = said.split('\n').skip(4).filter(|part| !part.is_empty());
    (line, Some(reason.collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_that_has_a_file_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let [first, second] = ["a.yml", "b.yml"].map(|name| directory.path().join(name));
        let places = [first.as_path(), second.as_path()];
        assert_eq!(first_of(places), Err(NotFound));
        std::fs::write(&second, "").unwrap();
        assert_eq!(first_of(places), Ok(second.clone()));
        std::fs::write(&first, "").unwrap();
        assert_eq!(first_of(places), Ok(first.clone()));
        let explicit = Path::new("not there.yml");
        assert_eq!(find(Some(explicit)), Ok(explicit.to_owned()));
        let text = NotFound.to_string();
        for part in [
            "timpush.yml in the working directory",
            PLACES[1],
            "timpush-exporter demo",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
