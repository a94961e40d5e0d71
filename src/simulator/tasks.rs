//! Queries about tasks and scheduled tasks (documents 71894, 71895, 78842 and 78843), and the
//! responses to them.

mod campaign;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};

use super::SimApp;
use super::answer::{Behaviour, fields};
use super::verify::{Refusal, refusal};
use crate::model::push::Push;
use crate::model::reading::Api;
use crate::model::task::MAX_ASKED;
use crate::model::window::{DAY, Range, UnixSeconds};
use campaign::Campaign;
pub(super) use campaign::civil;

/// The longest range of a list, in seconds. The document states that there is one, but not
/// which.
const LONGEST: u64 = 31 * DAY;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListBody {
    sdkappid: u32,
    offset: usize,
    want: usize,
    order_by: String,
    asc: bool,
    begin_time: String,
    end_time: String,
}

#[derive(Deserialize)]
struct OneBody {
    #[serde(rename = "Sdkappid")]
    sdkappid: u32,
    #[serde(rename = "TaskID")]
    task: u64,
}

/// The ids of the tasks that a body names; none if it means all tasks, or chat messages.
pub(super) fn ids(api: Api, body: &[u8]) -> Result<Vec<String>, Refusal> {
    if api.push() == Push::Normal {
        return Ok(Vec::new());
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let tasks = body
        .get("TaskID")
        .ok_or(refusal(90100, "TaskID is required"))?;
    let tasks: Vec<String> = serde_json::from_value(tasks.clone())
        .map_err(|_| refusal(90001, "TaskID is not an array of strings"))?;
    if tasks.len() > MAX_ASKED {
        return Err(refusal(90100, "TaskID has more than 5 elements"));
    }
    Ok(tasks)
}

fn scheduled<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|_| refusal(90104, "invalid request parameters"))
}

fn is_own(app: &SimApp, sdk_app_id: u32) -> Result<(), Refusal> {
    if sdk_app_id == app.sdk_app_id {
        return Ok(());
    }
    Err(refusal(90104, "Sdkappid is not that of the url"))
}

/// The fields of the response about one scheduled task, or the refusal.
pub(super) fn one(app: &SimApp, body: &[u8], now: UnixSeconds) -> Result<Value, Refusal> {
    let body: OneBody = scheduled(body)?;
    is_own(app, body.sdkappid)?;
    let campaign = Campaign {
        app,
        number: body.task,
    };
    if !campaign.is_planned(now) {
        return Err(refusal(90104, "task not found"));
    }
    Ok(json!({"TaskInfo": campaign.shown(now)}))
}

/// The fields of the response about a page of scheduled tasks, or the refusal.
pub(super) fn list(app: &SimApp, body: &[u8], now: UnixSeconds) -> Result<Value, Refusal> {
    let body: ListBody = scheduled(body)?;
    is_own(app, body.sdkappid)?;
    let range = Range {
        start: moment(&body.begin_time)?,
        end: moment(&body.end_time)?,
    };
    if body.want == 0 || range.end < range.start {
        return Err(refusal(
            90104,
            "Want must be above 0, BeginTime not after EndTime",
        ));
    }
    if range.end.0 - range.start.0 > LONGEST {
        return Err(refusal(90104, "the time range is too long"));
    }
    if !["createat", "schedat"].contains(&body.order_by.to_ascii_lowercase().as_str()) {
        return Err(refusal(90104, "OrderBy must be createat or schedat"));
    }
    let mut listed: Vec<Value> = Campaign::all(app, range, now)
        .map(|campaign| campaign.shown(now))
        .collect();
    if !body.asc {
        listed.reverse();
    }
    let total = listed.len();
    let page: Vec<Value> = listed
        .into_iter()
        .skip(body.offset)
        .take(body.want)
        .collect();
    Ok(json!({"Total": total, "Tasks": page}))
}

