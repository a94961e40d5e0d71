use super::texts::MAX_EXAMINED;
use super::*;
use crate::model::reading::{
    ErrCode, Funnel, Loss, LossKey, MAX_DESCRIPTION_CHARS, Platform, Stage,
};
use proptest::prelude::*;

const DOCUMENT: &str = include_str!("../../../tests/data/document_sample.txt");

fn parse_loss(body: &str) -> Result<Answer, NotAnAnswer> {
    parse(Api::NormalPushLoss, body.as_bytes(), &Scrubber::new([]))
}

fn parse_statistics(body: &str) -> Result<Answer, NotAnAnswer> {
    parse(
        Api::NormalPushStatistics,
        body.as_bytes(),
        &Scrubber::new([]),
    )
}

fn ok(rest: &str) -> String {
    format!(r#"{{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"sucess"{rest}}}"#)
}

fn key(stage: Stage, platform: Option<i64>, code: &str) -> LossKey {
    LossKey {
        stage,
        platform: platform.map(Platform),
        code: ErrCode::new(code),
    }
}

fn losses(rows: &[(Stage, Option<i64>, &str, u64, &str)]) -> Answer {
    Answer::Good(Reading::Loss(
        rows.iter()
            .map(|(stage, platform, code, count, text)| {
                let loss = Loss {
                    count: *count,
                    description: (*text).to_owned(),
                };
                (key(*stage, *platform, code), loss)
            })
            .collect(),
    ))
}

/// The content of the document's sample.
fn sample() -> Answer {
    use Stage::{PostSendDelivered as Post, ReadyToSend as Ready};
    losses(&[
        (Ready, None, "-1", 167, "certificate id not set"),
        (Ready, None, "-2", 125, "token not uploaded"),
        (Ready, Some(1), "-1", 5, "certificate id not set"),
        (Ready, Some(2), "-1", 123, "certificate id not set"),
        (Post, None, "1", 217, "regid_invalid"),
        (Post, None, "410", 35, "Unregistered"),
        (Post, Some(1), "1", 217, "regid_invalid"),
        (Post, Some(3), "410", 35, "Unregistered"),
    ])
}

/// The four arrays of the sample, without braces around them.
fn arrays() -> &'static str {
    let start = DOCUMENT.find("\"ReadyToSendLoss\"").unwrap();
    DOCUMENT[start..].trim_end().strip_suffix("}}").unwrap()
}

#[test]
fn the_documents_literal_sample_is_read_though_it_is_not_json() {
    assert!(serde_json::from_str::<serde_json::Value>(DOCUMENT).is_err());
    assert_eq!(parse_loss(DOCUMENT), Ok(sample()));
}

