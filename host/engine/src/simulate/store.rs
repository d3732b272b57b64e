//! The simulated cloud's contents in a file: one line for every effect, so that a process that is killed leaves
//! what it had made, as a real cloud does.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::simulate::cloud::SimulatedObject;

/// Why the contents could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file could not be read or written.
    #[error("could not use {} as the simulated cloud: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not what was written.
    #[error("{}, line {line}, is no part of a simulated cloud: {source}; remove the file to start with an empty one", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

/// One effect.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Effect {
    /// An object was made or changed.
    Put(SimulatedObject),
    /// An object was deleted.
    Remove {
        /// Its type.
        resource_type: String,
        /// Its identifier.
        id: String,
    },
}

/// A file that effects are appended to.
#[derive(Debug)]
pub(crate) struct Store {
    file: File,
}

impl Store {
    /// Reads the effects in a file and opens it for more. A last line that was cut off by a kill is dropped.
    pub(crate) fn open(path: &Path, mut replay: impl FnMut(Effect)) -> Result<Self, StoreError> {
        let failed = |source| StoreError::File {
            path: path.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(failed)?;
        let mut reader = BufReader::new(&file);
        let mut text = String::new();
        let mut whole = 0_u64;
        let mut line = 0;
        loop {
            text.clear();
            let read = reader.read_line(&mut text).map_err(failed)?;
            if read == 0 || !text.ends_with('\n') {
                break;
            }
            line += 1;
            whole += read as u64;
            let effect = serde_json::from_str(&text).map_err(|source| StoreError::Line {
                path: path.to_owned(),
                line,
                source,
            })?;
            replay(effect);
        }
        drop(reader);
        file.set_len(whole).map_err(failed)?;
        Ok(Self { file })
    }

    /// Appends an effect. It outlives the process, not a power cut.
    pub(crate) fn append(&mut self, effect: &Effect) -> io::Result<()> {
        let mut line = serde_json::to_vec(effect)?;
        line.push(b'\n');
        self.file.write_all(&line)
    }
}
