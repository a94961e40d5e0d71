//! The page for people and the same facts as JSON, from the real program.

use reqwest::Response;
use serde_json::{Value, json};
use timpush_exporter::simulator::Scenario;

use crate::lab::{Exporter, GAME, Lab, SHOP, UNLIMITED, get, http};

const SCRIPT: &str = "<script>alert(1)</script>";

/// Losses that do not change, with a text that wants to be a script.
fn losses() -> String {
    let row = |platform: Option<u8>, code: &str, count: u32, info: &str| {
        let mut row = json!({"ErrCode": code, "ErrCount": count, "ErrInfo": info});
        if let Some(platform) = platform {
            row["PushPlatform"] = platform.into();
        }
        row
    };
    json!({
        "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "",
        "PostSendDeliveredLoss": [row(None, "403", 4321, SCRIPT), row(None, "410", 987, "Unregistered")],
        "PlatformPostSendDeliveredLoss": [row(Some(1), "403", 4300, SCRIPT), row(Some(1), "410", 900, "Unregistered")],
    })
    .to_string()
}

/// The exporter with two apps: `shop` loses pushes, and `game` is refused.
async fn start() -> (Lab, Exporter) {
    let lab = Lab::start(UNLIMITED).await;
    let scenario = json!({"rules": [
        {"match": {"sdkappid": SHOP, "api": "normal_push_loss"}, "fault": {"body": losses()}},
        {"match": {"sdkappid": GAME, "api": "normal_push_loss"}, "fault": {"error": {"code": 60021, "info": SCRIPT}}},
    ]});
    lab.simulator
        .set_scenario(Scenario::from_json(&scenario.to_string()).unwrap());
    let text = format!(
        "listen: 127.0.0.1:0\ncalls_per_second: 50\ndefaults: {{interval: 1s, timeout: 2s, lag: 10s, step: 1s, counters: false}}\napps:\n{}{}",
        Lab::app("shop", SHOP, &lab.url),
        Lab::app("game", GAME, &lab.url)
    );
    let exporter = Exporter::run(&lab.write("timpush.yml", &text)).await;
    exporter
        .until("two outcomes", |metrics| {
            let failures = metrics.sum("timpush_target_consecutive_failures", &["app=\"game\""]);
            metrics.sum("timpush_target_up", &["app=\"shop\""]) == Some(2.0)
                && failures.is_some_and(|failures| failures > 0.0)
        })
        .await;
    (lab, exporter)
}

async fn targets(exporter: &Exporter, query: &str) -> (u16, Value) {
    let (status, body) = get(&format!("{}/api/v1/targets{query}", exporter.url)).await;
    (status, serde_json::from_str(&body).unwrap())
}

async fn page(exporter: &Exporter, query: &str) -> Response {
    let url = format!("{}/{query}", exporter.url);
    http().get(url).send().await.unwrap()
}