#[test]
fn every_plausible_wrapping_of_the_sample_says_the_same() {
    let arrays = arrays();
    for rest in [
        format!(",{arrays}"),
        format!(r#","Results":{{{arrays}}}"#),
        format!(r#","Results":[{{{arrays}}}]"#),
        format!(r#","Results":[{{"TaskID":"",{arrays}}}]"#),
        format!(r#","Results":[{{"TaskID":"x"}},{{{arrays}}}]"#),
        format!(r#","Result":{{{arrays}}}"#),
        format!(r#","Data":{{{arrays}}}"#),
        format!(r#","LossInfo":[{{{arrays}}}]"#),
        format!(r#","RequestId":"r","Whatever":{{{arrays},"Extra":[1]}}"#),
        format!(r#","ReadyToSendLoss":null,"Results":{{{arrays}}}"#),
    ] {
        assert_eq!(parse_loss(&ok(&rest)), Ok(sample()), "{rest:.60}");
    }
}

#[test]
fn elements_of_a_wrapping_array_are_merged() {
    let row = r#"{"ReadyToSendLoss":[{"ErrCode":"-1","ErrCount":2,"ErrInfo":"x"}]}"#;
    assert_eq!(
        parse_loss(&ok(&format!(r#","Results":[{row},{row}]"#))),
        Ok(losses(&[(Stage::ReadyToSend, None, "-1", 4, "x")]))
    );
}

#[test]
fn codes_and_numbers_are_read_in_each_json_type() {
    for (code, platform, count) in [
        (r#""410""#, "1", "35"),
        ("410", "1.0", "35.0"),
        ("410.0", r#""1""#, r#""35""#),
    ] {
        let body = ok(&format!(
            r#","PlatformPostSendDeliveredLoss":[{{"PushPlatform":{platform},"ErrCode":{code},"ErrCount":{count}}}]"#
        ));
        let expected = losses(&[(Stage::PostSendDelivered, Some(1), "410", 35, "")]);
        assert_eq!(parse_loss(&body), Ok(expected), "{body}");
    }
}

#[test]
fn repeated_codes_are_added_up_and_described_by_the_largest_row() {
    let body = ok(r#","ReadyToSendLoss":[
        {"ErrCode":"1","ErrCount":1,"ErrInfo":"small"},
        {"ErrCode":"1","ErrCount":3,"ErrInfo":"b"},
        {"ErrCode":1,"ErrCount":3,"ErrInfo":"a"},
        {"ErrCode":"1","ErrCount":9,"ErrInfo":""}]"#);
    assert_eq!(
        parse_loss(&body),
        Ok(losses(&[(Stage::ReadyToSend, None, "1", 16, "a")]))
    );
}

#[test]
fn an_answer_without_rows_is_good_and_empty() {
    for rest in [
        "",
        r#","RequestId":"abc""#,
        r#","ReadyToSendLoss":null"#,
        r#","ReadyToSendLoss":[],"PostSendDeliveredLoss":[],"PlatformReadyToSendLoss":null"#,
        r#","Results":{}"#,
        r#","Results":[]"#,
        r#","Results":null"#,
        r#","Results":[{"TaskID":""}]"#,
        r#","Results":{"ReadyToSendLoss":[]}"#,
        r#","ReadyToSendLoss":[],"ServerTime":5"#,
    ] {
        assert_eq!(parse_loss(&ok(rest)), Ok(losses(&[])), "{rest}");
    }
}

#[test]
fn one_bad_row_refuses_the_answer_and_is_named() {
    let good = r#"{"PushPlatform":1,"ErrCode":"1","ErrCount":1}"#;
    for (row, complaint) in [
        (
            r#"{"PushPlatform":1,"ErrCode":"1","ErrCount":-1}"#,
            "PlatformReadyToSendLoss[1].ErrCount is negative",
        ),
        (
            r#"{"PushPlatform":1,"ErrCode":"1","ErrCount":1.5}"#,
            "PlatformReadyToSendLoss[1].ErrCount is not a whole number in range",
        ),
        (
            r#"{"PushPlatform":1,"ErrCode":"1","ErrCount":1e300}"#,
            "PlatformReadyToSendLoss[1].ErrCount is not a whole number in range",
        ),
        (
            r#"{"PushPlatform":1,"ErrCode":"1","ErrCount":"many"}"#,
            "PlatformReadyToSendLoss[1].ErrCount is text that is not a whole number",
        ),
        (
            r#"{"PushPlatform":1,"ErrCode":"1","ErrCount":null}"#,
            "PlatformReadyToSendLoss[1].ErrCount is not a number",
        ),
        (
            r#"{"PushPlatform":1,"ErrCode":"1"}"#,
            "PlatformReadyToSendLoss[1].ErrCount is missing",
        ),
        (
            r#"{"PushPlatform":1,"ErrCount":1}"#,
            "PlatformReadyToSendLoss[1].ErrCode is missing",
        ),
        (
            r#"{"PushPlatform":1,"ErrCode":[],"ErrCount":1}"#,
            "PlatformReadyToSendLoss[1].ErrCode is neither text nor a number",
        ),
        (
            r#"{"PushPlatform":1,"ErrCode":1.5,"ErrCount":1}"#,
            "PlatformReadyToSendLoss[1].ErrCode is not a whole number in range",
        ),
        (
            r#"{"ErrCode":"1","ErrCount":1}"#,
            "PlatformReadyToSendLoss[1].PushPlatform is missing",
        ),
        (
            r#"{"PushPlatform":"apns","ErrCode":"1","ErrCount":1}"#,
            "PlatformReadyToSendLoss[1].PushPlatform is text that is not a whole number",
        ),
        (
            r#"{"PushPlatform":1,"ErrCode":null,"ErrCount":1}"#,
            "PlatformReadyToSendLoss[1].ErrCode is neither text nor a number",
        ),
        (
            r#"{"PushPlatform":1,"ErrCode":"1","ErrCount":1e999}"#,
            "PlatformReadyToSendLoss[1].ErrCount is not a whole number in range",
        ),
        ("7", "PlatformReadyToSendLoss[1] is not an object"),
    ] {
        let body = ok(&format!(r#","PlatformReadyToSendLoss":[{good},{row}]"#));
        assert_eq!(parse_loss(&body), Err(NotAnAnswer::new(complaint)), "{row}");
    }
}

#[test]
fn what_is_not_an_answer_is_refused_with_its_reason() {
    for (body, complaint) in [
        ("", "the body is empty"),
        (" \n", "the body is empty"),
        (
            "<html>",
            "the body is a page of HTML or XML instead of JSON",
        ),
        ("[]", "the body is not a JSON object"),
        ("{}", "ActionStatus is missing or not text"),
        (r#"{"ActionStatus":"OK"}"#, "ErrorCode is missing"),
        (
            r#"{"ActionStatus":"OK","ErrorCode":"x"}"#,
            "ErrorCode is text that is not a whole number",
        ),
        (
            r#"{"ActionStatus":"FAIL","ErrorCode":0}"#,
            "ActionStatus is not OK, but ErrorCode is 0",
        ),
        (
            r#"{"ActionStatus":"ok","ErrorCode":0}"#,
            "ActionStatus is not OK, but ErrorCode is 0",
        ),
        (
            r#"{"ActionStatus":"OK","#,
            "the body is not JSON: Eof error at line 1 column 21",
        ),
        (
            r#"{"ActionStatus" "OK"}"#,
            "the body is not JSON: Syntax error at line 1 column 17",
        ),
    ] {
        assert_eq!(parse_loss(body), Err(NotAnAnswer::new(complaint)), "{body}");
    }
    let invalid = parse(Api::NormalPushLoss, b"\xff", &Scrubber::new([]));
    let complaint = "the body is not JSON: Syntax error at line 1 column 1";
    assert_eq!(invalid, Err(NotAnAnswer::new(complaint)));
}

#[test]
fn a_success_that_is_not_understood_is_not_taken_for_an_empty_one() {
    for (rest, complaint) in [
        (
            r#","TotalCount":5"#,
            r#"the answer holds none of the known arrays, but something under "TotalCount""#,
        ),
        (
            r#","Losses":[1]"#,
            r#"the answer holds none of the known arrays, but something under "Losses""#,
        ),
        (
            r#","Results":{"Deep":{"ReadyToSendLoss":[1]}}"#,
            r#"the answer holds none of the known arrays, but something under "Results""#,
        ),
        (
            r#","Results":[{"ReadyToSendLoss":[]},{"New":1}]"#,
            r#"Results holds none of the known arrays, but something under "New""#,
        ),
        (
            r#","A":{"ReadyToSendLoss":[]},"B":{"ReadyToSendLoss":[]}"#,
            "both A and B hold the data of an answer",
        ),
        (
            r#","ReadyToSendLoss":{"a":1}"#,
            "ReadyToSendLoss is not an array",
        ),
    ] {
        assert_eq!(
            parse_loss(&ok(rest)),
            Err(NotAnAnswer::new(complaint)),
            "{rest}"
        );
    }
}

#[test]
fn refusals_keep_code_and_words() {
    for (body, code, info) in [
        (
            r#"{"ActionStatus":"FAIL","ErrorCode":70009,"ErrorInfo":"bad\nsig"}"#,
            70009,
            "bad sig",
        ),
        (r#"{"ActionStatus":"FAIL","ErrorCode":"60007"}"#, 60007, ""),
        (
            r#"{"ActionStatus":"OK","ErrorCode":91000,"ErrorInfo":null}"#,
            91000,
            "",
        ),
        // A refusal is one whatever else the response holds.
        (
            r#"{"ActionStatus":"FAIL","ErrorCode":1,"ReadyToSendLoss":7}"#,
            1,
            "",
        ),
    ] {
        let expected = Answer::Refused {
            code,
            info: info.to_owned(),
        };
        assert_eq!(parse_loss(body), Ok(expected), "{body}");
    }
    let long = format!(
        r#"{{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"{}"}}"#,
        "未 ".repeat(500)
    );
    let Ok(Answer::Refused { info, .. }) = parse_loss(&long) else {
        panic!("not refused")
    };
    assert!(info.chars().count() <= MAX_INFO_CHARS);
}

#[test]
fn a_broken_text_that_decides_nothing_spoils_nothing_and_shows_where_it_broke() {
    let described = |text| Ok(losses(&[(Stage::ReadyToSend, None, "1", 5, text)]));
    for (info, text) in [
        (&br#""cut \ud83d""#[..], "cut \u{fffd}"),
        (br#""\ude00 cut""#, "\u{fffd} cut"),
        (b"\"\xe6\x9c\xaa cut \xe6\x9c\"", "未 cut \u{fffd}"),
        (b"\"\xff\xff\xff\"", "\u{fffd}"),
        (b"7", ""),
        (br#"{"text":"x"}"#, ""),
        (b"null", ""),
    ] {
        let mut body = br#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"\udc00","RequestId":"\ud800","\ud800":"","ReadyToSendLoss":[{"ErrCode":1,"ErrCount":5,"ErrInfo":"#.to_vec();
        body.extend_from_slice(info);
        body.extend_from_slice(b"}]}");
        let read = parse(Api::NormalPushLoss, &body, &Scrubber::new([]));
        assert_eq!(read, described(text), "{}", String::from_utf8_lossy(&body));
    }
    for (info, text) in [
        (&br#""bad sig \ud83d""#[..], "bad sig \u{fffd}"),
        (b"\"bad sig \xe6\x9c\"", "bad sig \u{fffd}"),
        (b"[7]", ""),
    ] {
        let mut body = br#"{"ActionStatus":"FAIL","ErrorCode":70009,"ErrorInfo":"#.to_vec();
        body.extend_from_slice(info);
        body.push(b'}');
        let read = parse(Api::NormalPushLoss, &body, &Scrubber::new([]));
        let info = text.to_owned();
        assert_eq!(read, Ok(Answer::Refused { code: 70009, info }));
    }
}

#[test]
fn codes_that_look_the_same_are_the_same() {
    let body = ok(concat!(
        r#","ReadyToSendLoss":[{"ErrCode":"410","ErrCount":1},{"ErrCode":"4\u200b10\u2066","ErrCount":2},"#,
        r#"{"ErrCode":"\u0034\u0031\u0030","ErrCount":4},{"ErrCode":" 410\n","ErrCount":8}]"#
    ));
    let expected = losses(&[(Stage::ReadyToSend, None, "410", 15, "")]);
    assert_eq!(parse_loss(&body), Ok(expected));
}

/// A loss response with a row for each text.
fn described(texts: impl Iterator<Item = String>) -> String {
    let rows: Vec<String> = texts
        .enumerate()
        .map(|(code, text)| format!(r#"{{"ErrCode":{code},"ErrCount":1,"ErrInfo":"{text}"}}"#))
        .collect();
    ok(&format!(r#","ReadyToSendLoss":[{}]"#, rows.join(",")))
}

/// The number of rows, and of those with a description.
fn rows_and_descriptions(body: &str) -> (usize, usize) {
    let Ok(Answer::Good(Reading::Loss(rows))) = parse_loss(body) else {
        panic!("not good")
    };
    assert!(rows.values().all(|loss| loss.count == 1));
    let with_text = rows.values().filter(|loss| !loss.description.is_empty());
    (rows.len(), with_text.count())
}

#[test]
fn counts_are_served_in_full_and_texts_as_far_as_the_budget_of_a_response_goes() {
    let examined = Scrubber::examined(&"x".repeat(5000), MAX_DESCRIPTION_CHARS).len();
    let within = MAX_EXAMINED / examined;
    // Escapes of escapes, and prose.
    for filler in ["25", "p "] {
        let texts = (0..1900).map(|row| format!("{row}%{}", filler.repeat(2047)));
        assert_eq!(rows_and_descriptions(&described(texts)), (1900, within));
    }
    // Repeated texts are examined once, even if they differ beyond the examined part.
    let repeated = (0..1900).map(|row| format!("%{}{row}", "25".repeat(2047)));
    assert_eq!(rows_and_descriptions(&described(repeated)), (1900, 1900));
}

#[test]
fn nesting_without_end_is_named_or_passed_over() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let complaint = r#"the answer holds none of the known arrays, but something under "x""#;
    assert_eq!(
        parse_loss(&ok(&format!(r#","x":{deep}"#))),
        Err(NotAnAnswer::new(complaint))
    );
    let row = format!(r#","ReadyToSendLoss":[{{"ErrCode":1,"ErrCount":1,"ErrInfo":{deep}}}]"#);
    let expected = losses(&[(Stage::ReadyToSend, None, "1", 1, "")]);
    assert_eq!(parse_loss(&ok(&row)), Ok(expected));
    let refusal = format!(r#"{{"ActionStatus":"FAIL","ErrorCode":1,"x":{deep}}}"#);
    assert!(matches!(
        parse_loss(&refusal),
        Ok(Answer::Refused { code: 1, .. })
    ));
    for open in ["[", r#"{"a":"#] {
        assert!(parse_loss(&ok(&format!(r#","x":{}"#, open.repeat(1_000_000)))).is_err());
        assert!(parse_loss(&open.repeat(1_000_000)).is_err());
    }
}

#[test]
fn statistics_are_read_flat_and_wrapped_and_missing_counts_are_zero() {
    let data = r#""TotalCount":10,"SentCount":"9","DeliveredCount":8.0,"PlatformStatistics":[
        {"PushPlatform":1,"TotalCount":4,"SentCount":3,"DeliveredCount":2,"ClickCount":1},
        {"PushPlatform":9,"TotalCount":1},
        {"EventType":2,"PushPlatform":9,"TotalCount":2}]"#;
    let expected = Answer::Good(Reading::Statistics {
        overall: Funnel {
            sendable: 10,
            sent: 9,
            delivered: 8,
            clicked: 0,
        },
        platforms: [
            (
                Platform(1),
                Funnel {
                    sendable: 4,
                    sent: 3,
                    delivered: 2,
                    clicked: 1,
                },
            ),
            (
                Platform::ONLINE,
                Funnel {
                    sendable: 2,
                    ..Funnel::default()
                },
            ),
            (
                Platform(9),
                Funnel {
                    sendable: 1,
                    ..Funnel::default()
                },
            ),
        ]
        .into(),
    });
    for rest in [format!(",{data}"), format!(r#","Results":[{{{data}}}]"#)] {
        assert_eq!(
            parse_statistics(&ok(&rest)),
            Ok(expected.clone()),
            "{rest:.40}"
        );
    }
    for (rest, complaint) in [
        (r#","TotalCount":-1"#, "TotalCount is negative"),
        (
            r#","PlatformStatistics":[{"PushPlatform":1}]"#,
            "PlatformStatistics[0] holds none of TotalCount, SentCount, DeliveredCount, ClickCount",
        ),
        (
            r#","PlatformStatistics":[{"TotalCount":1}]"#,
            "PlatformStatistics[0].PushPlatform is missing",
        ),
        (
            r#","PlatformStatistics":[{"PushPlatform":1,"SentCount":0.5}]"#,
            "PlatformStatistics[0].SentCount is not a whole number in range",
        ),
        (
            r#","ReadyToSendLoss":[{"ErrCode":"1","ErrCount":1}]"#,
            r#"the answer holds none of the known arrays, but something under "ReadyToSendLoss""#,
        ),
    ] {
        assert_eq!(
            parse_statistics(&ok(rest)),
            Err(NotAnAnswer::new(complaint)),
            "{rest}"
        );
    }
}

proptest! {
    #[test]
    fn no_body_makes_parsing_panic(body in "\\PC{0,200}", bytes in proptest::collection::vec(0_u8.., 0..200)) {
        let _ = parse_loss(&body);
        let _ = parse_loss(&ok(&body));
        let _ = parse(Api::NormalPushStatistics, &bytes, &Scrubber::new([]));
    }

    #[test]
    fn a_truncated_answer_is_never_good(cut in 0_usize..1000) {
        let cut = (0..=cut.min(DOCUMENT.len() - 1)).rev().find(|n| DOCUMENT.is_char_boundary(*n)).unwrap();
        prop_assume!(DOCUMENT[cut..].trim() != "");
        prop_assert!(parse_loss(&DOCUMENT[..cut]).is_err());
    }

    #[test]
    fn rows_are_added_up_whatever_their_order(rows in proptest::collection::vec((0_i64..3, 0_i64..3, 0_u64..1 << 40), 0..30)) {
        let json: Vec<String> = rows.iter().map(|(platform, code, count)| {
            format!(r#"{{"PushPlatform":{platform},"ErrCode":"{code}","ErrCount":{count}}}"#)
        }).collect();
        let body = ok(&format!(r#","PlatformReadyToSendLoss":[{}]"#, json.join(",")));
        let Ok(Answer::Good(Reading::Loss(read))) = parse_loss(&body) else { panic!("not good") };
        let total: u64 = rows.iter().map(|(_, _, count)| count).sum();
        prop_assert_eq!(read.values().map(|loss| loss.count).sum::<u64>(), total);
        for (platform, code, _) in &rows {
            let expected: u64 = rows.iter().filter(|(p, c, _)| (p, c) == (platform, code)).map(|(_, _, n)| n).sum();
            prop_assert_eq!(read[&key(Stage::ReadyToSend, Some(*platform), &code.to_string())].count, expected);
        }
    }
}
