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
mod object;
mod repair;
mod rows;
mod tasks;
mod texts;
mod trace;

use std::borrow::Cow;

use object::Object;
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
    whole(body, scrubber, |top| {
        let sections = envelope::sections(&rows::keys(api), top)?;
        rows::reading(api, &sections, scrubber)
    })
}

/// Parses the response to a query about one push.
pub fn parse_trace(body: &[u8], scrubber: &Scrubber) -> Result<Answer<Trace>, NotAnAnswer> {
    whole(body, scrubber, |top| trace::trace(top, scrubber))
}

/// Parses the response to a query about several tasks.
pub fn parse_tasks(
    api: Api,
    body: &[u8],
    scrubber: &Scrubber,
) -> Result<Answer<TaskReadings>, NotAnAnswer> {
    whole(body, scrubber, |top| tasks::readings(api, top, scrubber))
}

/// Parses a response that lists scheduled tasks.
pub fn parse_scheduled(body: &[u8], scrubber: &Scrubber) -> Result<Answer<TaskList>, NotAnAnswer> {
    whole(body, scrubber, |top| tasks::scheduled(top, scrubber))
}

/// Parses a body; `read` parses the data of a success.
fn whole<T>(
    body: &[u8],
    scrubber: &Scrubber,
    read: impl FnOnce(Object) -> Result<T, NotAnAnswer>,
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
    let text = valid(text)?;
    if !text.starts_with('{') {
        return Err(NotAnAnswer::new("the body is not a JSON object"));
    }
    // A key of the body may echo a secret.
    answer(Object::new(&text), scrubber, read)
        .map_err(|NotAnAnswer(text)| NotAnAnswer(scrubber.scrub(&text, MAX_PROBLEM_CHARS)))
}

/// The text, repaired if necessary, as valid JSON.
fn valid(text: &str) -> Result<Cow<'_, str>, NotAnAnswer> {
    let check = |text: &str| serde_json::from_str::<&RawValue>(text).map(drop);
    let Err(error) = check(text) else {
        return Ok(text.into());
    };
    if let Some(repaired) = repair::repair(text)
        && check(&repaired).is_ok()
    {
        return Ok(repaired.into());
    }
    // The place and kind of the error, without the text around it.
    Err(NotAnAnswer::new(format!(
        "the body is not JSON: {:?} error at line {} column {}",
        error.classify(),
        error.line(),
        error.column()
    )))
}

fn answer<T>(
    top: Object,
    scrubber: &Scrubber,
    read: impl FnOnce(Object) -> Result<T, NotAnAnswer>,
) -> Result<Answer<T>, NotAnAnswer> {
    let [status, code, info] = top.fields(["ActionStatus", "ErrorCode", "ErrorInfo"]);
    let Some(status) = status.value.and_then(json::text) else {
        return Err(status.complaint("is missing or not text"));
    };
    match (&*status, code.integer()?) {
        ("OK", 0) => read(top).map(Answer::Good),
        (_, 0) => Err(NotAnAnswer::new(
            "ActionStatus is not OK, but ErrorCode is 0",
        )),
        (_, code) => Ok(Answer::Refused {
            code,
            info: scrubber.scrub(&info.text(), MAX_INFO_CHARS),
        }),
    }
}

#[cfg(test)]
mod tests;