/// `2025-06-01 10:00:00`, in UTC.
fn moment(text: &str) -> Result<UnixSeconds, Refusal> {
    let wrong = || refusal(90104, "BeginTime and EndTime must be YYYY-MM-DD HH:MM:SS");
    let civil: DateTime = text.parse().map_err(|_| wrong())?;
    let at = civil.to_zoned(TimeZone::UTC).map_err(|_| wrong())?;
    let seconds = at.timestamp().as_second();
    seconds.try_into().map(UnixSeconds).map_err(|_| wrong())
}

/// The fields of the response about the counts of some tasks in a range, or the refusal.
pub(super) fn counts(
    app: &SimApp,
    api: Api,
    range: Range,
    tasks: &[String],
    behaviour: Behaviour,
    now: UnixSeconds,
) -> Result<Value, Refusal> {
    let result = |task: &String| {
        let campaign = Campaign::of_push(app, task, now)
            .ok_or(refusal(90049, "invalid TaskId, no push record"))?;
        let reading = campaign.truth(api, range);
        Ok(fields(&reading, api.push(), task, behaviour))
    };
    let results: Vec<Value> = tasks.iter().map(result).collect::<Result<_, _>>()?;
    Ok(json!({"Results": results}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::Reading;
    use crate::model::task::{Dispatch, TaskList, TaskReadings, TaskType};
    use crate::model::trace::Id;
    use crate::push_api::wire::{self, Answer as Parsed};
    use crate::scrubber::Scrubber;
    use crate::simulator::answer::Answer;

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

    fn shop() -> SimApp {
        SimApp::made_up().remove(0)
    }

    type Read = fn(&SimApp, &[u8], UnixSeconds) -> Result<Value, Refusal>;

    fn ask(read: Read, body: &str) -> Result<String, u32> {
        let fields = read(&shop(), body.as_bytes(), NOW);
        let fields = fields.map_err(|refusal| refusal.code)?;
        Ok(Answer::flat(fields).text())
    }

    const WANTED: &str =
        r#""Sdkappid":1400000001,"Offset":0,"Want":50,"OrderBy":"schedat","Asc":false"#;

    fn listed() -> TaskList {
        let day = format!(
            r#"{{{WANTED},"BeginTime":"{}","EndTime":"{}"}}"#,
            civil(NOW.0 - DAY),
            civil(NOW.0 + DAY)
        );
        let body = ask(list, &day).unwrap();
        match wire::parse_scheduled(body.as_bytes(), &Scrubber::new([])) {
            Ok(Parsed::Good(list)) => list,
            other => panic!("{other:?}"),
        }
    }

    fn counts(api: Api, tasks: &[&str]) -> Result<TaskReadings, u32> {
        let refused = |refusal: Refusal| refusal.code;
        let body = json!({"TaskID": tasks}).to_string();
        let tasks = ids(api, body.as_bytes()).map_err(refused)?;
        let range = Range {
            start: UnixSeconds(NOW.0 - DAY),
            end: NOW,
        };
        let fields = super::counts(&shop(), api, range, &tasks, Behaviour::default(), NOW);
        let body = Answer::flat(fields.map_err(refused)?).text();
        match wire::parse_tasks(api, body.as_bytes(), &Scrubber::new([])) {
            Ok(Parsed::Good(readings)) => Ok(readings),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_day_has_campaigns_of_each_course_and_type_and_two_to_come() {
        let list = listed();
        assert_eq!((list.tasks.len(), list.total), (10, 10));
        let has = |what: &dyn Fn(Dispatch, bool) -> bool| {
            let tasks = list.tasks.iter();
            tasks
                .filter(|task| what(task.dispatch, task.at <= NOW))
                .count()
        };
        assert_eq!(has(&|dispatch, _| dispatch == Dispatch::Done), 6);
        assert_eq!(has(&|dispatch, _| dispatch == Dispatch::Failed), 1);
        assert_eq!(
            has(&|dispatch, due| dispatch == Dispatch::Pending && due),
            1
        );
        assert_eq!(
            has(&|dispatch, due| dispatch == Dispatch::Pending && !due),
            2
        );
        for kind in [TaskType::All, TaskType::Tag, TaskType::User] {
            assert!(list.tasks.iter().any(|task| task.kind == kind));
        }
        for task in &list.tasks {
            assert_eq!(task.push.is_some(), task.dispatch == Dispatch::Done);
            let one = format!(r#"{{"Sdkappid":1400000001,"TaskID":{}}}"#, task.number);
            assert!(ask(super::one, &one).unwrap().contains(&task.name));
        }
    }

    #[test]
    fn a_campaign_has_counts_of_its_own_and_one_is_refused_by_a_vendor() {
        let list = listed();
        let pushes: Vec<&str> = list
            .tasks
            .iter()
            .filter_map(|task| task.push.as_ref())
            .map(Id::as_str)
            .collect();
        let mut refused = 0;
        for push in &pushes {
            let statistics = counts(Api::AllMemberPushStatistics, &[push]).unwrap();
            let Reading::Statistics { overall, .. } = &statistics[*push] else {
                panic!("{statistics:?}");
            };
            assert!(overall.sent > 1000, "{overall:?}");
            let losses = counts(Api::AllMemberPushLoss, &[push]).unwrap();
            let apns: u64 = losses[*push]
                .counts()
                .iter()
                .filter(|(key, _)| key.to_string().ends_with("apns 403"))
                .map(|(_, count)| *count)
                .sum();
            refused += u32::from(apns * 10 > overall.sent);
        }
        assert_eq!(refused, 1);
        assert_eq!(
            counts(Api::AllMemberPushLoss, &pushes[..5]).unwrap().len(),
            5
        );
    }

    #[test]
    fn bodies_are_checked() {
        let push = listed()
            .tasks
            .iter()
            .find_map(|task| task.push.clone())
            .unwrap();
        let six = [push.as_str(); 6];
        assert_eq!(counts(Api::AllMemberPushLoss, &six), Err(90100));
        assert_eq!(
            counts(Api::AllMemberPushLoss, &["nobody", push.as_str()]),
            Err(90049)
        );
        for (api, body, expected) in [
            (Api::NormalPushLoss, "{}", Ok(0)),
            (Api::AllMemberPushLoss, r#"{"TaskID":[]}"#, Ok(0)),
            (Api::AllMemberPushLoss, r#"{"TaskID":["a"]}"#, Ok(1)),
            (Api::AllMemberPushLoss, "{}", Err(90100)),
            (Api::AllMemberPushLoss, r#"{"TaskID":"a"}"#, Err(90001)),
            (Api::AllMemberPushLoss, r#"{"TaskID":[7]}"#, Err(90001)),
        ] {
            let tasks = ids(api, body.as_bytes()).map(|tasks| tasks.len());
            assert_eq!(tasks.map_err(|refusal| refusal.code), expected, "{body}");
        }
        let (list, one): (Read, Read) = (list, one);
        for (read, body, code) in [
            (list, "{}".to_owned(), 90104),
            (
                list,
                format!(r#"{{{WANTED},"BeginTime":"a","EndTime":"b"}}"#),
                90104,
            ),
            (
                list,
                format!(
                    r#"{{{WANTED},"BeginTime":"2027-01-02 00:00:00","EndTime":"2027-01-01 00:00:00"}}"#
                ),
                90104,
            ),
            (
                list,
                format!(
                    r#"{{{WANTED},"BeginTime":"1970-01-01 00:00:00","EndTime":"2027-01-01 00:00:00"}}"#
                ),
                90104,
            ),
            (one, r#"{"Sdkappid":1,"TaskID":1}"#.to_owned(), 90104),
            (
                one,
                r#"{"Sdkappid":1400000001,"TaskID":99999999999}"#.to_owned(),
                90104,
            ),
        ] {
            assert_eq!(ask(read, &body), Err(code), "{body}");
        }
    }
}
