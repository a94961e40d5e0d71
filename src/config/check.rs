//! The tree of a file in, a checked [`Config`] out. Walks on after a mistake, so that all
//! are reported together.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::app::{self, Draft, Inherited};
use super::duration::text;
use super::findings::Findings;
use super::key::Place;
use super::polling::Layer;
use super::read::Read;
use super::schema::Group;
use super::section::{Section, kind};
use super::{App, Config, Holds, ProxyUrl, Secrets, Web, across, certificates, web_file};
use crate::files::{self, Operation};

const SCRAPE_INTERVAL: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);

/// Room for the default of the longest `scrape_interval`. 0 switches a hold off.
const HOLD: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(6 * 3600);

const STATE_INTERVAL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 10898);
const DEFAULT_SCRAPE_INTERVAL: Duration = Duration::from_secs(60);
const DEFAULT_STATE_INTERVAL: Duration = Duration::from_secs(300);

/// `None` only if `findings` has problems. The reverse does not hold: with an unknown key,
/// say, a configuration is still made, and the caller drops it. Notices are the caller's
/// to add.
pub(super) fn check(
    tree: &Map<String, Value>,
    place: &Place,
    findings: &Findings,
) -> Option<Config> {
    let top = Section::new(Group::Top, String::new(), tree, findings);
    let listen = listen(&top);
    let scrape_interval = top.duration("scrape_interval", &SCRAPE_INTERVAL);
    let ca_file = path(&top, "ca_file", place, |path| {
        certificates(path)
            .map(drop)
            .map_err(|error| error.to_string())
    });
    let proxy_url = top.text("proxy_url").and_then(|url| proxy(&top, url));
    let state_file = path(&top, "state_file", place, state_file);
    let state_interval = top.duration("state_interval", &STATE_INTERVAL);
    let rollover_hold = top.duration("rollover_hold", &HOLD);
    let zero_hold = top.duration("zero_hold", &HOLD);
    let inherited = Inherited {
        day_offset: app::day_offset(&top),
        calls_per_second: app::calls_per_second(&top),
        polling: match top.table("defaults", Group::Defaults) {
            Some(defaults) => Layer::read(&defaults, Layer::BUILT_IN),
            None => Layer::BUILT_IN,
        },
    };
    let scrape_interval = scrape_interval.or(DEFAULT_SCRAPE_INTERVAL);
    if let (Some(scrape), Read::Given(hold)) = (scrape_interval, zero_hold)
        && hold < scrape
    {
        top.notice(
            "zero_hold",
            &format!(
                "is shorter than scrape_interval ({}); scrapes may miss the 0 before a new series' value",
                text(scrape)
            ),
        );
    }
    let web = web(&top, place);
    let holds = scrape_interval.and_then(|scrape| {
        let hold = scrape.mul_f64(2.5);
        Some(Holds {
            rollover: rollover_hold.or(hold)?,
            zero: zero_hold.or(hold)?,
        })
    });
    let apps = apps(&top, place, &inherited, holds);

    Some(Config {
        listen: listen.or(DEFAULT_LISTEN)?,
        scrape_interval: scrape_interval?,
        holds: holds?,
        ca_file: ca_file.given(),
        proxy_url: proxy_url.given(),
        state_file: state_file.given(),
        state_interval: state_interval.or(DEFAULT_STATE_INTERVAL)?,
        web: web?,
        apps: apps?,
        notices: Vec::new(),
    })
}

fn listen(top: &Section) -> Read<SocketAddr> {
    top.text("listen").and_then(|text| {
        let address = text.parse();
        if address.is_err() {
            top.refuse(
                "listen",
                "must be an IP address and a port, such as 0.0.0.0:10898 or [::]:10898",
            );
        }
        address.ok()
    })
}

fn web(top: &Section, place: &Place) -> Option<Web> {
    let Some(section) = top.table("web", Group::Web) else {
        return Some(Web::default());
    };
    let config_file = section
        .text("config_file")
        .and_then(|text| web_file(&section, place.resolve(text), place.secrets));
    let enable_lifecycle = section.flag("enable_lifecycle");
    let openmetrics_created = section.flag("openmetrics_created");
    Some(Web {
        config_file: config_file.given(),
        enable_lifecycle: enable_lifecycle.or(false)?,
        openmetrics_created: openmetrics_created.or(false)?,
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
fn path(
    section: &Section,
    key: &str,
    place: &Place,
    look: fn(&Path) -> Result<(), String>,
) -> Read<PathBuf> {
    section.text(key).and_then(|text| {
        let path = place.resolve(text);
        match place.secrets {
            Secrets::Skip => Some(path),
            Secrets::Check => section.accept(key, look(&path)).map(|()| path),
        }
    })
}

fn state_file(path: &Path) -> Result<(), String> {
    let _operation = Operation::on(path);
    if let Ok(metadata) = path.metadata() {
        let kind = files::regular(&metadata);
        return kind.map_err(|error| format!("cannot be {}: {error}", path.display()));
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => Err(format!(
            "there is no directory {} to keep it in",
            parent.display()
        )),
        _ => Ok(()),
    }
}

fn proxy(top: &Section, text: &str) -> Option<ProxyUrl> {
    let url = reqwest::Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if url.is_none() {
        top.refuse(
            "proxy_url",
            "must be http:// or https://, perhaps user:password@, a host and perhaps a port, and nothing more",
        );
    }
    url.map(|_| ProxyUrl::new(text.to_owned()))
}
