//! What outlives the process, in one file: the day's maxima, remembered codes, the last
//! anchor. Without it a restart is exact as long as the service revises nothing down and no
//! day ends meanwhile.
//!
//! ```text
//! {"format":"timpush-exporter state","version":1,"sha256":"..."}
//! {"targets":[...]}
//! ```
//!
//! A file is replaced whole or not at all. One that is damaged, or not ours, is set aside.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::clock::{self, Now};
use crate::digest::sha256_hex;
use crate::snapshot::{Remembered, Snapshot, Targets};
use crate::target::TargetId;

const FORMAT: &str = "timpush-exporter state";
const VERSION: u32 = 1;

/// Larger than any state: thousands of targets at the series limit.
const MAX_BYTES: u64 = 1 << 30;

/// The shortest time between two writes, and the part of all time that writing may take.
const PAUSE: Duration = Duration::from_secs(1);
const LEAST_PAUSE_PER_WRITE: u32 = 50;

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Body {
    targets: Vec<Remembered>,
}

/// Why a state file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("cannot read it")]
    Read(#[source] io::Error),
    #[error("it is not a state file of timpush-exporter")]
    Foreign,
    #[error("it has version {0}, and this program knows version {VERSION}")]
    Version(u32),
    #[error("it is damaged: its checksum does not fit")]
    Checksum,
    #[error("it is damaged")]
    Content(#[source] serde_json::Error),
}

/// What an earlier process left. A file that cannot be used is set aside, and the log says
/// so; to go on without it is better than not at all.
pub fn load(path: &Path) -> BTreeMap<TargetId, Remembered> {
    match read(path) {
        Ok(targets) => targets,
        Err(StateError::Read(error)) if error.kind() == io::ErrorKind::NotFound => {
            info!(path = %path.display(), "there is no state file yet");
            BTreeMap::new()
        }
        Err(error) => {
            let mut aside = path.as_os_str().to_owned();
            aside.push(format!(".unusable-{}", clock::now().unix().0));
            let aside = PathBuf::from(aside);
            let kept = match fs::rename(path, &aside) {
                Ok(()) => format!("it is kept as {}", aside.display()),
                Err(error) => format!("it could not be set aside ({error}) and will be replaced"),
            };
            let cause = std::error::Error::source(&error)
                .map_or_else(String::new, |cause| format!(" ({cause})"));
            warn!(
                path = %path.display(),
                "cannot use the state file: {error}{cause}; {kept}; counters start as after a first start"
            );
            BTreeMap::new()
        }
    }
}

fn read(path: &Path) -> Result<BTreeMap<TargetId, Remembered>, StateError> {
    let size = fs::metadata(path).map_err(StateError::Read)?.len();
    if size > MAX_BYTES {
        return Err(StateError::Foreign);
    }
    let text = fs::read(path).map_err(StateError::Read)?;
    let end = text
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or(StateError::Foreign)?;
    let (header, body) = text.split_at(end + 1);
    let header: Header = serde_json::from_slice(header).map_err(|_| StateError::Foreign)?;
    if header.format != FORMAT {
        return Err(StateError::Foreign);
    }
    if header.version != VERSION {
        return Err(StateError::Version(header.version));
    }
    if header.sha256 != sha256_hex(body) {
        return Err(StateError::Checksum);
    }
    let body: Body = serde_json::from_slice(body).map_err(StateError::Content)?;
    let by_id = body.targets.into_iter().map(|target| {
        let id = TargetId {
            app: target.app.clone(),
            region: target.region.clone(),
        };
        (id, target)
    });
    Ok(by_id.collect())
}

/// Replaces the file, so that a reader, or a machine that lost power, finds the old or the
/// new one whole.
pub fn save(path: &Path, targets: &Targets, now: Now) -> io::Result<()> {
    let body = Body {
        targets: targets
            .values()
            .map(|state| Remembered::of(state, now))
            .collect(),
    };
    let body = serde_json::to_vec(&body)?;
    let header = serde_json::to_vec(&Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        sha256: sha256_hex(&body),
    })?;
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let written = write(&temporary, &[&header, b"\n", &body]);
    let replaced = written.and_then(|()| fs::rename(&temporary, path));
    if replaced.is_err() {
        // A full disk is not helped by half a file.
        let _ = fs::remove_file(&temporary);
    }
    replaced?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn write(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = File::create(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

/// Keeps the file up to date for ever. A write that fails is tried again; the log says
/// so once, and once when it works again.
pub async fn keep(path: PathBuf, snapshot: Arc<Snapshot>) {
    let mut written: Option<u64> = None;
    let mut failing = false;
    let mut pause = PAUSE;
    loop {
        sleep(pause).await;
        let version = snapshot.version();
        if written == Some(version) {
            continue;
        }
        let began = Instant::now();
        let (place, state) = (path.clone(), Arc::clone(&snapshot));
        let result = spawn_blocking(move || save(&place, &state.load(), clock::now())).await;
        pause = PAUSE.max(began.elapsed() * LEAST_PAUSE_PER_WRITE);
        match result.unwrap_or_else(|panic| Err(io::Error::other(panic))) {
            Ok(()) => {
                if failing {
                    info!(path = %path.display(), "the state file can be written again");
                }
                failing = false;
                written = Some(version);
            }
            Err(error) => {
                if !failing {
                    warn!(
                        path = %path.display(),
                        "cannot write the state file: {error}; make room, or make its directory writable; \
                         counters go on, but a restart may lose what the service revised down"
                    );
                }
                failing = true;
            }
        }
    }
}

#[cfg(test)]
mod tests;
