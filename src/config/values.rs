//! Values of one key only: addresses, languages, files that must exist.

use std::fmt::Display;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use reqwest::Url;
use rustix::fs::Access;

use super::listen::{self, LISTEN};
use super::proxy::{self, Proxy};
use super::read::Read;
use super::section::Section;
use super::{Secrets, certificates, web_file};
use crate::files::{self, Operation};
use crate::model::language::Language;

impl Section<'_> {
    pub(super) fn listen(&self, key: &str) -> Read<SocketAddr> {
        self.text_such_as(key, Some(LISTEN)).and_then(|text| {
            let Ok(address) = listen::parse(text.trim()) else {
                self.refuse(key, LISTEN);
                return None;
            };
            let ip = address.ip();
            if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
                self.refuse(key, &format!("{ip} is not an address of one machine"));
                return None;
            }
            if self.looks() && is_elsewhere(address) {
                let text =
                    format!("this machine has no address {ip}; 0.0.0.0 stands for all that it has");
                self.refuse(key, &text);
                return None;
            }
            Some(address)
        })
    }

    pub(super) fn language(&self, key: &str) -> Read<Language> {
        self.text(key)
            .and_then(|text| self.accept(key, text.parse()))
    }

    pub(super) fn certificates(&self, key: &str) -> Read<Option<PathBuf>> {
        self.file(key, |path| certificates(path).map(drop))
    }

    pub(super) fn proxy(&self, key: &str) -> Read<Option<Proxy>> {
        proxy::read(self.text(key), self.place().env, self.findings()).map(Some)
    }

    pub(super) fn state_file(&self, key: &str) -> Read<Option<PathBuf>> {
        let file = self.file(key, can_be_kept);
        if let Read::Given(Some(file)) = &file
            && self.looks()
            && file.parent().is_some_and(cannot_be_written)
        {
            self.notice(
                key,
                "its directory cannot be written to by the user that checks this; without it, counters do not survive a restart",
            );
        }
        file
    }

    /// A path, whether or not it exists.
    pub(super) fn some_path(&self, key: &str) -> Read<Option<PathBuf>> {
        self.path_in(key).and_then(|path| Some(Some(path)))
    }

    /// The path, if the file is valid.
    pub(super) fn web_file(&self, key: &str) -> Read<Option<PathBuf>> {
        let path = self.path_in(key);
        if !self.looks() {
            return path.map(Some);
        }
        path.and_then(|path| match web_file::load(&path).result {
            Ok(file) => {
                for notice in &file.notices {
                    self.notice(key, notice);
                }
                Some(Some(path))
            }
            Err(problems) => {
                for problem in problems.iter() {
                    self.refuse(key, &problem.to_string());
                }
                self.findings().count(problems.more);
                None
            }
        })
    }

    /// A URL to which paths are appended for links: they are shown on a public page.
    pub(super) fn base_url(&self, key: &str) -> Read<Option<String>> {
        self.text(key).and_then(|text| {
            let is_base = Url::parse(text).is_ok_and(|url| {
                let is_plain = url.username().is_empty() && url.password().is_none();
                let is_whole = url.query().is_none() && url.fragment().is_none();
                matches!(url.scheme(), "http" | "https") && is_plain && is_whole
            });
            if !is_base {
                self.refuse(
                    key,
                    "must be http(s)://host[:port][/path] without user, query and fragment",
                );
            }
            is_base.then(|| Some(text.to_owned()))
        })
    }

    /// A path on this machine. `look` returns what is wrong with it. It is not called if secrets
    /// are skipped, because that machine is not the one that will run.
    fn file<E: Display>(
        &self,
        key: &str,
        look: fn(&Path) -> Result<(), E>,
    ) -> Read<Option<PathBuf>> {
        self.path_in(key).and_then(|path| {
            if self.looks() {
                self.accept(key, look(&path))?;
            }
            Some(Some(path))
        })
    }

    /// Whether to check on this machine what keys refer to.
    pub(super) fn looks(&self) -> bool {
        self.place().secrets == Secrets::Check
    }
}

/// Whether no interface has the address. The port is not checked: a daemon may be using it.
fn is_elsewhere(address: SocketAddr) -> bool {
    let mut any_port = address;
    any_port.set_port(0);
    TcpListener::bind(any_port).is_err_and(|error| error.kind() == ErrorKind::AddrNotAvailable)
}

/// Why a state file cannot be kept at a path.
#[derive(Debug, thiserror::Error)]
enum StateFileError {
    #[error("{} is not the name of a file", .0.display())]
    Nameless(PathBuf),
    #[error("cannot be {}: {error}", path.display())]
    Irregular {
        path: PathBuf,
        #[source]
        error: files::ReadError,
    },
    #[error("there is no directory {} to keep it in", .0.display())]
    Homeless(PathBuf),
}

fn can_be_kept(path: &Path) -> Result<(), StateFileError> {
    let _operation = Operation::on(path);
    if path.as_os_str().as_bytes().ends_with(b"/") || path.file_name().is_none() {
        return Err(StateFileError::Nameless(path.to_owned()));
    }
    if let Ok(metadata) = path.metadata() {
        let kind = files::regular(&metadata);
        return kind.map_err(|error| StateFileError::Irregular {
            path: path.to_owned(),
            error,
        });
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            Err(StateFileError::Homeless(parent.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Whether a state file cannot be replaced: the new one is written in the same directory.
fn cannot_be_written(directory: &Path) -> bool {
    let _operation = Operation::on(directory);
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK).is_err()
}
