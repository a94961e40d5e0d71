//! The state that outlives the process, in one file: the day's maxima, remembered codes, the
//! last anchor. Without the file, a restart is exact as long as the service revises nothing
//! down and no day ends meanwhile.
//!
//! The file is written every `state_interval`, after the end of each day, and when the program
//! stops. If the process is killed, the next one does not know which counts the service has
//! revised down, or which codes have appeared, since the last write.
//!
//! A file is replaced whole or not at all. A foreign file is set aside; of a damaged or too
//! large file, the intact part is used.

mod format;

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, BufReader, BufWriter};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::clock::{self, Now};
use crate::config::target::Target;
use crate::files::replacement::{Replacement, remove_temporaries};
use crate::files::{self, Operation, ReadError, apart};
use crate::model::target_id::TargetId;
use crate::model::window::{DAY, UnixSeconds, day_anchor};
use crate::target::snapshot::{Remembered, Snapshot, Targets};
pub use format::{Found, StateError, read};

/// Ensures that only one task uses the file at a time.
static FILE: Semaphore = Semaphore::const_new(1);

/// How often the task checks whether a write is due.
const LOOK: Duration = Duration::from_secs(10);

/// The longest time before a failed write is retried.
const RETRY: Duration = Duration::from_secs(60);

/// The pause after a write, as a multiple of its duration: others use the disk, too.
const PAUSE_PER_WRITE: u32 = 50;

/// The state that an earlier process left for `targets`. An unusable file is set aside with a
/// log message: continuing without it is better than not starting.
pub async fn load(path: &Path, targets: &[Target]) -> BTreeMap<TargetId, Remembered> {
    let (place, wanted) = (path.to_owned(), targets.to_vec());
    let loaded = apart(&FILE, move || {
        {
            let _operation = Operation::on(&place);
            remove_temporaries(&place);
        }
        load_now(&place, &wanted)
    });
    loaded.await.unwrap_or_else(|stuck| {
        warn!(path = %path.display(), "cannot read the state file: {stuck}; counters start as after a first start");
        BTreeMap::new()
    })
}

fn load_now(path: &Path, targets: &[Target]) -> BTreeMap<TargetId, Remembered> {
    let operation = Operation::on(path);
    let file = match files::open(path) {
        Ok((file, _)) => file,
        Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
            info!(path = %path.display(), "there is no state file yet");
            return BTreeMap::new();
        }
        Err(error) => {
            warn!(
                path = %path.display(),
                "cannot read the state file: {error}; it will be replaced; counters start as after a first start"
            );
            return BTreeMap::new();
        }
    };
    match read(BufReader::new(Watched { file, operation }), targets) {
        Ok(found) => {
            if found.damaged + found.too_long + found.cut > 0 {
                warn!(
                    path = %path.display(),
                    damaged = found.damaged,
                    too_long = found.too_long,
                    cut = found.cut,
                    "some targets of the state file cannot be used; their counters start as after a first start"
                );
            }
            found.targets
        }
        Err(error) => {
            let mut aside = path.as_os_str().to_owned();
            aside.push(format!(".unusable-{}", clock::now().unix().0));
            let aside = PathBuf::from(aside);
            let kept = match fs::rename(path, &aside) {
                Ok(()) => format!("it is kept as {}", aside.display()),
                Err(error) => format!("it could not be set aside ({error}) and will be replaced"),
            };
            warn!(
                path = %path.display(),
                "cannot use the state file: {error}; {kept}; counters start as after a first start"
            );
            BTreeMap::new()
        }
    }
}

/// A file whose reading or writing continues while bytes are transferred.
struct Watched {
    file: File,
    operation: Operation,
}

impl io::Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.operation.goes_on();
        self.file.read(buffer)
    }
}

impl io::Write for Watched {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.operation.goes_on();
        self.file.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Replaces the file with one that only the owner can read.
fn save(path: &Path, targets: &Targets, now: Now) -> io::Result<()> {
    let operation = Operation::on(path);
    let replacement = Replacement::of(path, Permissions::from_mode(0o600))?;
    let file = BufWriter::new(Watched {
        file: replacement.file()?,
        operation,
    });
    let remembered = targets.values().map(|state| Remembered::of(state, now));
    format::write(file, targets.len(), remembered)?;
    let _operation = Operation::on(path);
    replacement.publish()
}

/// Writes the file now. Returns the end of the next day, after which it should be written
/// again.
pub async fn write(path: &Path, snapshot: &Arc<Snapshot>) -> io::Result<UnixSeconds> {
    let (path, snapshot) = (path.to_owned(), Arc::clone(snapshot));
    let written = apart(&FILE, move || {
        let (targets, now) = (snapshot.load(), clock::now());
        save(&path, &targets, now)?;
        Ok(next_day(&targets, now.unix()))
    });
    written.await.map_err(io::Error::other)?
}

/// The time by which polls have detected the end of a day, for the next target whose day ends.
fn next_day(targets: &Targets, now: UnixSeconds) -> UnixSeconds {
    let ends = targets.values().map(|state| {
        let app = &state.target.app;
        let polling = &app.polling;
        let delay = (polling.lag + polling.step + polling.interval + polling.timeout).as_secs();
        let anchor = day_anchor(UnixSeconds(now.0.saturating_sub(delay)), app.day_offset);
        UnixSeconds(anchor.0 + DAY + delay)
    });
    ends.min().unwrap_or(UnixSeconds(u64::MAX))
}

/// Keeps the file up to date for ever. A failed write is retried, and logged once when it
/// first fails and once when it works again.
pub async fn keep(path: PathBuf, interval: Duration, snapshot: Arc<Snapshot>) {
    let mut failing = false;
    let mut due = Instant::now() + interval;
    let mut day_ends = next_day(&snapshot.load(), clock::now().unix());
    loop {
        sleep(LOOK.min(interval)).await;
        let began = Instant::now();
        if began < due && clock::now().unix() < day_ends {
            continue;
        }
        match write(&path, &snapshot).await {
            Ok(next) => {
                if failing {
                    info!(path = %path.display(), "the state file can be written again");
                }
                failing = false;
                day_ends = next;
                due = Instant::now() + interval.max(began.elapsed() * PAUSE_PER_WRITE);
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
                due = Instant::now() + interval.min(RETRY);
                day_ends = UnixSeconds(u64::MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests;
