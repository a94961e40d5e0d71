//! Sends one query: signature, limiter, call, and the remedies for a failed call.

mod body;
mod failure;
mod line;
mod pair;
mod tries;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::backup::BackupUse;
use super::limiter::Limiter;
use super::local;
use super::signer::{NoSignature, Signed, Signer};
use super::transport::{Connection, TransportError};
use crate::clock;
use crate::config::target::{Target, expand};
use crate::config::{App, Config};
use crate::fetch::{Fetch, FetchTasks};
use crate::model::outcome::{FetchError, Outcome, chain};
use crate::model::reading::{Api, Reading};
use crate::model::target_id::TargetId;
use crate::model::task::{TaskList, TaskReadings};
use crate::model::trace::{Id, Trace, Trail};
use crate::model::window::Range;
use crate::self_metrics::SelfMetrics;
use body::Understand;
use failure::{Failure, Remedy, TOO_MANY_BAD_SIGNATURES};
use line::{Call, Line, Way};
use tries::Tries;

/// The maximum number of concurrent HTTP calls, over all apps. Enough for 10,000 calls a
/// second to a service that responds in 50 ms; each costs a socket and some kilobytes.
const CALLS_IN_FLIGHT: usize = 512;

/// The code with which the service refuses a query about scheduled tasks that it does not
/// understand.
const BAD_PARAMETER: i64 = 90_104;

/// Queries the service in the name of all configured apps.
pub struct Client {
    line: Line,
    /// By the app's name.
    signers: HashMap<String, Arc<Signer>>,
    /// By SDKAppID, since the service counts calls per SDKAppID.
    limiters: HashMap<u32, Arc<Limiter>>,
    backups: HashMap<TargetId, Arc<BackupUse>>,
    /// One for each concurrent call, over all apps.
    places: Arc<Semaphore>,
    metrics: Arc<SelfMetrics>,
}

impl Client {
    pub fn new(config: &Config, metrics: Arc<SelfMetrics>) -> Result<Self, TransportError> {
        let nobody = Self {
            places: Arc::new(Semaphore::new(CALLS_IN_FLIGHT)),
            line: Line::new(config, Arc::clone(&metrics))?,
            signers: HashMap::new(),
            limiters: HashMap::new(),
            backups: HashMap::new(),
            metrics,
        };
        nobody.successor(config)
    }

    /// A client for another configuration that keeps the state of this one, above all the
    /// limits: the service counts calls by SDKAppID, whoever makes them. Keys are read again
    /// before the next call; the CA file is read here (see [`crate::files::apart`]).
    pub fn successor(&self, config: &Config) -> Result<Self, TransportError> {
        let signer = |app: &Arc<App>| {
            let known = self.signers.get(&app.name);
            let signer = known
                .filter(|signer| signer.is_of(app))
                .map_or_else(|| Arc::new(Signer::new(Arc::clone(app))), Arc::clone);
            signer.reread();
            (app.name.clone(), signer)
        };
        let limiter = |app: &Arc<App>| {
            let known = self.limiters.get(&app.sdk_app_id);
            let limiter = known
                .filter(|limiter| limiter.is_of(app.calls_per_second))
                .map_or_else(|| Arc::new(Limiter::new(app.calls_per_second)), Arc::clone);
            (app.sdk_app_id, limiter)
        };
        let backup = |target: &Target| {
            let id = target.id();
            let known = self.backups.get(&id).cloned().unwrap_or_default();
            (id, known)
        };
        Ok(Self {
            line: Line::new(config, Arc::clone(&self.metrics))?,
            signers: config.apps.iter().map(signer).collect(),
            limiters: config.apps.iter().map(limiter).collect(),
            backups: expand(config).iter().map(backup).collect(),
            places: Arc::clone(&self.places),
            metrics: Arc::clone(&self.metrics),
        })
    }

    /// Apps whose key file holds a different key than the one in use. Reads only the files of
    /// apps that have signed before (see [`crate::files::apart`]). If a file cannot be read,
    /// the next poll reports it.
    pub fn rotated(&self) -> Vec<String> {
        let signers = self.signers.iter();
        let rotated = signers.filter(|(_, signer)| signer.has_other_key());
        rotated.map(|(app, _)| app.clone()).collect()
    }

    /// One permit for each concurrent call; calls hold one, and polls wait for one.
    pub fn places(&self) -> Arc<Semaphore> {
        Arc::clone(&self.places)
    }

    async fn signature(&self, signer: &Signer, app: &str) -> Result<Signed, FetchError> {
        let current = signer.current(clock::now()).await;
        let current = current.map_err(|error| match error {
            NoSignature::Key(error) => local::of_key(&error).unwrap_or_else(|| FetchError {
                outcome: Outcome::Auth,
                code: None,
                message: format!("{}; nothing was sent", chain(&error)),
                advice: "make the key readable for the exporter; it is read again at the next poll".to_owned(),
                retry_after: None,
            }),
            NoSignature::Paused(rest) => FetchError {
                message: format!(
                    "the service demanded a pause after repeated bad signatures; nothing is sent for another {} s",
                    rest.as_secs() + 1
                ),
                ..FetchError::refused(TOO_MANY_BAD_SIGNATURES, "")
            },
        })?;
        self.metrics.usersig_expiry(app, current.sig.expires_at);
        Ok(current)
    }