/// As a browser would show it.
fn unescaped(text: &str) -> String {
    text.replace("<span class=\"whole\">", "")
        .replace("</span>", "")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_the_json_tell_the_same_facts() {
    let (_lab, exporter) = start().await;
    let (status, json) = targets(&exporter, "").await;
    assert_eq!((status, &json["status"]), (200, &"success".into()));
    let page = unescaped(&page(&exporter, "").await.text().await.unwrap());
    let data = &json["data"];
    assert_eq!(data["verdict"]["level"], "bad");
    assert_eq!(
        data["verdict"]["text"],
        format!(
            "1 of 2 targets cannot be asked (access denied, permission 60021): game/lab. \
             Pushes of 1 of 2 apps are lost for a reason that you can repair: \
             shop, APNs credential refused (403 {SCRIPT})."
        )
    );
    let told = |value: &Value| {
        let text = value.as_str().unwrap();
        assert!(page.contains(text), "{text}\n{page}");
    };
    told(&data["verdict"]["text"]);
    let all = data["targets"].as_array().unwrap();
    let ids: Vec<(&str, &str)> = all
        .iter()
        .map(|target| {
            let text = |key: &str| target[key].as_str().unwrap();
            (text("app"), text("state"))
        })
        .collect();
    assert_eq!(ids, [("game", "failing"), ("shop", "losing")]);
    let error = &all[0]["health"]["normal_push_loss"]["last_error"];
    assert_eq!(error["code"], 60021);
    told(&error["message"]);
    told(&error["advice"]);
    assert!(all[0]["losses"].as_array().unwrap().is_empty());
    let losses = all[1]["losses"].as_array().unwrap();
    assert_eq!(losses.len(), 4);
    for loss in losses {
        told(&loss["description"]);
        told(&loss["class"]);
        // Where a platform's row says what to do, the overall row does not repeat it.
        if loss["platform"] == "apns" {
            told(&loss["meaning"]);
            told(&loss["advice"]);
        }
    }
    assert_eq!(losses[0]["count"], 4321);
    assert!(page.contains("4,321"), "{page}");
    assert_eq!(losses[0]["share"].as_f64(), Some(4321.0 / 5308.0));
    assert!(
        page.contains("81 % of what is lost after sending"),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_app_can_be_asked_for_and_an_unknown_one_is_said_to_be_unknown() {
    let (_lab, exporter) = start().await;
    let shop = page(&exporter, "?app=shop").await;
    assert_eq!(shop.status(), 200);
    let shop = shop.text().await.unwrap();
    assert!(
        shop.contains("<h3>shop") && !shop.contains("<h3>game"),
        "{shop}"
    );
    let (_, json) = targets(&exporter, "?app=shop").await;
    let listed = json["data"]["targets"].as_array().unwrap();
    assert_eq!((listed.len(), &listed[0]["app"]), (1, &"shop".into()));

    let unknown = page(&exporter, "?app=nope").await;
    assert_eq!(unknown.status(), 404);
    let unknown = unknown.text().await.unwrap();
    assert!(
        unknown.contains("There is no app “nope” here."),
        "{unknown}"
    );
    assert!(unknown.contains("href=\"/\">Show all apps"), "{unknown}");
    let (status, json) = targets(&exporter, "?app=nope").await;
    assert_eq!((status, &json["status"]), (404, &"error".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_runs_nothing_and_loads_nothing_from_elsewhere() {
    let (_lab, exporter) = start().await;
    for query in ["", "?app=shop", "?app=game", &format!("?app={SCRIPT}")] {
        let answer = page(&exporter, query).await;
        let headers = answer.headers().clone();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{policy}"
        );
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        // Links may lead elsewhere: nothing of theirs is loaded.
        let page = answer.text().await.unwrap();
        let page = page.replace("<a href=\"https://github.com/", "<a href=\"");
        for part in [
            "<script",
            "://",
            "style=",
            "onload",
            "onclick",
            "javascript:",
            "url(",
        ] {
            assert!(!page.contains(part), "{part}\n{page}");
        }
        if query.is_empty() {
            assert!(unescaped(&page).matches(SCRIPT).count() >= 3, "{page}");
        }
        let icon = page.split("type=\"image/svg+xml\" href=\"").nth(1).unwrap();
        let icon = icon.split('"').next().unwrap();
        let answer = http().get(format!("{}{icon}", exporter.url)).send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "image/svg+xml");
        assert!(policy.contains("img-src 'self'"), "{policy}");
        let sheet = page.split("rel=\"stylesheet\" href=\"").nth(1).unwrap();
        let sheet = sheet.split('"').next().unwrap();
        let url = format!("{}{sheet}", exporter.url);
        let answer = http().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/css; charset=utf-8");
        let lasting = answer.headers()["cache-control"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(lasting.contains("immutable"), "{lasting}");
        let style = answer.text().await.unwrap();
        assert!(!style.contains("url(") && !style.contains("@import"));
    }
    let stale = format!("{}/static/0000.css", exporter.url);
    assert_eq!(get(&stale).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_and_json_answer_get_and_head_alone() {
    let (_lab, exporter) = start().await;
    for path in ["/", "/api/v1/targets"] {
        let url = format!("{}{path}", exporter.url);
        let head = http().head(&url).send().await.unwrap();
        assert_eq!(head.status(), 200, "{path}");
        assert_eq!(head.headers()["cache-control"], "no-store", "{path}");
        assert!(head.text().await.unwrap().is_empty(), "{path}");
        for method in ["POST", "PUT", "DELETE"] {
            let request = http().request(method.parse().unwrap(), &url);
            assert_eq!(
                request.send().await.unwrap().status(),
                405,
                "{method} {path}"
            );
        }
    }
}
