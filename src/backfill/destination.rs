//! Where the text goes: a file that is whole or as it was before.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file to be, with the names beside it that are used until it is whole.
pub struct Destination {
    file: PathBuf,
    /// Whether a file that is there already gives way.
    overwrite: bool,
}

/// Why there is no file.
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
    /// Refuses a place where something is, unless it is to be overwritten.
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

    /// The journal's place.
    pub fn journal(&self) -> PathBuf {
        self.beside(".part")
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(ending);
        name.into()
    }

    fn check_free(&self) -> Result<(), DestinationError> {
        // A link that leads nowhere is in the way, too, and a device is not to become a file.
        match fs::symlink_metadata(&self.file) {
            Ok(found) if !found.is_file() => Err(DestinationError::NotFile(self.file.clone())),
            Ok(_) if !self.overwrite => Err(DestinationError::Exists(self.file.clone())),
            _ => Ok(()),
        }
    }

    /// Writes the whole text beside its place and moves it there; then the journal is gone.
    pub fn publish<T>(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> Result<T, DestinationError> {
        let text = self.beside(".part.text");
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| DestinationError::Write { path, source }
        };
        let file = create(&text).map_err(failed(&text))?;
        let mut out = BufWriter::new(file);
        let written = write(&mut out).and_then(|written| {
            let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            Ok(written)
        });
        let moved = written.map_err(failed(&text)).and_then(|written| {
            self.check_free()?;
            fs::rename(&text, &self.file).map_err(failed(&self.file))?;
            Ok(written)
        });
        if moved.is_err() {
            // The space is needed.
            let _ = fs::remove_file(&text);
        } else {
            // The file is there: what is left of the way to it is only untidy.
            let _ = fs::remove_file(self.journal());
        }
        moved
    }
}

/// A new file, in the place of one that an interrupted run has left. Anything else there,
/// such as a link, is neither written through nor removed.
fn create(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        fs::remove_file(path)?;
    }
    File::create_new(path)
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
        assert!(full.unwrap_err().to_string().contains("x.om.part.text"));
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
    fn what_is_in_the_way_of_the_text_is_neither_written_through_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination::new(folder.path().join("x.om"), false).unwrap();
        let (mine, text) = (
            folder.path().join("mine"),
            folder.path().join("x.om.part.text"),
        );
        fs::write(&mine, "mine").unwrap();
        std::os::unix::fs::symlink(&mine, &text).unwrap();
        assert!(destination.publish(|out| out.write_all(b"new")).is_err());
        assert_eq!(fs::read(&mine).unwrap(), b"mine");
        assert!(text.is_symlink());
        fs::remove_file(&text).unwrap();
        fs::write(&text, "half of an earlier run").unwrap();
        destination.publish(|out| out.write_all(b"new")).unwrap();
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
