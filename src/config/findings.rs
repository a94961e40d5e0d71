//! The results of the check: problems, which stop the program, and notices, which do not.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;

use serde_json::{Map, Value};

use super::app::name as app_name;
use super::lines::Lines;
use super::proxy;
use super::redact::{is_near_key, redacted};

/// The maximum number of listed problems; a file can have a million.
const MAX_PROBLEMS: usize = 1000;

/// The maximum number of problems kept until everything is read, to list the first ones in order.
const MAX_KEPT: usize = 10 * MAX_PROBLEMS;

/// How many places with the same notice, or of the same problem, are named.
const NAMED: usize = 3;

/// One mistake and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, and the line if known: `timpush.yml:214`. `None` for a value from the environment,
    /// or if `path` is the file's.
    place: Option<String>,
    /// The key's path (`apps[1].regions`), or the file's when it could not be read.
    pub path: String,
    /// The name of the app that contains the path.
    app: Option<String>,
    /// What is wrong and what to do. Contains no value that could be a secret.
    pub text: String,
    is_in_environment: bool,
}

impl Problem {
    /// The only constructor of a problem: a key in the wrong place is never repeated.
    fn new(path: &str, text: &str) -> Self {
        Self {
            place: None,
            path: redacted(path),
            app: None,
            text: redacted(text),
            is_in_environment: false,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        match (&self.app, self.path.split_once(']')) {
            (Some(app), Some((apps, rest))) => write!(f, "{apps}] ({app}){rest}")?,
            _ => f.write_str(&self.path)?,
        }
        write!(f, ": {}", self.text)
    }
}

/// Every mistake of a configuration, at least one: the top level first, then the apps in file
/// order. Displayed as one line for each of the first 1,000, and a last line with the total if
/// there are several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    listed: Vec<Problem>,
    /// The number of problems that are not listed.
    pub(super) more: usize,
}

impl Problems {
    pub(super) fn one(path: &str, text: &str) -> Self {
        Self {
            listed: vec![Problem::new(path, text)],
            more: 0,
        }
    }

    /// The same problems, each with its place in a file.
    pub(super) fn in_file(mut self, file: &Path, lines: Option<&Lines>) -> Self {
        let name = redacted(&file.display().to_string());
        for problem in &mut self.listed {
            if problem.is_in_environment || problem.path == name {
                continue;
            }
            let line = lines.and_then(|lines| lines.of(&problem.path));
            let line = line.map_or(String::new(), |line| format!(":{line}"));
            problem.place = Some(format!("{name}{line}"));
        }
        self
    }

    /// The same problems, each with the name of its app in `tree`.
    pub(super) fn with_apps(mut self, tree: &Map<String, Value>) -> Self {
        for problem in &mut self.listed {
            let app = app_index(&problem.path).and_then(|index| tree.get("apps")?.get(index));
            let name = app.and_then(|app| app.get("name")?.as_str());
            let name = name.filter(|name| !name.is_empty() && !is_near_key(name));
            problem.app = name
                .and_then(|name| app_name(name).ok())
                .map(|name| redacted(&name));
        }
        self
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.listed.iter()
    }

    /// Only paths and texts, since the location of a test's file varies.
    #[cfg(test)]
    pub(super) fn bare(&self) -> String {
        let lines = self.iter().map(|one| format!("{}: {}", one.path, one.text));
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.listed.iter().enumerate() {
            let end = if n == 0 { "" } else { "\n" };
            write!(f, "{end}{problem}")?;
        }
        match (self.listed.len() + self.more, self.more) {
            (1, _) => Ok(()),
            (all, 0) => write!(f, "\n{all} problems"),
            (all, _) => write!(
                f,
                "\n{all} problems, of which the first {} are listed",
                self.listed.len()
            ),
        }
    }
}

impl std::error::Error for Problems {}

/// Collects findings during the walk through the tree.
#[derive(Default)]
pub(super) struct Findings {
    /// Paths whose value came from an environment variable, with its name: otherwise the operator
    /// would look for the mistake in the file.
    overridden: BTreeMap<String, String>,
    problems: RefCell<Vec<Problem>>,
    /// The number of problems that were not kept.
    more: Cell<usize>,
    /// The path and the text of each notice.
    notices: RefCell<Vec<(String, String)>>,
}

impl Findings {
    pub(super) fn new(overridden: BTreeMap<String, String>) -> Self {
        Self {
            overridden,
            ..Self::default()
        }
    }

    /// Whether there are so many problems that no further one will be listed.
    pub(super) fn is_full(&self) -> bool {
        self.problems.borrow().len() >= MAX_KEPT
    }

    pub(super) fn refuse(&self, path: &str, text: &str) {
        if self.is_full() {
            self.count(1);
            return;
        }
        let is_in_environment =
            self.overridden.contains_key(path) || proxy::variables().any(|known| known == path);
        self.problems.borrow_mut().push(Problem {
            is_in_environment,
            ..Problem::new(path, &self.with_origin(path, text))
        });
    }

