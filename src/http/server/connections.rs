//! The open connections, and which of them end when there are too many or when their clients are
//! too slow.
//!
//! A new connection is always accepted. The connection that ends in its place belongs to the
//! network with the most connections. There, one that waits for a request ends before one that is
//! being served, and the oldest first. A scraper can therefore always connect, however many
//! connections others hold.
//!
//! Responses that clients have not read keep [`memory`], which is bounded in a similar way.

mod counts;
mod memory;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::{AbortHandle, Id};

pub use counts::{Closed, ConnectionCounts};
use memory::{MAX_HELD, Memory};

use super::progress::{Phase, Progress};
use crate::http::network::Network;

/// The maximum number of open connections. A scraper needs one or two; the rest is for people and
/// for the time until an attack is noticed. With TLS, each costs some 40 KiB.
pub(super) const MAX_CONNECTIONS: usize = 512;

/// The number of connections below which the cap never falls, however scarce file descriptors are.
const MIN_CONNECTIONS: usize = 8;

struct Entry {
    progress: Arc<Progress>,
    network: Network,
    task: AbortHandle,
}

/// The open connections. Owned by the task that accepts them.
pub(super) struct Connections {
    open: HashMap<Id, Entry>,
    /// [`MAX_CONNECTIONS`], or fewer if the system does not allow that many.
    cap: usize,
    counts: ConnectionCounts,
}

