//! The tree of a file in, a checked [`Config`] out. Walks on after a mistake, so that all
//! are reported together.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use rustix::fs::Access;
use serde_json::{Map, Value};

use super::app::{Draft, Inherited};
use super::duration::text;
use super::findings::Findings;
use super::key::Place;
use super::read::Read;
use super::schema::Group;
use super::section::{Section, kind};
use super::{App, Config, Holds, Secrets, Web, across, certificates, proxy, web_file};
use crate::files::{self, Operation};
use crate::model::language::Language;

const SCRAPE_INTERVAL: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);

/// Room for the default of the longest `scrape_interval`. 0 switches a hold off.
const HOLD: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(6 * 3600);

const STATE_INTERVAL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 10898);
const DEFAULT_SCRAPE_INTERVAL: Duration = Duration::from_secs(60);
const DEFAULT_STATE_INTERVAL: Duration = Duration::from_secs(300);

/// `None` only if `findings` has problems. The reverse does not hold: with an unknown key,
/// say, a configuration is still made, and the caller drops it. Notices are the caller's
/// to add.
pub(super) fn check(
    tree: &Map<String, Value>,
    env: &BTreeMap<String, String>,
    place: &Place,
    findings: &Findings,
) -> Option<Config> {
    let top = Section::new(Group::Top, String::new(), tree, findings);
    let listen = listen(&top, place.secrets);
    let ca_file = path(&top, "ca_file", place, |path| certificates(path).map(drop));
    let language = top
        .text("language")
        .and_then(|text| top.accept("language", text.parse()));
    let proxy = proxy::read(top.text("proxy_url"), env, findings);
    let state_file = state_file(&top, place);
    let state_interval = top.duration("state_interval", &STATE_INTERVAL);
    let inherited = Inherited::read(&top);
    let times = times(&top);
    let web = web(&top, place);
    let apps = apps(&top, place, &inherited, times.map(|(_, holds)| holds));
    if let Read::Given(state_file) = &state_file {
        let ca_file = ca_file.as_ref().given();
        let web = web.as_ref().and_then(|web| web.config_file.as_ref());
        let named = [ca_file, web].into_iter().flatten().map(PathBuf::as_path);
        let keys = apps.iter().flatten().filter_map(|app| app.key.file());
        let others = [place.file].into_iter().chain(named).chain(keys);
        state_file_alone(&top, state_file, place.secrets, others);
    }
    let (scrape_interval, holds) = times?;
    Some(Config {
        listen: listen.or(DEFAULT_LISTEN)?,
        language: language.or(Language::default())?,
        scrape_interval,
        holds,
        ca_file: ca_file.given(),
        proxy: proxy.given(),
        state_file: state_file.given(),
        state_interval: state_interval.or(DEFAULT_STATE_INTERVAL)?,
        web: web?,
        apps: apps?,
        notices: Vec::new(),
    })
}

/// The interval of scrapes, and the holds that follow it.
fn times(top: &Section) -> Option<(Duration, Holds)> {
    let scrape = top.duration("scrape_interval", &SCRAPE_INTERVAL);
    let [rollover, zero] = ["rollover_hold", "zero_hold"].map(|key| top.duration(key, &HOLD));
    let scrape = scrape.or(DEFAULT_SCRAPE_INTERVAL)?;
    if zero.given().is_some_and(|hold| hold < scrape) {
        let text = format!(
            "is shorter than scrape_interval ({}); scrapes may miss the 0 before a new series' value",
            text(scrape)
        );
        top.notice("zero_hold", &text);
    }
    let hold = scrape.mul_f64(2.5);
    let (rollover, zero) = (rollover.or(hold)?, zero.or(hold)?);
    Some((scrape, Holds { rollover, zero }))
}

fn listen(top: &Section, secrets: Secrets) -> Read<SocketAddr> {
    top.text_such_as("listen", Some(super::listen::LISTEN))
        .and_then(|text| {
            let Ok(address) = super::listen::parse(text.trim()) else {
                top.refuse("listen", super::listen::LISTEN);
                return None;
            };
            let ip = address.ip();
            if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
                top.refuse("listen", &format!("{ip} is not an address of one machine"));
                return None;
            }
            if secrets == Secrets::Check && is_elsewhere(address) {
                let text =
                    format!("this machine has no address {ip}; 0.0.0.0 stands for all that it has");
                top.refuse("listen", &text);
                return None;
            }
            Some(address)
        })
}

/// Whether no interface has the address. The port is left alone: a daemon may be on it.
fn is_elsewhere(address: SocketAddr) -> bool {
    let mut any_port = address;
    any_port.set_port(0);
    TcpListener::bind(any_port).is_err_and(|error| error.kind() == ErrorKind::AddrNotAvailable)
}

