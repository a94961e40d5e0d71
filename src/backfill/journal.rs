//! Responses and proofs on disk, one line each, so that an interrupted run can be resumed.
//!
//! The first line describes the run to which the responses belong. A line counts once its line
//! break is written; text after the last line break was cut off, and is queried again.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::answers::{Entry, TooMany};

/// Changes when the meaning of a line changes.
const FORMAT: u32 = 4;

/// The longest line, in bytes: about three times the line of the longest response.
pub const MAX_LINE: usize = 64 << 20;

/// The longest journal, in bytes: room for as many counts as samples are allowed.
pub const MAX_BYTES: u64 = 16 << 30;

#[derive(Serialize, Deserialize)]
struct Header {
    timpush_backfill: u32,
    program: String,
    facts: BTreeMap<String, String>,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{} is left from a backfill that did not end: continue it with --resume, or remove it to begin anew", .0.display())]
    Unfinished(PathBuf),
    #[error("the journal's place {} is taken by something that is not a regular file; remove it, or choose another --output", .0.display())]
    NotFile(PathBuf),
    #[error("--resume: {} {problem}", path.display())]
    Unusable { path: PathBuf, problem: Damage },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// What is wrong with the bytes of a journal.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    #[error(
        "belongs to another backfill: {0}; use the same arguments and configuration, or remove it to begin anew"
    )]
    Other(String),
    #[error("is damaged in line {0}; remove it to begin anew")]
    Damaged(usize),
    #[error("is longer than {MAX_BYTES} bytes; remove it, and fill fewer apps at a time (--app)")]
    TooLong,
    #[error("cannot be continued: {0}")]
    TooMany(#[from] TooMany),
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// An open journal.
pub struct Journal {
    path: PathBuf,
    file: File,
    length: u64,
}

/// Whether a journal exists at `path`. Anything else there is refused, even a link: it might
/// be read without end, or written through.
pub fn exists(path: &Path) -> Result<bool, JournalError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(true),
        Ok(_) => Err(JournalError::NotFile(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(JournalError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Reads what an earlier run with the same `facts` left at `path`, if anything, and passes it
/// to `keep`. Returns the length of the whole lines in bytes.
pub fn find(
    path: &Path,
    facts: &BTreeMap<String, String>,
    keep: impl FnMut(Entry) -> Result<(), TooMany>,
) -> Result<u64, JournalError> {
    if !exists(path)? {
        return Ok(0);
    }
    let file = File::open(path).map_err(|source| JournalError::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(BufReader::new(file), facts, keep).map_err(|problem| JournalError::Unusable {
        path: path.to_owned(),
        problem,
    })
}

/// Like [`find`], from bytes: at most [`MAX_BYTES`] are read, and one line of at most
/// [`MAX_LINE`] is held at a time.
pub fn parse(
    mut bytes: impl BufRead,
    facts: &BTreeMap<String, String>,
    mut keep: impl FnMut(Entry) -> Result<(), TooMany>,
) -> Result<u64, Damage> {
    let (mut whole, mut line) = (0, Vec::new());
    for number in 1.. {
        line.clear();
        let mut longest = bytes.by_ref().take(MAX_LINE as u64);
        let length = longest.read_until(b'\n', &mut line)?;
        if whole + length as u64 > MAX_BYTES {
            return Err(Damage::TooLong);
        }
        if line.last() != Some(&b'\n') {
            // An interruption leaves half a line, but only one that could have become whole.
            if length == MAX_LINE {
                return Err(Damage::Damaged(number));
            }
            break;
        }
        if number == 1 {
            check_header(&line, facts)?;
        } else {
            let entry = serde_json::from_slice(&line).map_err(|_| Damage::Damaged(number))?;
            keep(entry)?;
        }
        whole += length as u64;
    }
    Ok(whole)
}

fn check_header(line: &[u8], facts: &BTreeMap<String, String>) -> Result<(), Damage> {
    let header: Header = serde_json::from_slice(line)
        .map_err(|_| Damage::Other("it is not a journal".to_owned()))?;
    if header.timpush_backfill != FORMAT || header.program != env!("CARGO_PKG_VERSION") {
        return Err(Damage::Other(format!(
            "version {} of the program began it (format {}), and this is {} (format {FORMAT})",
            header.program,
            header.timpush_backfill,
            env!("CARGO_PKG_VERSION")
        )));
    }
    match difference(&header.facts, facts) {
        Some(reason) => Err(Damage::Other(reason)),
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

impl Journal {
    /// Continues after the first `length` bytes at `path` (see [`find`]), or creates the file.
    pub fn open(
        path: &Path,
        facts: &BTreeMap<String, String>,
        length: u64,
    ) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Write {
            path: path.to_owned(),
            source,
        };
        let is_new = !exists(path)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(is_new)
            .open(path)
            .map_err(failed)?;
        file.set_len(length).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let mut journal = Self {
            path: path.to_owned(),
            file,
            length,
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

    pub fn add(&mut self, entry: &Entry) -> Result<(), JournalError> {
        self.write(entry)
    }

    /// Refuses to write a line that could not be read again.
    fn write(&mut self, line: &impl Serialize) -> Result<(), JournalError> {
        let failed = |source| JournalError::Write {
            path: self.path.clone(),
            source,
        };
        let mut text = serde_json::to_string(line).map_err(|error| failed(error.into()))?;
        text.push('\n');
        self.length += text.len() as u64;
        if text.len() > MAX_LINE || self.length > MAX_BYTES {
            return Err(failed(io::ErrorKind::FileTooLarge.into()));
        }
        // In one piece, so that an interruption leaves at most one half line.
        self.file.write_all(text.as_bytes()).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::push::Push;
    use crate::model::reading::{Api, CountKey, ErrCode, FunnelStep, LossKey, Platform, Stage};
    use crate::model::target_id::TargetId;
    use crate::model::window::Range;
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
        let id = || TargetId {
            app: "a \"b\"".to_owned(),
            region: "lab".to_owned(),
            push: Push::Normal,
        };
        let of = |api, start, counts| Entry::Answer {
            id: id(),
            api,
            range: Range::new(start, start + 60),
            counts,
        };
        vec![
            Entry::Proved(id()),
            of(Api::NormalPushLoss, 0, vec![(loss, u64::MAX)]),
            of(Api::NormalPushLoss, 60, Vec::new()),
            of(
                Api::NormalPushStatistics,
                0,
                vec![(CountKey::Funnel(FunnelStep::Clicked, None), 0)],
            ),
        ]
    }

    type Facts = BTreeMap<String, String>;

    fn found(path: &Path, facts: &Facts) -> Result<(Vec<Entry>, u64), JournalError> {
        let mut entries = Vec::new();
        let keep = |entry| {
            entries.push(entry);
            Ok(())
        };
        let length = find(path, facts, keep)?;
        Ok((entries, length))
    }

    fn write(path: &Path, facts: &Facts, entries: &[Entry]) {
        let (_, length) = found(path, facts).unwrap();
        let mut journal = Journal::open(path, facts, length).unwrap();
        for entry in entries {
            journal.add(entry).unwrap();
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
            let kept = found(&path, &facts).unwrap().0.len();
            let lines = whole[..length].split(|byte| *byte == b'\n').count() - 1;
            assert_eq!(kept, lines.saturating_sub(1));
            write(&path, &facts, &entries()[kept..]);
            assert_eq!(fs::read(&path).unwrap(), whole, "cut at {length}");
            assert_eq!(found(&path, &facts).unwrap().0, entries());
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
            let error = found(&path, &now).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        fs::write(&path, "some text of yours\n").unwrap();
        let error = found(&path, &facts(&[])).unwrap_err().to_string();
        assert!(error.contains("it is not a journal"), "{error}");
    }

    #[test]
    fn a_damaged_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (path, facts) = (folder.path().join("x.part"), facts(&[]));
        write(&path, &facts, &entries());
        let text = fs::read_to_string(&path).unwrap().replace("clicked", "c");
        fs::write(&path, text).unwrap();
        let error = found(&path, &facts).unwrap_err().to_string();
        assert!(error.contains("line 5"), "{error}");
    }

    #[test]
    fn what_is_not_a_file_is_neither_read_nor_written() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("mine"), folder.path().join("x.part"));
        fs::write(&file, "mine").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for path in [link.as_path(), folder.path(), Path::new("/dev/zero")] {
            for error in [
                found(path, &facts(&[])).unwrap_err(),
                Journal::open(path, &facts(&[]), 0).err().unwrap(),
            ] {
                assert!(matches!(error, JournalError::NotFile(_)), "{error}");
            }
        }
        assert_eq!(fs::read(file).unwrap(), b"mine");
    }

    /// A journal's bytes without its end, and then `more` of them.
    fn endless(line: Vec<u8>, more: usize) -> impl BufRead {
        let mut head = Vec::new();
        let header = Header {
            timpush_backfill: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            facts: BTreeMap::new(),
        };
        serde_json::to_writer(&mut head, &header).unwrap();
        head.push(b'\n');
        let lines = io::repeat(b' ').take(more as u64);
        BufReader::new(
            io::Cursor::new(head)
                .chain(lines)
                .chain(io::Cursor::new(line)),
        )
    }

    #[test]
    fn a_line_of_any_length_is_held_up_to_the_bound_alone() {
        let line = b"{\"proved\":{\"app\":\"a\",\"region\":\"b\",\"push\":\"normal\"}}\n".to_vec();
        let fits = MAX_LINE - line.len();
        for (more, damaged) in [(fits, false), (fits + 1, true), (usize::MAX >> 1, true)] {
            let parsed = parse(endless(line.clone(), more), &facts(&[]), |_| Ok(()));
            let is_damaged = matches!(parsed, Err(Damage::Damaged(2)));
            assert_eq!(is_damaged, damaged, "{more} {parsed:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_more_entries_than_lines_and_whole_lines_alone_count(
            lines in proptest::collection::vec("[ -~]{0,60}|\\{\"proved\":\\{\"app\":\"a\",\"region\":\"b\",\"push\":\"all_member\"\\}\\}", 0..6),
        ) {
            let mut entries = 0;
            let text = lines.join("\n");
            let keep = |_| {
                entries += 1;
                Ok(())
            };
            match parse(endless(text.clone().into_bytes(), 0), &BTreeMap::new(), keep) {
                Ok(length) => {
                    let whole = text.rfind('\n').map_or(0, |end| end + 1);
                    let head = length - whole as u64;
                    proptest::prop_assert!(head > 0 && head < 100);
                    proptest::prop_assert_eq!(entries, lines.len().saturating_sub(1));
                }
                Err(Damage::Damaged(line)) => proptest::prop_assert_eq!(entries, line - 2),
                Err(other) => proptest::prop_assert!(false, "{}", other),
            }
        }
    }
}
