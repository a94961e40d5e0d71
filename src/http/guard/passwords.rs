//! Who may see the pages. A right password is checked once and then remembered. Every other attempt
//! costs a full check, whether or not the user exists.
//!
//! Only these checks are expensive for us and cheap for a stranger. They run separately from
//! everything else, one at a time per network and few at a time in total, and only a limited number
//! may wait. A scraper whose password is remembered never waits for a check.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::config::web_file::PasswordHash;
use crate::http::lanes::{Bounds, Lanes};
use crate::http::network::Network;

/// Checks: few at a time, since the other processors are for polls and scrapes. At bcrypt's usual
/// cost of 10, the last one in a full lane waits some 3 s.
const CHECKS: Bounds = Bounds {
    at_once: 2,
    of_network: 48,
    in_all: 256,
};

/// How many right credentials are remembered. There is one per user, and more only after changes of
/// the web file.
const REMEMBERED_RIGHT: usize = 1024;

/// How many wrong credentials are remembered, for scrapers with an old password, which retry again
/// and again.
const REMEMBERED_WRONG: usize = 256;

/// The users of a web file.
pub(in crate::http) type Users = BTreeMap<String, PasswordHash>;

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Verdict {
    Right,
    Wrong,
    /// Too many others are being checked.
    Busy,
}

/// A user, a hash and a password as one value that reveals none of them.
type Digest = [u8; 32];

/// Remembered credentials, and the queue for checks.
pub(in crate::http) struct Passwords {
    /// The key is new at each start, so that digests mean nothing outside this process.
    key: Hmac<Sha256>,
    state: Arc<Mutex<State>>,
    lanes: Lanes,
}

#[derive(Default)]
struct State {
    right: HashSet<Digest>,
    /// The oldest first.
    wrong: VecDeque<Digest>,
}

impl Passwords {
    pub(in crate::http) fn new() -> Self {
        // The standard library seeds this from the system, and offers no other access to system
        // randomness.
        let seed = RandomState::new();
        let mut key = Zeroizing::new([0; 64]);
        for (n, part) in key.chunks_exact_mut(8).enumerate() {
            part.copy_from_slice(&seed.hash_one(n).to_be_bytes());
        }
        Self {
            key: Hmac::new(&(*key).into()),
            state: Arc::default(),
            lanes: Lanes::new(CHECKS),
        }
    }

    /// Whether the password is the user's.
    pub(in crate::http) async fn check(
        &self,
        users: &Users,
        user: &str,
        password: &[u8],
        network: Network,
    ) -> Verdict {
        let own = users.get(user);
        let digest = self.digest(user, own, password);
        if let Some(verdict) = lock(&self.state).known(&digest) {
            return verdict;
        }
        let Some(hash) = own.or_else(|| self.stand_in(users, user)).cloned() else {
            return Verdict::Wrong;
        };
        let Some(turn) = self.lanes.turn(network).await else {
            return Verdict::Busy;
        };
        let password = Zeroizing::new(password.to_vec());
        let (is_user, state) = (own.is_some(), Arc::clone(&self.state));
        // A check continues when its client leaves, so the check itself holds the turn.
        let checked = spawn_blocking(move || {
            let right = hash.is_of(&password) && is_user;
            lock(&state).remember(digest, right);
            drop(turn);
            right
        });
        match checked.await {
            Ok(true) => Verdict::Right,
            Ok(false) => Verdict::Wrong,
            Err(_) => Verdict::Busy,
        }
    }

    /// The hash for checking an unknown user's password: that of some user, and always the same one
    /// for the same name, so that hashes of different cost do not reveal which users exist.
    fn stand_in<'a>(&self, users: &'a Users, name: &str) -> Option<&'a PasswordHash> {
        let digest = self.digest(name, None, &[]);
        let number = usize::from(u16::from_be_bytes([digest[0], digest[1]]));
        users.values().nth(number.checked_rem(users.len())?)
    }

    fn digest(&self, user: &str, hash: Option<&PasswordHash>, password: &[u8]) -> Digest {
        let mut digest = self.key.clone();
        digest.update(&user.len().to_be_bytes());
        digest.update(user.as_bytes());
        // A hash contains no zero byte, so its end is unambiguous.
        digest.update(hash.map_or("", PasswordHash::expose).as_bytes());
        digest.update(&[0]);
        digest.update(password);
        digest.finalize().into_bytes().into()
    }
}

impl State {
    fn known(&self, digest: &Digest) -> Option<Verdict> {
        if self.right.contains(digest) {
            Some(Verdict::Right)
        } else {
            self.wrong.contains(digest).then_some(Verdict::Wrong)
        }
    }

