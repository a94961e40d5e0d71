//! Tasks: the counts of several in one response, and the list of scheduled ones.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::object::{Field, Object};
use super::{NotAnAnswer, envelope, rows};
use crate::model::reading::Api;
use crate::model::task::{
    Dispatch, MAX_LISTED, MAX_NAME_CHARS, MAX_REASON_CHARS, MAX_STATUS_CHARS, ScheduledTask,
    TaskList, TaskReadings, TaskType,
};
use crate::model::trace::MAX_ID;
use crate::model::window::UnixSeconds;
use crate::scrubber::Scrubber;

/// The reading of each task in a successful response.
pub(super) fn readings(
    api: Api,
    top: Object,
    scrubber: &Scrubber,
) -> Result<TaskReadings, NotAnAnswer> {
    let mut by_task: BTreeMap<String, Vec<Object>> = BTreeMap::new();
    for section in envelope::sections(&rows::keys(api), top)? {
        // A response about one task may omit its id.
        let task = section.field("TaskID").text().into_owned();
        by_task.entry(task).or_default().push(section);
    }
    by_task
        .into_iter()
        .map(|(task, sections)| Ok((task, rows::reading(api, &sections, scrubber)?)))
        .collect()
}

/// The scheduled tasks of a successful response.
pub(super) fn scheduled(top: Object, scrubber: &Scrubber) -> Result<TaskList, NotAnAnswer> {
    let [tasks, total] = top.fields(["Tasks", "Total"]);
    if tasks.value.is_none() {
        return Err(tasks.complaint("is missing"));
    }
    let mut list = TaskList::default();
    let mut listed = 0_usize;
    tasks.rows(|row| {
        listed += 1;
        if list.tasks.len() < MAX_LISTED {
            list.tasks.push(task(row, scrubber)?);
        }
        Ok(())
    })?;
    let total = total.integer().unwrap_or_default();
    list.total = usize::try_from(total).unwrap_or_default().max(listed);
    Ok(list)
}

fn task(row: Object, scrubber: &Scrubber) -> Result<ScheduledTask, NotAnAnswer> {
    let [number, kind, at, title, desc, status, reason, success, push] = row.fields([
        "TaskID",
        "Type",
        "SchedAt",
        "Title",
        "Desc",
        "Status",
        "DispatchErr",
        "DispatchSuccess",
        "PushTaskID",
    ]);
    let text = |field: Field, max_chars| scrubber.scrub(&field.text(), max_chars);
    let title = text(title, MAX_NAME_CHARS);
    let status = text(status, MAX_STATUS_CHARS);
    let reason = text(reason, MAX_REASON_CHARS);
    let is_success = success.integer() == Ok(1);
    let push = push.text();
    Ok(ScheduledTask {
        number: number.integer()?,
        name: if title.is_empty() {
            text(desc, MAX_NAME_CHARS)
        } else {
            title
        },
        kind: TaskType::from(&*kind.text()),
        at: time(&at.text()).ok_or_else(|| at.complaint("is not a time"))?,
        dispatch: dispatch(&status, is_success, !reason.is_empty()),
        reason,
        // An id that the scrubber would change can be neither queried nor shown.
        push: Some(push)
            .filter(|text| *text == scrubber.scrub(text, MAX_ID))
            .and_then(|text| text.parse().ok()),
        status,
    })
}

/// The document names the three fields, but does not define how they go together.
fn dispatch(status: &str, is_success: bool, has_error: bool) -> Dispatch {
    if is_success {
        Dispatch::Done
    } else if has_error || status == "dispatched" {
        Dispatch::Failed
    } else {
        Dispatch::Pending
    }
}

