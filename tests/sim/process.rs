//! The exporter's own loop, recorder and snapshot, in a process that can be killed.

use std::sync::Arc;
use std::time::Duration;

use timpush_exporter::clock::Now;
use timpush_exporter::config::target::Target;
use timpush_exporter::config::{App, Holds, KeySource, Polling};
use timpush_exporter::fetch::Fetch;
use timpush_exporter::model::push::Push;
use timpush_exporter::model::reading::Api;
use timpush_exporter::model::region::Region;
use timpush_exporter::model::window::{DayOffset, UnixSeconds};
use timpush_exporter::poll::schedule::{Shared, poll};
use timpush_exporter::self_metrics::SelfMetrics;
use timpush_exporter::target::counters::Served;
use timpush_exporter::target::snapshot::{Recorder, Remembered, Snapshot};
use timpush_exporter::usersig::{Identifier, SecretKey};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::world::{Service, World};

/// What a process takes the time for.
pub(crate) type Clock = Arc<dyn Fn() -> Now + Send + Sync>;

pub(crate) struct Process {
    clock: Clock,
    snapshot: Arc<Snapshot>,
    loops: JoinSet<()>,
}

/// The configuration's defaults, without statistics.
pub(crate) fn target(day_offset: i64) -> Target {
    let seconds = Duration::from_secs;
    let app = App {
        name: "shop".to_owned(),
        sdk_app_id: 1_400_000_001,
        identifier: Identifier::new("administrator").unwrap(),
        key: KeySource::Inline(SecretKey::new("made-up key").unwrap()),
        calls_per_second: 0.9,
        day_offset: DayOffset::from_seconds(i32::try_from(day_offset).unwrap()).unwrap(),
        holds: Holds {
            rollover: seconds(150),
            zero: seconds(150),
        },
        regions: vec![Region::known("china").unwrap()],
        polling: Polling {
            statistics: false,
            ..Polling::BUILT_IN
        },
        tasks: None,
    };
    Target {
        region: app.regions[0].clone(),
        app: Arc::new(app),
        push: Push::Normal,
    }
}

impl Process {
    /// `state` is the text that an earlier process left. Odd replicas poll the other population,
    /// of which the world says the same.
    pub(crate) fn start(world: &Arc<World>, replica: u32, state: Option<&str>) -> Self {
        let clock = Arc::clone(world);
        Self::run(
            Service(Arc::clone(world)),
            Arc::new(move || clock.now(replica)),
            Target {
                push: Push::ALL[replica as usize % Push::ALL.len()],
                ..target(world.day_offset)
            },
            replica,
            state,
        )
    }

    /// The same for any service and configuration.
    pub(crate) fn run<F: Fetch>(
        fetch: F,
        clock: Clock,
        target: Target,
        replica: u32,
        state: Option<&str>,
    ) -> Self {
        let metrics = SelfMetrics::new(std::slice::from_ref(&target)).unwrap();
        let places = Arc::new(Semaphore::new(8));
        let of_loops = Arc::clone(&clock);
        let shared = Shared::new(fetch, Arc::new(metrics), of_loops, replica, places);
        let shared = Arc::new(shared);
        let snapshot = Arc::new(Snapshot::new(std::slice::from_ref(&target)));
        let mut recorder = Recorder::new(&target, Arc::clone(&snapshot));
        if let Some(state) = state {
            let remembered: Remembered = serde_json::from_str(state).unwrap();
            recorder.restore(remembered, clock());
        }
        let mut loops = JoinSet::new();
        loops.spawn(poll(target, shared, recorder));
        Self {
            clock,
            snapshot,
            loops,
        }
    }

    /// Ends the process in the middle of whatever it does; gives its state file.
    pub(crate) async fn kill(mut self) -> String {
        self.loops.shutdown().await;
        let targets = self.snapshot.load();
        let state = targets.values().next().unwrap();
        serde_json::to_string(&Remembered::of(state, (self.clock)())).unwrap()
    }

    pub(crate) fn scrape(&self) -> Option<Served> {
        let targets = self.snapshot.load();
        let state = targets.values().next().unwrap();
        self.counted(Api::losses(state.target.push))
    }

    pub(crate) fn counted(&self, api: Api) -> Option<Served> {
        let targets = self.snapshot.load();
        let state = targets.values().next().unwrap();
        state.counted(api, (self.clock)())
    }

    /// Until when the window that is served reaches.
    pub(crate) fn window_end(&self) -> Option<UnixSeconds> {
        let targets = self.snapshot.load();
        let state = targets.values().next().unwrap();
        let now = (self.clock)().steady;
        Some(state.losses(now)?.range.end)
    }
}
