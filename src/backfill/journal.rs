//! Answers on disk: one line each, so that an interrupted run can be continued.
//!
//! The first line says what the answers are for. A line counts once its line break is
//! written; what follows the last line break was cut off and is asked again.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::reading::{Api, CountKey, Counts};
use crate::target::TargetId;
use crate::window::{Range, UnixSeconds};

/// Changes when a line's meaning does.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Header {
    timpush_backfill: u32,
    program: String,
    facts: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    app: String,
    region: String,
    api: String,
    start: UnixSeconds,
    end: UnixSeconds,
    counts: Vec<(CountKey, u64)>,
}

/// One answer of an earlier run.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: TargetId,
    pub api: Api,
    pub range: Range,
    pub counts: Counts,
}

/// What an earlier run has left.
#[derive(Debug, Default)]
pub struct Found {
    pub entries: Vec<Entry>,
    /// Up to where the file holds whole lines, in bytes.
    pub length: u64,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{} is left from a backfill that did not end: continue it with --resume, or remove it to begin anew", .0.display())]
    Unfinished(PathBuf),
    #[error("--resume: {} belongs to another backfill: {reason}; use the same arguments and configuration, or remove it to begin anew", path.display())]
    Other { path: PathBuf, reason: String },
    #[error("--resume: {} is damaged in line {line}; remove it to begin anew", path.display())]
    Damaged { path: PathBuf, line: usize },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// A journal that is being written.
pub struct Journal {
    path: PathBuf,
    file: File,
}

/// Reads what an earlier run about the same `facts` has left at `path`, if anything.
pub fn find(path: &Path, facts: &BTreeMap<String, String>) -> Result<Found, JournalError> {
    let read = |source| JournalError::Read {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::default()),
        Err(error) => return Err(read(error)),
    };
    let mut reader = BufReader::new(file);
    let mut found = Found::default();
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let length = reader.read_until(b'\n', &mut bytes).map_err(read)?;
        if bytes.last() != Some(&b'\n') {
            break;
        }
        if number == 1 {
            check_header(path, &bytes, facts)?;
        } else {
            let entry = entry(&bytes).ok_or_else(|| JournalError::Damaged {
                path: path.to_owned(),
                line: number,
            })?;
            found.entries.push(entry);
        }
        found.length += length as u64;
    }
    Ok(found)
}

fn check_header(
    path: &Path,
    line: &[u8],
    facts: &BTreeMap<String, String>,
) -> Result<(), JournalError> {
    let other = |reason| JournalError::Other {
        path: path.to_owned(),
        reason,
    };
    let header: Header =
        serde_json::from_slice(line).map_err(|_| other("it is no journal".to_owned()))?;
    if header.timpush_backfill != FORMAT || header.program != env!("CARGO_PKG_VERSION") {
        return Err(other(format!(
            "version {} of the program began it, and this is {}",
            header.program,
            env!("CARGO_PKG_VERSION")
        )));
    }
    match difference(&header.facts, facts) {
        Some(reason) => Err(other(reason)),
        None => Ok(()),
    }
}