/// `2025-06-01 10:00:00`, in UTC.
fn time(text: &str) -> Option<UnixSeconds> {
    let civil: DateTime = text.parse().ok()?;
    let at = civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    u64::try_from(at).ok().map(UnixSeconds)
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, parse_scheduled, parse_tasks};
    use super::*;
    use crate::model::reading::Reading;
    use proptest::prelude::*;

    const HEAD: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"sucess""#;

    fn good<T>(answer: Result<Answer<T>, NotAnAnswer>) -> Result<T, String> {
        match answer {
            Ok(Answer::Good(good)) => Ok(good),
            Ok(Answer::Refused { code, .. }) => Err(code.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn list(body: &str) -> Result<TaskList, String> {
        good(parse_scheduled(
            body.as_bytes(),
            &Scrubber::new(["secret-token"]),
        ))
    }

    fn sent(body: &str) -> Result<Vec<(String, u64)>, String> {
        let readings = good(parse_tasks(STATISTICS, body.as_bytes(), &Scrubber::new([])))?;
        let sent = |reading| match reading {
            Reading::Statistics { overall, .. } => overall.sent,
            Reading::Loss(_) => unreachable!(),
        };
        Ok(readings
            .into_iter()
            .map(|(id, of)| (id, sent(of)))
            .collect())
    }

    #[test]
    fn every_task_has_its_own_counts_and_parts_of_one_are_summed() {
        for (tail, expected) in [
            (
                r#","Results":[{"TaskID":"a","SentCount":1},{"TaskID":"b","SentCount":2},{"TaskID":"a","SentCount":4}]"#,
                vec![("a", 5), ("b", 2)],
            ),
            (
                r#","Results":[{"TaskID":"a"},{"TaskID":"b","SentCount":2}]"#,
                vec![("b", 2)],
            ),
            (r#","Results":[]"#, vec![]),
            (r#","Results":{"TaskID":"a","SentCount":1}"#, vec![("a", 1)]),
            (r#","SentCount":1"#, vec![("", 1)]),
        ] {
            let expected = expected.into_iter().map(|(id, n)| (id.to_owned(), n));
            assert_eq!(
                sent(&format!("{HEAD}{tail}}}")),
                Ok(expected.collect()),
                "{tail}"
            );
        }
        let refused = r#"{"ActionStatus":"FAIL","ErrorCode":90049,"ErrorInfo":"invalid TaskId"}"#;
        assert_eq!(sent(refused), Err("90049".to_owned()));
    }

    /// The document's sample.
    const PENDING: &str = r#"{"TaskID":1234567890,"Sdkappid":88888888,"CreateAt":"2025-05-20 08:30:00","Type":"All",
        "SchedAt":"2025-06-01 10:00:00","Content":{"From_Account":12345,"OfflinePushInfo":{"Title":"t"}},
        "Title":"June sale","Desc":"d","Status":"pending","DispatchSuccess":0,"DispatchErr":"","PushTaskID":""}"#;

    #[test]
    fn a_scheduled_task_is_read_as_the_document_shows_it() {
        let read = list(&format!(r#"{HEAD},"Total":7,"Tasks":[{PENDING}]}}"#)).unwrap();
        let task = ScheduledTask {
            number: 1_234_567_890,
            name: "June sale".to_owned(),
            kind: TaskType::All,
            status: "pending".to_owned(),
            at: UnixSeconds(1_748_772_000),
            dispatch: Dispatch::Pending,
            reason: String::new(),
            push: None,
        };
        assert_eq!(
            read,
            TaskList {
                tasks: vec![task],
                total: 7
            }
        );
    }

    #[test]
    fn how_a_dispatch_ended_follows_from_three_fields() {
        let dispatched = |status: &str, success: &str, error: &str| {
            let task = PENDING
                .replace(r#""Status":"pending""#, &format!(r#""Status":"{status}""#))
                .replace(
                    r#""DispatchSuccess":0"#,
                    &format!(r#""DispatchSuccess":{success}"#),
                )
                .replace(
                    r#""DispatchErr":"""#,
                    &format!(r#""DispatchErr":"{error}""#),
                );
            list(&format!(r#"{HEAD},"Tasks":[{task}]}}"#))
                .unwrap()
                .tasks[0]
                .dispatch
        };
        for (status, success, error, dispatch) in [
            ("pending", "0", "", Dispatch::Pending),
            ("dispatching", "0", "", Dispatch::Pending),
            ("dispatched", "1", "", Dispatch::Done),
            ("dispatched", "0", "", Dispatch::Failed),
            ("dispatched", "0", "quota", Dispatch::Failed),
            ("failed", "null", "quota", Dispatch::Failed),
        ] {
            assert_eq!(
                dispatched(status, success, error),
                dispatch,
                "{status} {success} {error}"
            );
        }
    }

    #[test]
    fn lists_are_bounded_and_counted_and_what_is_none_is_refused() {
        let many = vec![PENDING; MAX_LISTED + 7].join(",");
        let read = list(&format!(r#"{HEAD},"Tasks":[{many}]}}"#)).unwrap();
        assert_eq!((read.tasks.len(), read.total), (MAX_LISTED, MAX_LISTED + 7));
        for (tail, expected) in [
            (r#","Total":0,"Tasks":null"#, Ok(0)),
            (r#","Total":0,"Tasks":[]"#, Ok(0)),
            ("", Err("Tasks is missing")),
            (r#","Tasks":{}"#, Err("Tasks is not an array")),
            (r#","Tasks":[1]"#, Err("Tasks[0] is not an object")),
            (r#","Tasks":[{}]"#, Err("Tasks[0].TaskID is missing")),
            (
                r#","Tasks":[{"TaskID":1,"SchedAt":"soon"}]"#,
                Err("Tasks[0].SchedAt is not a time"),
            ),
        ] {
            let read = list(&format!("{HEAD}{tail}}}")).map(|list| list.tasks.len());
            assert_eq!(read, expected.map_err(str::to_owned), "{tail}");
        }
    }

    #[test]
    fn names_are_one_bounded_line_without_secrets() {
        let long = format!("a secret-token\\n{}", "x".repeat(99));
        let body = format!(
            r#"{HEAD},"Tasks":[{}]}}"#,
            PENDING.replace("June sale", &long)
        );
        let name = &list(&body).unwrap().tasks[0].name;
        assert!(
            !name.contains("secret-token") && !name.contains('\n'),
            "{name}"
        );
        assert_eq!(name.chars().count(), MAX_NAME_CHARS);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in r#"(\{|\}|\[|\]|"Tasks":|"TaskID":|"Results":|"SchedAt":|,|[a-z0-9":]){0,60}"#) {
            let _ = list(&format!(r#"{HEAD},"Tasks":[{{{body}}}]}}"#));
            let _ = sent(&format!(r#"{HEAD},"Results":[{{{body}}}]}}"#));
        }
    }

    const STATISTICS: Api = Api::AllMemberPushStatistics;
}
