//! Queries to the name servers: both families at once, the next server when one fails.

use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::error::{Failure, Miss};
use super::hosts::MAX_ADDRESSES;
use super::servers::Servers;

/// How long the addresses of one family wait for those of the other (RFC 8305, section 3).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// How long a server may be silent before the next one is queried, too.
const NEXT_SERVER: Duration = Duration::from_secs(1);

/// How long addresses are kept if those of the other family did not arrive in time.
const ONE_FAMILY_KEPT: Duration = Duration::from_secs(30);

/// Addresses, IPv4 before IPv6, and the end of their validity.
pub(super) struct Found {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) until: Instant,
}

/// Queries the names that `host` may stand for, one after the other. The name itself has all
/// the time left until `deadline`, and each name before it has a share of that time.
pub(super) async fn ask(servers: &Servers, host: &str, deadline: Instant) -> Result<Found, Miss> {
    let candidates = servers.candidates(host);
    let mut miss = Miss::NotAName;
    for (n, candidate) in candidates.iter().enumerate() {
        let now = Instant::now();
        if now >= deadline {
            break;
        }
        let Ok(name) = Name::from_ascii(candidate) else {
            continue;
        };
        let itself = candidate.trim_end_matches('.') == host.trim_end_matches('.');
        let until = if itself {
            deadline
        } else {
            let left = u32::try_from(candidates.len() - n).unwrap_or(u32::MAX);
            now + (deadline - now) / left
        };
        match both(servers, &name, until).await {
            Ok(found) => return Ok(found),
            // A result for the name itself is more informative than one for a longer name.
            Err(other) if itself || matches!(miss, Miss::NotAName) => miss = other,
            Err(_) => {}
        }
    }
    Err(miss)
}

async fn both(servers: &Servers, name: &Name, until: Instant) -> Result<Found, Miss> {
    let mut four = pin!(family(servers, name, RecordType::A, until));
    if servers.no_aaaa {
        return decide(four.await, None);
    }
    let mut six = pin!(family(servers, name, RecordType::AAAA, until));
    let (first, rest) = tokio::select! {
        first = &mut four => (first, six),
        first = &mut six => (first, four),
    };
    let second = match first {
        // A name that does not exist has no address of either family (RFC 8020).
        Ok(_) | Err(Miss::NoSuchName(_)) => timeout(RESOLUTION_DELAY, rest).await.ok(),
        Err(_) => Some(rest.await),
    };
    decide(first, second)
}

fn decide(first: Result<Found, Miss>, second: Option<Result<Found, Miss>>) -> Result<Found, Miss> {
    match (first, second) {
        (Ok(one), Some(Ok(other))) => {
            let mut addresses = [one.addresses, other.addresses].concat();
            addresses.sort_by_key(IpAddr::is_ipv6);
            let until = one.until.min(other.until);
            Ok(Found { addresses, until })
        }
        (Ok(mut found), None) => {
            found.until = found.until.min(Instant::now() + ONE_FAMILY_KEPT);
            Ok(found)
        }
        (Ok(found), _) | (_, Some(Ok(found))) => Ok(found),
        (Err(one), Some(Err(other))) if other.weight() > one.weight() => Err(other),
        (Err(miss), _) => Err(miss),
    }
}

/// Queries the servers in order: the next one at once when one fails, or after a while of
/// silence. The first decisive response counts.
async fn family(
    servers: &Servers,
    name: &Name,
    kind: RecordType,
    until: Instant,
) -> Result<Found, Miss> {
    let mut asked = JoinSet::new();
    let mut waiting = servers.all.iter();
    let mut failed: Vec<Option<Failure>> = Vec::new();
    let turns = u32::try_from(servers.all.len() + 1).unwrap_or(u32::MAX);
    let turn = (until.saturating_duration_since(Instant::now()) / turns).min(NEXT_SERVER);
    loop {
        if let Some(server) = waiting.next() {
            let (server, name, place) = (server.clone(), name.clone(), failed.len());
            failed.push(None);
            asked.spawn(async move {
                let response = server.resolver.lookup(name, kind).await;
                (place, judge(response, server.address))
            });
        }
        let wake = if waiting.len() == 0 {
            until
        } else {
            until.min(Instant::now() + turn)
        };
        match timeout_at(wake, asked.join_next()).await {
            Ok(Some(Ok((_, Ok(decided))))) => return decided,
            Ok(Some(Ok((place, Err(failure))))) => failed[place] = Some(failure),
            Ok(None) => break,
            Err(_) if Instant::now() >= until => break,
            Ok(Some(Err(_))) | Err(_) => {}
        }
    }
    let failed = failed
        .into_iter()
        .map(|failure| failure.unwrap_or(Failure::Silent));
    let addresses = servers.all.iter().map(|server| server.address);
    Err(Miss::Failed(addresses.zip(failed).collect()))
}

/// Distinguishes a decisive response from a failure of the server.
fn judge(
    response: Result<Lookup, NetError>,
    server: IpAddr,
) -> Result<Result<Found, Miss>, Failure> {
    match response {
        Ok(lookup) => {
            let addresses: Vec<IpAddr> = lookup
                .answers()
                .iter()
                .filter_map(|record| record.data.ip_addr())
                .take(MAX_ADDRESSES)
                .collect();
            if addresses.is_empty() {
                return Ok(Err(Miss::NoAddress(server)));
            }
            let until = lookup.valid_until().into();
            Ok(Ok(Found { addresses, until }))
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => Ok(Err(match none.response_code {
            ResponseCode::NXDomain => Miss::NoSuchName(server),
            _ => Miss::NoAddress(server),
        })),
        Err(NetError::Dns(DnsError::ResponseCode(code))) => Err(match code {
            ResponseCode::Refused => Failure::Refused,
            ResponseCode::ServFail => Failure::ServFail,
            code => Failure::Code(code.into()),
        }),
        Err(NetError::Timeout) => Err(Failure::Silent),
        Err(NetError::Io(error)) => Err(Failure::Network(error)),
        Err(_) => Err(Failure::Unreadable),
    }
}
