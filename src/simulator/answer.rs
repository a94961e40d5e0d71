//! The text of a response, in the field order of the documents (71898 and 71897), in any of
//! the shapes that the real service may turn out to use.

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    Loss(LossArrays),
    Statistics(Statistics),
    /// The fields of a response about traces or tasks, as JSON.
    Fields(String),
    Refused(Refusal),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LossArrays {
    ready_to_send_loss: Vec<LossRow>,
    post_send_delivered_loss: Vec<LossRow>,
    platform_ready_to_send_loss: Vec<LossRow>,
    platform_post_send_delivered_loss: Vec<LossRow>,
    /// Only in the APIs of pushes to all users; empty for all tasks together.
    #[serde(rename = "TaskID", skip_serializing_if = "Option::is_none")]
    task: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LossRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    push_platform: Option<i64>,
    err_code: Value,
    err_count: Value,
    err_info: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "the service's names")]
pub(super) struct Statistics {
    #[serde(flatten)]
    overall: Steps,
    platform_statistics: Vec<StatisticsRow>,
    #[serde(rename = "TaskID", skip_serializing_if = "Option::is_none")]
    task: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StatisticsRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<u8>,
    push_platform: i64,
    #[serde(flatten)]
    steps: Steps,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "the service's names")]
struct Steps {
    total_count: Value,
    sent_count: u64,
    delivered_count: u64,
    click_count: u64,
}

impl From<Funnel> for Steps {
    fn from(funnel: Funnel) -> Self {
        Self {
            total_count: funnel.sendable.into(),
            sent_count: funnel.sent,
            delivered_count: funnel.delivered,
            click_count: funnel.clicked,
        }
    }
}

impl Answer {
    pub(super) fn new(reading: &Reading, push: Push, behaviour: Behaviour) -> Self {
        let task = || (push == Push::AllMember).then(String::new);
        match reading {
            Reading::Loss(losses) => {
                let rows = |stage: Stage, of_platforms: bool| {
                    losses
                        .iter()
                        .filter(|(key, _)| {
                            key.stage == stage && key.platform.is_some() == of_platforms
                        })
                        .map(|(key, loss)| LossRow {
                            event_type: key.platform.and_then(|of| event(push, of)),
                            push_platform: key.platform.map(number),
                            err_code: code(key.code.as_str(), behaviour),
                            err_count: loss.count.into(),
                            err_info: loss.description.clone(),
                        })
                        .collect()
                };
                Self::Loss(LossArrays {
                    ready_to_send_loss: rows(Stage::ReadyToSend, false),
                    post_send_delivered_loss: rows(Stage::PostSendDelivered, false),
                    platform_ready_to_send_loss: rows(Stage::ReadyToSend, true),
                    platform_post_send_delivered_loss: rows(Stage::PostSendDelivered, true),
                    task: task(),
                })
            }
            Reading::Statistics { overall, platforms } => Self::Statistics(Statistics {
                overall: (*overall).into(),
                platform_statistics: platforms
                    .iter()
                    .map(|(platform, funnel)| StatisticsRow {
                        event_type: event(push, *platform),
                        push_platform: number(*platform),
                        steps: (*funnel).into(),
                    })
                    .collect(),
                task: task(),
            }),
        }
    }

    /// The same for one task.
    pub(super) fn of_task(mut self, id: &str) -> Self {
        let task = Some(id.to_owned());
        match &mut self {
            Self::Loss(arrays) => arrays.task = task,
            Self::Statistics(statistics) => statistics.task = task,
            Self::Fields(_) | Self::Refused(_) => {}
        }
        self
    }

    /// `ErrorCode` of the response.
    pub(super) fn code(&self) -> u32 {
        match self {
            Self::Loss(_) | Self::Statistics(_) | Self::Fields(_) => 0,
            Self::Refused(refusal) => refusal.code,
        }
    }

    /// Replaces the count of one row, `TotalCount` or `ErrCount`; a response without rows
    /// gets one. A refusal stays as it is.
    pub(super) fn spoil(&mut self, count: Value) {
        match self {
            Self::Loss(arrays) => match arrays.ready_to_send_loss.first_mut() {
                Some(row) => row.err_count = count,
                None => arrays.ready_to_send_loss.push(LossRow {
                    event_type: None,
                    push_platform: None,
                    err_code: "-1".into(),
                    err_count: count,
                    err_info: String::new(),
                }),
            },
            Self::Statistics(statistics) => match statistics.platform_statistics.first_mut() {
                Some(row) => row.steps.total_count = count,
                None => statistics.overall.total_count = count,
            },
            Self::Fields(_) | Self::Refused(_) => {}
        }
    }

