//! Values of one key only: addresses, languages, files that must exist.

use std::fmt::Display;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use reqwest::Url;
use rustix::fs::Access;

use super::listen::{self, LISTEN};
use super::proxy::{self, Proxy};
use super::read::{Mistake, Read};
use super::section::Section;
use super::{Secrets, certificates, web_file};
use crate::files::{self, Operation};
use crate::model::language::Language;

impl Section<'_> {
    pub(super) fn listen(&self, key: &str) -> Read<SocketAddr> {
        self.text_such_as(key, Some(LISTEN)).and_then(|text| {
            let address = self.accept(key, listen::parse(text.trim()))?;
            let ip = address.ip();
            let wrong = if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
                format!("{ip} is not an address of one machine")
            } else if self.looks() && is_elsewhere(address) {
                format!("this machine has no address {ip}; 0.0.0.0 stands for all that it has")
            } else {
                return Some(address);
            };
            self.refuse(key, &wrong);
            None
        })
    }

    pub(super) fn language(&self, key: &str) -> Read<Language> {
        self.parsed(key, Language::from_str)
    }

    pub(super) fn certificates(&self, key: &str) -> Read<Option<PathBuf>> {
        self.file(key, |path| certificates(path).map(drop))
    }

    pub(super) fn proxy(&self, key: &str) -> Read<Option<Proxy>> {
        proxy::read(self.text(key), self.place.env, self.findings).map(Some)
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
        self.path_in(key).map(Some)
    }

    /// The path, if the file is valid.
    pub(super) fn web_file(&self, key: &str) -> Read<Option<PathBuf>> {
        self.path_in(key).and_then(|path| {
            match self.looks().then(|| web_file::load(&path).result) {
                None => {}
                Some(Ok(file)) => {
                    for notice in &file.notices {
                        self.notice(key, notice);
                    }
                }
                Some(Err(problems)) => {
                    for problem in problems.iter() {
                        self.refuse(key, &problem.to_string());
                    }
                    self.findings.count(problems.more);
                    return None;
                }
            }
            Some(Some(path))
        })
    }

    /// A URL to which paths are appended for links: they are shown on a public page.
    pub(super) fn base_url(&self, key: &str) -> Read<Option<String>> {
        self.parsed(key, |text| {
            let is_base = Url::parse(text).is_ok_and(|url| {
                let is_plain = url.username().is_empty() && url.password().is_none();
                let is_whole = url.query().is_none() && url.fragment().is_none();
                matches!(url.scheme(), "http" | "https") && is_plain && is_whole
            });
            let wrong = "must be http(s)://host[:port][/path] without user, query and fragment";
            is_base.then(|| Some(text.to_owned())).ok_or(wrong)
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
        self.place.secrets == Secrets::Check
    }
}

/// Whether no interface has the address. The port is not checked: a daemon may be using it.
fn is_elsewhere(address: SocketAddr) -> bool {
    let mut any_port = address;
    any_port.set_port(0);
    TcpListener::bind(any_port).is_err_and(|error| error.kind() == ErrorKind::AddrNotAvailable)
}

/// Whether a state file can be kept at a path, or else why not.
fn can_be_kept(path: &Path) -> Result<(), Mistake> {
    let _operation = Operation::on(path);
    let shown = path.display();
    if path.as_os_str().as_bytes().ends_with(b"/") || path.file_name().is_none() {
        return Err(format!("{shown} is not the name of a file").into());
    }
    if let Ok(metadata) = path.metadata() {
        let kind = files::regular(&metadata);
        return kind.map_err(|error| format!("cannot be {shown}: {error}").into());
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            Err(format!("there is no directory {} to keep it in", parent.display()).into())
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
