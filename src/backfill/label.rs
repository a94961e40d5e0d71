//! Labels that the scrape configuration would have added.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::metrics::walk::labels;

/// A label for every series, written as `name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub name: String,
    pub value: String,
}

/// Why a text is not a valid label.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    #[error("write it as name=value, such as job=timpush-exporter")]
    NoValue,
    #[error("{0:?} is no label name: letters, digits and _ are allowed, and no digit at the start")]
    Name(String),
    #[error("{0}: names that begin with __ are Prometheus' own")]
    Reserved(String),
    #[error("{0} is a label of the metrics themselves")]
    Ours(String),
    #[error("{0}: a label without a value is no label")]
    Empty(String),
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let (name, value) = text.split_once('=').ok_or(LabelError::NoValue)?;
        let mut chars = name.chars();
        let valid = chars
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !valid {
            return Err(LabelError::Name(name.to_owned()));
        }
        if name.starts_with("__") {
            return Err(LabelError::Reserved(name.to_owned()));
        }
        if labels::NAMES.contains(&name) {
            return Err(LabelError::Ours(name.to_owned()));
        }
        if value.is_empty() {
            return Err(LabelError::Empty(name.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// A duplicate name, if any.
pub fn repeated(labels: &[Label]) -> Option<&str> {
    let mut names = BTreeSet::new();
    let mut all = labels.iter().map(|label| label.name.as_str());
    all.find(|name| !names.insert(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_label_names_and_not_ours() {
        for text in ["job=timpush-exporter", "_x1=a=b", "instance=10.0.0.1:10898"] {
            assert!(text.parse::<Label>().is_ok(), "{text}");
        }
        for (text, reason) in [
            ("job", "name=value"),
            ("=x", "no label name"),
            ("1a=x", "no label name"),
            ("a-b=x", "no label name"),
            ("é=x", "no label name"),
            ("__name__=x", "Prometheus' own"),
            ("app=x", "metrics themselves"),
            ("err_code=x", "metrics themselves"),
            ("job=", "without a value"),
        ] {
            let error = text.parse::<Label>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_name_that_is_given_twice_is_found() {
        let labels = |texts: &[&str]| -> Vec<Label> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        assert_eq!(repeated(&labels(&["a=1", "b=1"])), None);
        assert_eq!(repeated(&labels(&["a=1", "b=1", "a=2"])), Some("a"));
    }
}
