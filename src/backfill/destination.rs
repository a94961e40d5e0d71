//! The output file, which is either complete or unchanged.

use std::fs::{self, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::files::replacement::{Replacement, remove_temporaries};

/// The output file, and the journal beside it until the file is complete.
pub struct Destination {
    file: PathBuf,
    /// Whether an existing file is overwritten.
    overwrite: bool,
}

/// Why no file was written.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    #[error("--output: {} exists already and is not overwritten; remove it, choose another name, or say --overwrite", .0.display())]
    Exists(PathBuf),
    #[error("--output: {} is not a regular file, and nothing else is replaced", .0.display())]
    NotFile(PathBuf),
    #[error("--output: {} is not the name of a file", .0.display())]
    NoName(PathBuf),
    #[error("--output: the folder {} is missing or is not a folder", .0.display())]
    NoFolder(PathBuf),
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Destination {
    /// Refuses an existing path, unless it is to be overwritten.
    pub fn new(file: PathBuf, overwrite: bool) -> Result<Self, DestinationError> {
        if file.file_name().is_none() {
            return Err(DestinationError::NoName(file));
        }
        let folder = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(DestinationError::NoFolder(folder.to_owned()));
        }
        let destination = Self { file, overwrite };
        destination.check_free()?;
        Ok(destination)
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The path of the journal.
    pub fn journal(&self) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(".part");
        name.into()
    }

    fn check_free(&self) -> Result<(), DestinationError> {
        // A link to a missing file is in the way, too, and a device must not become a file.
        match fs::symlink_metadata(&self.file) {
            Ok(found) if !found.is_file() => Err(DestinationError::NotFile(self.file.clone())),
            Ok(_) if !self.overwrite => Err(DestinationError::Exists(self.file.clone())),
            _ => Ok(()),
        }
    }

    /// Writes the whole text to a temporary file, moves it into place, and removes the
    /// journal.
    pub fn publish<T>(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> Result<T, DestinationError> {
        let failed = |source| DestinationError::Write {
            path: self.file.clone(),
            source,
        };
        // These are left from an interrupted run.
        remove_temporaries(&self.file);
        let replacement =
            Replacement::of(&self.file, Permissions::from_mode(0o666)).map_err(failed)?;
        let mut out = BufWriter::new(replacement.file().map_err(failed)?);
        let written = write(&mut out).and_then(|written| {
            out.flush()?;
            Ok(written)
        });
        let written = written.map_err(failed)?;
        self.check_free()?;
        replacement.publish().map_err(failed)?;
        // The file is complete: leftovers are only untidy.
        let _ = fs::remove_file(self.journal());
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_not_there_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination::new(folder.path().join("x.om"), false).unwrap();
        fs::write(destination.journal(), "answers").unwrap();
        let full = destination.publish(|out| {
            out.write_all(b"half")?;
            Err::<(), _>(io::ErrorKind::StorageFull.into())
        });
        assert!(full.unwrap_err().to_string().contains("x.om"));
        let names = || {
            let mut names: Vec<_> = fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            names.sort();
            names
        };
        assert_eq!(names(), ["x.om.part"]);
        destination.publish(|out| out.write_all(b"whole")).unwrap();
        assert_eq!(names(), ["x.om"]);
        assert_eq!(fs::read(destination.file()).unwrap(), b"whole");
    }

    #[test]
    fn what_exists_gives_way_as_a_whole_when_it_is_to_be_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.om");
        fs::write(&path, "old").unwrap();
        let destination = Destination::new(path.clone(), true).unwrap();
        let full = destination.publish(|out| {
            out.write_all(b"half")?;
            Err::<(), _>(io::ErrorKind::StorageFull.into())
        });
        assert!(full.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        destination.publish(|out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn what_exists_is_never_overwritten_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.om");
        let destination = Destination::new(path.clone(), false).unwrap();
        fs::write(&path, "mine").unwrap();
        assert!(Destination::new(path.clone(), false).is_err());
        assert!(destination.publish(|out| out.write_all(b"new")).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        assert!(Destination::new(PathBuf::from("/"), true).is_err());
    }

    #[test]
    fn a_folder_that_is_missing_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        for inner in ["missing/x.om", "file/x.om"] {
            let error = Destination::new(folder.path().join(inner), false)
                .err()
                .unwrap();
            assert!(error.to_string().contains("folder"), "{error}");
        }
        assert!(Destination::new(PathBuf::from("a-name-alone.om"), false).is_ok());
    }

    #[test]
    fn what_an_interrupted_run_has_left_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination::new(folder.path().join("x.om"), false).unwrap();
        let [mine, link, left] =
            ["mine", ".x.om.link01.tmp", ".x.om.abC123.tmp"].map(|name| folder.path().join(name));
        fs::write(&mine, "mine").unwrap();
        fs::write(&left, "half of an earlier run").unwrap();
        std::os::unix::fs::symlink(&mine, &link).unwrap();
        destination.publish(|out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&mine).unwrap(), b"mine");
        assert!(link.is_symlink() && !left.exists());
        assert_eq!(fs::read(destination.file()).unwrap(), b"new");
    }

    #[test]
    fn only_a_file_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (inner, link) = (folder.path().join("folder"), folder.path().join("link"));
        fs::create_dir(&inner).unwrap();
        std::os::unix::fs::symlink(&inner, &link).unwrap();
        for path in [inner, link, PathBuf::from("/dev/null")] {
            let error = Destination::new(path, true).err().unwrap();
            assert!(
                error.to_string().contains("is not a regular file"),
                "{error}"
            );
        }
    }
}
