//! The simulator over real connections.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::*;
use crate::clock;
use crate::model::reading::{Api, Reading};
use crate::model::window::Range;
use crate::usersig;

struct Lab {
    handle: Handle,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    tasks: JoinSet<()>,
}

const UNLIMITED: Limits = Limits {
    spacing: Duration::ZERO,
    signature_block: Duration::ZERO,
};

async fn lab(limits: Limits) -> Lab {
    let options = Options {
        apps: SimApp::made_up(),
        limits,
        scenario: Scenario::default(),
    };
    let simulator = Simulator::bind(([127, 0, 0, 1], 0).into(), options)
        .await
        .unwrap();
    let (address, handle) = (simulator.local_addr(), simulator.handle());
    let (stop, stopped) = oneshot::channel();
    let mut tasks = JoinSet::new();
    tasks.spawn(simulator.run(async {
        let _ = stopped.await;
    }));
    Lab {
        handle,
        address,
        stop: Some(stop),
        tasks,
    }
}

/// The whole reply, up to the end of the connection.
#[derive(Debug)]
struct Reply {
    head: String,
    body: String,
    ended: Option<io::ErrorKind>,
}

impl Reply {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn code(&self) -> u64 {
        assert_eq!(self.status(), "200", "{self:?}");
        let json = self.json();
        let code = json["ErrorCode"].as_u64().unwrap();
        let status = if code == 0 { "OK" } else { "FAIL" };
        assert_eq!(json["ActionStatus"], status);
        code
    }
}

fn request(method: &str, url: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {url} HTTP/1.1\r\nHost: lab\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

/// A range that ended a minute ago.
fn an_hour() -> Range {
    let now = clock::now().unix().0;
    Range::new(now - 3660, now - 60)
}

fn question(range: Range) -> String {
    json!({"StartTime": range.start.0, "EndTime": range.end.0}).to_string()
}

fn url(api: Api, key: &SecretKey, app: &SimApp) -> String {
    let id = app.sdk_app_id;
    let usersig = usersig::sign(key, id, &app.admins[0], clock::now().unix(), 86_400);
    let usersig = usersig.expose();
    format!(
        "/v4/timpush/{api}?sdkappid={id}&identifier=administrator&usersig={usersig}&random=7&contenttype=json"
    )
}

impl Lab {
    async fn send(&self, request: String) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let (mut bytes, mut ended) = (Vec::new(), None);
        let read = async {
            let mut buffer = [0; 4096];
            loop {
                match stream.read(&mut buffer).await {
                    Ok(0) => break,
                    Ok(n) => bytes.extend_from_slice(&buffer[..n]),
                    Err(error) => {
                        ended = Some(error.kind());
                        break;
                    }
                }
            }
        };
        timeout(Duration::from_secs(10), read).await.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        Reply {
            head: head.to_owned(),
            body: body.to_owned(),
            ended,
        }
    }

    /// A valid call of the first app.
    async fn ask(&self, api: Api, range: Range) -> Reply {
        let app = &SimApp::made_up()[0];
        let url = url(api, &app.key, app);
        self.send(request(
            "POST",
            &url,
            "Connection: close\r\n",
            &question(range),
        ))
        .await
    }

    async fn ask_loss(&self) -> Reply {
        self.ask(Api::NormalPushLoss, an_hour()).await
    }

    async fn control(&self, method: &str, path: &str, body: &str) -> Reply {
        self.send(request(method, path, "Connection: close\r\n", body))
            .await
    }

    /// The scenario is the text of a user's file, so that its spelling is tested too.
    fn fault(&self, fault: &Value) {
        let scenario = json!({"rules": [{"fault": fault}]}).to_string();
        self.handle
            .set_scenario(Scenario::from_json(&scenario).unwrap());
    }
}

