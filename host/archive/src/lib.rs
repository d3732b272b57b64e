//! Compressed tar archives: releases of Konductor, and bundles of policies.
//!
//! What is written depends on nothing but its content: no times, owners or permissions of the machine, no order of its
//! file system. What is read may be hostile: it goes into memory, with limits, and never onto a disk.

mod reading;

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::{Compression, GzBuilder};

pub use reading::{Limits, ReadError, inside, read};

/// Files by their paths in the archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archive {
    files: BTreeMap<String, File>,
}

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Whether it can be run.
    pub executable: bool,
}

/// Says why an archive cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A path is none, or leads out of the folder that the archive is unpacked in.
    #[error("`{}` is no path for an archive: {reason}", path.escape_debug())]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two files have one path.
    #[error("the archive has `{0}` already")]
    Taken(String),
    /// The format does not take it.
    #[error("cannot put `{path}` into the archive")]
    Refused {
        /// The file; empty for the end of the archive.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Archive {
    /// Adds a file that is read.
    ///
    /// # Errors
    /// When the path is taken, or leads out of the folder that the archive is unpacked in.
    pub fn add(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Result<(), WriteError> {
        self.put(path.into(), bytes.into(), false)
    }

    /// Adds a file that is run.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn add_executable(
        &mut self,
        path: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
    ) -> Result<(), WriteError> {
        self.put(path.into(), bytes.into(), true)
    }

    fn put(&mut self, path: String, bytes: Vec<u8>, executable: bool) -> Result<(), WriteError> {
        if let Some(reason) = reading::unusable(&path) {
            return Err(WriteError::Path { path, reason });
        }
        if self.files.contains_key(&path) {
            return Err(WriteError::Taken(path));
        }
        self.files.insert(path, File { bytes, executable });
        Ok(())
    }

    /// Writes everything as a compressed tar archive, below one top folder, or below none where it is empty. `time` is
    /// the modification time of every file, in seconds since 1970.
    ///
    /// # Errors
    /// When a path is too long for the format.
    pub fn write(&self, top: &str, time: u64) -> Result<Vec<u8>, WriteError> {
        let refused = |path: &str| {
            let path = path.to_owned();
            |source| WriteError::Refused { path, source }
        };
        // No name and no time in the gzip header either; the system is the one the builder writes by default: unknown.
        let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
        let mut tar = tar::Builder::new(gzip);
        for (path, file) in &self.files {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(tar::EntryType::Regular);
            header.set_size(file.bytes.len() as u64);
            header.set_mode(if file.executable { 0o755 } else { 0o644 });
            header.set_uid(0);
            header.set_gid(0);
            header.set_username("root").map_err(refused(path))?;
            header.set_groupname("root").map_err(refused(path))?;
            header.set_mtime(time);
            let inside = match top {
                "" => path.clone(),
                top => format!("{top}/{path}"),
            };
            tar.append_data(&mut header, inside, file.bytes.as_slice())
                .map_err(refused(path))?;
        }
        let mut gzip = tar.into_inner().map_err(refused(""))?;
        gzip.flush().map_err(refused(""))?;
        gzip.finish().map_err(refused(""))
    }
}

#[cfg(test)]
mod tests;
