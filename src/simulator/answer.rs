//! The text of a response, with the fields of the documents (71898 and 71897), in any of the
//! shapes that the real service may turn out to use.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::push::Push;
use crate::model::reading::{Api, Funnel, Platform, Reading, Stage};
use crate::model::window::{DAY, DayOffset};
use crate::simulator::counting::{Buckets, Counting};
use crate::simulator::verify::Refusal;

/// What the documents leave open about the service. The default is the plainest reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own that the documents leave open"
)]
pub struct Behaviour {
    pub shape: Shape,
    /// `ErrCode` as a number, if it is one.
    pub numeric_codes: bool,
    /// Counts are kept per day at +08:00: a range covers every day that it touches.
    pub whole_days: bool,
    /// These days are those of UTC.
    pub utc_days: bool,
    /// The second `EndTime` belongs to the range.
    pub inclusive_end: bool,
    /// Age from which a push is counted, in seconds.
    pub settling_seconds: u64,
}

/// Where a response holds its arrays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Beside `ErrorCode`, as document 71897 has it.
    #[default]
    Flat,
    /// In an object under `Results`.
    ResultsObject,
    /// In one object in an array under `Results`, as document 71895 has it.
    ResultsArray,
    /// In an object under a key that no document names.
    Wrapper,
    /// The literal text of document 71898, which is not JSON: a bare object where a key
    /// should be. Only in the loss API; statistics stay flat.
    Malformed,
}

impl Behaviour {
    pub(super) fn counting(self) -> Counting {
        let offset = if self.utc_days {
            DayOffset::UTC
        } else {
            DayOffset::DEFAULT
        };
        Counting {
            inclusive_end: self.inclusive_end,
            buckets: if self.whole_days {
                Buckets::Touched(DAY, offset)
            } else {
                Buckets::Seconds
            },
            settling: self.settling_seconds,
            ..Counting::HALF_OPEN
        }
    }
}

/// A response before it is text.
pub(super) enum Answer {
    Good { fields: Value, shape: Shape },
    Refused(Refusal),
}

impl Answer {
    /// The response about all pushes of a population together.
    pub(super) fn counts(reading: &Reading, push: Push, behaviour: Behaviour) -> Self {
        let shape = match (push, reading, behaviour.shape) {
            // These APIs have their arrays in `Results` (documents 71894 and 71895).
            (Push::AllMember, _, Shape::Flat | Shape::Malformed) => Shape::ResultsArray,
            (Push::Normal, Reading::Statistics { .. }, Shape::Malformed) => Shape::Flat,
            (_, _, shape) => shape,
        };
        let fields = fields(reading, push, "", behaviour);
        Self::Good { fields, shape }
    }

    /// A response about traces or tasks.
    pub(super) fn flat(fields: Value) -> Self {
        let shape = Shape::Flat;
        Self::Good { fields, shape }
    }

    /// `ErrorCode` of the response.
    pub(super) fn code(&self) -> u32 {
        match self {
            Self::Good { .. } => 0,
            Self::Refused(refusal) => refusal.code,
        }
    }

    /// Replaces the count of one row, `TotalCount` or `ErrCount`; a response without rows
    /// gets one. A refusal stays as it is.
    pub(super) fn spoil(&mut self, count: Value) {
        const COUNTS: [&str; 3] = [
            "/ReadyToSendLoss/0/ErrCount",
            "/PlatformStatistics/0/TotalCount",
            "/TotalCount",
        ];
        let Self::Good { fields, .. } = self else {
            return;
        };
        let losses = fields.get_mut("ReadyToSendLoss");
        if let Some(rows) = losses.and_then(Value::as_array_mut)
            && rows.is_empty()
        {
            rows.push(json!({"ErrCode": "-1", "ErrCount": 0, "ErrInfo": ""}));
        }
        let first = COUNTS
            .into_iter()
            .find(|place| fields.pointer(place).is_some());
        if let Some(spoiled) = first.and_then(|place| fields.pointer_mut(place)) {
            *spoiled = count;
        }
    }

