//! The service's checks before it responds, and its refusals.
//!
//! They are in a gateway's order: the URL's parameters, the signature, the call limit, the
//! permission, the body. Codes are the documented ones (documents 71898 and 34348); the order
//! of two codes that both fit is not documented.

use std::borrow::Cow;

use axum::extract::Query;
use axum::http::{Method, Uri};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::model::push::Push;
use crate::model::reading::{Api, Measure};
use crate::model::window::{DAY, LOOK_BACK, Range, UnixSeconds};
use crate::simulator::SimApp;
use crate::usersig::{self, VerifyError};

/// A refusal: `ErrorCode` and `ErrorInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u32,
    pub(super) info: Cow<'static, str>,
}

pub(super) const fn refusal(code: u32, info: &'static str) -> Refusal {
    Refusal {
        code,
        info: Cow::Borrowed(info),
    }
}

/// How far back a query may reach, in seconds, and how long its range may be (documents
/// 71894, 71895, 71897 and 71898). The documents leave open which of the two is meant.
fn look_back(api: Api) -> u64 {
    match api.measure() {
        Measure::Losses => LOOK_BACK.as_secs(),
        Measure::Funnel => 30 * DAY,
    }
}

/// The request of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Counts(Api),
    Trace(Push),
    TaskList,
    Task,
}

impl Command {
    pub(super) fn of(path: &str) -> Option<Self> {
        let name = path.strip_prefix("/v4/timpush/")?;
        Some(match name {
            "normal_push_trace" => Self::Trace(Push::Normal),
            "all_member_push_trace" => Self::Trace(Push::AllMember),
            "list_sched_task" => Self::TaskList,
            "get_sched_task" => Self::Task,
            _ => Self::Counts(Api::ALL.into_iter().find(|api| api.as_str() == name)?),
        })
    }
}

/// The parameters of a call's URL, as written.
#[derive(Deserialize)]
pub(super) struct Parameters {
    #[serde(rename = "sdkappid")]
    sdk_app_id: Option<String>,
    identifier: Option<String>,
    usersig: Option<String>,
    random: Option<String>,
    #[serde(rename = "contenttype")]
    content_type: Option<String>,
}

impl Parameters {
    pub(super) fn read(uri: &Uri) -> Result<Self, Refusal> {
        let parameters = Query::try_from_uri(uri);
        parameters
            .map(|Query(parameters)| parameters)
            .map_err(|_| refusal(60002, "http url parse error"))
    }

    /// The SDKAppID, if it is present and readable.
    pub(super) fn sdk_app_id(&self) -> Option<u32> {
        self.sdk_app_id.as_deref()?.parse().ok()
    }

    /// Checks that everything is present and well formed. Returns the command, and the app
    /// that calls.
    pub(super) fn app<'a>(
        &self,
        method: &Method,
        path: &str,
        apps: &'a [SimApp],
    ) -> Result<(Command, &'a SimApp), Refusal> {
        if method != Method::POST {
            return Err(refusal(60002, "http method must be POST"));
        }
        let command = Command::of(path).ok_or(refusal(60009, "command not found"))?;
        if self.sdk_app_id.is_none() {
            return Err(refusal(60012, "sdkappid is missing in the url"));
        }
        let is_given = |text: &Option<String>| text.as_deref().is_some_and(|it| !it.is_empty());
        let random = self.random.as_deref().map(str::parse::<u32>);
        let is_json = self.content_type.as_deref() == Some("json");
        for (name, is_valid) in [
            ("sdkappid", self.sdk_app_id().is_some()),
            ("identifier", is_given(&self.identifier)),
            ("usersig", is_given(&self.usersig)),
            ("random", matches!(random, Some(Ok(_)))),
            ("contenttype", is_json),
        ] {
            if !is_valid {
                let info = format!("{name} in the url is invalid").into();
                return Err(Refusal { code: 60025, info });
            }
        }
        let app = apps
            .iter()
            .find(|app| Some(app.sdk_app_id) == self.sdk_app_id())
            .ok_or(refusal(70020, "sdkappid not found"))?;
        Ok((command, app))
    }

    /// Whether the signature is the app's own, for this identifier, and unexpired.
    pub(super) fn signature(&self, app: &SimApp, now: UnixSeconds) -> Result<(), Refusal> {
        let usersig = self.usersig.as_deref().unwrap_or_default();
        let document = usersig::verify(&app.key, usersig, now).map_err(|error| match error {
            VerifyError::Base64 | VerifyError::Zlib | VerifyError::Document => {
                refusal(70003, "usersig is illegal")
            }
            VerifyError::Mismatch => refusal(70009, "usersig verification failed"),
            VerifyError::Expired(_) => refusal(70001, "usersig is expired"),
        })?;
        if Some(document.identifier.as_str()) != self.identifier.as_deref() {
            return Err(refusal(70013, "identifier does not match usersig"));
        }
        if document.sdk_app_id != app.sdk_app_id {
            return Err(refusal(70014, "sdkappid does not match usersig"));
        }
        Ok(())
    }

    /// Whether the identifier is one of the app's admins.
    pub(super) fn permission(&self, app: &SimApp) -> Result<(), Refusal> {
        let is_admin = |name: &str| app.admins.iter().any(|admin| admin.as_str() == name);
        if self.identifier.as_deref().is_some_and(is_admin) {
            Ok(())
        } else {
            Err(refusal(90009, "request needs app admin permission"))
        }
    }
}

