//! Serves many series as the daemon does, while every target goes on being polled once a
//! minute: for `tests/bench/serving`.
//!
//! The service's answers are made up here, so that the figures are those of serving.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on may end"
)]

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use timpush_exporter::clock;
use timpush_exporter::config::target::{Target, expand};
use timpush_exporter::config::{Config, Secrets, Web};
use timpush_exporter::http::content::{Content, Lifecycle, router};
use timpush_exporter::http::guard::auth::guarded;
use timpush_exporter::http::guard::front::Front;
use timpush_exporter::http::server::{ConnectionCounts, Server};
use timpush_exporter::model::outcome::Outcome;
use timpush_exporter::model::reading::{
    Api, ErrCode, Funnel, Loss, LossKey, Measure, Platform, Reading, Stage,
};
use timpush_exporter::model::window::{Range, UnixSeconds};
use timpush_exporter::self_metrics::SelfMetrics;
use timpush_exporter::target::snapshot::{Recorder, Snapshot};
use tokio::net::TcpListener;
use tokio::time::sleep;

/// How many series one target has, its part of the process's own included.
const SERIES_PER_TARGET: usize = 200;

/// Loss rows of a target. Each makes three series: window, counter and description.
const ROWS: usize = 38;

const PLATFORMS: [i64; 3] = [1, 2, 3];

/// One poll of every target a minute.
const INTERVAL: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    let series: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let targets = targets(series / SERIES_PER_TARGET);
    let snapshot = Arc::new(Snapshot::new(&targets));
    let metrics = Arc::new(SelfMetrics::new(&targets).unwrap());
    let recorder = |target: &Target| Recorder::new(target, Arc::clone(&snapshot));
    let mut recorders: Vec<Recorder> = targets.iter().map(recorder).collect();
    for (target, recorder) in targets.iter().zip(&mut recorders) {
        poll(target, recorder, &metrics, 0);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    let router = router(Arc::new(Content::new(
        snapshot,
        Arc::clone(&metrics),
        &Web::BUILT_IN,
        Arc::new(Lifecycle::new(None, false)),
    )));
    let front = Arc::new(Front::open());
    let router = guarded(router, Arc::clone(&front));
    let counts = ConnectionCounts::new().unwrap();
    let mut server = Server::start(listener, router, front, counts).unwrap();
    let pause = INTERVAL / u32::try_from(targets.len()).unwrap();
    let polling = async {
        for round in 1.. {
            for (target, recorder) in targets.iter().zip(&mut recorders) {
                sleep(pause).await;
                poll(target, recorder, &metrics, round);
            }
        }
    };
    tokio::select! {
        () = server.ended() => {}
        () = polling => {}
    }
}

fn targets(count: usize) -> Vec<Target> {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "apps:\n".to_owned();
    for n in 0..count {
        let id = 1_500_000_000 + n;
        writeln!(
            text,
            "  - {{name: app{n}, sdk_app_id: {id}, identifier: administrator, secret_key_env: KEY, regions: [china]}}"
        )
        .unwrap();
    }
    let path = folder.path().join("timpush.yml");
    std::fs::write(&path, text).unwrap();
    expand(&Config::load(&path, &[].into(), Secrets::Skip).unwrap())
}

/// What a poll records that found `more` of everything than the first one.
fn poll(target: &Target, recorder: &mut Recorder, metrics: &SelfMetrics, more: u64) {
    let now = clock::now();
    let polling = &target.app.polling;
    let lag = polling.lag.as_secs();
    let end = UnixSeconds((now.unix().0 - lag) / 60 * 60);
    for api in target.apis() {
        let reading = answer(api, more);
        for question in recorder.questions(api, end, now) {
            recorder.day(api, question, &reading, now);
        }
        recorder.window(api, Range::ending(end, polling.window), reading, now);
        metrics.request(&target.id(), api, Outcome::Ok, Duration::from_millis(80));
        recorder.finish(api, Ok(()), now);
    }
    recorder.next_poll(now.steady + INTERVAL);
}

fn answer(api: Api, more: u64) -> Reading {
    let funnel = Funnel {
        sendable: 90_000 + more,
        sent: 80_000 + more,
        delivered: 60_000 + more,
        clicked: 3_000 + more,
    };
    match api.measure() {
        Measure::Losses => Reading::Loss((0..ROWS).map(|row| loss(row, more)).collect()),
        Measure::Funnel => Reading::Statistics {
            overall: funnel,
            platforms: PLATFORMS.map(|number| (Platform(number), funnel)).into(),
        },
    }
}

fn loss(row: usize, more: u64) -> (LossKey, Loss) {
    let key = LossKey {
        stage: Stage::ALL[row % 2],
        platform: PLATFORMS.get(row / 2 % 4).copied().map(Platform),
        code: ErrCode::new(&(80_000_000 + row * 7919).to_string()),
    };
    let loss = Loss {
        count: 17 * row as u64 + more,
        description: format!("made-up reason number {row}"),
    };
    (key, loss)
}
