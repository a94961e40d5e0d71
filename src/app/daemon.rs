//! The polling side: the loops with everything they share, and the switch to another configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::StartError;
use super::difference::Difference;
use crate::clock;
use crate::config::Config;
use crate::config::target::{Target, expand};
use crate::http::server::ConnectionCounts;
use crate::model::outcome::chain;
use crate::model::shard::Shard;
use crate::model::target_id::TargetId;
use crate::poll::pollers::Pollers;
use crate::poll::schedule::Shared;
use crate::push_api::Client;
use crate::reload::{Changes, Rejection, loading};
use crate::self_metrics::SelfMetrics;
use crate::target::snapshot::{Recorder, Snapshot, TaskRecorder};
use crate::target::state_file;
use crate::tasks::watch::watch;

pub(super) struct Daemon {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) metrics: Arc<SelfMetrics>,
    pub(super) connections: ConnectionCounts,
    shared: Arc<Shared<Client>>,
    pollers: Pollers,
    /// Tasks that run for ever.
    others: JoinSet<()>,
    /// The configuration in effect, except for keys that wait for the next start; only the shard's
    /// apps.
    config: Config,
    shard: Shard,
    state_file: Option<PathBuf>,
}

impl Daemon {
    pub(super) async fn start(
        mut config: Config,
        replica_index: u32,
        shard: Shard,
    ) -> Result<Self, StartError> {
        let configured = take_share(&mut config, shard);
        let targets = expand(&config);
        let metrics = Arc::new(SelfMetrics::new(&targets)?);
        metrics.shared(shard, config.apps.len(), configured);
        metrics.reloaded(Some(clock::now().unix()));
        let connections = ConnectionCounts::new()?;
        metrics.serve(connections.collectors())?;
        let snapshot = Arc::new(Snapshot::new(&targets));
        let client = Client::new(&config, Arc::clone(&metrics))?;
        let (places, clock) = (client.places(), Arc::new(clock::now));
        let common = Shared::new(client, Arc::clone(&metrics), clock, replica_index, places);
        let mut daemon = Self {
            snapshot,
            metrics,
            connections,
            shared: Arc::new(common),
            pollers: Pollers::default(),
            others: JoinSet::new(),
            state_file: config.global.state_file.clone(),
            config,
            shard,
        };
        let mut remembered = match &daemon.state_file {
            Some(path) => state_file::load(path, &targets).await,
            None => BTreeMap::new(),
        };
        for target in targets {
            let mut recorder = Recorder::new(&target, Arc::clone(&daemon.snapshot));
            if let Some(remembered) = remembered.remove(&target.id()) {
                recorder.restore(remembered, clock::now());
            }
            daemon.poll(target, recorder);
        }
        daemon.others.spawn(clock::watch());
        if let Some(path) = daemon.state_file.clone() {
            let snapshot = Arc::clone(&daemon.snapshot);
            let keep = state_file::keep(path, daemon.config.global.state_interval, snapshot);
            daemon.others.spawn(keep);
        }
        Ok(daemon)
    }

    /// Starts a target's loops.
    fn poll(&mut self, target: Target, recorder: Recorder) {
        let tasks = TaskRecorder::new(&target, Arc::clone(&self.snapshot));
        let beside = watch(target.clone(), Arc::clone(&self.shared), tasks);
        self.pollers.start(target, &self.shared, recorder, beside);
    }

    /// Runs another task for ever.
    pub(super) fn also(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.others.spawn(task);
    }

    /// Ready when a task that should run for ever has ended.
    pub(super) async fn ended(&mut self) {
        tokio::select! {
            () = self.pollers.ended() => {}
            _ = self.others.join_next() => {}
        }
    }

    /// Whether other hosts may request a reload.
    pub(super) fn is_open(&self) -> bool {
        self.config.web.enable_lifecycle
    }

    /// Puts a loaded configuration into effect, and reports the result in the log and the metrics.
    pub(super) async fn reload(
        &mut self,
        loaded: Result<Config, Rejection>,
    ) -> Result<Changes, Rejection> {
        let result = match loaded {
            Ok(next) => self.apply(next).await,
            Err(problems) => Err(problems),
        };
        match &result {
            Ok(changes) if changes.waits() => warn!("configuration reloaded: {changes}"),
            Ok(changes) => info!("configuration reloaded: {changes}"),
            Err(problems) => error!(
                "the configuration was not reloaded, the old one stays in effect: {problems}"
            ),
        }
        let at = result.is_ok().then(|| clock::now().unix());
        self.metrics.reloaded(at);
        result.map(|changes| changes.to_string())
    }

    /// Puts `next` into effect, all or nothing. Unchanged targets continue undisturbed.
    async fn apply(&mut self, mut next: Config) -> Result<Difference, Rejection> {
        let configured = take_share(&mut next, self.shard);
        let shared = Arc::clone(&self.shared);
        let loaded = loading(move || {
            let client = shared.fetch.successor(&next);
            (client, shared.fetch.rotated(), next)
        });
        let (client, rotated, mut next) = loaded.await.map_err(|stuck| stuck.to_string())?;
        let client = client.map_err(|error| chain(&error))?;
        let old = &self.config;
        let difference = Difference::new(old, &next, &rotated);
        let targets = expand(&next);
        // A different route to the service affects all targets.
        let (before, after) = (&old.global, &next.global);
        let same_way = before.ca_file == after.ca_file && before.proxy_url == after.proxy_url;
        let wanted: BTreeMap<TargetId, &Target> =
            targets.iter().map(|target| (target.id(), target)).collect();
        self.pollers
            .retain(|id, running| same_way && wanted.get(id) == Some(&running))
            .await;
        self.snapshot.set_targets(&targets);
        self.metrics.set_targets(&targets);
        self.metrics.shared(self.shard, next.apps.len(), configured);
        self.shared = Arc::new(self.shared.successor(client));
        for target in &targets {
            if !self.pollers.has(target) {
                let recorder = Recorder::new(target, Arc::clone(&self.snapshot));
                self.poll(target.clone(), recorder);
            }
        }
        next.global.listen = self.config.global.listen;
        self.config = next;
        Ok(difference)
    }

    /// Stops polling at once, and writes the state file.
    pub(super) async fn stop(mut self) {
        self.pollers.shutdown().await;
        self.others.shutdown().await;
        if let Some(path) = &self.state_file
            && let Err(error) = state_file::write(path, &self.snapshot).await
        {
            warn!(path = %path.display(), "cannot write the state file: {error}");
        }
    }
}

/// Removes the apps of other shards from a configuration. Returns how many apps it had.
fn take_share(config: &mut Config, shard: Shard) -> usize {
    let configured = config.apps.len();
    config.apps.retain(|app| shard.owns(app.sdk_app_id));
    if shard.is_part() {
        let (index, total, own) = (shard.index(), shard.total(), config.apps.len());
        info!("shard {index} of {total} polls {own} of {configured} apps");
    }
    configured
}
