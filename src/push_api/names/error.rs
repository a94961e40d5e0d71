//! Why a name has no address, in words.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use super::servers::LIMIT;
use super::system::Read;
use crate::model::outcome::FetchError;
use crate::push_api::local;

/// Why a name has no address, as the cause inside an error of the HTTP client.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct Unresolved {
    text: String,
    /// The outcome, if this machine had no descriptor left for the queries.
    pub(in crate::push_api) fault: Option<FetchError>,
}

/// Why the name servers have no address for a name.
pub(super) enum Miss {
    /// No name server can be queried for it.
    NotAName,
    NoSuchName(IpAddr),
    NoAddress(IpAddr),
    /// No server sent a decisive response.
    Failed(Vec<(IpAddr, Failure)>),
}

/// How a name server failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("did not respond")]
    Silent,
    #[error("refused the query (REFUSED)")]
    Refused,
    #[error("failed to answer (SERVFAIL)")]
    ServFail,
    #[error("responded with the error code {0}")]
    Code(u16),
    #[error("cannot be reached: {0}")]
    Network(Arc<io::Error>),
    #[error("sent an unusable response")]
    Unreadable,
}

impl Unresolved {
    pub(super) fn new(host: &str, reason: &str) -> Self {
        Self {
            text: format!("cannot resolve {host}: {reason}"),
            fault: None,
        }
    }

    /// With what else in the system's files may be the cause.
    pub(super) fn by_servers(host: &str, miss: &Miss, system: &Read) -> Self {
        let resolv_conf = &system.servers.resolv_conf;
        let mut reason = match miss {
            Miss::NotAName => "it is not a valid host name".to_owned(),
            Miss::NoSuchName(server) => format!(
                "the name server {server} reports that the name does not exist (NXDOMAIN); check the name and {resolv_conf}"
            ),
            Miss::NoAddress(server) => format!(
                "the name server {server} reports neither an IPv4 nor an IPv6 address for it; check the name"
            ),
            Miss::Failed(servers) => {
                let instead = system.servers.instead.as_ref();
                let since =
                    instead.map_or_else(String::new, |instead| format!(", since {instead}"));
                let failed = failed(servers);
                format!("{failed}{since}; check {resolv_conf} and the firewall")
            }
        };
        if let Some(unread) = &system.unread_hosts {
            reason = format!("{reason}; {unread}");
        }
        Self {
            fault: local::without_descriptors(miss.os_errors()),
            ..Self::new(host, &reason)
        }
    }
}

impl Miss {
    /// Of two families' results, the one with the larger weight counts.
    pub(super) fn weight(&self) -> u8 {
        match self {
            Self::NoSuchName(_) => 2,
            Self::Failed(_) => 1,
            Self::NoAddress(_) | Self::NotAName => 0,
        }
    }

    fn os_errors(&self) -> impl Iterator<Item = &io::Error> {
        let failures = match self {
            Self::Failed(failures) => failures.as_slice(),
            _ => &[],
        };
        failures.iter().filter_map(|(_, failure)| match failure {
            Failure::Network(error) => Some(&**error),
            _ => None,
        })
    }
}

fn failed(servers: &[(IpAddr, Failure)]) -> String {
    let is_silent = |(_, failure): &(IpAddr, Failure)| matches!(failure, Failure::Silent);
    if servers.iter().all(is_silent) {
        let asked: Vec<String> = servers
            .iter()
            .map(|(server, _)| server.to_string())
            .collect();
        return format!(
            "no name server responded within {} s (asked {})",
            LIMIT.as_secs(),
            asked.join(", ")
        );
    }
    let parts: Vec<String> = servers
        .iter()
        .map(|(server, failure)| format!("{server} {failure}"))
        .collect();
    format!("the name server {}", parts.join(", "))
}
