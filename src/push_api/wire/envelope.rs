//! Finds the objects that hold the data, wherever the service wraps them.

use serde_json::value::RawValue;

use super::{NotAnAnswer, json};
use crate::model::reading::{Api, Measure};

/// Keys that hold no data for us, in any response of the service.
const ENVELOPE: &[&str] = &[
    "ActionStatus",
    "ErrorCode",
    "ErrorInfo",
    "ErrorDisplay",
    "RequestId",
    "TaskID",
];

/// Keys that hold data, by API.
fn data_keys(api: Api) -> &'static [&'static str] {
    match api.measure() {
        Measure::Losses => &[
            "ReadyToSendLoss",
            "PostSendDeliveredLoss",
            "PlatformReadyToSendLoss",
            "PlatformPostSendDeliveredLoss",
        ],
        Measure::Funnel => &[
            "TotalCount",
            "SentCount",
            "DeliveredCount",
            "ClickCount",
            "PlatformStatistics",
        ],
    }
}

/// The objects, as JSON, that hold the data of a successful response: the response itself, or
/// what one of its keys wraps. None if the response is empty. `top` is a JSON object.
pub(super) fn sections(api: Api, top: &str) -> Result<Vec<&str>, NotAnAnswer> {
    let answer = Look::at(api, top).unwrap_or_default();
    if answer.holds_data {
        return Ok(vec![top]);
    }
    match wrapper(api, top)? {
        Some((key, wrapper)) => match wrapper.unknown {
            Some(unknown) => Err(not_understood(&key, &unknown)),
            None => Ok(wrapper.objects),
        },
        None if answer.has_data_key => Ok(vec![top]),
        None => match answer.unknown {
            Some(unknown) => Err(not_understood("the answer", &unknown)),
            None => Ok(Vec::new()),
        },
    }
}

/// The top level of an object.
#[derive(Default)]
struct Look {
    has_data_key: bool,
    /// Whether a data key has content.
    holds_data: bool,
    /// The first other key with content.
    unknown: Option<String>,
}

impl Look {
    /// `None` if `text` is not an object.
    fn at(api: Api, text: &str) -> Option<Self> {
        let mut look = Self::default();
        let visited = json::members(text, |key, value| {
            if data_keys(api).contains(&&*key) {
                look.has_data_key = true;
                look.holds_data = look.holds_data || !json::is_empty(value, ENVELOPE);
            } else if look.unknown.is_none()
                && !ENVELOPE.contains(&&*key)
                && !json::is_empty(value, ENVELOPE)
            {
                look.unknown = Some(key.into_owned());
            }
            Ok(())
        });
        visited.is_ok().then_some(look)
    }
}

/// The objects in one key of the response.
#[derive(Default)]
struct Wrapper<'a> {
    /// Those with a data key.
    objects: Vec<&'a str>,
    /// The first key with content in an object without a data key.
    unknown: Option<String>,
}

/// The only key that wraps the data, with the objects in it.
fn wrapper(api: Api, top: &str) -> Result<Option<(String, Wrapper<'_>)>, NotAnAnswer> {
    let mut found: Option<(String, Wrapper)> = None;
    let visited = json::members(top, |key, value| {
        if ENVELOPE.contains(&&*key) || data_keys(api).contains(&&*key) {
            return Ok(());
        }
        if let Some(wrapper) = wrapped(api, value) {
            if let Some((first, _)) = &found {
                return Err(NotAnAnswer::new(format!(
                    "both {first:.40} and {key:.40} hold the data of an answer"
                )));
            }
            found = Some((key.into_owned(), wrapper));
        }
        Ok(())
    });
    visited.unwrap_or(Ok(()))?;
    Ok(found)
}

/// The value itself, if it is an object, or all elements of an array of objects. `None` if no
/// object has a data key.
fn wrapped<'a>(api: Api, value: &'a RawValue) -> Option<Wrapper<'a>> {
    let mut wrapper = Wrapper::default();
    let mut add = |object: &'a RawValue| {
        let not_an_object = || NotAnAnswer::new("not an object");
        let look = Look::at(api, object.get()).ok_or_else(not_an_object)?;
        if look.has_data_key {
            wrapper.objects.push(object.get());
        } else if wrapper.unknown.is_none() {
            wrapper.unknown = look.unknown;
        }
        Ok(())
    };
    if value.get().starts_with('{') {
        add(value).ok()?;
    } else {
        json::elements(value.get(), add).ok()?.ok()?;
    }
    (!wrapper.objects.is_empty()).then_some(wrapper)
}

fn not_understood(place: &str, key: &str) -> NotAnAnswer {
    NotAnAnswer::new(format!(
        "{place:.40} holds none of the known arrays, but something under \"{}\"",
        key.chars().take(40).collect::<String>()
    ))
}
