//! The service's JSON, in every shape that its documents show or that are plausible.
//!
//! The document's own sample of a loss answer is not JSON, and the sibling APIs wrap the
//! same arrays in `Results`; nobody has published a real answer. So this accepts all
//! that can be meant, and refuses whole what cannot be understood whole.

mod envelope;
mod repair;
mod rows;

use serde_json::{Map, Value};

use crate::reading::{Api, Reading};
use crate::scrubber::Scrubber;

/// `ErrorInfo` is shown up to this many characters.
const MAX_INFO_CHARS: usize = 200;

/// What a whole body says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Good(Reading),
    /// The service refused the question.
    Refused {
        code: i64,
        /// `ErrorInfo`, scrubbed.
        info: String,
    },
}

/// Why a body is not an answer. Names keys and places, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAnAnswer(String);

impl NotAnAnswer {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Reads the body of an answer to a question about `api`.
pub fn parse(api: Api, body: &[u8], scrubber: &Scrubber) -> Result<Answer, NotAnAnswer> {
    let object = object(body)?;
    let status = text(&object, "ActionStatus")?;
    let code = rows::integer(object.get("ErrorCode"))
        .map_err(|kind| NotAnAnswer::new(format!("ErrorCode {kind}")))?;
    if status == "OK" && code == 0 {
        let sections = envelope::sections(api, &object)?;
        return rows::reading(api, &sections, scrubber).map(Answer::Good);
    }
    if code == 0 {
        return Err(NotAnAnswer::new(
            "ActionStatus is not OK, but ErrorCode is 0",
        ));
    }
    let info = object
        .get("ErrorInfo")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Ok(Answer::Refused {
        code,
        info: scrubber.scrub(info, MAX_INFO_CHARS),
    })
}

fn object(body: &[u8]) -> Result<Map<String, Value>, NotAnAnswer> {
    let text = std::str::from_utf8(body).map_err(|_| NotAnAnswer::new("the body is not UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(NotAnAnswer::new("the body is empty"));
    }
    if text.starts_with('<') {
        return Err(NotAnAnswer::new(
            "the body is a page of HTML or XML instead of JSON",
        ));
    }
    let strict = serde_json::from_str(text);
    let value = strict.or_else(|error| {
        repair::repair(text)
            .and_then(|repaired| serde_json::from_str(&repaired).ok())
            // The place and kind of the error, without the text around it.
            .ok_or_else(|| {
                NotAnAnswer::new(format!(
                    "the body is not JSON: {:?} error at line {} column {}",
                    error.classify(),
                    error.line(),
                    error.column()
                ))
            })
    })?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(NotAnAnswer::new("the body is JSON, but not an object")),
    }
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Result<&'a str, NotAnAnswer> {
    object
        .get(key)
        .and_then(Value::as_str)
        .ok_or_else(|| NotAnAnswer::new(format!("{key} is missing or not text")))
}

#[cfg(test)]
mod tests;
