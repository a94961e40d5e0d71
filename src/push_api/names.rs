//! Resolves host names as the system's own resolver would: first the hosts file, which is
//! sufficient if it lists the name, then the name servers of `resolv.conf`. The C library is
//! not used, so that the binary runs from an empty image.
//!
//! The client keeps its connections, so names are resolved for new ones only. Results are
//! kept for their TTL, and only one caller at a time queries a name.

mod error;
mod hosts;
mod query;
mod servers;
mod system;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;

pub use error::Unresolved;
use servers::{LIMIT, Servers};
pub use system::Paths;
use system::{Read, System};

/// How long a failure is returned to callers with the same name.
const FAILURE_KEPT: Duration = Duration::from_secs(2);

/// The minimum time that addresses are kept. Callers that waited for a response with a TTL of
/// 0 share it, too.
const LEAST_KEPT: Duration = Duration::from_secs(1);

/// The maximum number of names in the cache. One more clears it.
const MAX_NAMES: usize = 4096;

/// Resolves names for the HTTP client. Clones share their state.
#[derive(Clone, Default)]
pub struct Names(Arc<Shared>);

#[derive(Default)]
struct Shared {
    system: System,
    known: Mutex<HashMap<String, Slot>>,
}

/// The name servers' result for a name. The holder of the lock queries them, and the others
/// wait.
type Slot = Arc<tokio::sync::Mutex<Option<Known>>>;

struct Known {
    result: Result<Vec<IpAddr>, Unresolved>,
    until: Instant,
    servers: Arc<Servers>,
}

impl Known {
    /// Whether the result is still valid; not after a change of `resolv.conf`.
    fn holds(&self, servers: &Arc<Servers>) -> bool {
        self.until > Instant::now() && Arc::ptr_eq(&self.servers, servers)
    }
}

impl Names {
    /// Reads other files than the system's and queries another port.
    pub fn reading(paths: Paths) -> Self {
        Self(Arc::new(Shared {
            system: System::at(paths),
            known: Mutex::default(),
        }))
    }

    /// The addresses of `host`, IPv4 before IPv6. The name servers have 4 s to respond.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Unresolved> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let Some(system) = self.0.system.current().await else {
            return Err(Unresolved::new(
                host,
                "the hosts file and resolv.conf cannot be read in time; are they on a network mount that hangs?",
            ));
        };
        let bare = host.strip_suffix('.').unwrap_or(host);
        match system.hosts.addresses(bare) {
            [] if ends_in(bare, "localhost") => Ok(vec![
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(Ipv6Addr::LOCALHOST),
            ]),
            // The DNS library would not query these names, but blame a server.
            [] if ends_in(bare, "invalid") || ends_in(bare, "onion") => Err(Unresolved::new(
                host,
                "no such name exists (RFC 6761, RFC 7686); check the name",
            )),
            [] => self.ask(host, &system).await,
            listed => Ok(listed.to_vec()),
        }
    }

    /// Queries the name servers, unless their last result is still valid.
    async fn ask(&self, host: &str, system: &Read) -> Result<Vec<IpAddr>, Unresolved> {
        let slot = self.slot(host);
        let mut known = slot.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.holds(&system.servers)) {
            return known.result.clone();
        }
        let found = query::ask(&system.servers, host, Instant::now() + LIMIT).await;
        let now = Instant::now();
        let (result, until) = match found {
            Ok(found) => (Ok(found.addresses), found.until.max(now + LEAST_KEPT)),
            Err(miss) => (
                Err(Unresolved::by_servers(host, &miss, system)),
                now + FAILURE_KEPT,
            ),
        };
        let servers = Arc::clone(&system.servers);
        let known = known.insert(Known {
            result,
            until,
            servers,
        });
        known.result.clone()
    }

    fn slot(&self, host: &str) -> Slot {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = known.get(host) {
            return Arc::clone(slot);
        }
        if known.len() >= MAX_NAMES {
            known.clear();
        }
        Arc::clone(known.entry(host.to_owned()).or_default())
    }
}

/// Whether a name belongs to a top-level domain that never leaves this machine (RFC 6761).
fn ends_in(name: &str, domain: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.eq_ignore_ascii_case(domain)
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.clone();
        Box::pin(async move {
            let addresses = names.addresses(name.as_str()).await?;
            let addresses = addresses
                .into_iter()
                .map(|address| SocketAddr::new(address, 0));
            let addresses: Addrs = Box::new(addresses);
            Ok(addresses)
        })
    }
}
