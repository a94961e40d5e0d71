//! Which connections there are, and which one gives way when there are too many.
//!
//! A newcomer always gets in. The one that ends for it comes from the network that holds the
//! most; there, one that waits for a request goes before one that is being served, and the
//! oldest first. So a scraper gets in however many connections somebody else holds.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, Id};

use super::pace::{MAX_UNTAKEN, Pace, Phase};

/// So many clients may be slow with responses of any size: a million series make a body of
/// more than a hundred megabytes, which those who scrape it share.
const FEW: usize = 8;

/// Open connections. A scraper needs one or two; the rest is for people and for the time
/// in which an attack is noticed. With TLS each costs some 40 KiB.
pub(super) const MAX_CONNECTIONS: usize = 512;

/// Connections that are always tried to be kept, however short of file descriptors.
const MIN_CONNECTIONS: usize = 8;

/// Connections that agree on TLS at the same time, which is what costs processor time.
pub(super) const MAX_HANDSHAKES: usize = 256;

/// Who a connection is counted for: an IPv4 address, or the /64 that one IPv6 host can
/// take addresses from at will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network(IpAddr);

impl Network {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
            }
        })
    }
}

/// What decides who gives way; the greatest does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Connections of the same network.
    of_network: usize,
    /// Whether the connection is not being served.
    waits: bool,
    /// Whether the client, not this program, is what the connection waits for.
    writing: bool,
    age: Duration,
}

struct Entry {
    pace: Arc<Pace>,
    network: Network,
    task: AbortHandle,
}

impl Entry {
    fn rank(&self, networks: &HashMap<Network, usize>) -> Rank {
        let phase = self.pace.phase();
        Rank {
            of_network: networks.get(&self.network).copied().unwrap_or_default(),
            waits: !matches!(phase, Phase::Handling | Phase::Writing),
            writing: phase == Phase::Writing,
            age: self.pace.age(),
        }
    }
}

/// The open connections. Belongs to the task that accepts them.
pub(super) struct Connections {
    open: HashMap<Id, Entry>,
    networks: HashMap<Network, usize>,
    /// [`MAX_CONNECTIONS`], or fewer where the system does not give us as many.
    cap: usize,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            open: HashMap::new(),
            networks: HashMap::new(),
            cap: MAX_CONNECTIONS,
        }
    }
}

impl Connections {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn add(&mut self, task: &AbortHandle, network: Network, pace: Arc<Pace>) {
        *self.networks.entry(network).or_default() += 1;
        let entry = Entry {
            pace,
            network,
            task: task.clone(),
        };
        self.open.insert(task.id(), entry);
    }

    /// Forgets a connection that has ended.
    pub(super) fn remove(&mut self, id: Id) {
        let Some(entry) = self.open.remove(&id) else {
            return;
        };
        if let Some(count) = self.networks.get_mut(&entry.network) {
            *count -= 1;
            if *count == 0 {
                self.networks.remove(&entry.network);
            }
        }
    }

    /// Ends connections until there is room for one more. Whether any had to.
    pub(super) fn make_room(&mut self) -> bool {
        let handshakes = self
            .open
            .values()
            .filter(|entry| entry.pace.phase() == Phase::Handshake)
            .count();
        if handshakes >= MAX_HANDSHAKES {
            return self.end_one(|pace| pace.phase() == Phase::Handshake);
        }
        self.open.len() >= self.cap && self.end_one(|_| true)
    }

    /// Gives back a quarter of what the system gave us, for polls need file descriptors, too.
    pub(super) fn shrink(&mut self) {
        self.cap = (self.open.len() * 3 / 4).max(MIN_CONNECTIONS);
        while self.open.len() > self.cap {
            self.end_one(|_| true);
        }
    }

    fn end_one(&mut self, may_end: impl Fn(&Pace) -> bool) -> bool {
        let worst = self
            .open
            .iter()
            .filter(|(_, entry)| may_end(&entry.pace))
            .max_by_key(|(_, entry)| entry.rank(&self.networks))
            .map(|(id, _)| *id);
        worst.is_some_and(|id| self.end(id))
    }

    /// Ends connections that take too long. Called once a second, which is also how fast
    /// the cap rises after [`Connections::shrink`].
    pub(super) fn end_overdue(&mut self) {
        self.cap = (self.cap + 1).min(MAX_CONNECTIONS);
        let overdue: Vec<Id> = self
            .open
            .iter()
            .filter(|(_, entry)| entry.pace.is_overdue())
            .map(|(id, _)| *id)
            .collect();
        for id in overdue {
            self.end(id);
        }
    }

