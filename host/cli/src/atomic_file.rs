//! Files that are there whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;

use crate::error::CommandError;

/// Writes a file beside its place and moves it there, so that a crash, or a run that reads it meanwhile, sees the old
/// file or the new one. A link stays a link to the file; what is no file, as `/dev/stdout`, is written to.
///
/// # Errors
/// When it cannot be written; what was there before is there still.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let mut writing = Writing::open(path)?;
    writing.add(bytes)?;
    writing.finish()
}

/// A file that is written piece by piece, and is there when all of it is; see [`write()`].
pub struct Writing {
    path: PathBuf,
    to: Destination,
}

enum Destination {
    Beside(BufWriter<AtomicWriteFile>),
    Straight(BufWriter<File>),
}

impl Writing {
    /// Begins a file.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(path: &Path) -> Result<Self, CommandError> {
        let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let to = if target.metadata().is_ok_and(|found| !found.is_file()) {
            let opened = File::options().write(true).open(path);
            opened.map(|file| Destination::Straight(BufWriter::new(file)))
        } else {
            AtomicWriteFile::open(&target).map(|file| Destination::Beside(BufWriter::new(file)))
        };
        Ok(Self {
            to: to.map_err(|error| CommandError::file("write", path, error))?,
            path: path.to_owned(),
        })
    }

    /// Adds a piece.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        let added = match &mut self.to {
            Destination::Beside(file) => file.write_all(bytes),
            Destination::Straight(file) => file.write_all(bytes),
        };
        added.map_err(|error| CommandError::file("write", &self.path, error))
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// When it cannot be written; what was there before is there still.
    pub fn finish(self) -> Result<(), CommandError> {
        let finished = match self.to {
            Destination::Beside(file) => file
                .into_inner()
                .map_err(std::io::IntoInnerError::into_error)
                .and_then(AtomicWriteFile::commit),
            Destination::Straight(mut file) => file.flush(),
        };
        finished.map_err(|error| CommandError::file("write", &self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_a_pipe_stays_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("konductor.yaml");
        let link = folder.path().join("link.yaml");
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink("konductor.yaml", &link).unwrap();
        write(&link, b"new").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        write(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
    }
}