fn sum(rows: &Value, count: &str) -> u64 {
    let rows = rows.as_array().unwrap();
    rows.iter().map(|row| row[count].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn an_incident_is_in_the_truth_until_another_scenario_is_set() {
    let lab = lab(UNLIMITED).await;
    let range = Range::new(clock::now().unix().0 + 60, clock::now().unix().0 + 7200);
    let refused = |sdk_app_id| {
        let reading = lab.handle.truth(sdk_app_id, Api::NormalPushLoss, range);
        let Some(Reading::Loss(losses)) = reading else {
            panic!("{reading:?}")
        };
        losses
            .iter()
            .any(|(key, loss)| key.code.as_str() == "made up" && loss.description == "for a drill")
    };
    let (shop, game) = (1_400_000_001, 1_400_000_002);
    assert!(!refused(shop));
    let scenario = r#"{"incidents": [{"sdkappid": 1400000001, "platform": "apns", "code": "made up", "info": "for a drill"}]}"#;
    lab.handle
        .set_scenario(Scenario::from_json(scenario).unwrap());
    assert!(refused(shop) && !refused(game));
    lab.handle.set_scenario(Scenario::default());
    assert!(!refused(shop));
}

#[tokio::test]
async fn a_calm_service_has_no_incidents_of_its_own() {
    let lab = lab(UNLIMITED).await;
    let week = Range::new(1_741_708_800, 1_741_708_800 + 7 * 86_400);
    let (api, mut app) = (Api::NormalPushLoss, SimApp::made_up().remove(0));
    let told = || lab.handle.truth(app.sdk_app_id, api, week).unwrap();
    assert_eq!(told(), truth(&app, api, week));
    let scenario = Scenario::from_json(r#"{"calm": true}"#).unwrap();
    lab.handle.set_scenario(scenario);
    let calm = told();
    app.incidents = Incidents::None;
    assert_eq!(calm, truth(&app, api, week));
}

#[tokio::test]
async fn right_calls_are_told_the_truth() {
    let lab = lab(UNLIMITED).await;
    let (app, range) = (&SimApp::made_up()[0], an_hour());

    let reply = lab.ask(Api::NormalPushLoss, range).await;
    assert_eq!(reply.code(), 0);
    let Reading::Loss(losses) = truth(app, Api::NormalPushLoss, range) else {
        panic!("asked for losses");
    };
    let answer = reply.json();
    let told: u64 = [
        "ReadyToSendLoss",
        "PostSendDeliveredLoss",
        "PlatformReadyToSendLoss",
        "PlatformPostSendDeliveredLoss",
    ]
    .iter()
    .map(|name| sum(&answer[name], "ErrCount"))
    .sum();
    assert_eq!(told, losses.values().map(|loss| loss.count).sum::<u64>());
    assert!(told > 100, "{told}");

    let reply = lab.ask(Api::NormalPushStatistics, range).await;
    assert_eq!(reply.code(), 0);
    let Reading::Statistics { overall, platforms } = truth(app, Api::NormalPushStatistics, range)
    else {
        panic!("asked for statistics");
    };
    let answer = reply.json();
    assert_eq!(answer["TotalCount"], overall.sendable);
    assert_eq!(answer["ClickCount"], overall.clicked);
    let sent: u64 = platforms.values().map(|funnel| funnel.sent).sum();
    assert_eq!(sum(&answer["PlatformStatistics"], "SentCount"), sent);
}

#[tokio::test]
async fn one_connection_serves_many_calls() {
    let lab = lab(UNLIMITED).await;
    let app = &SimApp::made_up()[0];
    let url = url(Api::NormalPushLoss, &app.key, app);
    let once = request("POST", &url, "", &question(an_hour()));
    let last = request("POST", &url, "Connection: close\r\n", &question(an_hour()));
    let reply = lab.send(once + &last).await;
    assert_eq!(reply.body.matches("HTTP/1.1 200").count(), 1, "{reply:?}");
    assert_eq!(lab.handle.calls().len(), 2);
}

#[tokio::test]
async fn what_is_wrong_is_answered_in_a_gateways_order() {
    let second = Limits {
        signature_block: Duration::ZERO,
        ..Limits::default()
    };
    let lab = lab(second).await;
    let app = &SimApp::made_up()[0];
    let good = url(Api::NormalPushLoss, &app.key, app);
    let forged = url(Api::NormalPushLoss, &SecretKey::new("x").unwrap(), app);
    let no_api = good.replace("_loss", "_gain");
    let (body, close) = (question(an_hour()), "Connection: close\r\n");
    for (method, url, body, code) in [
        ("GET", &no_api, "", 60002),
        ("POST", &no_api, "", 60009),
        ("POST", &forged, "", 70009),
        ("POST", &forged, body.as_str(), 70009),
        // The limit counts this call although its body is wrong, and none of those before.
        ("POST", &good, "", 60003),
        ("POST", &good, "", 60007),
        ("POST", &good, body.as_str(), 60007),
    ] {
        let reply = lab.send(request(method, url, close, body)).await;
        assert_eq!(reply.code(), code, "{method} {url:.40}");
    }
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert_eq!(
        lab.send(request("POST", &good, close, &body)).await.code(),
        0
    );
}

#[tokio::test]
async fn after_three_bad_signatures_good_ones_are_refused_too() {
    let short = Limits {
        spacing: Duration::ZERO,
        signature_block: Duration::from_millis(700),
    };
    let lab = lab(short).await;
    let app = &SimApp::made_up()[0];
    let forged = url(Api::NormalPushLoss, &SecretKey::new("x").unwrap(), app);
    for code in [70009, 70009, 70009, 70050] {
        let reply = lab.control("POST", &forged, &question(an_hour())).await;
        assert_eq!(reply.code(), code);
    }
    assert_eq!(lab.ask_loss().await.code(), 70050);
    tokio::time::sleep(Duration::from_millis(750)).await;
    assert_eq!(lab.ask_loss().await.code(), 0);
}

#[tokio::test]
async fn errors_are_the_services_own_and_may_echo_the_url() {
    let lab = lab(UNLIMITED).await;
    lab.fault(&json!({"error": {"code": 91000, "info": "cannot serve {url}"}}));
    let reply = lab.ask_loss().await;
    assert_eq!(reply.code(), 91000);
    let info = reply.json()["ErrorInfo"].as_str().unwrap().to_owned();
    assert!(
        info.contains(
            "/v4/timpush/normal_push_loss?sdkappid=1400000001&identifier=administrator&usersig="
        ),
        "{info}"
    );
    lab.fault(&json!({"error": {"code": 60007}}));
    assert_eq!(lab.ask_loss().await.code(), 60007);
}

#[tokio::test]
async fn pages_of_gateways_have_their_status_and_may_echo_the_url() {
    let lab = lab(UNLIMITED).await;
    lab.fault(&json!({"http_status": {"status": 502, "body": "<p>{url}</p>"}}));
    let reply = lab.ask_loss().await;
    assert_eq!(reply.status(), "502");
    assert!(reply.body.starts_with("<p>/v4/timpush/normal_push_loss?"));
    lab.fault(&json!({"http_status": {"status": 200}}));
    let reply = lab.ask_loss().await;
    assert_eq!(
        (reply.status(), reply.header("content-type")),
        ("200", Some("text/html; charset=utf-8"))
    );
    assert!(reply.body.starts_with("<html>"));
}

#[tokio::test]
async fn texts_shapes_and_rows_can_be_wrong() {
    let lab = lab(UNLIMITED).await;
    lab.fault(&json!({"body": "not JSON"}));
    assert_eq!(lab.ask_loss().await.body, "not JSON");
    lab.fault(&json!("empty"));
    let reply = lab.ask_loss().await;
    assert_eq!((reply.status(), reply.body.as_str()), ("200", ""));
    lab.fault(&json!("wrong_shape"));
    let reply = lab.ask_loss().await;
    assert_eq!(reply.code(), 0);
    assert!(reply.json().get("ReadyToSendLoss").is_none());
    lab.fault(&json!({"bad_row": {"count": -1}}));
    let reply = lab.ask_loss().await;
    assert_eq!(reply.json()["ReadyToSendLoss"][0]["ErrCount"], -1);
    let reply = lab.ask(Api::NormalPushStatistics, an_hour()).await;
    assert_eq!(reply.json()["PlatformStatistics"][0]["TotalCount"], -1);
}

#[tokio::test]
async fn a_truncated_answer_ends_before_its_length() {
    let lab = lab(UNLIMITED).await;
    let range = an_hour();
    let whole = lab.ask(Api::NormalPushLoss, range).await.body;
    lab.fault(&json!("truncated"));
    let reply = lab.ask(Api::NormalPushLoss, range).await;
    assert_eq!(
        reply.header("content-length"),
        Some(whole.len().to_string().as_str())
    );
    assert_eq!(reply.body, whole[..whole.len() / 2]);
}

#[tokio::test]
async fn huge_answers_come_with_their_length_or_in_chunks() {
    let lab = lab(UNLIMITED).await;
    lab.fault(&json!({"huge": {"bytes": 300_000}}));
    let reply = lab.ask_loss().await;
    assert_eq!(
        (reply.header("content-length"), reply.body.len()),
        (Some("300000"), 300_000)
    );
    lab.fault(&json!({"huge": {"bytes": 300_000, "chunked": true}}));
    let reply = lab.ask_loss().await;
    assert_eq!(reply.header("transfer-encoding"), Some("chunked"));
    assert_eq!(reply.body.matches(' ').count(), 300_000);
}

#[tokio::test]
async fn a_client_may_leave_an_endless_answer() {
    let lab = lab(UNLIMITED).await;
    lab.fault(&json!({"huge": {"bytes": 1_u64 << 50}}));
    let app = &SimApp::made_up()[0];
    let mut stream = TcpStream::connect(lab.address).await.unwrap();
    let url = url(Api::NormalPushLoss, &app.key, app);
    stream
        .write_all(request("POST", &url, "", &question(an_hour())).as_bytes())
        .await
        .unwrap();
    stream.read_exact(&mut vec![0; 1 << 20]).await.unwrap();
    drop(stream);
    lab.handle.set_scenario(Scenario::default());
    assert_eq!(lab.ask_loss().await.code(), 0);
}

#[tokio::test]
async fn answers_can_be_late_or_drip() {
    let lab = lab(UNLIMITED).await;
    lab.fault(&json!({"latency": {"seconds": 0.3}}));
    let start = Instant::now();
    assert_eq!(lab.ask_loss().await.code(), 0);
    assert!(start.elapsed() >= Duration::from_millis(300));
    // A response to a range without pushes is short enough to wait for.
    lab.fault(&json!({"drip": {"seconds": 0.001}}));
    let now = clock::now().unix().0;
    let future = Range::new(now + 60, now + 120);
    let start = Instant::now();
    let reply = lab.ask(Api::NormalPushLoss, future).await;
    assert_eq!(reply.code(), 0);
    assert!(start.elapsed() >= Duration::from_millis(1) * u32::try_from(reply.body.len()).unwrap());
}

#[tokio::test]
async fn redirects_name_another_place() {
    let lab = lab(UNLIMITED).await;
    lab.fault(&json!({"redirect": {"location": "https://elsewhere.invalid/"}}));
    let reply = lab.ask_loss().await;
    assert_eq!(
        (reply.status(), reply.header("location")),
        ("302", Some("https://elsewhere.invalid/"))
    );
}

#[tokio::test]
async fn connections_end_as_the_fault_says() {
    let lab = lab(UNLIMITED).await;
    for (fault, ended) in [
        ("disconnect", None),
        ("reset", Some(io::ErrorKind::ConnectionReset)),
    ] {
        lab.fault(&json!(fault));
        let reply = lab.ask_loss().await;
        assert_eq!((reply.head.as_str(), reply.ended), ("", ended), "{fault}");
    }
}

#[tokio::test]
async fn the_date_can_be_skewed() {
    let lab = lab(UNLIMITED).await;
    for skew in [-3600_i64, 86_400] {
        lab.fault(&json!({"date_skew": {"seconds": skew}}));
        let reply = lab.ask_loss().await;
        assert_eq!(reply.code(), 0);
        let date = httpdate::parse_http_date(reply.header("date").unwrap()).unwrap();
        let date = date
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let expected = clock::now().unix().0.saturating_add_signed(skew);
        assert!(date.abs_diff(expected) <= 2, "{date} {expected}");
    }
}

#[tokio::test]
async fn a_hanging_call_is_logged_and_does_not_hold_the_shutdown() {
    let mut lab = lab(UNLIMITED).await;
    lab.fault(&json!("hang"));
    assert!(
        timeout(Duration::from_millis(200), lab.ask_loss())
            .await
            .is_err()
    );
    let calls = lab.handle.calls();
    assert_eq!(calls.last().unwrap().fault.as_deref(), Some("hang"));

    let app = &SimApp::made_up()[0];
    let mut hanging = TcpStream::connect(lab.address).await.unwrap();
    let url = url(Api::NormalPushLoss, &app.key, app);
    hanging
        .write_all(request("POST", &url, "", &question(an_hour())).as_bytes())
        .await
        .unwrap();
    lab.stop.take().unwrap().send(()).unwrap();
    let ended = timeout(Duration::from_secs(3), lab.tasks.join_next()).await;
    assert!(matches!(ended, Ok(Some(Ok(())))), "{ended:?}");
    assert!(TcpStream::connect(lab.address).await.is_err());
}

#[tokio::test]
async fn an_idle_connection_is_closed_at_shutdown() {
    let mut lab = lab(UNLIMITED).await;
    let mut idle = TcpStream::connect(lab.address).await.unwrap();
    idle.write_all(request("GET", "/_control/calls", "", "").as_bytes())
        .await
        .unwrap();
    assert!(idle.read(&mut [0; 4096]).await.unwrap() > 0);
    let start = Instant::now();
    lab.stop.take().unwrap().send(()).unwrap();
    lab.tasks.join_next().await.unwrap().unwrap();
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn the_log_tells_what_the_checks_said_and_what_the_client_was_told() {
    let lab = lab(UNLIMITED).await;
    let scenario = r#"{"rules": [{"times": 1, "fault": {"error": {"code": 91000}}}]}"#;
    lab.handle
        .set_scenario(Scenario::from_json(scenario).unwrap());
    let range = an_hour();
    lab.ask(Api::NormalPushLoss, range).await;
    lab.ask(Api::NormalPushStatistics, range).await;
    lab.control("POST", "/v4/timpush/nothing", "").await;
    let calls = lab.handle.calls();
    let told: Vec<_> = calls
        .iter()
        .map(|c| {
            let fault = c.fault.as_deref();
            (c.sdk_app_id, c.api, c.range, c.verdict, fault, c.code)
        })
        .collect();
    let app = Some(1_400_000_001);
    assert_eq!(
        told,
        [
            (
                app,
                Some(Api::NormalPushLoss),
                Some(range),
                0,
                Some("error"),
                Some(91000)
            ),
            (
                app,
                Some(Api::NormalPushStatistics),
                Some(range),
                0,
                None,
                Some(0)
            ),
            (None, None, None, 60009, None, Some(60009)),
        ]
    );
    assert!(calls.is_sorted_by_key(|call| call.at));
}

#[tokio::test]
async fn drills_are_set_read_and_ended_by_the_control_path() {
    let lab = lab(UNLIMITED).await;
    let drill = r#"{"rules":[{"fault":{"error":{"code":90045}},"times":3}]}"#;
    let reply = lab.control("PUT", "/_control/scenario", drill).await;
    assert_eq!(reply.status(), "200", "{reply:?}");
    assert_eq!(lab.ask_loss().await.code(), 90045);
    let read = lab.control("GET", "/_control/scenario", "").await.json();
    assert_eq!(read["rules"][0]["fault"]["error"]["code"], 90045);

    let reply = lab
        .control("PUT", "/_control/scenario", r#"{"rulez":[]}"#)
        .await;
    assert_eq!(reply.status(), "400");
    assert!(
        reply.json()["error"]
            .as_str()
            .unwrap()
            .contains("unknown field `rulez`")
    );
    assert_eq!(
        lab.ask_loss().await.code(),
        90045,
        "a refused drill changes nothing"
    );

    assert_eq!(
        lab.control("DELETE", "/_control/scenario", "")
            .await
            .status(),
        "200"
    );
    assert_eq!(lab.ask_loss().await.code(), 0);
}

#[tokio::test]
async fn web_pages_cannot_control() {
    let lab = lab(UNLIMITED).await;
    let headers = "Connection: close\r\nOrigin: http://example.org\r\n";
    for (method, path) in [("DELETE", "/_control/scenario"), ("GET", "/_control/calls")] {
        let reply = lab.send(request(method, path, headers, "")).await;
        assert_eq!(reply.status(), "403", "{method} {path}");
    }
}

#[tokio::test]
async fn the_truth_of_any_range_can_be_asked_for() {
    let lab = lab(UNLIMITED).await;
    let range = an_hour();
    let path = |query: &str| format!("/_control/truth?{query}");
    let (start, end) = (range.start.0, range.end.0);
    let truth = lab
        .control(
            "GET",
            &path(&format!("sdkappid=1400000001&start={start}&end={end}")),
            "",
        )
        .await
        .json();
    assert_eq!(
        truth["normal_push_loss"],
        lab.ask(Api::NormalPushLoss, range).await.json()
    );
    assert_eq!(
        truth["normal_push_statistics"],
        lab.ask(Api::NormalPushStatistics, range).await.json()
    );
    for (query, status) in [
        ("sdkappid=7&start=0&end=60", "404"),
        ("sdkappid=1400000001&start=0", "400"),
        ("sdkappid=1400000001&start=0&end=60&until=1", "400"),
        ("sdkappid=1400000001&start=0&end=9999999999", "400"),
    ] {
        assert_eq!(
            lab.control("GET", &path(query), "").await.status(),
            status,
            "{query}"
        );
    }
}

#[tokio::test]
async fn the_list_of_calls_holds_no_secret() {
    let lab = lab(UNLIMITED).await;
    let app = &SimApp::made_up()[0];
    let url = url(Api::NormalPushLoss, &app.key, app);
    lab.control("POST", &url, &question(an_hour())).await;
    let reply = lab.control("GET", "/_control/calls", "").await;
    let call = &reply.json()["calls"][0];
    assert_eq!(
        (&call["sdkappid"], &call["code"]),
        (&json!(1_400_000_001), &json!(0))
    );
    assert!(call["at"].as_f64().unwrap() > 0.0);
    assert!(!reply.body.contains("usersig") && !reply.body.contains(app.key.expose()));
}