impl Connections {
    pub(super) fn new(counts: ConnectionCounts) -> Self {
        Self {
            open: HashMap::new(),
            cap: MAX_CONNECTIONS,
            counts,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn add(&mut self, task: &AbortHandle, network: Network, progress: Arc<Progress>) {
        let entry = Entry {
            progress,
            network,
            task: task.clone(),
        };
        self.open.insert(task.id(), entry);
        self.counts.set_open(self.open.len());
    }

    /// Removes a connection that has ended.
    pub(super) fn remove(&mut self, id: Id) {
        self.open.remove(&id);
        self.counts.set_open(self.open.len());
    }

    /// Makes room for one more connection. Returns whether another had to end.
    pub(super) fn make_room(&mut self) -> bool {
        let full = self.open.len() >= self.cap;
        if full {
            self.evict();
        }
        full
    }

    /// Closes a quarter of the open connections, since polls need file descriptors, too.
    pub(super) fn shrink(&mut self) {
        self.cap = (self.open.len() * 3 / 4).max(MIN_CONNECTIONS);
        while self.open.len() > self.cap {
            self.evict();
        }
    }

    /// Raises the cap again after [`Self::shrink`].
    pub(super) fn recover(&mut self) {
        self.cap = (self.cap + 1).min(MAX_CONNECTIONS);
    }

    fn evict(&mut self) {
        let networks = self.networks();
        let worst = self.open.iter().max_by_key(|(_, entry)| {
            let phase = entry.progress.phase();
            let is_served = matches!(phase, Phase::Handling | Phase::Writing);
            (
                networks.get(&entry.network),
                !is_served,
                // Whether it waits for its client and not for this program.
                phase == Phase::Writing,
                Reverse(entry.progress.still_since()),
            )
        });
        if let Some(id) = worst.map(|(id, _)| *id) {
            self.end(id, Closed::Evicted);
        }
    }

    /// The number of connections of each network.
    fn networks(&self) -> HashMap<Network, usize> {
        let mut networks = HashMap::new();
        for entry in self.open.values() {
            *networks.entry(entry.network).or_default() += 1;
        }
        networks
    }

    /// Ends connections that take too long. Returns how many of them were slow to read.
    pub(super) fn end_overdue(&mut self) -> usize {
        let overdue = self.open.iter().filter_map(|(id, entry)| {
            let reason = match entry.progress.overdue()? {
                Phase::Handshake | Phase::Head | Phase::Handling => Closed::SlowRequest,
                Phase::Writing => Closed::SlowReader,
                Phase::Idle => Closed::Idle,
            };
            Some((*id, reason))
        });
        let overdue: Vec<(Id, Closed)> = overdue.collect();
        for (id, reason) in &overdue {
            self.end(*id, *reason);
        }
        let slow = |(_, reason): &&(Id, Closed)| *reason == Closed::SlowReader;
        overdue.iter().filter(slow).count()
    }

    /// Ends connections until the responses of the rest keep no more memory than [`Memory`] has
    /// room for. Returns how many had to end.
    ///
    /// Connections of networks with few connections stay first, and then those with a new response,
    /// since they are not slow.
    pub(super) fn bound_held(&mut self) -> usize {
        let holders = self.open.iter().filter_map(|(id, entry)| {
            let (since, held) = entry.progress.held()?;
            Some((*id, entry.network, since, held))
        });
        let mut holders: Vec<_> = holders.collect();
        let at_most: usize = holders.iter().map(|(.., held)| held.bytes).sum();
        if at_most <= MAX_HELD {
            return 0;
        }
        let networks = self.networks();
        holders.sort_by_key(|(_, network, since, _)| (networks.get(network), Reverse(*since)));
        let mut memory = Memory::default();
        let worst: Vec<Id> = holders
            .into_iter()
            .filter(|(.., held)| !memory.has_room_for(held))
            .map(|(id, ..)| id)
            .collect();
        for id in &worst {
            self.end(*id, Closed::HeldMemory);
        }
        worst.len()
    }

    fn end(&mut self, id: Id, reason: Closed) {
        if let Some(entry) = self.open.get(&id) {
            entry.task.abort();
            self.counts.count_closed(reason);
        }
        self.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::future::pending;
    use std::time::Duration;
    use tokio::task::JoinSet;
    use tokio::time::advance;

    use super::super::progress::{Held, SharedBody};
    use super::memory::LARGE;

    const PIECE: usize = 1 << 20;

    /// A body of several pieces.
    struct Pieces(Vec<Bytes>);

    impl SharedBody for Pieces {
        fn id(&self) -> (usize, u8) {
            (std::ptr::from_ref(self).addr(), 0)
        }

        fn piece(&self, index: usize) -> Option<Bytes> {
            self.0.get(index).cloned()
        }
    }

    fn piece() -> Bytes {
        vec![0; PIECE].into()
    }

    fn shared(pieces: &[Bytes]) -> Held {
        Held {
            bytes: pieces.len() * PIECE,
            shared: Some(Arc::new(Pieces(pieces.to_vec()))),
        }
    }

    fn own(bytes: usize) -> Held {
        Held {
            bytes,
            shared: None,
        }
    }

    struct Lab {
        connections: Connections,
        tasks: JoinSet<()>,
    }

    impl Lab {
        fn new() -> Self {
            Self {
                connections: Connections::new(ConnectionCounts::new().unwrap()),
                tasks: JoinSet::new(),
            }
        }

        fn open(&mut self, address: &str, phase: Phase) -> Arc<Progress> {
            let progress = Arc::new(Progress::new(phase));
            let task = self.tasks.spawn(pending());
            let network = Network::of(address.parse().unwrap());
            self.connections.add(&task, network, Arc::clone(&progress));
            progress
        }

        fn respond(&mut self, address: &str, held: Held) -> Arc<Progress> {
            let progress = self.open(address, Phase::Head);
            progress.respond(held);
            progress
        }

        fn has(&self, progress: &Arc<Progress>) -> bool {
            let mut open = self.connections.open.values();
            open.any(|entry| Arc::ptr_eq(&entry.progress, progress))
        }

        fn closed(&self, reason: Closed) -> u64 {
            self.connections.counts.closed(reason)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_waited_longest_gives_way() {
        let mut lab = Lab::new();
        let mut open = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            assert!(!lab.connections.make_room());
            open.push(lab.open("10.0.0.1", Phase::Idle));
            advance(Duration::from_millis(1)).await;
        }
        open[0].enter(Phase::Handling);
        open[1].respond(own(1));
        assert!(lab.connections.make_room());
        assert_eq!(lab.connections.len(), MAX_CONNECTIONS - 1);
        assert!(lab.has(&open[0]) && lab.has(&open[1]) && !lab.has(&open[2]));
        assert_eq!(lab.closed(Closed::Evicted), 1);
        assert_eq!(lab.connections.counts.open(), 511);
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_with_many_connections_gives_way_before_one_with_few() {
        let mut lab = Lab::new();
        let scraper = lab.open("10.0.0.2", Phase::Idle);
        advance(Duration::from_secs(60)).await;
        for _ in 0..10 * MAX_CONNECTIONS {
            lab.connections.make_room();
            lab.open("10.0.0.1", Phase::Handling);
        }
        assert!(lab.has(&scraper));
        assert_eq!(lab.connections.len(), MAX_CONNECTIONS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shortage_lowers_the_cap_for_a_while() {
        let mut lab = Lab::new();
        for _ in 0..40 {
            lab.open("10.0.0.1", Phase::Idle);
        }
        lab.connections.shrink();
        assert_eq!(lab.connections.len(), 30);
        assert!(lab.connections.make_room());
        lab.open("10.0.0.1", Phase::Idle);
        lab.connections.recover();
        assert!(!lab.connections.make_room());
        for _ in 0..10 {
            lab.connections.shrink();
        }
        assert_eq!(lab.connections.len(), MIN_CONNECTIONS);
    }

    #[tokio::test(start_paused = true)]
    async fn overdue_connections_end_with_their_reason_and_others_stay() {
        let mut lab = Lab::new();
        let head = lab.open("10.0.0.1", Phase::Head);
        let idle = lab.open("10.0.0.1", Phase::Idle);
        let reader = lab.respond("10.0.0.1", own(1));
        advance(Duration::from_secs(11)).await;
        assert_eq!(lab.connections.end_overdue(), 1);
        assert!(!lab.has(&head) && !lab.has(&reader) && lab.has(&idle));
        advance(Duration::from_secs(300)).await;
        assert_eq!(lab.connections.end_overdue(), 0);
        let closed = Closed::ALL.map(|reason| lab.closed(reason));
        assert_eq!(closed, [0, 1, 1, 1, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_counts_once_however_many_read_it() {
        let body = shared(&[piece(), piece()]);
        let mut lab = Lab::new();
        for _ in 0..MAX_CONNECTIONS {
            lab.respond("10.0.0.1", body.clone());
        }
        assert!(MAX_CONNECTIONS * body.bytes > MAX_HELD);
        assert_eq!(lab.connections.bound_held(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_count_for_the_pieces_that_others_do_not_have() {
        let mut pieces: Vec<Bytes> = (0..20).map(|_| piece()).collect();
        let mut lab = Lab::new();
        for index in 0..40 {
            lab.respond("10.0.0.1", shared(&pieces));
            pieces[index % 20] = piece();
            advance(Duration::from_millis(1)).await;
        }
        assert_eq!(lab.connections.bound_held(), 0);
        let mut new = Vec::new();
        for _ in 0..10 {
            new.push(lab.respond("10.0.0.1", shared(&[piece(), piece(), piece()])));
            advance(Duration::from_millis(1)).await;
        }
        assert!(lab.connections.bound_held() > 0);
        assert!(
            new.iter().all(|new| lab.has(new)),
            "the newest are not slow"
        );
        assert_eq!(lab.connections.bound_held(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn responses_that_nobody_reads_are_bounded_in_bytes() {
        let mut lab = Lab::new();
        let old = lab.respond("10.0.0.2", own(1000));
        advance(Duration::from_secs(1)).await;
        let size = MAX_HELD / LARGE / 2;
        let mut many = Vec::new();
        for _ in 0..4 * LARGE {
            many.push(lab.respond("10.0.0.1", own(size)));
            advance(Duration::from_millis(1)).await;
        }
        let ended = lab.connections.bound_held();
        assert!(lab.has(&old), "its network holds little");
        assert_eq!(ended, 2 * LARGE + 1);
        assert!(
            many.iter()
                .rev()
                .take(2 * LARGE - 1)
                .all(|new| lab.has(new))
        );
        assert_eq!(lab.closed(Closed::HeldMemory), ended as u64);
        assert_eq!(lab.connections.bound_held(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_scrapers_get_responses_of_any_size_and_more_of_them_do_not() {
        let mut lab = Lab::new();
        for _ in 0..LARGE {
            lab.respond("10.0.0.1", own(2 * MAX_HELD));
        }
        assert_eq!(lab.connections.bound_held(), 0);
        lab.respond("10.0.0.1", own(2 * MAX_HELD));
        assert_eq!(lab.connections.bound_held(), 1);
    }

    #[test]
    fn a_host_cannot_hide_behind_its_many_addresses() {
        let same =
            |a: &str, b: &str| Network::of(a.parse().unwrap()) == Network::of(b.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(same("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(!same("10.0.0.1", "10.0.0.2"));
    }
}
