//! One call, from its arrival to its response.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::http::request::Parts;
use tokio::time::Instant;

use crate::clock::{self, Now};
use crate::model::reading::{Api, Reading};
use crate::model::window::{Range, UnixSeconds};
use crate::simulator::answer::{Answer, Behaviour};
use crate::simulator::calls::{Call, Calls};
use crate::simulator::data::Injected;
use crate::simulator::injection::replace;
use crate::simulator::limit::Limiter;
use crate::simulator::scenario::{Running, Scenario};
use crate::simulator::verify::{self, Command, Parameters, Refusal, refusal};
use crate::simulator::{Incidents, Options, SimApp, data, faults, tasks, trace};

/// The largest request body that is read, in bytes; a query has under 100.
const MAX_BODY: usize = 64 * 1024;

/// The state shared by all calls.
pub(super) struct Service {
    pub(super) apps: Vec<SimApp>,
    pub(super) since: Instant,
    state: Mutex<Changing>,
}

/// What calls and scenarios change.
struct Changing {
    limiter: Limiter,
    running: Running,
    /// Past, current and future incidents of scenarios.
    injected: Vec<Injected>,
    calls: Calls,
}

/// Control over a simulator from within the process.
#[derive(Clone)]
pub struct Handle(pub(super) Arc<Service>);

impl Handle {
    pub(super) fn new(options: Options) -> Self {
        let now = clock::now();
        let mut injected = Vec::new();
        replace(&mut injected, &options.scenario.incidents, now.unix());
        let state = Changing {
            limiter: Limiter::new(options.limits),
            running: Running::new(options.scenario, now.steady),
            injected,
            calls: Calls::default(),
        };
        Self(Arc::new(Service {
            apps: options.apps,
            since: now.steady,
            state: Mutex::new(state),
        }))
    }

    pub fn scenario(&self) -> Scenario {
        self.0.state().running.scenario.clone()
    }

    /// Replaces the scenario; its clock and its rules' counts restart.
    pub fn set_scenario(&self, scenario: Scenario) {
        let now = clock::now();
        let mut state = self.0.state();
        replace(&mut state.injected, &scenario.incidents, now.unix());
        state.running = Running::new(scenario, now.steady);
    }

    /// The newest calls, at most [`MAX_CALLS`](super::MAX_CALLS), oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.0.state().calls.all()
    }

    /// What happened in a range, including the future; `None` for an unknown SDKAppID.
    pub fn truth(&self, sdk_app_id: u32, api: Api, range: Range) -> Option<Reading> {
        let mut apps = self.0.apps.iter();
        let app = apps.find(|app| app.sdk_app_id == sdk_app_id)?;
        Some(self.0.truth_of(app, api, range))
    }
}

impl Service {
    /// A panic while the lock is held leaves no inconsistent state.
    fn state(&self) -> MutexGuard<'_, Changing> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn truth_of(&self, app: &SimApp, api: Api, range: Range) -> Reading {
        let state = self.state();
        let (is_calm, injected) = (state.running.scenario.calm, state.injected.clone());
        drop(state);
        let mut app = app.clone();
        if is_calm {
            app.incidents = Incidents::None;
        }
        data::truth_with(&app, &injected, api, range)
    }

    /// Checks everything but the body. Returns the command, and the app that calls.
    fn admitted(
        &self,
        head: &Parts,
        parameters: Result<&Parameters, Refusal>,
        now: Now,
    ) -> Result<(Command, &SimApp), Refusal> {
        let parameters = parameters?;
        let (command, app) = parameters.app(&head.method, head.uri.path(), &self.apps)?;
        let id = app.sdk_app_id;
        let limiter = &mut self.state().limiter;
        if limiter.is_blocked(id, now.steady) {
            return Err(refusal(
                70050,
                "usersig verification failed too often, try again in a minute",
            ));
        }
        parameters
            .signature(app, now.unix())
            .inspect_err(|_| limiter.bad_signature(id, now.steady))?;
        if !limiter.passes(id, now.steady) {
            return Err(refusal(60007, "rest api call frequency is over the limit"));
        }
        parameters.permission(app)?;
        Ok((command, app))
    }

    fn answer(
        &self,
        command: Command,
        app: &SimApp,
        body: &[u8],
        behaviour: Behaviour,
        now: UnixSeconds,
    ) -> Result<Answer, Refusal> {
        let fields = match command {
            Command::Counts(api) => {
                let range = verify::body(api, body, now)?;
                let covered = behaviour.counting().covered(range, now);
                let tasks = tasks::ids(api, body)?;
                if tasks.is_empty() {
                    let reading = self.truth_of(app, api, covered);
                    return Ok(Answer::counts(&reading, api.push(), behaviour));
                }
                tasks::counts(app, api, covered, &tasks, behaviour, now)?
            }
            Command::Trace(push) => trace::answer(&trace::trail(push, body)?, now)?,
            Command::TaskList => tasks::list(app, body, now)?,
            Command::Task => tasks::one(app, body, now)?,
        };
        Ok(Answer::flat(fields))
    }
}

/// Responds to a call to any path except the control path.
pub(super) async fn call(State(handle): State<Handle>, request: Request) -> Response<Body> {
    let service = &handle.0;
    let now = clock::now();
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY)
        .await
        .unwrap_or_default();

    let parameters = Parameters::read(&head.uri);
    let sdk_app_id = parameters.as_ref().ok().and_then(Parameters::sdk_app_id);
    let api = match Command::of(head.uri.path()) {
        Some(Command::Counts(api)) => Some(api),
        _ => None,
    };
    let (behaviour, fault) = {
        let running = &mut service.state().running;
        let fault = running.fault(sdk_app_id, api, now.steady);
        (running.scenario.behaviour, fault)
    };
    // Faults come last, so that the limits and the log see every call as it arrived.
    let answer = service
        .admitted(&head, parameters.as_ref().map_err(Clone::clone), now)
        .and_then(|(command, app)| service.answer(command, app, &body, behaviour, now.unix()))
        .unwrap_or_else(Answer::Refused);

    let verdict = answer.code();
    let call = Call {
        at: now.steady,
        sdk_app_id,
        api,
        range: verify::range(&body),
        verdict,
        fault: fault.as_ref().map(faults::Fault::name),
        code: fault
            .as_ref()
            .map_or(Some(verdict), |fault| fault.code(verdict)),
    };
    tracing::debug!(
        sdk_app_id = call.sdk_app_id,
        api = call.api.map(Api::as_str),
        start = call.range.map(|range| range.start.0),
        end = call.range.map(|range| range.end.0),
        verdict,
        fault = call.fault.as_deref(),
        "call"
    );
    service.state().calls.push(call);

    match fault {
        None => faults::json(answer.text()),
        Some(fault) => {
            let url = head.uri.path_and_query().map_or("/", |url| url.as_str());
            fault.apply(answer, url).await
        }
    }
}
