//! Tests against the simulator, over real HTTP, of what no configuration can express: known
//! regions have a backup host, but not on this machine.

mod connections;
mod responses;

use std::sync::Arc;
use std::time::Duration;

use prometheus::TextEncoder;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::config::{KeySource, Secrets};
use crate::model::push::Push;
use crate::model::region::{Endpoint, Region};
use crate::model::window::UnixSeconds;
use crate::self_metrics::CallCounts;
use crate::simulator::{Limits, Options, SimApp, Simulator};

/// A simulator, and a client of its first app. `region` makes the app's region from the
/// simulator's address.
async fn lab(region: impl FnOnce(Endpoint) -> Region) -> (JoinSet<()>, Client, Target, Counted) {
    let options = Options {
        apps: SimApp::made_up(),
        limits: Limits {
            spacing: Duration::ZERO,
            signature_block: Duration::ZERO,
        },
        ..Options::default()
    };
    let sim_app = options.apps[0].clone();
    let simulator = Simulator::bind(([127, 0, 0, 1], 0).into(), options)
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timpush.yml");
    let text = format!(
        "calls_per_second: 50\ndefaults: {{timeout: 1m}}\napps: [{{name: shop, sdk_app_id: {}, identifier: administrator, secret_key_env: K, regions: [singapore]}}]",
        sim_app.sdk_app_id
    );
    std::fs::write(&path, text).unwrap();
    let mut config = Config::load(&path, &[].into(), Secrets::Skip).unwrap();
    let mut app: App = Arc::into_inner(config.apps.remove(0)).unwrap();
    app.key = KeySource::Inline(sim_app.key);
    app.regions = vec![region(simulator.url().parse().unwrap())];
    config.apps.push(Arc::new(app));
    let mut task = JoinSet::new();
    task.spawn(simulator.run(std::future::pending()));
    let targets = expand(&config);
    let metrics = Arc::new(SelfMetrics::new(&targets).unwrap());
    let client = Client::new(&config, Arc::clone(&metrics)).unwrap();
    (
        task,
        client,
        targets.into_iter().next().unwrap(),
        Counted(metrics),
    )
}

/// The metrics of the one target.
struct Counted(Arc<SelfMetrics>);

impl Counted {
    fn calls(&self) -> CallCounts {
        let id = TargetId {
            app: "shop".to_owned(),
            region: "singapore".to_owned(),
            push: Push::Normal,
        };
        self.0.calls(&id).0
    }

    /// The value of a series that belongs to no target.
    fn line(&self, series: &str) -> Option<String> {
        let text = TextEncoder::new()
            .encode_to_string(&self.0.gather())
            .unwrap();
        text.lines().find_map(|line| {
            let value = line.strip_prefix(series)?.strip_prefix(' ')?;
            Some(value.to_owned())
        })
    }

    fn requests(&self, outcome: Outcome) -> u64 {
        let calls = self.calls();
        let mut outcomes = calls.outcomes(Api::NormalPushLoss, Instant::now(), Duration::ZERO);
        let count = outcomes.find(|(of, _)| *of == outcome);
        count.map_or(0, |(_, count)| count)
    }
}

async fn closed_port() -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap()
}

fn range() -> Range {
    let now = clock::now().unix().0;
    Range {
        start: UnixSeconds(now - 7200),
        end: UnixSeconds(now - 3600),
    }
}

#[tokio::test]
async fn the_backup_host_answers_when_the_main_host_cannot_be_reached() {
    let dead = closed_port().await;
    let (_task, client, target, metrics) = lab(|simulator| Region {
        name: "singapore".to_owned(),
        main: dead,
        backup: Some(simulator),
    })
    .await;
    let api = Api::NormalPushLoss;
    client.fetch(&target, api, range()).await.unwrap();
    assert!(metrics.calls().is_backup_in_use());
    assert_eq!(metrics.requests(Outcome::Connect), 1);
    // From now on, the backup is queried first.
    client.fetch(&target, api, range()).await.unwrap();
    assert_eq!(metrics.requests(Outcome::Connect), 1);
    assert_eq!(metrics.requests(Outcome::Ok), 2);
}

#[tokio::test]
async fn when_both_hosts_are_dead_the_error_tells_of_both() {
    let (main, backup) = (closed_port().await, closed_port().await);
    let names = [main.authority().to_owned(), backup.authority().to_owned()];
    let (_task, client, target, metrics) = lab(|_| Region {
        name: "singapore".to_owned(),
        main,
        backup: Some(backup),
    })
    .await;
    let error = client
        .fetch(&target, Api::NormalPushLoss, range())
        .await
        .unwrap_err();
    assert_eq!(error.outcome, Outcome::Connect);
    for name in names {
        assert!(error.message.contains(&name), "{error}");
    }
    assert!(!metrics.calls().is_backup_in_use());
}

#[tokio::test]
async fn a_key_that_was_never_readable_is_an_auth_failure_without_a_call() {
    let (_task, mut client, target, metrics) = lab(|simulator| Region {
        name: "singapore".to_owned(),
        main: simulator,
        backup: None,
    })
    .await;
    let mut app =
        Arc::into_inner(crate::config::target::tests::target("shop", "singapore").app).unwrap();
    app.key = KeySource::File("/nowhere/shop.key".into());
    client.signers = [("shop".to_owned(), Arc::new(Signer::new(Arc::new(app))))].into();
    let error = client
        .fetch(&target, Api::NormalPushLoss, range())
        .await
        .unwrap_err();
    assert_eq!((error.outcome, error.code), (Outcome::Auth, None));
    assert!(error.message.contains("/nowhere/shop.key"), "{error}");
    assert_eq!(metrics.requests(Outcome::Auth), 0);
}
