//! Clocks that are wrong for a while, through the whole loop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use timpush_exporter::model::reading::CountKey;
use timpush_exporter::model::window::{DAY, Range, UnixSeconds};
use tokio::time::sleep;

use crate::counters::Increase;
use crate::process::Process;
use crate::world::{Faults, START, World};

/// Minutes from the start of the world to the first midnight at +08:00.
const MIDNIGHT: u64 = 8 * 60;

const HOUR: i64 = 3600;

/// Runs ten hours, of which the clock is `ahead` for some minutes, with restarts before some
/// minutes. Nothing may be counted twice or lost, and windows are right as soon as the
/// clock is.
async fn run(world: &Arc<World>, from: u64, minutes: u64, ahead: i64, restarts: &[u64]) {
    let what = format!("{ahead} s ahead at {from} for {minutes}, restarts {restarts:?}");
    let mut process = Process::start(world, 0, None);
    let mut increases = BTreeMap::<CountKey, (u64, Increase)>::new();
    let right_again = from + minutes;
    for minute in 0..MIDNIGHT + 120 {
        let is_wrong = (from..right_again).contains(&minute);
        world.set_clock(0, if is_wrong { ahead } else { 0 });
        if restarts.contains(&minute) {
            let state = process.kill().await;
            process = Process::start(world, 0, Some(&state));
        }
        sleep(Duration::from_secs(60)).await;
        if minute > right_again {
            let end = process.window_end().unwrap().0;
            let now = world.time();
            assert!(
                (now - 190..=now - 110).contains(&end),
                "{what}: {end} at {now}"
            );
        }
        let Some(served) = process.scrape() else {
            continue;
        };
        for (key, value) in &served.counts {
            let (_, increase) = increases
                .entry(key.clone())
                .or_insert_with(|| (*value, Increase::default()));
            increase.scrape(*value);
        }
    }
    let start = UnixSeconds(START + MIDNIGHT * 60 - DAY);
    let end = process.window_end().unwrap();
    for (key, truth) in world.truth(Range { start, end }) {
        if world.is_busy(&key) {
            let (first, increase) = &increases[&key];
            assert_eq!(increase.sum, truth - first, "{key}, {what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_wrong_and_set_right_again_costs_and_doubles_no_push() {
    let world = World::new(61, 8 * 3600, Faults::default());
    for ahead in [
        1,
        -1,
        45,
        -45,
        HOUR,
        -HOUR,
        24 * HOUR,
        -24 * HOUR,
        72 * HOUR,
    ] {
        // By day, before midnight so that an hour is across it, and after midnight.
        for (from, minutes) in [(180, 5), (MIDNIGHT - 40, 10), (MIDNIGHT + 30, 5)] {
            for restarts in [vec![], vec![from + 2], vec![from + minutes + 1]] {
                run(&world.again(), from, minutes, ahead, &restarts).await;
            }
        }
    }
}