    /// The fields as JSON; a refusal has none.
    pub(super) fn fields(&self) -> String {
        match self {
            Self::Loss(arrays) => json(arrays),
            Self::Statistics(statistics) => json(statistics),
            Self::Fields(fields) => fields.clone(),
            Self::Refused(_) => "{}".to_owned(),
        }
    }

    pub(super) fn text(&self, shape: Shape) -> String {
        let (fields, shape) = match self {
            Self::Loss(arrays) => (self.fields(), within(arrays.task.is_some(), shape)),
            Self::Statistics(Statistics { task: Some(_), .. }) => {
                (self.fields(), within(true, shape))
            }
            Self::Statistics(_) if shape == Shape::Malformed => (self.fields(), Shape::Flat),
            Self::Statistics(_) => (self.fields(), shape),
            Self::Fields(_) => (self.fields(), Shape::Flat),
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

/// The APIs of pushes to all users have their arrays in `Results` (documents 71894 and 71895).
fn within(is_of_tasks: bool, shape: Shape) -> Shape {
    match shape {
        Shape::Flat | Shape::Malformed if is_of_tasks => Shape::ResultsArray,
        _ => shape,
    }
}

/// `EventType`: 1 for a push through a vendor's channel, 2 for one to a device that was online.
fn event(push: Push, platform: Platform) -> Option<u8> {
    (push == Push::AllMember).then_some(if platform == Platform::ONLINE { 2 } else { 1 })
}

/// `PushPlatform`, which is 0 for online pushes.
fn number(platform: Platform) -> i64 {
    if platform == Platform::ONLINE {
        0
    } else {
        platform.0
    }
}

/// The service's wording of a refusal. Its HTTP status is 200 (document 68926).
fn refused(refusal: &Refusal) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Failure<'a> {
        action_status: &'static str,
        error_code: u32,
        error_info: &'a str,
    }
    json(&Failure {
        action_status: "FAIL",
        error_code: refusal.code,
        error_info: &refusal.info,
    })
}

fn code(text: &str, behaviour: Behaviour) -> Value {
    match text.parse::<i64>() {
        Ok(number) if behaviour.numeric_codes => number.into(),
        _ => text.into(),
    }
}

pub(super) fn json(value: &impl Serialize) -> String {
    #[expect(
        clippy::expect_used,
        reason = "strings, numbers and lists of them always serialise"
    )]
    serde_json::to_string(value).expect("plain values")
}

/// The responses of all APIs in the plain shape, for the control path; `None` if one is
/// missing.
pub(super) fn truths(truth: impl Fn(Api) -> Option<Reading>) -> Option<Value> {
    let mut truths = serde_json::Map::new();
    for api in Api::ALL {
        let text = Answer::new(&truth(api)?, api.push(), Behaviour::default()).text(Shape::Flat);
        truths.insert(api.as_str().to_owned(), serde_json::from_str(&text).ok()?);
    }
    Some(Value::Object(truths))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::{ErrCode, Loss, LossKey};
    use crate::simulator::verify::refusal;
    use serde_json::json;

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

    fn text(shape: Shape) -> String {
        Answer::new(&loss(), Push::Normal, Behaviour::default()).text(shape)
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
            let text = Answer::new(&reading, Push::Normal, Behaviour::default()).text(shape);
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
        let text = Answer::new(&loss(), Push::Normal, behaviour).text(Shape::Flat);
        assert!(text.contains(r#""ErrCode":-1,"#), "{text}");
    }

    #[test]
    fn refusals_are_worded_as_the_service_words_them() {
        assert_eq!(
            Answer::Refused(refusal(60012, "no \"id\"")).text(Shape::Wrapper),
            r#"{"ActionStatus":"FAIL","ErrorCode":60012,"ErrorInfo":"no \"id\""}"#
        );
    }

    #[test]
    fn a_spoiled_answer_has_one_bad_row() {
        let mut answer = Answer::new(&loss(), Push::Normal, Behaviour::default());
        answer.spoil(json!(-1));
        assert_eq!(
            answer.text(Shape::Flat).matches(r#""ErrCount":-1"#).count(),
            1
        );
        let mut empty = Answer::new(
            &Reading::Loss([].into()),
            Push::Normal,
            Behaviour::default(),
        );
        empty.spoil(json!(1.5));
        assert!(empty.text(Shape::Flat).contains(r#""ErrCount":1.5"#));
    }
}