fn difference(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Option<String> {
    let changed = before.iter().find_map(|(name, old)| match now.get(name) {
        Some(new) if new == old => None,
        Some(new) => Some(format!("{name} was {old} and is {new} now")),
        None => Some(format!("{name} was a part of it and is not now")),
    });
    let added = || {
        now.keys()
            .find(|name| !before.contains_key(*name))
            .map(|name| format!("{name} was no part of it and is now"))
    };
    changed.or_else(added)
}

fn entry(line: &[u8]) -> Option<Entry> {
    let line: Line = serde_json::from_slice(line).ok()?;
    Some(Entry {
        api: Api::ALL.into_iter().find(|api| api.as_str() == line.api)?,
        id: TargetId {
            app: line.app,
            region: line.region,
        },
        range: Range {
            start: line.start,
            end: line.end,
        },
        counts: line.counts.into_iter().collect(),
    })
}

impl Journal {
    /// Goes on after the first `length` bytes at `path` (see [`Found::length`]), or begins there.
    pub fn open(
        path: &Path,
        facts: &BTreeMap<String, String>,
        length: u64,
    ) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Write {
            path: path.to_owned(),
            source,
        };
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        file.set_len(length).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let mut journal = Self {
            path: path.to_owned(),
            file,
        };
        if length == 0 {
            journal.write(&Header {
                timpush_backfill: FORMAT,
                program: env!("CARGO_PKG_VERSION").to_owned(),
                facts: facts.clone(),
            })?;
        }
        Ok(journal)
    }

    /// Adds an answer.
    pub fn add(
        &mut self,
        id: &TargetId,
        api: Api,
        range: Range,
        counts: &Counts,
    ) -> Result<(), JournalError> {
        self.write(&Line {
            app: id.app.clone(),
            region: id.region.clone(),
            api: api.to_string(),
            start: range.start,
            end: range.end,
            counts: counts
                .iter()
                .map(|(key, count)| (key.clone(), *count))
                .collect(),
        })
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), JournalError> {
        let failed = |source| JournalError::Write {
            path: self.path.clone(),
            source,
        };
        let mut text = serde_json::to_string(line).map_err(|error| failed(error.into()))?;
        text.push('\n');
        // In one piece, so that an interruption leaves at most one half line.
        self.file.write_all(text.as_bytes()).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{ErrCode, FunnelStep, LossKey, Platform, Stage};
    use std::fs;

    fn facts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn entries() -> Vec<Entry> {
        let loss = CountKey::Loss(LossKey {
            stage: Stage::PostSendDelivered,
            platform: Some(Platform(-3)),
            code: ErrCode::new("未\"\\"),
        });
        let of = |api, start, counts| Entry {
            id: TargetId {
                app: "a \"b\"".to_owned(),
                region: "lab".to_owned(),
            },
            api,
            range: Range {
                start: UnixSeconds(start),
                end: UnixSeconds(start + 60),
            },
            counts,
        };
        vec![
            of(Api::NormalPushLoss, 0, Counts::from([(loss, u64::MAX)])),
            of(Api::NormalPushLoss, 60, Counts::new()),
            of(
                Api::NormalPushStatistics,
                0,
                Counts::from([(CountKey::Funnel(FunnelStep::Clicked, None), 0)]),
            ),
        ]
    }

    fn write(path: &Path, facts: &BTreeMap<String, String>, entries: &[Entry]) {
        let found = find(path, facts).unwrap();
        let mut journal = Journal::open(path, facts, found.length).unwrap();
        for entry in entries {
            journal
                .add(&entry.id, entry.api, entry.range, &entry.counts)
                .unwrap();
        }
    }

    #[test]
    fn what_was_added_is_found_wherever_the_file_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let (path, facts) = (folder.path().join("x.part"), facts(&[("--from", "1")]));
        write(&path, &facts, &entries());
        let whole = fs::read(&path).unwrap();
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let kept = find(&path, &facts).unwrap().entries.len();
            let lines = whole[..length].split(|byte| *byte == b'\n').count() - 1;
            assert_eq!(kept, lines.saturating_sub(1));
            write(&path, &facts, &entries()[kept..]);
            assert_eq!(fs::read(&path).unwrap(), whole, "cut at {length}");
            assert_eq!(find(&path, &facts).unwrap().entries, entries());
        }
    }

    #[test]
    fn a_journal_of_another_backfill_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.part");
        write(&path, &facts(&[("--from", "1"), ("target a/b", "x")]), &[]);
        for (now, reason) in [
            (
                facts(&[("--from", "2"), ("target a/b", "x")]),
                "--from was 1 and is 2 now",
            ),
            (facts(&[("--from", "1")]), "target a/b was a part of it"),
            (
                facts(&[("--from", "1"), ("target a/b", "x"), ("target a/c", "x")]),
                "target a/c was no part of it",
            ),
        ] {
            let error = find(&path, &now).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        fs::write(&path, "some text of yours\n").unwrap();
        let error = find(&path, &facts(&[])).unwrap_err().to_string();
        assert!(error.contains("it is no journal"), "{error}");
    }

    #[test]
    fn a_damaged_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (path, facts) = (folder.path().join("x.part"), facts(&[]));
        write(&path, &facts, &entries());
        let text = fs::read_to_string(&path).unwrap().replace("clicked", "c");
        fs::write(&path, text).unwrap();
        let error = find(&path, &facts).unwrap_err().to_string();
        assert!(error.contains("line 4"), "{error}");
    }
}
