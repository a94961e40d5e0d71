//! The documents, dashboards and rules name what the program serves, and all of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::lab::{Exporter, GAME, Lab, SHOP, UNLIMITED};

/// Families for queries of the users' own: no panel and no rule needs them.
const FOR_READERS: [&str; 13] = [
    "timpush_clicked_pushes_total",
    "timpush_config_last_reload_success_timestamp_seconds",
    "timpush_configured_apps",
    "timpush_delivered_pushes_total",
    "timpush_http_connections",
    "timpush_http_connections_closed_total",
    "timpush_platform_clicked_pushes_total",
    "timpush_platform_delivered_pushes_total",
    "timpush_shard_apps",
    "timpush_shard_info",
    "timpush_target_lag_seconds",
    "timpush_task_file_problems",
    "timpush_window_platform_clicked_pushes",
];

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder with this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let found: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|its| its == ending))
        .collect();
    assert!(!found.is_empty(), "{}", folder.display());
    found
}

/// All text of the dashboards and of the rules.
fn queries() -> String {
    let mut found = String::new();
    for path in [
        files("dashboards", "json"),
        files("deploy/prometheus", "yml"),
    ]
    .concat()
    {
        found += &fs::read_to_string(path).unwrap();
    }
    found
}

/// The metric names in a text, those of recorded series included.
fn names(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
        .map(|word| word.trim_matches(':'))
        .filter(|word| word.contains("timpush_") && !word.ends_with('_'))
        .collect()
}

fn types(exposition: &str) -> BTreeSet<String> {
    exposition
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .filter(|name| name.starts_with("timpush_"))
        .map(str::to_owned)
        .collect()
}

/// Every family: those of targets as the golden files have them, those of the process as one
/// serves them that polled an app and was refused by another.
async fn families() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in files("tests/golden", "prom") {
        found.extend(types(&fs::read_to_string(path).unwrap()));
    }
    let lab = Lab::start(UNLIMITED).await;
    let shop = Lab::app("shop", SHOP, &lab.url);
    let refused = Lab::app("game", GAME, &lab.url).replace("game.key", "shop.key");
    let text = format!(
        "listen: 127.0.0.1:0\ncalls_per_second: 50\n\
         defaults: {{interval: 2s, timeout: 2s, lag: 10s, step: 1s}}\napps:\n{shop}{refused}"
    );
    let exporter = Exporter::run(&lab.write("timpush.yml", &text)).await;
    let metrics = exporter
        .until("the proof of an app and a refusal", |metrics| {
            ["timpush_window_resolved", "timpush_api_errors_total"]
                .iter()
                .all(|name| metrics.sum(name, &[]).is_some())
        })
        .await;
    found.extend(types(&metrics.0));
    found
}

/// The family of a sample's name.
fn family<'a>(name: &'a str, families: &BTreeSet<String>) -> Option<&'a str> {
    ["", "_bucket", "_sum", "_count"]
        .iter()
        .filter_map(|suffix| name.strip_suffix(suffix))
        .find(|name| families.contains(*name))
}

#[tokio::test]
async fn every_family_is_in_the_readme_and_on_a_dashboard_or_in_a_rule() {
    let (readme, queries) = (text("README.md"), queries());
    let (readme, queries) = (names(&readme), names(&queries));
    let families = families().await;
    assert!(families.len() > 40, "{families:?}");
    let used: BTreeSet<_> = queries
        .iter()
        .filter_map(|name| family(name, &families))
        .collect();
    let unread: Vec<_> = families
        .iter()
        .filter(|name| !readme.contains(name.as_str()))
        .collect();
    assert!(unread.is_empty(), "README.md lacks {unread:?}");
    let unused: Vec<_> = families
        .iter()
        .map(String::as_str)
        .filter(|name| !used.contains(name))
        .collect();
    assert_eq!(unused, FOR_READERS);
}

#[tokio::test]
async fn every_name_in_a_query_or_document_is_served_or_recorded() {
    let families = families().await;
    let queries = queries();
    let recorded: BTreeSet<_> = queries
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "))
        .collect();
    assert!(recorded.len() > 20, "{recorded:?}");
    let mut documents = vec![
        ("queries".to_owned(), queries.clone()),
        ("README.md".to_owned(), text("README.md")),
    ];
    for path in files("deploy/runbooks", "md") {
        documents.push((
            path.display().to_string(),
            fs::read_to_string(&path).unwrap(),
        ));
    }
    let unknown: BTreeSet<_> = documents
        .iter()
        .flat_map(|(document, text)| names(text).into_iter().map(move |name| (document, name)))
        .filter(|(_, name)| !recorded.contains(name) && family(name, &families).is_none())
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let rules = text("deploy/prometheus/timpush.alerts.yml");
    let alerts: BTreeSet<_> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    let runbooks: BTreeSet<_> = files("deploy/runbooks", "md")
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .filter(|name| name != "README")
        .collect();
    let runbooks: BTreeSet<_> = runbooks.iter().map(String::as_str).collect();
    let missing: Vec<_> = runbooks.symmetric_difference(&alerts).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
