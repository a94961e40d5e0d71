//! The settings for every page, read again while the program runs: TLS, users, headers.
//!
//! A new file takes effect once it has not changed for half a second, so that a half-written file
//! is not read. An invalid file changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use axum::http::HeaderMap;
use rustls::ServerConfig;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::passwords::{Passwords, Users};
use crate::config::Problems;
use crate::config::web_file::{self, Loaded, RateLimit, WebFile};
use crate::files::{Operation, Stuck, apart};
use crate::http::occasionally::Occasionally;

/// How often the files are checked for changes.
const CHECK: Duration = Duration::from_millis(500);

/// One check of the files at a time; one that hangs blocks the next ones.
static READING: Semaphore = Semaphore::const_new(1);

/// The web file in effect, and the state that outlives a change of it.
pub struct Front {
    live: ArcSwap<Live>,
    pub(in crate::http) passwords: Passwords,
    pub(in crate::http) wrong: Occasionally,
}

/// One version of the web file.
#[derive(Default)]
pub(in crate::http) struct Live {
    pub(in crate::http) tls: Option<Arc<ServerConfig>>,
    pub(in crate::http) headers: HeaderMap,
    pub(in crate::http) users: Users,
    pub(in crate::http) rate: Option<Rate>,
}

impl Live {
    fn new(file: WebFile) -> Self {
        Self {
            tls: file.tls,
            headers: file.headers,
            users: file.users,
            rate: file.rate_limit.map(Rate::new),
        }
    }
}

/// The files that a version was read from, to watch them.
pub struct Watch {
    path: PathBuf,
    files: Vec<PathBuf>,
    /// The state of the files before they were read.
    prints: Vec<Print>,
}

impl Front {
    /// Without a web file: plain HTTP for everyone.
    pub fn open() -> Self {
        Self::with(Live::default())
    }

    fn with(live: Live) -> Self {
        Self {
            live: ArcSwap::from_pointee(live),
            passwords: Passwords::new(),
            wrong: Occasionally::default(),
        }
    }

    /// The content of a web file, and the watch that keeps it current; see [`Front::follow`].
    pub async fn load(path: &Path) -> Result<Result<(Self, Watch), Problems>, Stuck> {
        let web_file = path.to_owned();
        let (loaded, prints) = apart(&READING, move || read(&web_file, &[])).await?;
        let watch = Watch {
            path: path.to_owned(),
            files: loaded.files,
            prints,
        };
        let front = loaded.result.map(|file| Self::with(Live::new(file)));
        Ok(front.map(|front| (front, watch)))
    }

    pub(in crate::http) fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// Whether TLS is used.
    pub fn is_tls(&self) -> bool {
        self.live.load().tls.is_some()
    }

    /// Follows changes of the files. Never ends. While a file does not respond, everything stays as
    /// it is, and the log reports it once.
    pub async fn follow(self: Arc<Self>, mut watch: Watch) {
        let mut last_seen = watch.prints.clone();
        let mut stuck = false;
        loop {
            sleep(CHECK).await;
            let files = watch.files.clone();
            let seen = match apart(&READING, move || prints(&files)).await {
                Ok(seen) => seen,
                Err(error) => {
                    if !stuck {
                        warn!("cannot look for a new web configuration: {error}");
                    }
                    stuck = true;
                    continue;
                }
            };
            stuck = false;
            let is_new = seen != watch.prints;
            let is_still = seen == last_seen;
            last_seen.clone_from(&seen);
            if !(is_new && is_still) {
                continue;
            }
            let (path, files) = (watch.path.clone(), watch.files.clone());
            let Ok((loaded, prints)) = apart(&READING, move || read(&path, &files)).await else {
                continue;
            };
            last_seen.clone_from(&prints);
            watch.prints = prints;
            watch.files = loaded.files;
            self.take(&watch.path, loaded.result);
        }
    }

    fn take(&self, path: &Path, result: Result<WebFile, Problems>) {
        let path = path.display();
        match result {
            Ok(file) => {
                let lost = self.lost(&file);
                if !lost.is_empty() {
                    warn!(
                        "{path}: would no longer require {}; the former settings stay, restart to open the exporter to everyone",
                        lost.join(" and ")
                    );
                    return;
                }
                for notice in &file.notices {
                    warn!("{notice}");
                }
                self.live.store(Arc::new(Live::new(file)));
                info!("{path}: read again, in effect from the next connection on");
            }
            Err(problems) => {
                let problems = problems.to_string().replace('\n', "; ");
                warn!("not in effect, the former settings stay: {problems}");
            }
        }
    }

    /// The current protection that `file` would remove: an emptied file must not open what was
    /// closed.
    fn lost(&self, file: &WebFile) -> Vec<&'static str> {
        let live = self.live.load();
        [
            (live.tls.is_some() && file.tls.is_none(), "TLS"),
            (!live.users.is_empty() && file.users.is_empty(), "passwords"),
        ]
        .into_iter()
        .filter_map(|(lost, what)| lost.then_some(what))
        .collect()
    }
}

/// The web file, and the prints of its files from before they were read. `known`: the files as far
/// as known, which saves a second read.
fn read(path: &Path, known: &[PathBuf]) -> (Loaded, Vec<Print>) {
    let before = prints(known);
    let loaded = web_file::load(path);
    if loaded.files == known {
        return (loaded, before);
    }
    let before = prints(&loaded.files);
    (web_file::load(path), before)
}

/// Changes whenever a file does; `None` for a file without readable metadata.
type Print = Option<(SystemTime, u64, [i64; 3])>;

fn prints(files: &[PathBuf]) -> Vec<Print> {
    files
        .iter()
        .map(|path| {
            let _operation = Operation::on(path);
            let metadata = std::fs::metadata(path).ok()?;
            Some((
                metadata.modified().ok()?,
                metadata.len(),
                identity(&metadata),
            ))
        })
        .collect()
}

/// Detects that a file was replaced or written to, whatever its modification time is.
#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> [i64; 3] {
    use std::os::unix::fs::MetadataExt;
    [
        metadata.ino().cast_signed(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ]
}

#[cfg(not(unix))]
fn identity(_: &std::fs::Metadata) -> [i64; 3] {
    [0; 3]
}

/// The operator's limit of requests over all clients: a token bucket that fills over time.
pub(in crate::http) struct Rate {
    limit: RateLimit,
    /// When the bucket will be full.
    full_at: std::sync::Mutex<Instant>,
}

impl Rate {
    fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            full_at: std::sync::Mutex::new(Instant::now()),
        }
    }

    /// Whether one more request is allowed now; if not, after which time.
    pub(in crate::http) fn take(&self) -> Result<(), Duration> {
        let now = Instant::now();
        let mut full_at = self
            .full_at
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let after = (*full_at).max(now) + self.limit.interval;
        let over = after
            .duration_since(now)
            .checked_sub(self.limit.interval * self.limit.burst);
        match over {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                *full_at = after;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_allows_its_burst_and_then_one_request_an_interval() {
        let rate = Rate::new(RateLimit {
            interval: Duration::from_millis(100),
            burst: 3,
        });
        for _ in 0..3 {
            assert_eq!(rate.take(), Ok(()));
        }
        assert_eq!(rate.take(), Err(Duration::from_millis(100)));
        advance(Duration::from_millis(100)).await;
        assert_eq!(rate.take(), Ok(()));
        assert!(rate.take().is_err());
        advance(Duration::from_secs(60)).await;
        for allowed in [true, true, true, false] {
            assert_eq!(rate.take().is_ok(), allowed);
        }
    }
}
