//! Finds and reads the configuration file.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::document::{self, DocumentError, Format};
use super::lines::Lines;
use crate::files::{self, Contents, ReadError};

/// Where the file is searched for if the command line names none, in this order.
pub const PLACES: [&str; 2] = ["timpush.yml", "/etc/timpush-exporter/timpush.yml"];

/// The maximum file size, in bytes. It is enough for 40,000 apps.
const MAX_BYTES: u64 = 16 << 20;

/// No configuration file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no configuration file: there is neither {} in the working directory nor {}; \
     name one with --config, or see the exporter at work without any: timpush-exporter demo",
    PLACES[0], PLACES[1]
)]
pub struct NotFound;

/// The file to use: the one named on the command line, or the first that exists.
pub fn find(explicit: Option<&Path>) -> Result<PathBuf, NotFound> {
    match explicit {
        Some(path) => Ok(path.to_owned()),
        None => first_of(PLACES.map(Path::new)),
    }
}

fn first_of<const N: usize>(places: [&Path; N]) -> Result<PathBuf, NotFound> {
    places
        .into_iter()
        // If a file cannot be checked, it exists; reading it will report the reason.
        .find(|path| !matches!(path.try_exists(), Ok(false)))
        .map(Path::to_owned)
        .ok_or(NotFound)
}

/// A file's values, unchecked.
pub(super) struct Raw {
    pub(super) tree: Map<String, Value>,
    pub(super) contents: Contents,
    format: Format,
}

impl Raw {
    /// The lines of the values. The TOML parser does not report them.
    pub(super) fn lines(&self) -> Option<Lines> {
        match self.format {
            Format::Yaml | Format::Json => Lines::read(self.contents.text().ok()?).ok(),
            Format::Toml => None,
        }
    }
}

/// Why a file has no values: one sentence without the file's name.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("the ending does not tell the format; name the file .yml, .yaml, .toml or .json")]
    Ending,
    #[error("cannot be read: {0}")]
    Unreadable(#[from] ReadError),
    #[error(transparent)]
    Document(#[from] DocumentError),
}

/// Reads a file in the format given by its extension.
pub(super) fn read(path: &Path) -> Result<Raw, FileError> {
    let format = Format::of(path).ok_or(FileError::Ending)?;
    raw(path, format, document::parse)
}

/// Like [`read`], but always as YAML, whatever the extension; an empty file is an empty tree.
pub(super) fn read_yaml(path: &Path) -> Result<Raw, FileError> {
    raw(path, Format::Yaml, document::values)
}

fn raw(
    path: &Path,
    format: Format,
    parse: impl Fn(&str, Format) -> Result<Map<String, Value>, DocumentError>,
) -> Result<Raw, FileError> {
    let contents = files::read(path, MAX_BYTES)?;
    Ok(Raw {
        tree: parse(contents.text()?, format)?,
        contents,
        format,
    })
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