    /// One HTTP call, as soon as the limiter allows it and a place is free: its deadline
    /// begins after that.
    async fn call<T: Send + 'static>(
        &self,
        call: &Call<'_, impl Understand<T>>,
        tries: &Tries<'_>,
    ) -> Result<T, Failure> {
        let target = call.target;
        let Some(limiter) = self.limiters.get(&target.app.sdk_app_id) else {
            return Err(unconfigured(target).into());
        };
        let (permit, _place) = limiter.acquire(self.places.acquire()).await;
        self.metrics.throttled(&target.app.name, permit.waited);
        let result = self
            .line
            .call(call, tries.host, &tries.signature, tries.way)
            .await;
        drop(permit);
        result
    }

    /// Prepares the next call after a failed one, or fails if there is none to make. No
    /// remedy is tried for ever: the hosts run out, and each other remedy is tried once.
    async fn remedy(
        &self,
        failure: Failure,
        tries: &mut Tries<'_>,
        signer: &Signer,
        target: &Target,
    ) -> Result<(), FetchError> {
        tries.way.within = target.app.polling.timeout;
        match failure.remedy {
            Remedy::OtherHost => return tries.other_host(failure.error),
            // At most once, since all further calls use fresh connections, too.
            Remedy::FreshConnection(left) => {
                tries.way = Way {
                    connection: Connection::Fresh,
                    within: left,
                };
            }
            Remedy::Pause(pause) if !tries.has_paused => {
                tries.has_paused = true;
                sleep(pause).await;
            }
            Remedy::FreshSignature if !tries.has_renewed => {
                let renewed = signer.renew(&tries.signature, clock::now()).await;
                let fresh = renewed.ok_or(failure.error)?;
                self.metrics
                    .usersig_expiry(&target.app.name, fresh.sig.expires_at);
                tries.has_renewed = true;
                tries.signature = fresh;
            }
            Remedy::Silence => {
                signer.pause(clock::now());
                return Err(failure.error);
            }
            Remedy::None | Remedy::Pause(_) | Remedy::FreshSignature => {
                return Err(failure.error);
            }
        }
        Ok(())
    }
}

impl Client {
    /// What became of one push.
    pub async fn trace(&self, target: &Target, trail: &Trail) -> Result<Trace, FetchError> {
        self.ask(&Call::trace(target, trail)).await
    }

    /// Makes calls until one succeeds or no remedy is left.
    async fn ask<T: Send + 'static>(
        &self,
        call: &Call<'_, impl Understand<T>>,
    ) -> Result<T, FetchError> {
        let target = call.target;
        let (Some(signer), Some(backup)) = (
            self.signers.get(&target.app.name),
            self.backups.get(&call.id),
        ) else {
            return Err(unconfigured(target));
        };
        let signature = self.signature(signer, &target.app.name).await?;
        let (region, timeout) = (&target.region, target.app.polling.timeout);
        let hosts = backup.order(region, Instant::now());
        let mut tries = Tries::new(hosts, &region.main, signature, timeout);
        loop {
            let result = self.call(call, &tries).await;
            if !is_silent(&result) {
                let is_backup = backup.answered(region, tries.host, Instant::now());
                self.metrics.backup_in_use(&call.id, is_backup);
            }
            match result {
                Ok(said) => return Ok(said),
                Err(failure) => self.remedy(failure, &mut tries, signer, target).await?,
            }
            if let Some(api) = call.api {
                self.metrics.retry(&call.id, api);
            }
        }
    }
}

impl Fetch for Client {
    async fn fetch(&self, target: &Target, api: Api, range: Range) -> Result<Reading, FetchError> {
        self.ask(&Call::counts(target, api, range)).await
    }
}

impl FetchTasks for Client {
    async fn tasks(
        &self,
        target: &Target,
        api: Api,
        range: Range,
        tasks: &[Id],
    ) -> Result<TaskReadings, FetchError> {
        self.ask(&Call::tasks(target, api, range, tasks)).await
    }

    async fn scheduled(&self, target: &Target, range: Range) -> Result<TaskList, FetchError> {
        // Document 78843 writes the order as `schedat` in English and `schedAt` in Chinese.
        match self.ask(&Call::scheduled(target, range, "schedat")).await {
            Err(error) if error.code == Some(BAD_PARAMETER) => {
                self.ask(&Call::scheduled(target, range, "schedAt")).await
            }
            result => result,
        }
    }
}

/// Whether the host sent nothing at all.
fn is_silent<T>(result: &Result<T, Failure>) -> bool {
    result
        .as_ref()
        .is_err_and(|failure| failure.error.outcome.is_silent())
}

fn unconfigured(target: &Target) -> FetchError {
    FetchError::new(
        Outcome::BadRequest,
        format!("{} is not part of this client's configuration", target.id()),
    )
}

#[cfg(test)]
mod tests;
