//! Where a log is, whose it is, and with which keys its file is read and written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use crate::chain;
use crate::error::StateError;
use crate::keys::{self, EncryptedFile, StackKeys};
use crate::schema::{self, StackIdentity};

/// Where a log is and whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    path: PathBuf,
    identity: StackIdentity,
    keys: Arc<StackKeys>,
    encrypted: Option<Arc<EncryptedFile>>,
}

impl Place {
    pub(crate) fn new(
        path: PathBuf,
        identity: StackIdentity,
        keys: Arc<StackKeys>,
        encrypted: Option<Arc<EncryptedFile>>,
    ) -> Self {
        Self {
            path,
            identity,
            keys,
            encrypted,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn identity(&self) -> &StackIdentity {
        &self.identity
    }

    /// The hash that stands before the first entry.
    pub(crate) fn origin(&self) -> String {
        chain::origin(&self.identity.project, &self.identity.stack)
    }

    /// Returns the keys of the stack.
    pub(crate) fn keys(&self) -> &Arc<StackKeys> {
        &self.keys
    }

    /// Tells whether the rows of the file are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.encrypted.is_some()
    }

    /// Returns what stands for a name where rows are looked up by it.
    pub(crate) fn index(&self, name: String) -> String {
        match &self.encrypted {
            Some(file) => file.index(&name),
            None => name,
        }
    }

    /// Opens a connection that reads, and sees all that was committed.
    pub(crate) fn reader(&self) -> Result<Connection, StateError> {
        let connection = schema::connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        self.prepare(&connection)?;
        Ok(connection)
    }

    /// Lets a connection see an encrypted file as a plain one, and takes notice of keys that were rotated.
    pub(crate) fn prepare(&self, connection: &Connection) -> Result<(), StateError> {
        self.refresh_keys(connection)?;
        let failed = |source| StateError::database("open the log", &self.path, source);
        match &self.encrypted {
            Some(file) => {
                // So that what is missing is told, and not that a row cannot be read.
                self.keys.unlock_current()?;
                keys::install(connection, file).map_err(failed)
            }
            None => Ok(()),
        }
    }

    /// Takes notice of keys that another process stored.
    pub(crate) fn refresh_keys(&self, connection: &Connection) -> Result<(), StateError> {
        if let Some(ring) = schema::ring(connection, &self.path)? {
            self.keys.note(&ring)?;
        }
        Ok(())
    }

    /// Stores the keys with what is written under them, in the same transaction.
    pub(crate) fn keep_keys(&self, transaction: &Connection) -> Result<(), StateError> {
        let Some(newest) = self.keys.ring_to_write() else {
            return Ok(());
        };
        match schema::ring(transaction, &self.path)? {
            Some(stored) if stored.generation() >= newest.generation() => Ok(()),
            _ => schema::set_ring(transaction, &self.path, &newest),
        }
    }

    /// Encrypts the rows of a plain file, under the keys that are staged or known. The caller holds the lock.
    pub(crate) fn encrypt(&mut self, connection: &Connection) -> Result<(), StateError> {
        let failed = |source| StateError::database("encrypt the log", &self.path, source);
        let hash = schema::head(connection, &self.path)?;
        let outputs = schema::sealed_meta(connection, &self.path, schema::OUTPUTS)?;
        let index = keys::new_index(&self.keys)?;
        let file = EncryptedFile::open(&self.keys, &index)?.ok_or(StateError::SecretWithoutKey)?;
        connection
            .pragma_update(None, "secure_delete", true)
            .map_err(failed)?;
        let transaction =
            rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)
                .map_err(failed)?;
        keys::encrypt_rows(&transaction, &file).map_err(failed)?;
        self.keep_keys(&transaction)?;
        schema::set_meta(&transaction, schema::INDEX, &index).map_err(failed)?;
        schema::set_meta(&transaction, "format", &schema::ENCRYPTED.to_string()).map_err(failed)?;
        schema::set_head(&transaction, &hash).map_err(failed)?;
        if let Some(outputs) = outputs {
            schema::set_sealed_meta(&transaction, schema::OUTPUTS, &outputs).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        self.encrypted = Some(file);
        // Pages that held plain rows are written over, and so is what waited to be written.
        connection
            .execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")
            .map_err(failed)
    }
}