    pub(super) fn text(&self) -> String {
        let (fields, shape) = match self {
            Self::Good { fields, shape } => (fields.to_string(), shape),
            Self::Refused(refusal) => return refused(refusal),
        };
        // The typo is the service's own, in every sample.
        let head = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"sucess","#;
        match shape {
            Shape::Flat => format!("{head}{}", fields.strip_prefix('{').unwrap_or(&fields)),
            Shape::ResultsObject => format!(r#"{head}"Results":{fields}}}"#),
            Shape::ResultsArray => format!(r#"{head}"Results":[{fields}]}}"#),
            Shape::Wrapper => format!(r#"{head}"Data":{fields}}}"#),
            Shape::Malformed => format!("{head}{fields}}}"),
        }
    }
}

/// The service's fields for a reading of one population; `task` is the id of a push to all
/// users, and empty for all of them together.
pub(super) fn fields(reading: &Reading, push: Push, task: &str, behaviour: Behaviour) -> Value {
    let mut fields = match reading {
        Reading::Loss(losses) => {
            let rows = |stage: Stage, of_platforms: bool| -> Value {
                losses
                    .iter()
                    .filter(|(key, _)| key.stage == stage && key.platform.is_some() == of_platforms)
                    .map(|(key, loss)| {
                        let row = json!({
                            "ErrCode": code(key.code.as_str(), behaviour),
                            "ErrCount": loss.count,
                            "ErrInfo": loss.description,
                        });
                        row_of(row, key.platform, push)
                    })
                    .collect()
            };
            json!({
                "ReadyToSendLoss": rows(Stage::ReadyToSend, false),
                "PostSendDeliveredLoss": rows(Stage::PostSendDelivered, false),
                "PlatformReadyToSendLoss": rows(Stage::ReadyToSend, true),
                "PlatformPostSendDeliveredLoss": rows(Stage::PostSendDelivered, true),
            })
        }
        Reading::Statistics { overall, platforms } => {
            let mut fields = steps(overall);
            fields["PlatformStatistics"] = platforms
                .iter()
                .map(|(platform, funnel)| row_of(steps(funnel), Some(*platform), push))
                .collect();
            fields
        }
    };
    if push == Push::AllMember {
        fields["TaskID"] = task.into();
    }
    fields
}

fn steps(funnel: &Funnel) -> Value {
    json!({
        "TotalCount": funnel.sendable,
        "SentCount": funnel.sent,
        "DeliveredCount": funnel.delivered,
        "ClickCount": funnel.clicked,
    })
}

/// A row that names its platform, if it has one: `PushPlatform` is 0 for online pushes, and
/// `EventType` tells them from those through a vendor's channel.
fn row_of(mut row: Value, platform: Option<Platform>, push: Push) -> Value {
    let (number, event_type) = match platform {
        None => return row,
        Some(Platform::ONLINE) => (0, 2),
        Some(platform) => (platform.0, 1),
    };
    row["PushPlatform"] = number.into();
    if push == Push::AllMember {
        row["EventType"] = event_type.into();
    }
    row
}

/// The service's wording of a refusal. Its HTTP status is 200 (document 68926).
fn refused(refusal: &Refusal) -> String {
    json!({
        "ActionStatus": "FAIL",
        "ErrorCode": refusal.code,
        "ErrorInfo": refusal.info,
    })
    .to_string()
}

fn code(text: &str, behaviour: Behaviour) -> Value {
    match text.parse::<i64>() {
        Ok(number) if behaviour.numeric_codes => number.into(),
        _ => text.into(),
    }
}

/// The responses of all APIs in the plain shape, for the control path; `None` if one is
/// missing.
pub(super) fn truths(truth: impl Fn(Api) -> Option<Reading>) -> Option<Value> {
    let mut truths = serde_json::Map::new();
    for api in Api::ALL {
        let text = Answer::counts(&truth(api)?, api.push(), Behaviour::default()).text();
        truths.insert(api.as_str().to_owned(), serde_json::from_str(&text).ok()?);
    }
    Some(Value::Object(truths))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::{ErrCode, Loss, LossKey};
    use crate::simulator::verify::refusal;

    fn loss() -> Reading {
        let row = |platform, code: &str, count| {
            let key = LossKey {
                stage: Stage::ReadyToSend,
                platform,
                code: ErrCode::new(code),
            };
            let description = "certificate id not set".to_owned();
            (key, Loss { count, description })
        };
        Reading::Loss([row(None, "-1", 5), row(Some(Platform(1)), "-1", 3)].into())
    }

    fn answer(reading: &Reading, shape: Shape) -> Answer {
        let behaviour = Behaviour {
            shape,
            ..Behaviour::default()
        };
        Answer::counts(reading, Push::Normal, behaviour)
    }

    fn text(shape: Shape) -> String {
        answer(&loss(), shape).text()
    }

    #[test]
    fn shapes_hold_the_same_arrays_in_different_places() {
        let read = |shape| serde_json::from_str::<Value>(&text(shape)).unwrap();
        let flat = read(Shape::Flat);
        assert_eq!(
            flat,
            json!({
                "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "sucess",
                "ReadyToSendLoss": [{"ErrCode": "-1", "ErrCount": 5, "ErrInfo": "certificate id not set"}],
                "PostSendDeliveredLoss": [],
                "PlatformReadyToSendLoss": [{"PushPlatform": 1, "ErrCode": "-1", "ErrCount": 3, "ErrInfo": "certificate id not set"}],
                "PlatformPostSendDeliveredLoss": [],
            })
        );
        let rows = &flat["ReadyToSendLoss"];
        assert_eq!(
            &read(Shape::ResultsObject)["Results"]["ReadyToSendLoss"],
            rows
        );
        assert_eq!(
            &read(Shape::ResultsArray)["Results"][0]["ReadyToSendLoss"],
            rows
        );
        assert_eq!(&read(Shape::Wrapper)["Data"]["ReadyToSendLoss"], rows);
    }

    #[test]
    fn the_malformed_shape_breaks_where_the_documents_sample_breaks() {
        let text = text(Shape::Malformed);
        assert!(serde_json::from_str::<Value>(&text).is_err());
        let repaired = text.replacen(r#""sucess",{"#, r#""sucess","Results":{"#, 1);
        assert!(serde_json::from_str::<Value>(&repaired).is_ok(), "{text}");
    }

    #[test]
    fn statistics_name_the_steps_as_the_document_does() {
        let funnel = Funnel {
            sendable: 4,
            sent: 3,
            delivered: 2,
            clicked: 1,
        };
        let reading = Reading::Statistics {
            overall: funnel,
            platforms: [(Platform(2), funnel)].into(),
        };
        for shape in [Shape::Flat, Shape::Malformed] {
            let text = answer(&reading, shape).text();
            assert_eq!(
                serde_json::from_str::<Value>(&text).unwrap(),
                json!({
                    "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "sucess",
                    "TotalCount": 4, "SentCount": 3, "DeliveredCount": 2, "ClickCount": 1,
                    "PlatformStatistics": [{"PushPlatform": 2, "TotalCount": 4, "SentCount": 3, "DeliveredCount": 2, "ClickCount": 1}],
                })
            );
        }
    }

    #[test]
    fn codes_can_be_numbers() {
        let behaviour = Behaviour {
            numeric_codes: true,
            ..Behaviour::default()
        };
        let text = Answer::counts(&loss(), Push::Normal, behaviour).text();
        assert!(text.contains(r#""ErrCode":-1,"#), "{text}");
    }

    #[test]
    fn refusals_are_worded_as_the_service_words_them() {
        assert_eq!(
            Answer::Refused(refusal(60012, "no \"id\"")).text(),
            r#"{"ActionStatus":"FAIL","ErrorCode":60012,"ErrorInfo":"no \"id\""}"#
        );
    }

    #[test]
    fn a_spoiled_answer_has_one_bad_row() {
        let mut spoiled = answer(&loss(), Shape::Flat);
        spoiled.spoil(json!(-1));
        assert_eq!(spoiled.text().matches(r#""ErrCount":-1"#).count(), 1);
        let mut empty = answer(&Reading::Loss([].into()), Shape::Flat);
        empty.spoil(json!(1.5));
        assert!(empty.text().contains(r#""ErrCount":1.5"#));
    }
}