    /// Counts problems that are not listed.
    pub(super) fn count(&self, more: usize) {
        self.more.set(self.more.get() + more);
    }

    pub(super) fn notice(&self, path: &str, text: &str) {
        let text = self.with_origin(path, text);
        let notice = (redacted(path), redacted(&text));
        self.notices.borrow_mut().push(notice);
    }

    fn with_origin(&self, path: &str, text: &str) -> String {
        match self.overridden.get(path) {
            Some(variable) => format!("{text} (set by {variable})"),
            None => text.to_owned(),
        }
    }

    /// The notices, or all problems if there are any.
    pub(super) fn finish(self) -> Result<Vec<String>, Problems> {
        let mut problems = self.problems.into_inner();
        if problems.is_empty() {
            return Ok(merged(self.notices.into_inner()));
        }
        // Rules over several apps are checked last, but belong to the app that they name.
        problems.sort_by_key(|problem| app_index(&problem.path));
        let more = problems.len().saturating_sub(MAX_PROBLEMS) + self.more.get();
        problems.truncate(MAX_PROBLEMS);
        Err(Problems {
            listed: problems,
            more,
        })
    }
}

/// One line per notice that applies to many places, for example to each app's key.
fn merged(notices: Vec<(String, String)>) -> Vec<String> {
    let mut places: Vec<(Vec<String>, String)> = Vec::new();
    let mut known: HashMap<(String, String), usize> = HashMap::new();
    for (path, text) in notices {
        let alike = (without_indices(&path), text.clone());
        let at = *known.entry(alike).or_insert(places.len());
        match places.get_mut(at) {
            Some((paths, _)) => paths.push(path),
            None => places.push((vec![path], text)),
        }
    }
    let line = |(paths, text): (Vec<String>, String)| {
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        format!("{}: {text}", named(&paths))
    };
    places.into_iter().map(line).collect()
}

/// The first of several places, and how many more there are.
pub(super) fn named(places: &[&str]) -> String {
    let first = places[..places.len().min(NAMED)].join(", ");
    match places.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// `apps[].interval` for `apps[7].interval`.
fn without_indices(path: &str) -> String {
    path.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// The app that contains a path; `None`, which sorts first, for all other paths.
fn app_index(path: &str) -> Option<usize> {
    let (index, _) = path.strip_prefix("apps[")?.split_once(']')?;
    index.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_said_of_many_apps_is_one_line() {
        let findings = Findings::default();
        findings.notice("listen", "a");
        for n in 0..10_000 {
            findings.notice(&format!("apps[{n}].identifier"), "b");
            findings.notice(&format!("apps[{n}].interval"), "b");
        }
        findings.notice("apps[3].interval", "c");
        findings.notice("apps[4].interval", "c");
        assert_eq!(
            findings.finish().ok().unwrap(),
            [
                "listen: a",
                "apps[0].identifier, apps[1].identifier, apps[2].identifier and 9997 more: b",
                "apps[0].interval, apps[1].interval, apps[2].interval and 9997 more: b",
                "apps[3].interval, apps[4].interval: c",
            ]
        );
    }

    #[test]
    fn problems_are_listed_up_to_a_bound() {
        let findings = Findings::default();
        for n in 0..100_000 {
            findings.refuse(&format!("apps[{n}]"), "x");
        }
        let problems = findings.finish().err().unwrap().to_string();
        assert_eq!(problems.lines().count(), MAX_PROBLEMS + 1);
        let end = "apps[999]: x\n100000 problems, of which the first 1000 are listed";
        assert!(problems.ends_with(end));
    }

    #[test]
    fn no_problem_or_notice_repeats_a_key() {
        let key = "0123456789abcdef".repeat(4);
        let findings = Findings::default();
        findings.notice(&format!("a.{key}"), &format!("b {key}"));
        findings.notice("c", &key[..33]);
        assert_eq!(
            findings.finish().ok().unwrap(),
            ["a.[redacted]: b [redacted]", "c: [redacted]"]
        );
        let problems = Problems::one(&format!("/{key}.yml"), &key);
        assert_eq!(problems.to_string(), "/[redacted].yml: [redacted]");
    }

    #[test]
    fn problems_of_an_app_stand_together_whenever_they_were_found() {
        let findings = Findings::default();
        for path in [
            "listen",
            "apps[0].name",
            "apps[10].name",
            "apps[2].name",
            "apps[0].interval",
        ] {
            findings.refuse(path, "x");
        }
        let problems = findings.finish().err().unwrap().bare();
        assert_eq!(
            problems,
            "listen: x\napps[0].name: x\napps[0].interval: x\napps[2].name: x\napps[10].name: x"
        );
    }
}
