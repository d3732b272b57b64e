//! A file whose rows are encrypted.
//!
//! The tables of an encrypted file have other names and hold sealed bytes. Every connection gets temporary views with
//! the names that a plain file's tables have, so that all that reads and writes a log does so in one way. What stands in
//! an index is a keyed hash. Beside its entries the file keeps a chain over the sealed bytes, which needs no key.

use std::sync::Arc;

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::StateError;
use crate::keys::StackKeys;

/// The tables of an encrypted file.
pub(crate) const TABLES: &str = "
CREATE TABLE sealed_log (
    serial INTEGER PRIMARY KEY, time BLOB NOT NULL, hash BLOB NOT NULL, body BLOB NOT NULL, link BLOB NOT NULL
) STRICT;
CREATE TABLE sealed_resource (urn TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE sealed_interrupted (
    operation TEXT PRIMARY KEY, serial INTEGER NOT NULL, urn TEXT NOT NULL, body BLOB NOT NULL, progress BLOB
) STRICT;
";

/// What a connection sees instead.
const VIEWS: &str = "
PRAGMA temp_store = MEMORY;
CREATE TEMP VIEW log AS SELECT serial,
    konductor_open('time ' || serial, time) AS time, konductor_open('hash ' || serial, hash) AS hash,
    konductor_open('body ' || serial, body) AS body FROM main.sealed_log;
CREATE TEMP TRIGGER log_insert INSTEAD OF INSERT ON log BEGIN
    INSERT INTO sealed_log (serial, time, hash, body, link) VALUES (new.serial,
        konductor_seal('time ' || new.serial, new.time), konductor_seal('hash ' || new.serial, new.hash),
        konductor_seal('body ' || new.serial, new.body), x'');
    UPDATE sealed_log SET link = konductor_link(
        coalesce((SELECT before.link FROM sealed_log AS before WHERE before.serial = new.serial - 1), x''),
        serial, time, hash, body) WHERE serial = new.serial;
END;
CREATE TEMP TRIGGER log_delete INSTEAD OF DELETE ON log BEGIN
    DELETE FROM sealed_log WHERE serial = old.serial;
END;
CREATE TEMP VIEW resource AS SELECT urn, konductor_open('resource ' || urn, body) AS body FROM main.sealed_resource;
CREATE TEMP TRIGGER resource_insert INSTEAD OF INSERT ON resource BEGIN
    INSERT OR REPLACE INTO sealed_resource (urn, body)
        VALUES (new.urn, konductor_seal('resource ' || new.urn, new.body));
END;
CREATE TEMP TRIGGER resource_update INSTEAD OF UPDATE ON resource BEGIN
    UPDATE sealed_resource SET urn = new.urn, body = konductor_seal('resource ' || new.urn, new.body)
        WHERE urn = old.urn;
END;
CREATE TEMP TRIGGER resource_delete INSTEAD OF DELETE ON resource BEGIN
    DELETE FROM sealed_resource WHERE urn = old.urn;
END;
CREATE TEMP VIEW interrupted AS SELECT operation, serial, urn, konductor_open('begin ' || operation, body) AS body,
    konductor_open('progress ' || operation, progress) AS progress FROM main.sealed_interrupted;
CREATE TEMP TRIGGER interrupted_insert INSTEAD OF INSERT ON interrupted BEGIN
    INSERT INTO sealed_interrupted (operation, serial, urn, body, progress) VALUES (new.operation, new.serial, new.urn,
        konductor_seal('begin ' || new.operation, new.body),
        konductor_seal('progress ' || new.operation, new.progress));
END;
CREATE TEMP TRIGGER interrupted_update INSTEAD OF UPDATE ON interrupted BEGIN
    UPDATE sealed_interrupted SET urn = new.urn, body = konductor_seal('begin ' || new.operation, new.body),
        progress = konductor_seal('progress ' || new.operation, new.progress) WHERE operation = old.operation;
END;
CREATE TEMP TRIGGER interrupted_delete INSTEAD OF DELETE ON interrupted BEGIN
    DELETE FROM sealed_interrupted WHERE operation = old.operation;
END;
";

/// The length of a data key's name before what it sealed, in bytes.
const NAME: usize = 8;

/// What encrypts the rows of one file.
pub(crate) struct EncryptedFile {
    keys: Arc<StackKeys>,
    index: hmac::Key,
}

impl std::fmt::Debug for EncryptedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncryptedFile")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// What an index of a new file is made with, sealed under the current data key, as it is stored.
pub(crate) fn new_index(keys: &Arc<StackKeys>) -> Result<String, StateError> {
    let mut bytes = Zeroizing::new([0; 32]);
    let made = rand::fill(&mut *bytes).ok();
    let sealed = made.and_then(|()| seal_bytes(keys, "index", &*bytes));
    sealed
        .map(|sealed| STANDARD.encode(sealed))
        .ok_or(StateError::SecretWithoutKey)
}

impl EncryptedFile {
    /// Opens what the index of a file is made with; none when it was changed.
    pub(crate) fn open(keys: &Arc<StackKeys>, index: &str) -> Result<Option<Arc<Self>>, StateError> {
        let Ok(sealed) = STANDARD.decode(index) else {
            return Ok(None);
        };
        // Of a key that leads nowhere: the file of a process that lost the race to make the first keys of a stack.
        let name = sealed.get(..NAME).map(hex::encode).unwrap_or_default();
        if !keys.stands(&name) {
            return Ok(None);
        }
        let opened = open_bytes(keys, "index", &sealed)?;
        Ok(opened.map(|bytes| {
            Arc::new(Self {
                keys: Arc::clone(keys),
                index: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
            })
        }))
    }

    /// Returns what stands in an index instead of a name.
    pub(crate) fn index(&self, name: &str) -> String {
        hex::encode(hmac::sign(&self.index, name.as_bytes()))
    }
}

fn seal_bytes(keys: &StackKeys, place: &str, plain: &[u8]) -> Option<Vec<u8>> {
    let key = match keys.current() {
        Some(key) => key,
        // Rotated by another process meanwhile. Only the writer's own thread writes, and that may wait.
        None => keys.key(keys.ring_to_write()?.current()).ok()?,
    };
    let mut sealed = hex::decode(key.name()).ok()?;
    sealed.append(&mut key.seal(place.as_bytes(), plain).ok()?);
    Some(sealed)
}

/// Opens what was sealed for a place; none when it was changed or moved.
fn open_bytes(
    keys: &StackKeys,
    place: &str,
    sealed: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, StateError> {
    let Some((name, sealed)) = sealed.split_at_checked(NAME) else {
        return Ok(None);
    };
    let key = keys.key(&hex::encode(name))?;
    Ok(key.open(place.as_bytes(), sealed).ok())
}

/// Returns the link of a row of the log over its sealed bytes.
pub(crate) fn link(before: &[u8], serial: i64, columns: [&[u8]; 3]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hasher.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(bytes);
    };
    field(before);
    field(&serial.to_be_bytes());
    columns.into_iter().for_each(field);
    hasher.finalize().to_vec()
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::UserFunctionError(Box::new(error))
}

/// Gives a connection to a plain file what its statements share with those of an encrypted one.
pub(crate) fn install_plain(connection: &Connection) -> rusqlite::Result<()> {
    let same = |context: &Context<'_>| context.get::<Option<String>>(1);
    connection.create_scalar_function("konductor_seal_text", 2, FunctionFlags::SQLITE_UTF8, same)?;
    connection.create_scalar_function("konductor_open_text", 2, FunctionFlags::SQLITE_UTF8, same)
}

/// Gives a connection to an encrypted file the views of a plain one.
pub(crate) fn install(connection: &Connection, file: &Arc<EncryptedFile>) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8;
    let keys = Arc::clone(&file.keys);
    let seal = move |context: &Context<'_>| {
        let place: String = context.get(0)?;
        let plain = match context.get_raw(1) {
            ValueRef::Null => return Ok(None),
            ValueRef::Text(plain) | ValueRef::Blob(plain) => plain,
            _ => return Err(failed(StateError::SecretWithoutKey)),
        };
        seal_bytes(&keys, &place, plain)
            .map(Some)
            .ok_or_else(|| failed(StateError::SecretWithoutKey))
    };
    connection.create_scalar_function("konductor_seal", 2, flags, seal)?;
    let keys = Arc::clone(&file.keys);
    // What was changed reads as nothing, so that whoever looks for damage goes on and names the row.
    let open = move |context: &Context<'_>| {
        let place: String = context.get(0)?;
        let ValueRef::Blob(sealed) = context.get_raw(1) else {
            return Ok(None);
        };
        let plain = open_bytes(&keys, &place, sealed).map_err(failed)?;
        Ok(plain.and_then(|plain| String::from_utf8(plain.to_vec()).ok()))
    };
    connection.create_scalar_function("konductor_open", 2, flags, open)?;
    let keys = Arc::clone(&file.keys);
    let seal_text = move |context: &Context<'_>| {
        let (place, plain): (String, String) = (context.get(0)?, context.get(1)?);
        seal_bytes(&keys, &place, plain.as_bytes())
            .map(|sealed| STANDARD.encode(sealed))
            .ok_or_else(|| failed(StateError::SecretWithoutKey))
    };
    connection.create_scalar_function("konductor_seal_text", 2, flags, seal_text)?;
    let keys = Arc::clone(&file.keys);
    let open_text = move |context: &Context<'_>| {
        let (place, text): (String, String) = (context.get(0)?, context.get(1)?);
        let Ok(sealed) = STANDARD.decode(text) else {
            return Ok(None);
        };
        let plain = open_bytes(&keys, &place, &sealed).map_err(failed)?;
        Ok(plain.and_then(|plain| String::from_utf8(plain.to_vec()).ok()))
    };
    connection.create_scalar_function("konductor_open_text", 2, flags, open_text)?;
    let link_of = |context: &Context<'_>| {
        let bytes = |index| context.get_raw(index).as_blob().map_err(failed);
        Ok(link(
            bytes(0)?,
            context.get(1)?,
            [bytes(2)?, bytes(3)?, bytes(4)?],
        ))
    };
    connection.create_scalar_function("konductor_link", 5, flags, link_of)?;
    connection.execute_batch(VIEWS)
}