    /// Ends connections whose clients do not take their responses, until the rest of the
    /// responses is no more than [`MAX_UNTAKEN`] bytes, or of [`FEW`] clients.
    pub(super) fn shed(&mut self) {
        let held = || self.open.values().map(|entry| entry.pace.held());
        let mut untaken: usize = held().sum();
        let mut clients = held().filter(|bytes| *bytes > 0).count();
        while untaken > MAX_UNTAKEN && clients > FEW {
            let worst = self
                .open
                .iter()
                .filter(|(_, entry)| entry.pace.held() > 0)
                .max_by_key(|(_, entry)| entry.rank(&self.networks))
                .map(|(id, entry)| (*id, entry.pace.held()));
            let Some((id, held)) = worst else { return };
            untaken = untaken.saturating_sub(held.max(1));
            clients -= 1;
            self.end(id);
        }
    }

    fn end(&mut self, id: Id) -> bool {
        if let Some(entry) = self.open.get(&id) {
            entry.task.abort();
        }
        self.remove(id);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::task::JoinSet;
    use tokio::time::{Instant, advance};

    #[derive(Default)]
    struct Lab {
        connections: Connections,
        tasks: JoinSet<()>,
    }

    impl Lab {
        fn open(&mut self, address: &str, phase: Phase) -> Arc<Pace> {
            let pace = Arc::new(Pace::new(Instant::now(), phase, Arc::default()));
            let task = self.tasks.spawn(pending());
            let network = Network::of(address.parse().unwrap());
            self.connections.add(&task, network, Arc::clone(&pace));
            pace
        }

        fn has(&self, pace: &Arc<Pace>) -> bool {
            let mut open = self.connections.open.values();
            open.any(|entry| Arc::ptr_eq(&entry.pace, pace))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_waited_longest_gives_way() {
        let mut lab = Lab::default();
        let mut paces = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            assert!(!lab.connections.make_room());
            paces.push(lab.open("10.0.0.1", Phase::Idle));
            advance(Duration::from_millis(1)).await;
        }
        paces[0].enter(Phase::Handling);
        paces[1].respond(1);
        assert!(lab.connections.make_room());
        assert_eq!(lab.connections.len(), MAX_CONNECTIONS - 1);
        assert!(lab.has(&paces[0]) && lab.has(&paces[1]) && !lab.has(&paces[2]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_with_many_connections_gives_way_before_one_with_few() {
        let mut lab = Lab::default();
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
    async fn handshakes_have_a_bound_of_their_own() {
        let mut lab = Lab::default();
        let idle = lab.open("10.0.0.1", Phase::Idle);
        for _ in 0..2 * MAX_HANDSHAKES {
            lab.connections.make_room();
            lab.open("10.0.0.1", Phase::Handshake);
        }
        assert!(lab.has(&idle));
        assert_eq!(lab.connections.len(), MAX_HANDSHAKES + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shortage_lowers_the_cap_for_a_while() {
        let mut lab = Lab::default();
        for _ in 0..40 {
            lab.open("10.0.0.1", Phase::Idle);
        }
        lab.connections.shrink();
        assert_eq!(lab.connections.len(), 30);
        assert!(lab.connections.make_room());
        lab.open("10.0.0.1", Phase::Idle);
        lab.connections.end_overdue();
        assert!(!lab.connections.make_room());
        for _ in 0..10 {
            lab.connections.shrink();
        }
        assert_eq!(lab.connections.len(), MIN_CONNECTIONS);
    }

    #[tokio::test(start_paused = true)]
    async fn overdue_connections_end_and_others_stay() {
        let mut lab = Lab::default();
        let head = lab.open("10.0.0.1", Phase::Head);
        let idle = lab.open("10.0.0.1", Phase::Idle);
        advance(Duration::from_secs(11)).await;
        lab.connections.end_overdue();
        assert!(!lab.has(&head) && lab.has(&idle));
    }

    #[tokio::test(start_paused = true)]
    async fn responses_that_nobody_takes_are_bounded_in_bytes() {
        let mut lab = Lab::default();
        let small = lab.open("10.0.0.2", Phase::Head);
        small.respond(1000);
        let large: Vec<_> = (0..4 * FEW)
            .map(|_| {
                let pace = lab.open("10.0.0.1", Phase::Head);
                pace.respond(MAX_UNTAKEN / 4);
                pace
            })
            .collect();
        lab.connections.shed();
        assert!(lab.has(&small));
        assert_eq!(large.iter().filter(|pace| lab.has(pace)).count(), FEW - 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_scrapers_get_responses_of_any_size() {
        let mut lab = Lab::default();
        let paces: Vec<_> = (0..FEW)
            .map(|_| {
                let pace = lab.open("10.0.0.1", Phase::Head);
                pace.respond(2 * MAX_UNTAKEN);
                pace
            })
            .collect();
        lab.connections.shed();
        assert!(paces.iter().all(|pace| lab.has(pace)));
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
