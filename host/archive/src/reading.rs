//! Reads archives that others made.

use std::collections::BTreeMap;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tar::EntryType;

use crate::File;

/// How long the path of a file may be, in bytes.
const PATH_LIMIT: usize = 512;

/// How much an archive may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes may come out of it altogether, what tells the files apart included.
    pub bytes: u64,
    /// How many entries it may have, folders included.
    pub entries: usize,
}

/// Says why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is no compressed tar archive, or it ends too early.
    #[error("it is not a whole tar archive compressed with gzip: {source}")]
    Malformed {
        /// What is wrong.
        source: io::Error,
    },
    /// More comes out of it than may.
    #[error("more than {limit} bytes come out of it")]
    TooLarge {
        /// How many may.
        limit: u64,
    },
    /// It has more entries than it may have.
    #[error("it has more than {limit} entries")]
    TooMany {
        /// How many it may have.
        limit: usize,
    },
    /// The path of an entry is none.
    #[error("its entry `{}` cannot be read: {reason}", path.escape_debug())]
    Path {
        /// The path, cut short.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An entry is neither a file nor a folder.
    #[error("its entry `{}` is neither a file nor a folder: an archive that is read has no links or devices", path.escape_debug())]
    Kind {
        /// The path, cut short.
        path: String,
    },
    /// Two files have one path.
    #[error("it has `{0}` twice")]
    Duplicate(String),
    /// Something stands behind its end.
    #[error("something stands behind its end")]
    Trailing,
}

/// Reads the files of a compressed tar archive, by their paths. A path may begin with `/` or `./`, as some tools write
/// them: it is below the top of the archive all the same. Folders are passed over.
///
/// # Errors
/// When it is none, holds more than `limits`, or has anything in it but files and folders with paths that stay in it.
pub fn read(bytes: &[u8], limits: Limits) -> Result<BTreeMap<String, File>, ReadError> {
    let bounded = Bounded {
        inner: MultiGzDecoder::new(bytes),
        left: limits.bytes,
        exceeded: false,
    };
    let mut archive = tar::Archive::new(bounded);
    let files = files(&mut archive, limits);
    let mut rest = archive.into_inner();
    // What was too much comes out of the library as an error of reading like any other.
    let too_large = ReadError::TooLarge { limit: limits.bytes };
    let files = match files {
        Err(ReadError::Malformed { .. }) if rest.exceeded => return Err(too_large),
        files => files?,
    };
    // The end of the compressed stream has a checksum, which is compared when it is read.
    let mut block = [0; 4096];
    loop {
        match rest.read(&mut block) {
            Ok(0) => return Ok(files),
            Ok(count) if block.iter().take(count).all(|byte| *byte == 0) => {}
            Ok(_) => return Err(ReadError::Trailing),
            Err(_) if rest.exceeded => return Err(too_large),
            Err(source) => return Err(ReadError::Malformed { source }),
        }
    }
}

fn files<R: Read>(
    archive: &mut tar::Archive<R>,
    limits: Limits,
) -> Result<BTreeMap<String, File>, ReadError> {
    let malformed = |source| ReadError::Malformed { source };
    let mut files = BTreeMap::new();
    for (index, entry) in archive.entries().map_err(malformed)?.enumerate() {
        let mut entry = entry.map_err(malformed)?;
        if index >= limits.entries {
            return Err(ReadError::TooMany {
                limit: limits.entries,
            });
        }
        let written = entry.path_bytes().into_owned();
        let kind = entry.header().entry_type();
        // What is said about the whole archive is not a file of it.
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let path = below(&written, kind == EntryType::Directory)?;
        match kind {
            EntryType::Directory => continue,
            EntryType::Regular => {}
            _ => return Err(ReadError::Kind { path }),
        }
        let executable = entry.header().mode().map_err(malformed)? & 0o111 != 0;
        let size = entry.size();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(malformed)?;
        if bytes.len() as u64 != size {
            return Err(malformed(io::ErrorKind::UnexpectedEof.into()));
        }
        if files.insert(path.clone(), File { bytes, executable }).is_some() {
            return Err(ReadError::Duplicate(path));
        }
    }
    Ok(files)
}

/// Returns the path of a file below the top of what it was put into, as [`read`] does for a file in an archive.
///
/// # Errors
/// When it would leave it, or is no path.
pub fn inside(written: &str) -> Result<String, ReadError> {
    below(written.as_bytes(), false)
}

/// Returns the path of an entry below the top of the archive; for a folder it may be the top itself.
fn below(written: &[u8], is_folder: bool) -> Result<String, ReadError> {
    let shown = || String::from_utf8_lossy(written).chars().take(128).collect();
    let refused = |reason| ReadError::Path {
        path: shown(),
        reason,
    };
    let text = std::str::from_utf8(written).map_err(|_| refused("it is not UTF-8"))?;
    let path = text
        .strip_prefix('.')
        .filter(|rest| rest.starts_with('/') || rest.is_empty());
    let path = path.unwrap_or(text);
    let path = path.strip_prefix('/').unwrap_or(path);
    if is_folder {
        let path = path.strip_suffix('/').unwrap_or(path);
        if path.is_empty() {
            return Ok(String::new());
        }
        return unusable(path).map_or(Ok(path.to_owned()), |reason| Err(refused(reason)));
    }
    unusable(path).map_or(Ok(path.to_owned()), |reason| Err(refused(reason)))
}

/// Says why a path is none in an archive.
pub(crate) fn unusable(path: &str) -> Option<&'static str> {
    if path.len() > PATH_LIMIT {
        return Some("it is too long");
    }
    if path.chars().any(|c| c.is_control() || c == '\\') {
        return Some("it has control characters or a backslash");
    }
    let leads_out = path.split('/').any(|part| matches!(part, "" | "." | ".."));
    leads_out.then_some("it has parts that are empty, `.` or `..`")
}

/// Reads no more than it may.
struct Bounded<R> {
    inner: R,
    left: u64,
    exceeded: bool,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => {
                self.left = left;
                Ok(count)
            }
            None => {
                self.exceeded = true;
                Err(io::Error::other("more comes out of it than may"))
            }
        }
    }
}
