//! Finds the objects that hold the data, wherever the service wraps them.

use serde_json::value::RawValue;

use super::object::Object;
use super::{NotAnAnswer, json};

/// Keys that hold no data for us, in any response of the service.
const ENVELOPE: &[&str] = &[
    "ActionStatus",
    "ErrorCode",
    "ErrorInfo",
    "ErrorDisplay",
    "RequestId",
    "TaskID",
];

/// The objects that hold the data of a successful response under one of `keys`: the response
/// itself, or what one of its keys wraps. None if the response is empty.
pub(super) fn sections<'a>(keys: &[&str], top: Object<'a>) -> Result<Vec<Object<'a>>, NotAnAnswer> {
    let answer = Look::at(keys, top);
    if answer.holds_data {
        return Ok(vec![top]);
    }
    match wrapper(keys, top)? {
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
    fn at(keys: &[&str], object: Object) -> Self {
        let mut look = Self::default();
        // Nothing is refused here.
        let _ = json::each(object.json, |key, value| {
            let has_content = || !json::is_empty(value, ENVELOPE);
            if keys.contains(&&*key) {
                look.has_data_key = true;
                look.holds_data = look.holds_data || has_content();
            } else if look.unknown.is_none() && !ENVELOPE.contains(&&*key) && has_content() {
                look.unknown = Some(key.into_owned());
            }
            Ok(())
        });
        look
    }
}

/// The objects in one key of the response.
#[derive(Default)]
struct Wrapper<'a> {
    /// Those with a data key.
    objects: Vec<Object<'a>>,
    /// The first key with content in an object without a data key.
    unknown: Option<String>,
}

/// The only key that wraps the data, with the objects in it.
fn wrapper<'a>(
    keys: &[&str],
    top: Object<'a>,
) -> Result<Option<(String, Wrapper<'a>)>, NotAnAnswer> {
    let mut found: Option<(String, Wrapper)> = None;
    json::each(top.json, |key, value| {
        if ENVELOPE.contains(&&*key) || keys.contains(&&*key) {
            return Ok(());
        }
        if let Some(wrapper) = wrapped(keys, value) {
            if let Some((first, _)) = &found {
                return Err(NotAnAnswer::new(format!(
                    "both {first:.40} and {key:.40} hold the data of an answer"
                )));
            }
            found = Some((key.into_owned(), wrapper));
        }
        Ok(())
    })?;
    Ok(found)
}

/// The value itself, if it is an object, or all elements of an array of objects. `None` if no
/// object has a data key.
fn wrapped<'a>(keys: &[&str], value: &'a RawValue) -> Option<Wrapper<'a>> {
    let mut wrapper = Wrapper::default();
    let mut add = |value: &'a RawValue| {
        let object = Object::new(value.get());
        if !object.json.starts_with('{') {
            return Err(object.complaint("is not an object"));
        }
        let look = Look::at(keys, object);
        if look.has_data_key {
            wrapper.objects.push(object);
        } else if wrapper.unknown.is_none() {
            wrapper.unknown = look.unknown;
        }
        Ok(())
    };
    if value.get().starts_with('[') {
        json::each(value.get(), |_, element| add(element)).ok()?;
    } else {
        add(value).ok()?;
    }
    (!wrapper.objects.is_empty()).then_some(wrapper)
}

fn not_understood(place: &str, key: &str) -> NotAnAnswer {
    NotAnAnswer::new(format!(
        "{place:.40} holds none of the known arrays, but something under \"{}\"",
        key.chars().take(40).collect::<String>()
    ))
}
