//! Text in one of the three formats in, a tree of values out.
//!
//! Parsers often quote the line that they cannot parse, which may be the one with the secret key.
//! Their messages are therefore never passed on as a whole.

use std::path::Path;

use config::{ConfigError, FileFormat, Source, ValueKind};
use serde_json::{Map, Value};
use yaml_rust2::ScanError;

use super::bounds::{self, Excess, MAX_DEPTH};
use super::duplicates::{self, TWICE};
use super::lines::Lines;

/// Why a text is not a configuration: one sentence without the file's name and without any part of
/// the text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentError {
    #[error("is empty; it needs at least `apps`")]
    Empty,
    #[error("holds no settings; it needs at least `apps`")]
    NoSettings,
    #[error("must hold keys with values at its top level")]
    NoTable,
    #[error(transparent)]
    Excess(#[from] Excess),
    /// With the line and the reason, as far as known.
    #[error("is not valid {0}")]
    Invalid(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Yaml,
    Toml,
    Json,
}

impl Format {
    /// The format for a file's extension.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "yml" | "yaml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
            Self::Json => "JSON",
        }
    }
}

/// A file's text as a tree.
pub(super) fn parse(text: &str, format: Format) -> Result<Map<String, Value>, DocumentError> {
    if text.trim().is_empty() {
        return Err(DocumentError::Empty);
    }
    let tree = values(text, format)?;
    if tree.is_empty() {
        return Err(DocumentError::NoSettings);
    }
    Ok(tree)
}

/// As [`parse`], but a text without settings is an empty tree.
pub(crate) fn values(text: &str, format: Format) -> Result<Map<String, Value>, DocumentError> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    let file_format = match format {
        Format::Yaml => {
            Lines::read(text)?;
            FileFormat::Yaml
        }
        Format::Toml => {
            bounds::values(text, b"[{,=.")?;
            FileFormat::Toml
        }
        Format::Json => {
            bounds::values(text, b"[{,:")?;
            if let Some(line) = duplicates::json(text) {
                return Err(invalid(Some(line), Some(TWICE.to_owned()), format));
            }
            FileFormat::Json
        }
    };
    let parsed = config::File::from_str(text, file_format).collect();
    let parsed = parsed.map_err(|error| explain(&error, format))?;
    let mut tree = tree(parsed, MAX_DEPTH)?;
    if format == Format::Yaml {
        merge(&mut tree);
    }
    Ok(tree)
}

/// Replaces YAML's merge keys (`<<`) by the tables that they name: a table's own keys win, then
/// those of the table named first. A value that is not a table remains, for the check to refuse.
/// Works down to [`MAX_DEPTH`]; adds nothing that [`bounds`] has not counted with its aliases.
fn merge(table: &mut Map<String, Value>) {
    for value in table.values_mut() {
        merge_within(value);
    }
    let named = match table.get("<<") {
        Some(Value::Object(_)) => table.remove("<<").into_iter().collect(),
        Some(Value::Array(list)) if list.iter().all(Value::is_object) => match table.remove("<<") {
            Some(Value::Array(list)) => list,
            _ => Vec::new(),
        },
        _ => return,
    };
    for value in named {
        if let Value::Object(more) = value {
            for (key, value) in more {
                table.entry(key).or_insert(value);
            }
        }
    }
}

fn merge_within(value: &mut Value) {
    match value {
        Value::Object(table) => merge(table),
        Value::Array(list) => list.iter_mut().for_each(merge_within),
        _ => {}
    }
}

/// `levels`: the maximum number of levels, this one included.
fn tree(
    table: config::Map<String, config::Value>,
    levels: usize,
) -> Result<Map<String, Value>, Excess> {
    let levels = levels.checked_sub(1).ok_or(Excess::DEPTH)?;
    table
        .into_iter()
        .map(|(key, value)| Ok((key, generic(value, levels)?)))
        .collect()
}

/// `levels`: the maximum number of levels inside.
fn generic(value: config::Value, levels: usize) -> Result<Value, Excess> {
    Ok(match value.kind {
        ValueKind::Nil => Value::Null,
        ValueKind::Boolean(flag) => flag.into(),
        ValueKind::I64(number) => number.into(),
        ValueKind::U64(number) => number.into(),
        // No key accepts a number that JSON cannot hold; as text it is refused.
        ValueKind::I128(number) => number.to_string().into(),
        ValueKind::U128(number) => number.to_string().into(),
        ValueKind::Float(number) if number.is_finite() => number.into(),
        ValueKind::Float(number) => number.to_string().into(),
        ValueKind::String(text) => text.into(),
        ValueKind::Table(table) => Value::Object(tree(table, levels)?),
        ValueKind::Array(list) => {
            let levels = levels.checked_sub(1).ok_or(Excess::DEPTH)?;
            let list = list.into_iter().map(|value| generic(value, levels));
            Value::Array(list.collect::<Result<_, _>>()?)
        }
    })
}

/// A parser's error and its line, without any of the file's text.
fn explain(error: &ConfigError, format: Format) -> DocumentError {
    let ConfigError::FileParse { cause, .. } = error else {
        return DocumentError::Invalid(format.name().to_owned());
    };
    if cause.is::<Box<ConfigError>>() {
        return DocumentError::NoTable;
    }
    let said = cause.to_string();
    let (line, reason) = if format == Format::Toml {
        toml_reason(&said)
    } else if let Some(error) = cause.downcast_ref::<ScanError>() {
        // The key itself is quoted before this, and may be a secret in the wrong place.
        let is_duplicate = error.info().contains("duplicated key in mapping");
        let reason = if is_duplicate { TWICE } else { error.info() };
        (Some(error.marker().line()), Some(reason.to_owned()))
    } else if let Some(error) = cause.downcast_ref::<serde_json::Error>() {
        let reason = said.rsplit_once(" at line ").map(|(reason, _)| reason);
        (Some(error.line()), reason.map(str::to_owned))
    } else if said.starts_with("Got ") && said.ends_with(" YAML documents, expected 1") {
        (None, Some("holds several documents, not one".to_owned()))
    } else {
        // Such a message quotes the value.
        let text = "holds a key or a number of a kind that no setting has";
        (None, Some(text.to_owned()))
    };
    invalid(line, reason, format)
}

fn invalid(line: Option<usize>, reason: Option<String>, format: Format) -> DocumentError {
    let line = line.map_or(String::new(), |line| format!(", line {line}"));
    let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
    DocumentError::Invalid(format!("{}{line}{reason}", format.name()))
}

/// A TOML message is a line with the position, three lines that show the source, and the reason.
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
