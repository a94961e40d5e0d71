//! Finds the objects that hold the data, wherever the service wrapped them.

use serde_json::{Map, Value};

use super::NotAnAnswer;
use crate::reading::Api;

/// Keys that carry no data of ours, in any answer of the service.
const ENVELOPE: [&str; 6] = [
    "ActionStatus",
    "ErrorCode",
    "ErrorInfo",
    "ErrorDisplay",
    "RequestId",
    "TaskID",
];

/// Keys that hold data, by API.
pub(super) fn data_keys(api: Api) -> &'static [&'static str] {
    match api {
        Api::NormalPushLoss => &[
            "ReadyToSendLoss",
            "PostSendDeliveredLoss",
            "PlatformReadyToSendLoss",
            "PlatformPostSendDeliveredLoss",
        ],
        Api::NormalPushStatistics => &[
            "TotalCount",
            "SentCount",
            "DeliveredCount",
            "ClickCount",
            "PlatformStatistics",
        ],
    }
}

/// The objects that hold the data of a successful answer: the answer itself, or what one
/// of its keys wraps. None when the answer is empty.
pub(super) fn sections(
    api: Api,
    top: &Map<String, Value>,
) -> Result<Vec<&Map<String, Value>>, NotAnAnswer> {
    if holds_data(api, top) {
        return Ok(vec![top]);
    }
    let wrappers: Vec<(&String, Vec<&Map<String, Value>>)> = top
        .iter()
        .filter(|(key, _)| is_foreign(api, key))
        .map(|(key, value)| (key, wrapped(value)))
        .filter(|(_, objects)| objects.iter().any(|object| has_data_key(api, object)))
        .collect();
    match wrappers.as_slice() {
        [(key, objects)] => {
            for object in objects.iter().filter(|object| !has_data_key(api, object)) {
                refuse_unknown(api, object, key)?;
            }
            Ok(objects.clone())
        }
        [(first, _), (second, _), ..] => Err(NotAnAnswer::new(format!(
            "both {first:.40} and {second:.40} hold the data of an answer"
        ))),
        [] if has_data_key(api, top) => Ok(vec![top]),
        [] => {
            refuse_unknown(api, top, "the answer")?;
            Ok(Vec::new())
        }
    }
}

/// A data key with something in it.
fn holds_data(api: Api, object: &Map<String, Value>) -> bool {
    data_keys(api)
        .iter()
        .any(|key| object.get(*key).is_some_and(|value| !is_empty(value)))
}

fn has_data_key(api: Api, object: &Map<String, Value>) -> bool {
    data_keys(api).iter().any(|key| object.contains_key(*key))
}

fn is_foreign(api: Api, key: &str) -> bool {
    !ENVELOPE.contains(&key) && !data_keys(api).contains(&key)
}

/// The objects of a wrapper: itself, or all elements of an array of objects.
fn wrapped(value: &Value) -> Vec<&Map<String, Value>> {
    match value {
        Value::Object(object) => vec![object],
        Value::Array(elements) => elements
            .iter()
            .map(Value::as_object)
            .collect::<Option<_>>()
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn refuse_unknown(api: Api, object: &Map<String, Value>, place: &str) -> Result<(), NotAnAnswer> {
    match object
        .iter()
        .find(|(key, value)| is_foreign(api, key) && !is_empty(value))
    {
        Some((key, _)) => Err(NotAnAnswer::new(format!(
            "{place:.40} holds none of the known arrays, but something under {:?}",
            key.chars().take(40).collect::<String>()
        ))),
        None => Ok(()),
    }
}

/// Null, or a container with nothing but envelope keys and empty values inside.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.iter().all(is_empty),
        Value::Object(object) => object
            .iter()
            .all(|(key, value)| ENVELOPE.contains(&key.as_str()) || is_empty(value)),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