/// The range in a body, if it has one: for the log of calls.
pub(super) fn range(body: &[u8]) -> Option<Range> {
    let value: Value = serde_json::from_slice(body).ok()?;
    Some(Range::new(
        value.get("StartTime")?.as_u64()?,
        value.get("EndTime")?.as_u64()?,
    ))
}

/// The fields of a body.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(refusal(90001, "body is not a json object")),
        Err(_) => Err(refusal(60003, "http body is not json")),
    }
}

/// The range that a body queries. An end in the future is allowed.
pub(super) fn body(api: Api, body: &[u8], now: UnixSeconds) -> Result<Range, Refusal> {
    let fields = object(body)?;
    let time = |name: &str, wrong_type| match fields.get(name) {
        None => Err(refusal(90100, "StartTime and EndTime are required")),
        Some(value) if !value.is_i64() && !value.is_u64() => Err(refusal(90001, wrong_type)),
        Some(value) => value
            .as_u64()
            .map(UnixSeconds)
            .ok_or(refusal(90100, "time is negative")),
    };
    let start = time("StartTime", "StartTime is not an integer")?;
    let end = time("EndTime", "EndTime is not an integer")?;
    if end <= start {
        return Err(refusal(90100, "EndTime must be after StartTime"));
    }
    let look_back = look_back(api);
    if start.0.saturating_add(look_back) < now.0 {
        return Err(refusal(90100, "StartTime is too far in the past"));
    }
    if end.0 - start.0 > look_back {
        return Err(refusal(90100, "time range is too long"));
    }
    Ok(Range { start, end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usersig::{Identifier, SecretKey};

    const NOW: UnixSeconds = UnixSeconds(1_741_795_200);
    const LOSS: &str = "/v4/timpush/normal_push_loss";

    fn app() -> SimApp {
        SimApp::made_up().remove(0)
    }

    fn signed(key: &SecretKey, sdk_app_id: u32, identifier: &str, at: u64) -> String {
        let identifier = Identifier::new(identifier).unwrap();
        usersig::sign(key, sdk_app_id, &identifier, UnixSeconds(at), 60)
            .expose()
            .to_owned()
    }

    fn query(app: &SimApp) -> String {
        let usersig = signed(&app.key, app.sdk_app_id, "administrator", NOW.0);
        let id = app.sdk_app_id;
        format!(
            "sdkappid={id}&identifier=administrator&usersig={usersig}&random=4294967295&contenttype=json"
        )
    }

    /// The code for everything that the URL decides; 0 if it is valid.
    fn code(method: &Method, path: &str, query: &str) -> u32 {
        let uri: Uri = format!("{path}?{query}").parse().unwrap();
        let apps = [app()];
        let checked = Parameters::read(&uri).and_then(|parameters| {
            let (_, app) = parameters.app(method, path, &apps)?;
            parameters.signature(app, NOW)?;
            parameters.permission(app)
        });
        checked.map_or_else(|refusal| refusal.code, |()| 0)
    }

    #[test]
    fn url_table() {
        let app = app();
        let good = query(&app);
        assert_eq!(code(&Method::POST, LOSS, &good), 0);
        assert_eq!(
            code(&Method::POST, "/v4/timpush/normal_push_statistics", &good),
            0
        );
        for trace in ["normal_push_trace", "all_member_push_trace"] {
            let path = format!("/v4/timpush/{trace}");
            assert_eq!(code(&Method::POST, &path, &good), 0);
        }
        assert_eq!(code(&Method::GET, LOSS, &good), 60002);
        for path in [
            "/",
            "/v4/timpush/",
            "/v4/timpush/normal_push_lost",
            "/v4/timpush/Normal_push_loss",
            "/v3/timpush/normal_push_loss",
        ] {
            assert_eq!(code(&Method::POST, path, &good), 60009, "{path}");
        }
        let id = app.sdk_app_id.to_string();
        for (from, to, expected) in [
            (format!("sdkappid={id}&"), String::new(), 60012),
            ("sdkappid".into(), "SDKAppID".into(), 60012),
            (format!("sdkappid={id}"), "sdkappid=".into(), 60025),
            (
                format!("sdkappid={id}"),
                "sdkappid=4294967296".into(),
                60025,
            ),
            (format!("sdkappid={id}"), "sdkappid=1".into(), 70020),
            ("identifier=administrator&".into(), String::new(), 60025),
            (
                "identifier=administrator".into(),
                "identifier=".into(),
                60025,
            ),
            (
                "identifier=administrator".into(),
                "identifier=Administrator".into(),
                70013,
            ),
            ("usersig=".into(), "usersiG=".into(), 60025),
            ("usersig=".into(), "usersig=%2B".into(), 70003),
            (
                "random=4294967295".into(),
                "random=4294967296".into(),
                60025,
            ),
            ("random=4294967295".into(), "random=-1".into(), 60025),
            ("&random=4294967295".into(), String::new(), 60025),
            ("contenttype=json".into(), "contenttype=JSON".into(), 60025),
            ("&contenttype=json".into(), String::new(), 60025),
        ] {
            let query = good.replacen(&from, &to, 1);
            assert_ne!(query, good, "{from}");
            assert_eq!(
                code(&Method::POST, LOSS, &query),
                expected,
                "{from} -> {to}"
            );
        }
    }

    #[test]
    fn signature_table() {
        let app = app();
        let (id, key) = (app.sdk_app_id, &app.key);
        let other_key = SecretKey::new("another").unwrap();
        for (usersig, identifier, expected) in [
            (
                signed(key, id, "administrator", NOW.0 - 60),
                "administrator",
                0,
            ),
            (
                signed(key, id, "administrator", NOW.0 - 61),
                "administrator",
                70001,
            ),
            (
                signed(&other_key, id, "administrator", NOW.0),
                "administrator",
                70009,
            ),
            (signed(key, id, "root", NOW.0), "administrator", 70013),
            (
                signed(key, id + 1, "administrator", NOW.0),
                "administrator",
                70014,
            ),
            (signed(key, id, "someone", NOW.0), "someone", 90009),
            ("not-a-signature".to_owned(), "administrator", 70003),
        ] {
            let query = format!(
                "sdkappid={id}&identifier={identifier}&usersig={usersig}&random=0&contenttype=json"
            );
            assert_eq!(code(&Method::POST, LOSS, &query), expected, "{identifier}");
        }
    }

    #[test]
    fn body_table() {
        use Api::{NormalPushLoss as Loss, NormalPushStatistics as Statistics};
        let times = |start: u64, end: u64| format!("{{\"StartTime\":{start},\"EndTime\":{end}}}");
        let now = NOW.0;
        for (api, text, expected) in [
            (Loss, String::new(), 60003),
            (Loss, "{".into(), 60003),
            (Loss, "[]".into(), 90001),
            (Loss, "{}".into(), 90100),
            (Loss, format!("{{\"StartTime\":{now}}}"), 90100),
            (
                Loss,
                format!("{{\"starttime\":1,\"EndTime\":{now}}}"),
                90100,
            ),
            (
                Loss,
                format!("{{\"StartTime\":\"1\",\"EndTime\":{now}}}"),
                90001,
            ),
            (
                Loss,
                format!("{{\"StartTime\":1.5,\"EndTime\":{now}}}"),
                90001,
            ),
            (
                Loss,
                format!("{{\"StartTime\":-1,\"EndTime\":{now}}}"),
                90100,
            ),
            (Loss, times(now, now), 90100),
            (Loss, times(now, now - 1), 90100),
            (Loss, times(now - 7 * DAY, now), 0),
            (Loss, times(now - 7 * DAY - 1, now - DAY), 90100),
            (Loss, times(now - 7 * DAY, now + 1), 90100),
            (Loss, times(now - DAY, now + DAY), 0),
            (Loss, times(now - 1, u64::MAX), 90100),
            (Statistics, times(now - 30 * DAY, now), 0),
            (Statistics, times(now - 30 * DAY - 1, now), 90100),
        ] {
            let answer = body(api, text.as_bytes(), NOW);
            assert_eq!(
                answer.map_or_else(|r| r.code, |_| 0),
                expected,
                "{api} {text}"
            );
        }
    }
}
