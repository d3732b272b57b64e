//! Files that are there whole or not at all.

use std::io::Write as _;
use std::path::Path;

use atomic_write_file::AtomicWriteFile;

use crate::error::CommandError;

/// Writes a file beside its place and moves it there, so that a crash, or a run that reads it meanwhile, sees the old
/// file or the new one. A link stays a link to the file; what is no file, as `/dev/stdout`, is written to.
///
/// # Errors
/// When it cannot be written; what was there before is there still.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let written = if target.metadata().is_ok_and(|found| !found.is_file()) {
        std::fs::write(path, bytes)
    } else {
        AtomicWriteFile::open(&target).and_then(|mut file| {
            file.write_all(bytes)?;
            file.commit()
        })
    };
    written.map_err(|error| CommandError::file("write", path, error))
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