/// Encrypts a plain file in place: its rows are written anew, sealed, in one transaction of the caller, and the plain
/// ones are gone with it. The views are there afterwards.
pub(crate) fn encrypt_rows(connection: &Connection, file: &Arc<EncryptedFile>) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    install(connection, file)?;
    connection.execute_batch(
        "INSERT INTO temp.log (serial, time, hash, body) SELECT serial, time, hash, body FROM main.log ORDER BY serial;",
    )?;
    let rows = |sql: &str| -> rusqlite::Result<Vec<(String, String)>> {
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    for (urn, body) in rows("SELECT urn, body FROM main.resource")? {
        connection
            .prepare_cached("INSERT INTO temp.resource (urn, body) VALUES (?1, ?2)")?
            .execute((file.index(&urn), body))?;
    }
    for (operation, urn) in rows("SELECT operation, urn FROM main.interrupted")? {
        connection
            .prepare_cached(
                "INSERT INTO temp.interrupted (operation, serial, urn, body, progress)
                 SELECT ?2, serial, ?3, body, progress FROM main.interrupted WHERE operation = ?1",
            )?
            .execute((&operation, file.index(&operation), file.index(&urn)))?;
    }
    connection.execute_batch("DROP TABLE main.log; DROP TABLE main.resource; DROP TABLE main.interrupted;")
}
