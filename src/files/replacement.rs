//! Files that are replaced completely or not at all.

use std::fs::{self, File, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// The end of a temporary file's name, which begins with a dot and the file's name.
const TEMPORARY: &str = ".tmp";

/// How many entries of the directory are searched for temporary files.
const MAX_ENTRIES: usize = 100_000;

/// A file next to another one, which it replaces once it is complete. It is removed if that does
/// not happen.
pub struct Replacement {
    path: PathBuf,
    temporary: NamedTempFile,
}

impl Replacement {
    /// For the file at `path`, with these permissions as far as the umask allows.
    pub fn of(path: &Path, permissions: Permissions) -> io::Result<Self> {
        // A random name that must not exist yet: no other writer to the directory can have put a
        // link there.
        let temporary = tempfile::Builder::new()
            .prefix(&prefix(path))
            .suffix(TEMPORARY)
            .permissions(permissions)
            .tempfile_in(directory(path))?;
        Ok(Self {
            path: path.to_owned(),
            temporary,
        })
    }

    /// The file to write to.
    pub fn file(&self) -> io::Result<File> {
        self.temporary.as_file().try_clone()
    }

    /// Replaces the file, so that a reader finds the old or the new one complete, even after a
    /// power failure.
    pub fn publish(self) -> io::Result<()> {
        self.temporary.as_file().sync_all()?;
        self.temporary
            .persist(&self.path)
            .map_err(|error| error.error)?;
        File::open(directory(&self.path))?.sync_all()
    }
}

/// Removes the temporary files of a process that was killed before it could replace the file at
/// `path`.
pub fn remove_temporaries(path: &Path) {
    let prefix = prefix(path);
    let Ok(entries) = fs::read_dir(directory(path)) else {
        return;
    };
    for entry in entries.take(MAX_ENTRIES).flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = name
            .strip_prefix(&prefix)
            .and_then(|rest| rest.strip_suffix(TEMPORARY))
            .is_some_and(|random| random.bytes().all(|b| b.is_ascii_alphanumeric()));
        if ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            // The next start tries again.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    format!(".{}.", name.to_string_lossy())
}
