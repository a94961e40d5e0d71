//! Files that an operator names, read whole, whatever they are.
//!
//! A path can lead to a named pipe without a writer, to an endless device, or to a network mount
//! that no longer responds. [`read`] refuses everything except regular files of a bounded size.
//! [`apart`] isolates the wait for a mount from everything else, and bounds it.
//!
//! All files that people write are read by [`read`], so that each kind of file tolerates the same:
//! editors on Windows put a byte order mark first, and save UTF-16 if "Unicode" is selected.

pub mod replacement;

use std::cell::RefCell;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// The maximum size of a secret key, in bytes. The console's keys have 64.
pub const MAX_KEY: u64 = 64 << 10;

/// The maximum size of a file of certificates or of a TLS key, in bytes. A system's complete
/// collection of roots has 220 kB.
pub const MAX_PEM: u64 = 1 << 20;

/// The maximum time for reading one file.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How often the time limit is checked.
const LOOK: Duration = Duration::from_millis(250);

/// The stack size of a thread of [`apart`], in bytes, independent of the system's limit.
const STACK: usize = 8 << 20;

/// Why a file's contents are not available. Each is a clause about the file as `it`.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is {0}, not a regular file")]
    Kind(&'static str),
    #[error("it is larger than {} KiB", .0 >> 10)]
    Size(u64),
    #[error("it is UTF-16 text; save it as UTF-8")]
    Utf16,
    #[error("it is not UTF-8 text")]
    NotText,
    /// Parsers mistake it for the end of a file.
    #[error("it is not text: it holds a NUL byte")]
    Nul,
}

/// An optional start of UTF-8 text, without a meaning.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The contents of a file.
pub struct Contents {
    /// Without a byte order mark.
    pub bytes: Zeroizing<Vec<u8>>,
    mode: u32,
}

impl Contents {
    pub fn text(&self) -> Result<&str, ReadError> {
        let text = std::str::from_utf8(&self.bytes).map_err(|_| ReadError::NotText)?;
        if text.contains('\0') {
            return Err(ReadError::Nul);
        }
        Ok(text)
    }

    /// The permission bits for group and others.
    pub fn open_to_others(&self) -> u32 {
        self.mode & 0o077
    }

    /// Whether every user of the machine can read the file. A group's permission is ignored,
    /// because Kubernetes grants it for `fsGroup`.
    pub fn is_public(&self) -> bool {
        self.mode & 0o004 != 0
    }
}

/// Reads a regular file of at most `max_bytes` that is not UTF-16. Never waits for a writer.
pub fn read(path: &Path, max_bytes: u64) -> Result<Contents, ReadError> {
    let _operation = Operation::on(path);
    let (file, metadata) = open(path)?;
    // With enough capacity from the start, the vector does not grow and leave parts of a secret
    // behind in freed memory.
    let room = metadata.len().min(max_bytes) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or(0)));
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(ReadError::Size(max_bytes));
    }
    if is_utf16(&bytes) {
        return Err(ReadError::Utf16);
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(Contents {
        bytes,
        mode: metadata.permissions().mode(),
    })
}

/// Detected by its byte order mark, or by a zero byte in its first character.
fn is_utf16(bytes: &[u8]) -> bool {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [0, second, ..] => *second != 0,
        [first, 0, ..] => *first != 0,
        _ => false,
    }
}

/// Opens a regular file for reading. Symbolic links are followed, because Kubernetes mounts secrets
/// through them.
pub fn open(path: &Path) -> Result<(File, Metadata), ReadError> {
    // Checked before opening, since for some devices opening alone has an effect.
    regular(&std::fs::metadata(path)?)?;
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let metadata = file.metadata()?;
    regular(&metadata)?;
    Ok((file, metadata))
}

/// Refuses everything except regular files.
pub fn regular(metadata: &Metadata) -> Result<(), ReadError> {
    let kind = metadata.file_type();
    let name = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(ReadError::Kind(name))
}

/// Why work on files was abandoned. It may continue, but its result is dropped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    #[error("{} does not respond within {} s; is it on a network mount that hangs?", .0.display(), PATIENCE.as_secs())]
    File(PathBuf),
    #[error("earlier reads of files have not ended; is there a network mount that hangs?")]
    Full,
    #[error("no thread can be started to read files")]
    NoThread,
    #[error("the reading of files failed; this is a bug, please report it")]
    Failed,
}

/// Runs `work` on its own thread until it ends or one file takes longer than 5 s. `places` bounds
/// the number of such threads, including abandoned ones.
///
/// The runtime's own threads for blocking work would keep the process from ending while one of them
/// hangs.
pub async fn apart<T: Send + 'static>(
    places: &'static Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Stuck> {
    let place = place(places).await?;
    let progress = Arc::new(Progress::default());
    let (sender, mut receiver) = oneshot::channel();
    let seen = Arc::clone(&progress);
    thread::Builder::new()
        .name("files".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            PROGRESS.set(Some(seen));
            let result = work();
            drop(place);
            // The receiver of work that took too long no longer exists.
            let _ = sender.send(result);
        })
        .map_err(|_| Stuck::NoThread)?;
    loop {
        match timeout(LOOK, &mut receiver).await {
            Ok(result) => return result.map_err(|_| Stuck::Failed),
            Err(_) => {
                if let Some(path) = progress.overdue() {
                    return Err(Stuck::File(path));
                }
            }
        }
    }
}

