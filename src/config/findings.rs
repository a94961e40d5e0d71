//! What the check found: problems that stop the program, notices that do not.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// One mistake and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key's path (`apps[1].regions`), or the file's when it could not be read.
    pub path: String,
    /// What is wrong and what to do. Holds no value that could be a secret.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.text)
    }
}

/// Every mistake of a configuration, at least one: the top level first, then the apps in
/// the file's order. Displayed with one line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn one(path: String, text: String) -> Self {
        Self(vec![Problem { path, text }])
    }

    /// The same problems, each path led by the file that it is in.
    pub(super) fn of_file(self, file: &Path) -> Self {
        let name = file.display().to_string();
        let problems = self.0.into_iter().map(|problem| Problem {
            path: if problem.path == name {
                problem.path
            } else {
                format!("{name}: {}", problem.path)
            },
            text: problem.text,
        });
        Self(problems.collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Collects while the tree is walked.
#[derive(Default)]
pub(super) struct Findings {
    /// Paths whose value came from an environment variable, and its name: the operator
    /// would look for the mistake in the file otherwise.
    overridden: BTreeMap<String, String>,
    problems: RefCell<Vec<Problem>>,
    notices: RefCell<Vec<String>>,
}

impl Findings {
    pub(super) fn new(overridden: BTreeMap<String, String>) -> Self {
        Self {
            overridden,
            ..Self::default()
        }
    }

    pub(super) fn refuse(&self, path: &str, text: &str) {
        self.problems.borrow_mut().push(Problem {
            path: path.to_owned(),
            text: self.with_origin(path, text),
        });
    }

    pub(super) fn notice(&self, path: &str, text: &str) {
        let text = self.with_origin(path, text);
        self.notices.borrow_mut().push(format!("{path}: {text}"));
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
            return Ok(self.notices.into_inner());
        }
        // Rules over several apps are checked last, but belong to the app they name.
        problems.sort_by_key(|problem| app_index(&problem.path));
        Err(Problems(problems))
    }
}

/// The app that a path leads into; `None`, which sorts first, for all other paths.
fn app_index(path: &str) -> Option<usize> {
    let (index, _) = path.strip_prefix("apps[")?.split_once(']')?;
    index.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let problems = findings.finish().err().unwrap().to_string();
        assert_eq!(
            problems,
            "listen: x\napps[0].name: x\napps[0].interval: x\napps[2].name: x\napps[10].name: x"
        );
    }
}
