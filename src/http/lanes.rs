//! Turns at work that costs processor time, shared fairly between networks.
//!
//! Everyone who waits for a turn queues in the lane of their network, and only the first of each
//! lane competes for the turns. A crowd from one network therefore delays another network by one
//! turn, whatever the size of the crowd.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::network::Network;

/// The bounds on turns and waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Turns at a time.
    pub(super) at_once: usize,
    /// Turns and waits per network.
    pub(super) of_network: usize,
    /// Turns and waits in total.
    pub(super) in_all: usize,
}

pub(super) struct Lanes {
    bounds: Bounds,
    state: Arc<Mutex<State>>,
    turns: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    lanes: HashMap<Network, Lane>,
    in_all: usize,
}

struct Lane {
    /// Held by the first in the lane.
    first: Arc<Semaphore>,
    length: usize,
}

/// A turn; it ends when dropped.
pub(super) struct Turn {
    _permits: [OwnedSemaphorePermit; 2],
    _place: Place,
}

impl Lanes {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            state: Arc::default(),
            turns: Arc::new(Semaphore::new(bounds.at_once)),
        }
    }

    /// Waits for a turn; returns `None` at once if too many wait already. A dropped future gives
    /// its place back.
    pub(super) async fn turn(&self, network: Network) -> Option<Turn> {
        let (place, first) = self.place(network)?;
        // No semaphore here is ever closed.
        let first = first.acquire_owned().await.ok()?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        Some(Turn {
            _permits: [turn, first],
            _place: place,
        })
    }

    /// Runs a future that does its work before its first wait; this work needs a turn. If too many
    /// wait already, it runs without a turn.
    pub(super) async fn begin<F: Future>(&self, network: Network, future: F) -> F::Output {
        let mut future = pin!(future);
        let turn = self.turn(network).await;
        let begun = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        drop(turn);
        match begun {
            Poll::Ready(output) => output,
            Poll::Pending => future.await,
        }
    }

    fn place(&self, network: Network) -> Option<(Place, Arc<Semaphore>)> {
        let mut state = lock(&self.state);
        let length = state.lanes.get(&network).map_or(0, |lane| lane.length);
        if length >= self.bounds.of_network || state.in_all >= self.bounds.in_all {
            return None;
        }
        state.in_all += 1;
        let lane = state.lanes.entry(network).or_insert_with(|| Lane {
            first: Arc::new(Semaphore::new(1)),
            length: 0,
        });
        lane.length += 1;
        let place = Place {
            network,
            state: Arc::clone(&self.state),
        };
        Some((place, Arc::clone(&lane.first)))
    }

    /// How many wait or have a turn.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.state).in_all
    }
}

struct Place {
    network: Network,
    state: Arc<Mutex<State>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.in_all -= 1;
        if let Some(lane) = state.lanes.get_mut(&self.network) {
            lane.length -= 1;
            if lane.length == 0 {
                state.lanes.remove(&self.network);
            }
        }
    }
}

/// A panic in a task leaves nothing half done in the state.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::task::JoinSet;
    use tokio::time::{Instant, sleep};

    fn network(n: u8) -> Network {
        Network::of([10, 0, 0, n].into())
    }

    const BOUNDS: Bounds = Bounds {
        at_once: 1,
        of_network: 50,
        in_all: 80,
    };

    /// 100 callers that want a turn of one second each.
    async fn crowd(lanes: &Arc<Lanes>, n: u8) -> JoinSet<bool> {
        let mut crowd = JoinSet::new();
        for _ in 0..100 {
            let lanes = Arc::clone(lanes);
            crowd.spawn(async move {
                let turn = lanes.turn(network(n)).await;
                sleep(Duration::from_secs(1)).await;
                turn.is_some()
            });
        }
        // All of them reach their place.
        sleep(Duration::from_millis(1)).await;
        crowd
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_delays_another_network_by_its_own_turn_only() {
        let lanes = Arc::new(Lanes::new(BOUNDS));
        let crowd = crowd(&lanes, 1).await;
        assert_eq!(lanes.len(), 50);
        assert!(lanes.turn(network(1)).await.is_none());
        for _ in 0..10 {
            let start = Instant::now();
            assert!(lanes.turn(network(2)).await.is_some());
            assert!(start.elapsed() <= Duration::from_secs(1));
        }
        let served = crowd.join_all().await;
        assert_eq!(served.into_iter().filter(|served| *served).count(), 50);
        assert_eq!((lanes.len(), lock(&lanes.state).lanes.len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_crowds_of_all_networks_are_bounded_together() {
        let lanes = Arc::new(Lanes::new(BOUNDS));
        let crowds = [crowd(&lanes, 1).await, crowd(&lanes, 2).await];
        assert_eq!(lanes.len(), 80);
        assert!(lanes.turn(network(3)).await.is_none());
        for mut crowd in crowds {
            crowd.shutdown().await;
        }
        assert_eq!(lanes.len(), 0);
        assert!(lanes.turn(network(3)).await.is_some());
    }

    #[tokio::test]
    async fn a_future_that_waits_holds_no_turn() {
        let lanes = Lanes::new(BOUNDS);
        let (tell, told) = tokio::sync::oneshot::channel();
        let wait = lanes.begin(network(1), told);
        let act = lanes.begin(network(1), async move { tell.send(7).unwrap() });
        assert_eq!(tokio::join!(wait, act).0, Ok(7));
        assert_eq!(lanes.len(), 0);
    }
}