async fn place(places: &'static Semaphore) -> Result<SemaphorePermit<'static>, Stuck> {
    match timeout(PATIENCE, places.acquire()).await {
        Ok(Ok(place)) => Ok(place),
        _ => Err(Stuck::Full),
    }
}

thread_local! {
    /// Where this thread reports what it waits for, if it is observed.
    static PROGRESS: RefCell<Option<Arc<Progress>>> = const { RefCell::new(None) };
}

/// The file that a thread is working on, and since when.
#[derive(Default)]
struct Progress(Mutex<Option<(PathBuf, Instant)>>);

impl Progress {
    fn overdue(&self) -> Option<PathBuf> {
        let at = self.lock();
        let (path, since) = at.as_ref()?;
        (since.elapsed() > PATIENCE).then(|| path.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<(PathBuf, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An operation on a file that can hang, for as long as the value lives.
pub struct Operation(Option<Arc<Progress>>);

impl Operation {
    pub fn on(path: &Path) -> Self {
        let progress = PROGRESS.with_borrow(Clone::clone);
        if let Some(progress) = &progress {
            *progress.lock() = Some((path.to_owned(), now()));
        }
        Self(progress)
    }

    /// Reports that a long operation makes progress: its time starts again.
    pub fn goes_on(&self) {
        if let Some(progress) = &self.0
            && let Some((_, since)) = progress.lock().as_mut()
        {
            *since = now();
        }
    }
}

/// A mount hangs in real time, whatever clock a test uses.
#[expect(
    clippy::disallowed_methods,
    reason = "not the runtime's time: threads that do not belong to it look at this one"
)]
fn now() -> Instant {
    Instant::now()
}

impl Drop for Operation {
    fn drop(&mut self) {
        if let Some(progress) = &self.0 {
            *progress.lock() = None;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::sync::mpsc;

    pub(crate) fn fifo(path: &Path) {
        mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    }

    #[test]
    fn only_regular_files_are_read_whatever_links_lead_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fifo(&path("fifo"));
        std::fs::write(path("file"), "made up").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        std::os::unix::fs::symlink("fifo", path("link to fifo")).unwrap();
        for (name, expected) in [
            (path("file"), Ok("made up")),
            (path("link"), Ok("made up")),
            (path("fifo"), Err("it is a named pipe, not a regular file")),
            (
                path("link to fifo"),
                Err("it is a named pipe, not a regular file"),
            ),
            (path("socket"), Err("it is a socket, not a regular file")),
            (path("."), Err("it is a directory, not a regular file")),
            (
                PathBuf::from("/dev/zero"),
                Err("it is a device, not a regular file"),
            ),
            (path("gone"), Err("No such file or directory (os error 2)")),
        ] {
            let read = read(&name, MAX_KEY);
            let text = match &read {
                Ok(contents) => Ok(contents.text().unwrap()),
                Err(error) => Err(error.to_string()),
            };
            let expected = expected.map_err(str::to_owned);
            assert_eq!(text, expected, "{}", name.display());
        }
    }

    #[test]
    fn a_file_is_read_up_to_its_bound_and_refused_above() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (length, allowed) in [(0, true), (1024, true), (1025, false), (4096, false)] {
            std::fs::write(file.path(), vec![b'x'; length]).unwrap();
            let read = read(file.path(), 1024);
            assert_eq!(read.is_ok(), allowed, "{length}");
            if let Err(error) = read {
                assert_eq!(error.to_string(), "it is larger than 1 KiB");
            }
        }
    }

    #[test]
    fn permissions_of_others_are_told_from_the_groups() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, public, others) in [
            (0o600, false, 0),
            (0o440, false, 0o040),
            (0o644, true, 0o044),
        ] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(file.path(), permissions).unwrap();
            let contents = read(file.path(), MAX_KEY).ok().unwrap();
            let seen = (contents.is_public(), contents.open_to_others());
            assert_eq!(seen, (public, others), "{mode:o}");
        }
    }

    #[tokio::test]
    async fn work_that_ends_gives_its_result_and_a_panic_is_an_error() {
        static PLACES: Semaphore = Semaphore::const_new(1);
        assert_eq!(apart(&PLACES, || 7).await, Ok(7));
        let failed = apart(&PLACES, || assert_eq!(1, 2)).await;
        assert_eq!(failed, Err(Stuck::Failed));
        assert_eq!(apart(&PLACES, || 8).await, Ok(8));
    }

    #[tokio::test]
    async fn a_file_that_does_not_respond_is_named_and_its_place_stays_taken() {
        static PLACES: Semaphore = Semaphore::const_new(1);
        let (respond, response) = mpsc::channel::<()>();
        let (ended, end) = mpsc::channel();
        let stuck = apart(&PLACES, move || {
            let operation = Operation::on(Path::new("/made/up.key"));
            let _ = response.recv();
            drop(operation);
            let _ = ended.send(());
        });
        let stuck = stuck.await;
        assert_eq!(stuck, Err(Stuck::File("/made/up.key".into())));
        assert_eq!(
            stuck.unwrap_err().to_string(),
            "/made/up.key does not respond within 5 s; is it on a network mount that hangs?"
        );
        assert_eq!(apart(&PLACES, || ()).await, Err(Stuck::Full));
        respond.send(()).unwrap();
        end.recv().unwrap();
        assert_eq!(apart(&PLACES, || ()).await, Ok(()));
    }
}
