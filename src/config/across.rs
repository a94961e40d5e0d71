//! Rules over several apps: names, numbers and shared call limits.

use std::collections::BTreeMap;

use super::app::Draft;
use super::duration::text;
use super::findings::{Findings, named};
use super::plan::{Plan, Row};

pub(super) fn check(drafts: &[Draft], findings: &Findings) {
    names(drafts, findings);
    rates(drafts, findings);
    regions(drafts, findings);
    calls(drafts, findings);
}

fn names(drafts: &[Draft], findings: &Findings) {
    let mut first = BTreeMap::new();
    for draft in drafts {
        let Some(name) = &draft.name else { continue };
        if let Some(path) = first.get(name) {
            let text = format!(
                "is the same as that of {path}; names must differ, and default to the SDKAppID"
            );
            findings.refuse(&format!("{}.name", draft.path), &text);
        } else {
            first.insert(name, &draft.path);
        }
    }
}

/// All calls of one SDKAppID pass one limiter, which can have only one rate.
fn rates(drafts: &[Draft], findings: &Findings) {
    let mut first: BTreeMap<u32, (&str, f64)> = BTreeMap::new();
    for draft in drafts {
        let (Some(id), Some(rate)) = (draft.sdk_app_id, draft.calls_per_second) else {
            continue;
        };
        let (path, expected) = *first.entry(id).or_insert((&draft.path, rate));
        if rate.to_bits() != expected.to_bits() {
            let text =
                format!("must be {expected} as in {path}, which has the same SDKAppID, not {rate}");
            findings.refuse(&format!("{}.calls_per_second", draft.path), &text);
        }
    }
}

/// No query may be sent twice. Hosts on this machine are exempt: one simulator may represent many
/// regions.
fn regions(drafts: &[Draft], findings: &Findings) {
    let mut names = BTreeMap::new();
    let mut hosts = BTreeMap::new();
    for draft in drafts {
        for (path, region) in &draft.regions {
            let Some(region) = region else { continue };
            // Within an app, the SDKAppID is the same even if it could not be read.
            let owner = draft.sdk_app_id.ok_or(draft.path.as_str());
            let by_name = names
                .insert((owner, region.name.as_str()), path.as_str())
                .map(|earlier| format!("has the same name as {earlier}"));
            let by_host = hosts
                .insert((owner, region.main.origin()), path.as_str())
                .filter(|_| !region.main.is_loopback())
                .map(|earlier| format!("has the same host as {earlier}"));
            if let Some(clash) = by_name.or(by_host) {
                let text = format!("{clash}, for the same SDKAppID; remove one of them");
                findings.refuse(path, &text);
            }
        }
    }
}

fn calls(drafts: &[Draft], findings: &Findings) {
    let (paths, rows): (Vec<&str>, Vec<Row>) = drafts
        .iter()
        .filter_map(|draft| {
            let (id, limit) = (draft.sdk_app_id?, draft.calls_per_second?);
            let name = draft.name.as_deref().unwrap_or_default();
            let polling = draft.polling.as_ref()?;
            let tasks = draft.tasks.as_ref().given();
            let row = Row::new(name, id, draft.regions.len(), polling, tasks, limit);
            Some((draft.path.as_str(), row))
        })
        .unzip();
    let plan = Plan { rows };
    for load in plan.loads().into_values() {
        if load.fits() {
            continue;
        }
        let mut paths = load.rows.iter().filter_map(|n| paths.get(*n).copied());
        let Some(first) = paths.next() else { continue };
        let others: Vec<&str> = paths.collect();
        let (together, each) = if others.is_empty() {
            (String::new(), "")
        } else {
            (
                format!("together with {} (same SDKAppID) ", named(&others)),
                " for each of them",
            )
        };
        let needs = format!(
            "{together}needs {:.3} calls per second, but calls_per_second allows {}",
            load.calls_per_second, load.limit
        );
        match load.fitting_interval {
            Some(interval) => findings.refuse(
                &format!("{first}.interval"),
                &format!(
                    "{needs}; the smallest interval that fits{each} is {}",
                    text(interval)
                ),
            ),
            None => findings.refuse(
                &format!("{first}.tasks"),
                &format!("{needs}; tasks alone exceed that, so watch fewer (max) or query less often (interval)"),
            ),
        }
    }
}
