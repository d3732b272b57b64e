//! The file: one version, one way of writing it, limits, and errors that name the place.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::draws::Draws;
use crate::interaction::Interaction;

/// The version of the format that is written and read.
pub const FORMAT: u32 = 1;

/// The largest file, in bytes, that is written and read.
pub const LARGEST_FILE: usize = 64 * 1024 * 1024;

/// The most requests of a recording.
pub const MOST_INTERACTIONS: usize = 20_000;

const AGAIN: &str = "take it from version control again, or record anew";

/// Everything a plugin sent in one run and what it was answered, in order. It holds no credential and no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    #[serde(rename = "konductor-recording")]
    format: Format,
    /// The plugin's name.
    pub plugin: String,
    /// What was drawn at random.
    pub draws: Draws,
    /// The requests, in the order in which they were sent.
    pub interactions: Vec<Interaction>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Format;

/// Why a recording cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It cannot be read.
    #[error("{} cannot be read: {source}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It cannot be written.
    #[error("{} cannot be written: {source}; nothing was changed", .file.display())]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not of this form.
    #[error("{}:{line}:{column}: {problem}; {AGAIN}", .file.display())]
    Form {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// It is larger than the limit.
    #[error("{}: a recording has at most {limit}; check fewer objects at once", .file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The limit, with its unit.
        limit: String,
    },
}

impl Recording {
    /// Makes a recording of a plugin's requests.
    pub fn new(plugin: impl Into<String>, draws: Draws, interactions: Vec<Interaction>) -> Self {
        Self {
            format: Format,
            plugin: plugin.into(),
            draws,
            interactions,
        }
    }

    /// Reads what is in a file; the path is for messages.
    ///
    /// # Errors
    /// When it is too large, or at the first place that is not of this form.
    pub fn parse(file: &Path, bytes: &[u8]) -> Result<Self, RecordingError> {
        if bytes.len() > LARGEST_FILE {
            return Err(too_large(file, format!("{LARGEST_FILE} bytes")));
        }
        let recording: Self = serde_json::from_slice(bytes).map_err(|error| {
            let text = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            RecordingError::Form {
                file: file.to_owned(),
                line: error.line().max(1),
                column: error.column().max(1),
                problem: text.strip_suffix(&place).unwrap_or(&text).to_owned(),
            }
        })?;
        recording.within_limits(file)?;
        Ok(recording)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, and those of [`Recording::parse`].
    pub fn read(file: &Path) -> Result<Self, RecordingError> {
        let unreadable = |source| RecordingError::Unreadable {
            file: file.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        std::fs::File::open(file)
            .map_err(unreadable)?
            // One more than is taken, so that too much is seen and not cut off.
            .take(LARGEST_FILE as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        Self::parse(file, &bytes)
    }

    /// Returns the file's text; the path is for messages.
    ///
    /// # Errors
    /// When it is larger than what is read again.
    pub fn to_text(&self, file: &Path) -> Result<String, RecordingError> {
        self.within_limits(file)?;
        // Nothing in it has a key that is no text, so that it cannot fail for another reason than memory.
        let mut text = serde_json::to_string_pretty(self).map_err(|error| RecordingError::Unwritable {
            file: file.to_owned(),
            source: error.into(),
        })?;
        text.push('\n');
        if text.len() > LARGEST_FILE {
            return Err(too_large(file, format!("{LARGEST_FILE} bytes")));
        }
        Ok(text)
    }

    /// Writes a file, whole or not at all: what was there before stays until then.
    ///
    /// # Errors
    /// When it cannot be written, and those of [`Recording::to_text`].
    pub fn write(&self, file: &Path) -> Result<(), RecordingError> {
        let text = self.to_text(file)?;
        let unwritable = |source| RecordingError::Unwritable {
            file: file.to_owned(),
            source,
        };
        let mut whole = AtomicWriteFile::open(file).map_err(unwritable)?;
        whole.write_all(text.as_bytes()).map_err(unwritable)?;
        whole.commit().map_err(unwritable)
    }

    fn within_limits(&self, file: &Path) -> Result<(), RecordingError> {
        if self.interactions.len() > MOST_INTERACTIONS {
            return Err(too_large(file, format!("{MOST_INTERACTIONS} requests")));
        }
        Ok(())
    }
}

fn too_large(file: &Path, limit: String) -> RecordingError {
    RecordingError::TooLarge {
        file: file.to_owned(),
        limit,
    }
}

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(FORMAT)
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            FORMAT => Ok(Self),
            other => Err(de::Error::custom(format!(
                "the recording has version {other} of the format, and this version of Konductor reads {FORMAT}"
            ))),
        }
    }
}
