//! The tree of a file in, a checked [`Config`] out. Continues after a mistake, so that all mistakes
//! are reported together.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::app::{Draft, Inherited};
use super::duration::text;
use super::findings::Findings;
use super::key::Place;
use super::keys::{GlobalLayer, WebLayer};
use super::read::Read;
use super::schema::Group;
use super::section::Section;
use super::{App, Config, Holds, across};
use crate::files::Operation;

/// `None` only if `findings` has problems. The reverse is not true: for example, a configuration
/// with an unknown key is still built, and the caller drops it. The caller adds the notices.
pub(super) fn check(
    tree: &Map<String, Value>,
    place: &Place,
    findings: &Findings,
) -> Option<Config> {
    let top = Section::new(Group::Top, tree, place, findings);
    let global = GlobalLayer::read(&top);
    let inherited = Inherited::read(&top);
    let web = match top.table("web", Group::Web) {
        Some(section) => WebLayer::own(&section).over(WebLayer::BUILT_IN),
        None => WebLayer::BUILT_IN,
    };
    let apps = apps(&top, &inherited, global.holds());
    if let Read::Given(Some(state_file)) = &global.state_file {
        let named =
            [&global.ca_file, &web.config_file].map(|path| path.as_ref().given()?.as_deref());
        let keys = apps.iter().flatten().filter_map(|app| app.key.file());
        let others = [place.file]
            .into_iter()
            .chain(named.into_iter().flatten())
            .chain(keys);
        state_file_alone(&top, state_file, others);
    }
    Some(Config {
        global: global.given()?,
        web: web.given()?,
        apps: apps?,
        notices: Vec::new(),
    })
}

impl GlobalLayer {
    /// The values of the top level, or else the built-in ones. The holds follow the scrape
    /// interval.
    fn read(top: &Section) -> Self {
        let mut own = Self::own(top);
        let scrape = own.scrape_interval.over(Self::BUILT_IN.scrape_interval);
        if let (Read::Given(zero), Read::Given(scrape)) = (own.zero_hold, scrape)
            && zero < scrape
        {
            let text = format!(
                "is shorter than scrape_interval ({}); scrapes may miss the 0 before a new series' value",
                text(scrape)
            );
            top.notice("zero_hold", &text);
        }
        let hold = scrape.map(|scrape| scrape.mul_f64(2.5));
        own.rollover_hold = own.rollover_hold.over(hold);
        own.zero_hold = own.zero_hold.over(hold);
        own.over(Self::BUILT_IN)
    }

    fn holds(&self) -> Option<Holds> {
        Some(Holds {
            rollover: self.rollover_hold.given()?,
            zero: self.zero_hold.given()?,
        })
    }
}

fn apps(top: &Section, inherited: &Inherited, holds: Option<Holds>) -> Option<Vec<Arc<App>>> {
    let list = top.list("apps");
    let drafts: Vec<Draft> = list
        .iter()
        .enumerate()
        .filter_map(|(n, value)| {
            let section = top.within(Group::App, format!("apps[{n}]"), value)?;
            Some(Draft::read(&section, inherited))
        })
        .collect();
    across::check(&drafts, top.findings);
    drafts
        .into_iter()
        .map(|draft| draft.finish(holds?).map(Arc::new))
        .collect()
}

/// The state file is overwritten, which must not happen to files that people wrote.
fn state_file_alone<'a>(
    top: &Section,
    state_file: &Path,
    mut others: impl Iterator<Item = &'a Path>,
) {
    let real = |path: &Path| {
        let _operation = Operation::on(path);
        path.canonicalize().ok()
    };
    let place = top.looks().then(|| real(state_file)).flatten();
    let same = |other: &Path| other == state_file || (place.is_some() && real(other) == place);
    if let Some(other) = others.find(|other| same(other)) {
        let text = format!(
            "would be written over {}, which the configuration reads; name a file of its own",
            other.display()
        );
        top.refuse("state_file", &text);
    }
}
