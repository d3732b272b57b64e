//! A new data key for a stack, wrapped for the keys that the project names now.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::error::StateError;
use crate::journal::Journal as _;
use crate::keys::provider::KeyName;
use crate::sqlite::{StackLog, blocking};
use crate::writer::Request;

/// The stack got a new data key. What was encrypted before stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysRotated {
    /// The name of the data key that encrypts from this entry on.
    pub key: String,
    /// How many data keys the stack had with it.
    pub generation: u64,
    /// What opens it.
    pub wrapped_for: Vec<KeyName>,
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationMade {
    /// The new key.
    pub rotated: KeysRotated,
    /// The file was plain before and is encrypted now. The log has to be opened anew.
    pub file_encrypted: bool,
}

impl StackLog {
    /// Makes a new data key, wraps it for what the project names, seals the older ones under it, and appends what tells
    /// of it: what is written from there on is encrypted with it. Nothing that was written is changed, but a plain file
    /// is encrypted where that is asked for. The caller holds the lock.
    ///
    /// # Errors
    /// When a key of the stack cannot be opened or wrapped, or the log cannot be written; all is as it was then.
    pub async fn rotate_keys(
        &self,
        encrypt_file: bool,
        record: impl FnOnce(Entry) -> Vec<Entry>,
    ) -> Result<RotationMade, StateError> {
        let writer = self.writer()?;
        let keys = Arc::clone(self.keys());
        let staging = Arc::clone(&keys);
        let ring = blocking(move || staging.stage()).await?;
        let rotated = KeysRotated {
            key: ring.current().to_owned(),
            generation: ring.generation(),
            wrapped_for: ring.wrapped_for().cloned().collect(),
        };
        let appended = self.append(record(Entry::KeysRotated(rotated.clone()))).await;
        let stored = keys.ring().is_some_and(|stored| stored.current() == rotated.key);
        if let Err(error) = appended {
            keys.unstage();
            return Err(error);
        }
        if !stored {
            return Err(StateError::KeysRotated {
                stack: self.identity().to_string(),
            });
        }
        let file_encrypted = encrypt_file && self.remote().is_none() && !self.is_encrypted();
        if file_encrypted {
            writer.ask(Request::Encrypt).await?;
        }
        Ok(RotationMade {
            rotated,
            file_encrypted,
        })
    }
}
