//! The state file's text: a header, then a line for each target, each with its checksum, so
//! that both sides hold one target at a time.
//!
//! ```text
//! {"format":"timpush-exporter state","version":2,"targets":2}
//! 5feceb66... {"app":"shop","region":"singapore",...}
//! 6b86b273... {"app":"shop","region":"china",...}
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize};

use crate::config::target::Target;
use crate::digest::sha256_hex;
use crate::model::target_id::TargetId;
use crate::target::snapshot::Remembered;

const FORMAT: &str = "timpush-exporter state";
const VERSION: u32 = 2;

/// The longest header, in bytes.
const MAX_HEADER: u64 = 1 << 10;

/// Bytes of a line per series that a target may serve: a code is remembered, and has counts of
/// today and yesterday.
const PER_SERIES: u64 = 1 << 10;

/// Other bytes of a line.
const PER_TARGET: u64 = 64 << 10;

/// Bytes read however few targets are configured: many may just have been removed.
const LEAST_FILE: u64 = 64 << 20;

/// The checksum's hex digits and the space after them.
const CHECKSUM: usize = 65;

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    /// Absent in version 1.
    #[serde(default)]
    targets: usize,
}

/// Why a state file cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("cannot read it: {0}")]
    Read(io::Error),
    #[error("it is not a state file of timpush-exporter")]
    Foreign,
    #[error("it has version {0}, and this program knows version {VERSION}")]
    Version(u32),
}

/// The usable part of a file.
#[derive(Debug, Default)]
pub struct Found {
    pub targets: BTreeMap<TargetId, Remembered>,
    /// Lines whose checksum does not match.
    pub damaged: usize,
    /// Lines longer than the bound of a target.
    pub too_long: usize,
    /// Lines announced by the header that are missing or beyond the bound of the file.
    pub cut: usize,
}

/// The bounds on reading a file.
struct Bounds {
    line: u64,
    file: u64,
}

impl Bounds {
    fn of(targets: &[Target]) -> Self {
        let line = |target: &Target| {
            let series = target.app.polling.series_limit as u64;
            PER_TARGET.saturating_add(PER_SERIES.saturating_mul(series))
        };
        Self {
            line: targets.iter().map(line).max().unwrap_or(PER_TARGET),
            file: targets
                .iter()
                .map(line)
                .fold(0, u64::saturating_add)
                .max(LEAST_FILE),
        }
    }
}

/// Reads the state of `targets`. Data beyond the bounds is left out.
pub fn read(file: impl BufRead, targets: &[Target]) -> Result<Found, StateError> {
    let bounds = Bounds::of(targets);
    let wanted: BTreeSet<TargetId> = targets.iter().map(Target::id).collect();
    let mut file = file.take(bounds.file);
    let mut line = Vec::new();
    let header = match next_line(&mut file, MAX_HEADER, &mut line)? {
        Line::Whole => serde_json::from_slice::<Header>(&line),
        Line::TooLong | Line::Cut | Line::End => return Err(StateError::Foreign),
    };
    let header = header
        .ok()
        .filter(|header| header.format == FORMAT)
        .ok_or(StateError::Foreign)?;
    if header.version != VERSION {
        return Err(StateError::Version(header.version));
    }
    let mut found = Found::default();
    let mut seen = 0_usize;
    loop {
        match next_line(&mut file, bounds.line, &mut line)? {
            Line::Whole => match target(&line) {
                Some(target) => {
                    let id = TargetId {
                        app: target.app.clone(),
                        region: target.region.clone(),
                        push: target.push,
                    };
                    if wanted.contains(&id) {
                        found.targets.insert(id, target);
                    }
                }
                None => found.damaged += 1,
            },
            Line::TooLong => found.too_long += 1,
            Line::Cut | Line::End => break,
        }
        seen += 1;
    }
    found.cut = header.targets.saturating_sub(seen);
    Ok(found)
}

fn target(line: &[u8]) -> Option<Remembered> {
    let (checksum, json) = line.split_at_checked(CHECKSUM)?;
    let checksum = checksum.strip_suffix(b" ")?;
    (checksum == sha256_hex(json).as_bytes())
        .then(|| serde_json::from_slice(json).ok())
        .flatten()
}

enum Line {
    Whole,
    TooLong,
    /// A line without a line break at its end.
    Cut,
    End,
}

/// The next line without its line break. Nothing is kept of a line that is too long.
fn next_line(
    file: &mut impl BufRead,
    max_bytes: u64,
    line: &mut Vec<u8>,
) -> Result<Line, StateError> {
    line.clear();
    let length = file
        .by_ref()
        .take(max_bytes.saturating_add(1))
        .read_until(b'\n', line)
        .map_err(StateError::Read)?;
    if line.pop_if(|last| *last == b'\n').is_some() {
        return Ok(Line::Whole);
    }
    if length == 0 {
        return Ok(Line::End);
    }
    line.clear();
    if length as u64 <= max_bytes {
        return Ok(Line::Cut);
    }
    file.skip_until(b'\n').map_err(StateError::Read)?;
    Ok(Line::TooLong)
}

/// Writes a file of `count` targets.
pub(super) fn write(
    mut file: impl Write,
    count: usize,
    targets: impl Iterator<Item = Remembered>,
) -> io::Result<()> {
    let header = Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        targets: count,
    };
    serde_json::to_writer(&mut file, &header)?;
    file.write_all(b"\n")?;
    let mut json = Vec::new();
    for target in targets {
        json.clear();
        serde_json::to_writer(&mut json, &target)?;
        write!(file, "{} ", sha256_hex(&json))?;
        file.write_all(&json)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}
