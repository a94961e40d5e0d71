//! Faults of this machine, as opposed to the service, a credential or the network.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use crate::config::KeyError;
use crate::files::{ReadError, Stuck};
use crate::model::outcome::{FetchError, Outcome};

/// The outcome, if the operating system lacked the resources for an operation.
pub(super) fn fault(error: &io::Error) -> Option<FetchError> {
    let (message, advice) = match Errno::from_io_error(error)? {
        Errno::MFILE => {
            let limit = getrlimit(Resource::Nofile).current;
            let limit = limit.map_or_else(String::new, |limit| format!(" (limit {limit})"));
            (
                format!("this process has no file descriptor left{limit}"),
                "raise the limit of open files: `ulimit -n`, LimitNOFILE= of the systemd unit, or `ulimits` of the container",
            )
        }
        Errno::NFILE => (
            "this machine has no file descriptor left".to_owned(),
            "raise the sysctl fs.file-max, and look for what on this machine holds so many files open",
        ),
        Errno::NOMEM | Errno::NOBUFS => (
            format!("this machine has no memory left for a connection or file ({error})"),
            "give the process or the machine more memory: MemoryMax= of the systemd unit, or the container's limit",
        ),
        Errno::ADDRNOTAVAIL => (
            format!("this machine has no address or port left to connect from ({error})"),
            "widen the sysctl net.ipv4.ip_local_port_range, or give the machine an address of the host's family (IPv4, IPv6)",
        ),
        _ => return None,
    };
    Some(FetchError {
        advice: advice.to_owned(),
        ..FetchError::new(Outcome::Local, message)
    })
}

/// The same for errors of a name's resolution, but only if no descriptor was left: the system
/// also reports the other errors for the network of a name server.
pub(super) fn without_descriptors<'a>(
    mut errors: impl Iterator<Item = &'a io::Error>,
) -> Option<FetchError> {
    let is_of_descriptors = |errno| matches!(errno, Some(Errno::MFILE | Errno::NFILE));
    fault(errors.find(|error| is_of_descriptors(Errno::from_io_error(error)))?)
}

/// The outcome, if such a fault made a key unreadable.
pub(super) fn of_key(error: &KeyError) -> Option<FetchError> {
    match error {
        KeyError::File {
            path,
            source: ReadError::Io(error),
        } => {
            let fault = fault(error)?;
            let message = format!("cannot read {}: {}", path.display(), fault.message);
            Some(FetchError { message, ..fault })
        }
        KeyError::Stuck(stuck) => {
            let advice = match stuck {
                Stuck::NoThread => {
                    "raise the limit of threads: `ulimit -u`, TasksMax= of the systemd unit, or the container's limit of processes"
                }
                Stuck::File(_) | Stuck::Full => "check the mount that the key's file is on",
                Stuck::Failed => "report it with the log",
            };
            Some(FetchError {
                advice: advice.to_owned(),
                ..FetchError::new(Outcome::Local, stuck.to_string())
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_machine_lacks_is_its_fault() {
        for (errno, words) in [
            (Errno::MFILE, Some("no file descriptor left (limit ")),
            (
                Errno::NFILE,
                Some("this machine has no file descriptor left"),
            ),
            (Errno::NOMEM, Some("no memory left")),
            (Errno::NOBUFS, Some("no memory left")),
            (Errno::ADDRNOTAVAIL, Some("no address or port left")),
            (Errno::CONNREFUSED, None),
            (Errno::CONNRESET, None),
            (Errno::NETUNREACH, None),
            (Errno::ACCESS, None),
            (Errno::NOENT, None),
        ] {
            let error = io::Error::from(errno);
            let found = fault(&error);
            assert_eq!(found.is_some(), words.is_some(), "{errno}");
            let is_of_descriptors = matches!(errno, Errno::MFILE | Errno::NFILE);
            let others = [Errno::CONNREFUSED, errno].map(io::Error::from);
            let resolving = without_descriptors(others.iter());
            assert_eq!(resolving.is_some(), is_of_descriptors, "{errno}");
            let key = KeyError::File {
                path: "/made/up.key".into(),
                source: ReadError::Io(error),
            };
            for found in found.into_iter().chain(of_key(&key)) {
                assert_eq!(found.outcome, Outcome::Local);
                assert!(found.message.contains(words.unwrap()), "{found}");
            }
        }
    }
}
