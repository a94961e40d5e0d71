//! Why a name has no address, in words.

use std::fmt;
use std::io;
use std::net::IpAddr;

use super::servers::LIMIT;
use crate::files::ReadError;

/// Why a name has no address, as the cause inside an error of the HTTP client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot resolve {host}: {reason}{aside}")]
pub struct Unresolved {
    host: String,
    reason: Reason,
    aside: Aside,
}

/// What else may be the cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Aside(Option<Complaint>);

impl Unresolved {
    pub(super) fn new(host: &str, reason: Reason) -> Self {
        Self {
            host: host.to_owned(),
            reason,
            aside: Aside::default(),
        }
    }

    /// Adds what else may be the cause.
    pub(super) fn beside(mut self, aside: Option<&Complaint>) -> Self {
        self.aside = Aside(aside.cloned());
        self
    }

    /// The system's errors in the attempts, as far as they have a number.
    pub fn os_errors(&self) -> impl Iterator<Item = io::Error> {
        let (servers, instead) = match &self.reason {
            Reason::Failed {
                servers, instead, ..
            } => (servers.as_slice(), instead.as_ref()),
            _ => (&[][..], None),
        };
        let of_server = |(_, failure): &(IpAddr, Failure)| match failure {
            Failure::Network(complaint) => complaint.os_error,
            _ => None,
        };
        let of_file = [instead, self.aside.0.as_ref()].into_iter().flatten();
        servers
            .iter()
            .filter_map(of_server)
            .chain(of_file.filter_map(|complaint| complaint.os_error))
            .map(io::Error::from_raw_os_error)
    }
}

impl fmt::Display for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(complaint) => write!(f, "; {complaint}"),
            None => Ok(()),
        }
    }
}

/// A system failure in words, with its number, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    text: String,
    os_error: Option<i32>,
}

impl Complaint {
    pub(super) fn new(text: String) -> Self {
        Self {
            text,
            os_error: None,
        }
    }

    pub(super) fn io(error: &io::Error) -> Self {
        Self {
            text: error.to_string(),
            os_error: error.raw_os_error(),
        }
    }

    /// Why a file was not read, after `what`.
    pub(super) fn file(what: &str, error: &ReadError) -> Self {
        let os_error = match error {
            ReadError::Io(error) => error.raw_os_error(),
            _ => None,
        };
        Self {
            text: format!("{what}: {error}"),
            os_error,
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Not a valid name, so no name server can be queried for it.
    NotAName,
    /// It ends in a label that is reserved for names that do not exist.
    Reserved,
    /// Reading the hosts file or `resolv.conf` hangs.
    FilesHang,
    NoSuchName {
        server: IpAddr,
        resolv_conf: String,
    },
    NoAddress {
        server: IpAddr,
    },
    /// No server sent a decisive response.
    Failed {
        servers: Vec<(IpAddr, Failure)>,
        resolv_conf: String,
        /// Why these servers were queried if the file names none.
        instead: Option<Complaint>,
    },
}

/// How a name server failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Silent,
    Refused,
    ServFail,
    Code(u16),
    Network(Complaint),
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
            Self::Network(complaint) => write!(f, "cannot be reached: {complaint}"),
            Self::Unreadable => f.write_str("sent an unusable response"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn what_the_system_said_is_told_by_number_wherever_it_was_said() {
        let said = |code| Complaint::io(&io::Error::from_raw_os_error(code));
        let server = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let failed = |servers: &[Failure], instead| {
            let servers = servers.iter().map(|failure| (server, failure.clone()));
            let reason = Reason::Failed {
                servers: servers.collect(),
                resolv_conf: "resolv.conf".to_owned(),
                instead,
            };
            Unresolved::new("a.example", reason)
        };
        let codes = |unresolved: &Unresolved| -> Vec<i32> {
            let codes = unresolved.os_errors();
            codes.filter_map(|error| error.raw_os_error()).collect()
        };
        let network = Failure::Network(said(24));
        for (unresolved, expected) in [
            (failed(&[Failure::Silent, network], None), vec![24]),
            (failed(&[Failure::Refused], Some(said(23))), vec![23]),
            (failed(&[], None).beside(Some(&said(24))), vec![24]),
            // Text that looks like an error number is none.
            (
                failed(&[], Some(Complaint::new("x (os error 24)".to_owned()))),
                vec![],
            ),
        ] {
            assert_eq!(codes(&unresolved), expected, "{unresolved}");
        }
    }
}
