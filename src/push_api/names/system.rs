//! The system's files, read off the asynchronous workers and not too often.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout};

use super::hosts::Hosts;
use super::servers::Servers;
use crate::files::{self, ReadError, apart};

/// The largest hosts file that is read, in bytes.
const MAX_HOSTS: u64 = 1 << 20;

/// The largest `resolv.conf` that is read, in bytes.
const MAX_RESOLV_CONF: u64 = 64 << 10;

/// How long a change of the files may go unnoticed: a machine may get its name servers only
/// after the program has started.
const RECHECK: Duration = Duration::from_secs(1);

/// How long reading the files may take before the last content is used instead.
const READ_LIMIT: Duration = Duration::from_secs(1);

/// A mount that hangs occupies this one thread and no more.
static READING: Semaphore = Semaphore::const_new(1);

/// Where the system configures name resolution.
#[derive(Clone, Debug)]
pub struct Paths {
    pub hosts: PathBuf,
    pub resolv_conf: PathBuf,
    /// The port of the name servers.
    pub port: u16,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            hosts: "/etc/hosts".into(),
            resolv_conf: "/etc/resolv.conf".into(),
            port: 53,
        }
    }
}

/// The two files, and their last content.
#[derive(Default)]
pub(super) struct System {
    paths: Paths,
    last: Mutex<Option<(Arc<Read>, Instant)>>,
}

/// The content of the files.
pub(super) struct Read {
    pub(super) hosts: Arc<Hosts>,
    /// Why the hosts file was left out although it exists.
    pub(super) unread_hosts: Option<String>,
    pub(super) servers: Arc<Servers>,
    /// The source of the servers, or why it was not read.
    resolv_conf: Result<Vec<u8>, String>,
}

impl System {
    pub(super) fn at(paths: Paths) -> Self {
        Self {
            paths,
            last: Mutex::default(),
        }
    }

    /// The content of the files, at most 1 s old. While a mount hangs, the last content
    /// remains valid; `None` if there is none.
    pub(super) async fn current(&self) -> Option<Arc<Read>> {
        let mut last = self.last.lock().await;
        let before = match last.as_ref() {
            Some((read, at)) if at.elapsed() < RECHECK => return Some(Arc::clone(read)),
            Some((read, _)) => Some(Arc::clone(read)),
            None => None,
        };
        let (paths, old) = (self.paths.clone(), before.clone());
        let reading = apart(&READING, move || read(&paths, old.as_deref()));
        let read = match timeout(READ_LIMIT, reading).await {
            Ok(Ok(read)) => Arc::new(read),
            _ => before?,
        };
        *last = Some((Arc::clone(&read), Instant::now()));
        Some(read)
    }
}

/// Reads both files. The servers' sockets are kept while their file stays the same.
fn read(paths: &Paths, before: Option<&Read>) -> Read {
    let (hosts, unread_hosts) = match (files::read(&paths.hosts, MAX_HOSTS), before) {
        (Ok(contents), _) => (Arc::new(Hosts::parse(&contents.bytes)), None),
        (Err(error), Some(before)) if passes(&error) => {
            (Arc::clone(&before.hosts), before.unread_hosts.clone())
        }
        (Err(error), _) => (Arc::default(), complaint(&paths.hosts, &error)),
    };
    let file = files::read(&paths.resolv_conf, MAX_RESOLV_CONF);
    let bytes = file.as_ref().map(|contents| contents.bytes.as_slice());
    let resolv_conf = bytes.map(<[u8]>::to_vec).map_err(ToString::to_string);
    let unchanged =
        |before: &&Read| before.resolv_conf == resolv_conf || file.as_ref().is_err_and(passes);
    if let Some(before) = before.filter(unchanged) {
        return Read {
            hosts,
            unread_hosts,
            servers: Arc::clone(&before.servers),
            resolv_conf: before.resolv_conf.clone(),
        };
    }
    Read {
        hosts,
        unread_hosts,
        servers: Arc::new(Servers::parse(bytes, &paths.resolv_conf, paths.port)),
        resolv_conf,
    }
}

/// Whether a file most likely exists and only cannot be read now, for example because the
/// process has no descriptor left.
fn passes(error: &ReadError) -> bool {
    use io::ErrorKind::{NotFound, PermissionDenied};
    matches!(error, ReadError::Io(error) if !matches!(error.kind(), NotFound | PermissionDenied))
}

fn complaint(path: &Path, error: &ReadError) -> Option<String> {
    match error {
        ReadError::Io(error) if error.kind() == io::ErrorKind::NotFound => None,
        error => Some(format!("{} was not used: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn within(folder: &Path) -> Paths {
        Paths {
            hosts: folder.join("hosts"),
            resolv_conf: folder.join("resolv.conf"),
            port: 53,
        }
    }

    #[test]
    fn servers_are_made_anew_only_when_resolv_conf_changed() {
        let folder = tempfile::tempdir().unwrap();
        let paths = within(folder.path());
        let mut known = read(&paths, None);
        for (text, anew) in [
            (None, false),
            (Some("nameserver 10.0.0.2"), true),
            (Some("nameserver 10.0.0.2"), false),
            (Some("nameserver 10.0.0.3"), true),
        ] {
            if let Some(text) = text {
                fs::write(&paths.resolv_conf, text).unwrap();
            }
            let next = read(&paths, Some(&known));
            assert_eq!(
                !Arc::ptr_eq(&known.servers, &next.servers),
                anew,
                "{text:?}"
            );
            known = next;
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_for_now_keeps_what_was_read_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let paths = within(folder.path());
        fs::write(&paths.hosts, "10.0.0.7 pinned.example").unwrap();
        fs::write(&paths.resolv_conf, "nameserver 10.0.0.2").unwrap();
        let mut known = read(&paths, None);
        // The error of a link to itself differs from that of a missing file.
        for (spoil, kept) in [(true, true), (false, false)] {
            for path in [&paths.hosts, &paths.resolv_conf] {
                fs::remove_file(path).unwrap();
                if spoil {
                    std::os::unix::fs::symlink(path, path).unwrap();
                }
            }
            known = read(&paths, Some(&known));
            assert_eq!(
                known.hosts.addresses("pinned.example").len(),
                usize::from(kept)
            );
            assert_eq!(known.servers.instead.is_none(), kept);
        }
    }
}
