//! Why a name has no address, in words.

use std::fmt;
use std::net::IpAddr;

use super::servers::LIMIT;

/// Why a name has no address, as the cause inside an error of the HTTP client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot resolve {host}: {reason}{aside}")]
pub struct Unresolved {
    host: String,
    reason: Reason,
    aside: String,
}

impl Unresolved {
    pub(super) fn new(host: &str, reason: Reason) -> Self {
        Self {
            host: host.to_owned(),
            reason,
            aside: String::new(),
        }
    }

    /// Adds what else may be the cause.
    pub(super) fn beside(mut self, aside: Option<&str>) -> Self {
        if let Some(aside) = aside {
            self.aside = format!("; {aside}");
        }
        self
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// No name server can be asked for it.
    NotAName,
    /// It ends in a label that is reserved for names that do not exist.
    Reserved,
    /// The hosts file or `resolv.conf` is not read to its end.
    FilesHang,
    NoSuchName {
        server: IpAddr,
        resolv_conf: String,
    },
    NoAddress {
        server: IpAddr,
    },
    /// No server gave a response that decides.
    Failed {
        servers: Vec<(IpAddr, Failure)>,
        resolv_conf: String,
        /// Why these servers were asked if the file names none.
        instead: Option<String>,
    },
}

/// What a name server did instead of answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Silent,
    Refused,
    ServFail,
    Code(u16),
    Network(String),
    Unreadable,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAName => f.write_str("it is not a valid host name"),
            Self::Reserved => f.write_str("no such name exists (RFC 6761, RFC 7686); check the name"),
            Self::FilesHang => f.write_str(
                "the hosts file and resolv.conf cannot be read in time; are they on a network mount that hangs?",
            ),
            Self::NoSuchName {
                server,
                resolv_conf,
            } => write!(
                f,
                "the name server {server} reports that the name does not exist (NXDOMAIN); check the name and {resolv_conf}"
            ),
            Self::NoAddress { server } => write!(
                f,
                "the name server {server} reports neither an IPv4 nor an IPv6 address for it; check the name"
            ),
            Self::Failed {
                servers,
                resolv_conf,
                instead,
            } => {
                failed(f, servers)?;
                if let Some(instead) = instead {
                    write!(f, ", since {instead}")?;
                }
                write!(f, "; check {resolv_conf} and the firewall")
            }
        }
    }
}

fn failed(f: &mut fmt::Formatter<'_>, servers: &[(IpAddr, Failure)]) -> fmt::Result {
    if servers
        .iter()
        .all(|(_, failure)| *failure == Failure::Silent)
    {
        let asked: Vec<String> = servers
            .iter()
            .map(|(server, _)| server.to_string())
            .collect();
        return write!(
            f,
            "no name server responded within {} s (asked {})",
            LIMIT.as_secs(),
            asked.join(", ")
        );
    }
    let parts: Vec<String> = servers
        .iter()
        .map(|(server, failure)| format!("{server} {failure}"))
        .collect();
    write!(f, "the name server {}", parts.join(", "))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("did not respond"),
            Self::Refused => f.write_str("refused the query (REFUSED)"),
            Self::ServFail => f.write_str("failed to answer (SERVFAIL)"),
            Self::Code(code) => write!(f, "responded with the error code {code}"),
            Self::Network(text) => write!(f, "cannot be reached: {text}"),
            Self::Unreadable => f.write_str("sent an unusable response"),
        }
    }
}