    fn remember(&mut self, digest: Digest, right: bool) {
        if right {
            if self.right.len() >= REMEMBERED_RIGHT {
                self.right.clear();
            }
            self.right.insert(digest);
        } else {
            if self.wrong.len() >= REMEMBERED_WRONG {
                self.wrong.pop_front();
            }
            self.wrong.push_back(digest);
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
    use tokio::time::{sleep, timeout};

    /// bcrypt's minimum cost, since tests are not optimised.
    const COST: u32 = 4;

    fn users(users: &[(&str, &str, u32)]) -> Users {
        let hash = |password: &str, cost| bcrypt::hash(password, cost).unwrap();
        users
            .iter()
            .map(|(name, password, cost)| {
                let hash = PasswordHash::new(&hash(password, *cost)).unwrap();
                ((*name).to_owned(), hash)
            })
            .collect()
    }

    fn network(n: u8) -> Network {
        Network::of([10, 0, 0, n].into())
    }

    #[tokio::test]
    async fn only_the_right_password_of_the_right_user_is_right() {
        let passwords = Passwords::new();
        let users = users(&[("ann", "apple", COST), ("bob", "berry", COST + 1)]);
        for _ in 0..2 {
            for (user, password, verdict) in [
                ("ann", "apple", Verdict::Right),
                ("bob", "berry", Verdict::Right),
                ("ann", "berry", Verdict::Wrong),
                ("ann", "", Verdict::Wrong),
                ("Ann", "apple", Verdict::Wrong),
                ("eve", "apple", Verdict::Wrong),
                ("eve", "berry", Verdict::Wrong),
                ("", "apple", Verdict::Wrong),
                ("annapple", "", Verdict::Wrong),
            ] {
                let said = passwords
                    .check(&users, user, password.as_bytes(), network(1))
                    .await;
                assert_eq!(said, verdict, "{user} {password}");
            }
        }
    }

    #[tokio::test]
    async fn a_changed_hash_makes_the_old_password_wrong_at_once() {
        let passwords = Passwords::new();
        let (before, after) = (
            users(&[("ann", "old", COST)]),
            users(&[("ann", "new", COST)]),
        );
        for (users, password, verdict) in [
            (&before, "old", Verdict::Right),
            (&after, "old", Verdict::Wrong),
            (&after, "new", Verdict::Right),
            (&Users::default(), "new", Verdict::Wrong),
        ] {
            let said = passwords
                .check(users, "ann", password.as_bytes(), network(1))
                .await;
            assert_eq!(said, verdict, "{password}");
        }
    }

    #[test]
    fn a_stranger_costs_what_some_user_costs_and_always_the_same() {
        let passwords = Passwords::new();
        let users = users(&[("ann", "a", COST), ("bob", "b", COST + 1)]);
        let cost = |name: &str| passwords.stand_in(&users, name).unwrap().cost();
        let costs: HashSet<u32> = (0..64).map(|n| cost(&format!("user{n}"))).collect();
        assert_eq!(costs, HashSet::from([COST, COST + 1]));
        assert!((0..8).all(|_| cost("eve") == cost("eve")));
    }

    /// Fills the queue with endless checks from one network.
    async fn flood(
        passwords: &Arc<Passwords>,
        users: &Arc<Users>,
        network: Network,
    ) -> JoinSet<Verdict> {
        let mut tasks = JoinSet::new();
        for n in 0..2 * CHECKS.of_network {
            let (passwords, users) = (Arc::clone(passwords), Arc::clone(users));
            tasks.spawn(async move {
                let password = format!("guess {n}");
                passwords
                    .check(&users, "ann", password.as_bytes(), network)
                    .await
            });
        }
        while passwords.lanes.len() < CHECKS.of_network {
            tokio::task::yield_now().await;
        }
        tasks
    }

    #[tokio::test]
    async fn a_known_password_waits_for_nobody_and_an_unknown_one_only_for_its_own_network() {
        let passwords = Arc::new(Passwords::new());
        let users = Arc::new(users(&[("ann", "apple", 9), ("bob", "berry", 9)]));
        let said = passwords.check(&users, "ann", b"apple", network(1)).await;
        assert_eq!(said, Verdict::Right);

        let mut attack = flood(&passwords, &users, network(1)).await;
        let busy = passwords.check(&users, "ann", b"guess", network(1)).await;
        assert_eq!(busy, Verdict::Busy);
        let known = passwords.check(&users, "ann", b"apple", network(1));
        assert_eq!(
            timeout(Duration::ZERO, known).await,
            Ok(Verdict::Right),
            "at once, in its first poll"
        );
        let new = passwords.check(&users, "bob", b"berry", network(2)).await;
        assert_eq!(new, Verdict::Right);
        let unfinished = passwords.lanes.len();
        assert!(unfinished > CHECKS.of_network / 2, "{unfinished}");

        let mut said = Vec::new();
        while let Some(verdict) = attack.join_next().await {
            said.push(verdict.unwrap());
        }
        let busy = said.iter().filter(|said| **said == Verdict::Busy).count();
        assert_eq!(busy, CHECKS.of_network);
        assert!(!said.contains(&Verdict::Right));
        assert_eq!(passwords.lanes.len(), 0);
    }

    #[tokio::test]
    async fn clients_that_leave_give_their_places_back() {
        let passwords = Arc::new(Passwords::new());
        let users = Arc::new(users(&[("ann", "apple", COST)]));
        for _ in 0..4 {
            flood(&passwords, &users, network(1)).await.shutdown().await;
        }
        let right = passwords.check(&users, "ann", b"apple", network(1)).await;
        assert_eq!(right, Verdict::Right);
        // Running checks of clients that left end by themselves.
        let ended = async {
            while passwords.lanes.len() > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        assert_eq!(timeout(Duration::from_secs(60), ended).await, Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut state = State::default();
        for n in 0..10_000_u32 {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&n.to_be_bytes());
            state.remember(digest, n % 2 == 0);
        }
        assert!(state.right.len() <= REMEMBERED_RIGHT);
        assert_eq!(state.wrong.len(), REMEMBERED_WRONG);
    }
}