fn web(top: &Section, place: &Place) -> Option<Web> {
    let Some(section) = top.table("web", Group::Web) else {
        return Some(Web::default());
    };
    let config_file = place
        .path(&section, "config_file")
        .and_then(|path| web_file(&section, path, place.secrets));
    let enable_lifecycle = section.flag("enable_lifecycle");
    let openmetrics_created = section.flag("openmetrics_created");
    let grafana_url = section.text("grafana_url").and_then(|text| {
        if is_base(text) {
            return Some(text.to_owned());
        }
        section.refuse(
            "grafana_url",
            "must be http(s)://host[:port][/path] without user, query and fragment",
        );
        None
    });
    Some(Web {
        grafana_url: grafana_url.given(),
        config_file: config_file.given(),
        enable_lifecycle: enable_lifecycle.or(false)?,
        openmetrics_created: openmetrics_created.or(false)?,
    })
}

/// Whether links can be made from it by appending a path: they are on a page for everybody.
fn is_base(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let is_plain = url.username().is_empty() && url.password().is_none();
        let is_whole = url.query().is_none() && url.fragment().is_none();
        matches!(url.scheme(), "http" | "https") && is_plain && is_whole
    })
}

/// The path, if all is well with the file.
fn web_file(section: &Section, path: PathBuf, secrets: Secrets) -> Option<PathBuf> {
    if secrets == Secrets::Skip {
        return Some(path);
    }
    match web_file::load(&path).result {
        Ok(file) => {
            for notice in &file.notices {
                section.notice("config_file", notice);
            }
            Some(path)
        }
        Err(problems) => {
            for problem in problems.iter() {
                section.refuse("config_file", &problem.to_string());
            }
            section.findings().count(problems.more);
            None
        }
    }
}

fn apps(
    top: &Section,
    place: &Place,
    inherited: &Inherited,
    holds: Option<Holds>,
) -> Option<Vec<Arc<App>>> {
    let list = top.list("apps");
    let drafts: Vec<Draft> = list
        .iter()
        .enumerate()
        .filter_map(|(n, value)| {
            let path = format!("apps[{n}]");
            let Value::Object(table) = value else {
                let text = format!("must be a table of keys, not {}", kind(value));
                top.findings().refuse(&path, &text);
                return None;
            };
            let section = Section::new(Group::App, path, table, top.findings());
            Some(Draft::read(&section, place, inherited))
        })
        .collect();
    across::check(&drafts, top.findings());
    drafts
        .into_iter()
        .map(|draft| draft.finish(holds?).map(Arc::new))
        .collect()
}

/// A path of this machine. `look` says what is wrong with what is there; it is not asked
/// where secrets are not looked for, as that machine is not the one that will run.
fn path<E: std::fmt::Display>(
    section: &Section,
    key: &str,
    place: &Place,
    look: fn(&Path) -> Result<(), E>,
) -> Read<PathBuf> {
    place
        .path(section, key)
        .and_then(|path| match place.secrets {
            Secrets::Skip => Some(path),
            Secrets::Check => section.accept(key, look(&path)).map(|()| path),
        })
}

/// Why a state file cannot be kept under a path.
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

fn state_file(top: &Section, place: &Place) -> Read<PathBuf> {
    let file = path(top, "state_file", place, can_be_kept);
    if let (Read::Given(file), Secrets::Check) = (&file, place.secrets)
        && file.parent().is_some_and(cannot_be_written)
    {
        top.notice(
            "state_file",
            "its directory cannot be written to by the user that checks this; without it, counters do not survive a restart",
        );
    }
    file
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

/// The state file is written over, which must not happen to what people wrote.
fn state_file_alone<'a>(
    top: &Section,
    state_file: &Path,
    secrets: Secrets,
    mut others: impl Iterator<Item = &'a Path>,
) {
    let real = |path: &Path| {
        let _operation = Operation::on(path);
        path.canonicalize().ok()
    };
    let place = match secrets {
        Secrets::Check => real(state_file),
        Secrets::Skip => None,
    };
    let same = |other: &Path| other == state_file || (place.is_some() && real(other) == place);
    if let Some(other) = others.find(|other| same(other)) {
        let text = format!(
            "would be written over {}, which the configuration reads; name a file of its own",
            other.display()
        );
        top.refuse("state_file", &text);
    }
}

/// Whether a state file can be replaced: a new one is written beside it.
fn cannot_be_written(directory: &Path) -> bool {
    let _operation = Operation::on(directory);
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK).is_err()
}
