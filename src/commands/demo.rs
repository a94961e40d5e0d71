//! `demo`: the exporter on a simulated service, without credentials; and for `backfill`, the past
//! of that service.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::run::shutdown;
use crate::app;
use crate::config::{App, Config, Global, Holds, KeySource, Polling, Tasks, Web};
use crate::failure::Failure;
use crate::model::region::Region;
use crate::model::shard::Shard;
use crate::model::window::DayOffset;
use crate::notify::Manager;
use crate::simulator::{Incidents, Limits, Options, SimApp, Simulator};

/// The regions of the two apps. The first app also pushes to all users.
const REGIONS: [&str; 2] = ["singapore", "frankfurt"];

/// A free port of this machine, for itself alone.
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Serves on `listen` until SIGTERM, SIGINT, or SIGHUP, which a closed terminal sends: there is
/// nothing to reload. Calls go to this process alone.
pub async fn run(listen: SocketAddr, out: &mut dyn Write) -> Result<(), Failure> {
    let (shutdown, mut hangup) = (shutdown()?, signal(SignalKind::hangup())?);
    let shutdown = async move {
        tokio::select! {
            () = shutdown => {}
            _ = hangup.recv() => {}
        }
    };
    let (simulator, apps) = simulator(Limits::default()).await?;
    let simulated = simulator.url();
    let bound = app::bind(config(listen, &apps, &simulated, 0.9)?, 0, Shard::WHOLE)
        .await
        .map_err(Failure::failed)?;
    let url = format!("http://{}", bound.address());
    writeln!(
        out,
        "Two made-up apps on a simulated service; nothing leaves this machine.\n\n  \
         Metrics    {url}/metrics\n  \
         Page       {url}/\n  \
         Simulator  {simulated} (its truth, calls and faults under /_control/)\n\n\
         Stop with Ctrl-C."
    )?;
    out.flush()?;
    let exporter = Box::pin(bound.run(shutdown, None, Manager::from_environment()));
    beside(simulator, exporter).await.map_err(Failure::failed)
}

/// Runs `work` with a configuration like the one that [`run`] serves, on a service without a call
/// limit: its past is the same, and the responses arrive sooner.
pub(super) async fn without_limits<F>(work: impl FnOnce(Config) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let limits = Limits {
        spacing: Duration::ZERO,
        ..Limits::default()
    };
    let (simulator, apps) = simulator(limits).await?;
    let config = config(ANY, &apps, &simulator.url(), f64::INFINITY)?;
    beside(simulator, work(config)).await
}

async fn simulator(limits: Limits) -> Result<(Simulator, Vec<SimApp>), Failure> {
    let options = Options {
        apps: apps(),
        limits,
        ..Options::default()
    };
    let apps = options.apps.clone();
    let simulator = Simulator::bind(ANY, options).await;
    Ok((simulator.map_err(Failure::failed)?, apps))
}

/// Runs `work` while the simulator responds.
async fn beside<T>(simulator: Simulator, work: impl Future<Output = T>) -> T {
    let (stop, stopped) = oneshot::channel::<()>();
    let service = simulator.run(async {
        // A dropped sender is a request to stop, too.
        let _ = stopped.await;
    });
    let work = async {
        let result = work.await;
        drop(stop);
        result
    };
    tokio::join!(work, service).0
}

/// Busy enough to show something at any hour of the day.
fn apps() -> Vec<SimApp> {
    SimApp::made_up()
        .into_iter()
        .map(|app| SimApp {
            incidents: Incidents::Demo,
            pushes_a_day: app.pushes_a_day.saturating_mul(10),
            ..app
        })
        .collect()
}

/// Like an operator's configuration, but with shorter times.
fn config(
    listen: SocketAddr,
    apps: &[SimApp],
    simulated: &str,
    calls_per_second: f64,
) -> Result<Config, Failure> {
    let seconds = Duration::from_secs;
    let holds = Holds {
        rollover: Global::BUILT_IN.rollover_hold,
        zero: Global::BUILT_IN.zero_hold,
    };
    let apps = apps
        .iter()
        .zip(REGIONS)
        .map(|(app, region)| {
            let endpoint = simulated.parse().map_err(Failure::failed)?;
            let has_all_member = region == REGIONS[0];
            let identifier = app
                .admins
                .first()
                .ok_or_else(|| Failure::failed("an app without an administrator"))?;
            Ok(Arc::new(App {
                name: app.name.clone(),
                sdk_app_id: app.sdk_app_id,
                identifier: identifier.clone(),
                key: KeySource::Inline(app.key.clone()),
                calls_per_second,
                day_offset: DayOffset::DEFAULT,
                holds,
                regions: vec![Region::custom(region.to_owned(), endpoint)],
                polling: Polling {
                    // Twice the calls must stay within the limit, too.
                    interval: seconds(if has_all_member { 15 } else { 5 }),
                    all_member: has_all_member,
                    lag: seconds(10),
                    step: seconds(5),
                    ..Polling::BUILT_IN
                },
                tasks: Some(Tasks {
                    scheduled: true,
                    max: 10,
                    interval: seconds(60),
                    ..Tasks::BUILT_IN
                }),
            }))
        })
        .collect::<Result<_, Failure>>()?;
    Ok(Config {
        global: Global {
            listen,
            ..Global::BUILT_IN
        },
        web: Web::BUILT_IN,
        apps,
        notices: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::reading::{Api, Reading, Stage};
    use crate::model::window::{Range, UnixSeconds};
    use crate::simulator::truth;

    #[test]
    fn every_hour_of_a_week_has_losses_of_two_stages_on_three_platforms_for_each_app() {
        for app in apps() {
            for hour in 0..7 * 24 {
                let start = 1_800_000_000 + hour * 3600;
                let range = Range {
                    start: UnixSeconds(start),
                    end: UnixSeconds(start + 3600),
                };
                let Reading::Loss(rows) = truth(&app, Api::NormalPushLoss, range) else {
                    panic!("no losses");
                };
                for stage in Stage::ALL {
                    let platforms: BTreeSet<_> = rows
                        .keys()
                        .filter(|key| key.stage == stage)
                        .filter_map(|key| key.platform?.name())
                        .filter(|name| ["apns", "huawei", "xiaomi", "fcm"].contains(name))
                        .collect();
                    assert!(
                        platforms.len() >= 3,
                        "{} {stage} {platforms:?} in hour {hour}",
                        app.name
                    );
                }
            }
        }
    }
}
