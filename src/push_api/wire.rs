//! The service's JSON, in every documented or plausible shape.
//!
//! The document's own sample of a loss response is not JSON, the sibling APIs wrap the same
//! arrays in `Results`, and no real response is published. So this parser accepts every shape
//! with a clear meaning, and rejects a response as a whole unless it understands all of it. A
//! text that decides nothing cannot spoil a response: broken characters in it become U+FFFD.
//!
//! Time and memory are linear in the body: no tree is built, values are read in place.

mod envelope;
mod json;
mod repair;
mod rows;
mod tasks;
mod texts;
mod trace;

use serde_json::value::RawValue;

use crate::model::reading::{Api, Reading};
use crate::model::task::{TaskList, TaskReadings};
use crate::model::trace::Trace;
use crate::scrubber::Scrubber;

/// The maximum length of `ErrorInfo` in messages, in characters.
const MAX_INFO_CHARS: usize = 200;

/// The maximum length of a description of a malformed body, in characters.
const MAX_PROBLEM_CHARS: usize = 300;

/// The content of a whole body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<T = Reading> {
    Good(T),
    /// The service refused the query.
    Refused {
        code: i64,
        /// `ErrorInfo`, scrubbed.
        info: String,
    },
}

/// Why a body is not a valid response. Names keys and places, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAnAnswer(String);

impl NotAnAnswer {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Parses the response to a query of `api`.
pub fn parse(api: Api, body: &[u8], scrubber: &Scrubber) -> Result<Answer, NotAnAnswer> {
    let read = |text: &str| rows::reading(api, &envelope::sections(api, text)?, scrubber);
    whole(body, scrubber, &read)
}

/// Parses the response to a query about one push.
pub fn parse_trace(body: &[u8], scrubber: &Scrubber) -> Result<Answer<Trace>, NotAnAnswer> {
    whole(body, scrubber, &|text: &str| trace::trace(text, scrubber))
}

/// Parses the response to a query about several tasks.
pub fn parse_tasks(
    api: Api,
    body: &[u8],
    scrubber: &Scrubber,
) -> Result<Answer<TaskReadings>, NotAnAnswer> {
    whole(body, scrubber, &|text: &str| {
        tasks::readings(api, text, scrubber)
    })
}

/// Parses a response that lists scheduled tasks.
pub fn parse_scheduled(body: &[u8], scrubber: &Scrubber) -> Result<Answer<TaskList>, NotAnAnswer> {
    whole(body, scrubber, &|text: &str| {
        tasks::scheduled(text, scrubber)
    })
}

/// Parses a body; `read` parses the data of a success.
fn whole<T>(
    body: &[u8],
    scrubber: &Scrubber,
    read: &impl Fn(&str) -> Result<T, NotAnAnswer>,
) -> Result<Answer<T>, NotAnAnswer> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(NotAnAnswer::new("the body is empty"));
    }
    if text.starts_with('<') {
        return Err(NotAnAnswer::new(
            "the body is a page of HTML or XML instead of JSON",
        ));
    }
    let answer = answer(text, scrubber, read).unwrap_or_else(|error| {
        repair::repair(text)
            .and_then(|repaired| answer(&repaired, scrubber, read).ok())
            .unwrap_or_else(|| Err(not_json(&error)))
    });
    // A key of the body may echo a secret.
    answer.map_err(|NotAnAnswer(text)| NotAnAnswer(scrubber.scrub(&text, MAX_PROBLEM_CHARS)))
}

/// Fails if `text` is not a JSON object.
fn answer<T>(
    text: &str,
    scrubber: &Scrubber,
    read: &impl Fn(&str) -> Result<T, NotAnAnswer>,
) -> serde_json::Result<Result<Answer<T>, NotAnAnswer>> {
    const KEYS: [&str; 3] = ["ActionStatus", "ErrorCode", "ErrorInfo"];
    let [status, code, info] = json::fields(text, KEYS)?;
    Ok(
        status_and_code(status, code).and_then(|refusal| match refusal {
            None => read(text).map(Answer::Good),
            Some(code) => Ok(Answer::Refused {
                code,
                info: scrubber.scrub(
                    &info.and_then(json::text).unwrap_or_default(),
                    MAX_INFO_CHARS,
                ),
            }),
        }),
    )
}

/// The code of a refusal, `None` for a success.
fn status_and_code(
    status: Option<&RawValue>,
    code: Option<&RawValue>,
) -> Result<Option<i64>, NotAnAnswer> {
    let status = status
        .and_then(json::text)
        .ok_or_else(|| NotAnAnswer::new("ActionStatus is missing or not text"))?;
    let code = json::integer(code).map_err(|kind| NotAnAnswer::new(format!("ErrorCode {kind}")))?;
    match (&*status, code) {
        ("OK", 0) => Ok(None),
        (_, 0) => Err(NotAnAnswer::new(
            "ActionStatus is not OK, but ErrorCode is 0",
        )),
        (_, code) => Ok(Some(code)),
    }
}

/// The place and kind of the error, without the text around it.
fn not_json(error: &serde_json::Error) -> NotAnAnswer {
    if error.is_data() {
        return NotAnAnswer::new("the body is not a JSON object");
    }
    NotAnAnswer::new(format!(
        "the body is not JSON: {:?} error at line {} column {}",
        error.classify(),
        error.line(),
        error.column()
    ))
}

#[cfg(test)]
mod tests;
