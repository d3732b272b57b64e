//! The database file: how it is made, opened and recognised.

use std::path::Path;
use std::time::{Duration, Instant};

use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::chain;
use crate::error::StateError;
use crate::keys::{self, EncryptedFile, KeyRing, KeySource};
pub(crate) use crate::place::Place;

/// The format of a plain file.
const PLAIN: u32 = 1;
/// The format of an encrypted file, and the newest this version reads.
pub(crate) const ENCRYPTED: u32 = 2;

/// Tells our files from other SQLite files: `kond`.
const APPLICATION_ID: i32 = 0x6b6f_6e64;

const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE holder (
    only INTEGER PRIMARY KEY CHECK (only = 1), token TEXT NOT NULL, owner TEXT NOT NULL, process_started INTEGER
) STRICT;
";

const PLAIN_TABLES: &str = "
CREATE TABLE log (serial INTEGER PRIMARY KEY, time TEXT NOT NULL, hash TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE resource (urn TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE interrupted (
    operation TEXT PRIMARY KEY, serial INTEGER NOT NULL, urn TEXT NOT NULL, body TEXT NOT NULL, progress TEXT
) STRICT;
";

/// The stack a log belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackIdentity {
    /// The project.
    pub project: String,
    /// The stack.
    pub stack: String,
}

impl std::fmt::Display for StackIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.project, self.stack)
    }
}

/// The last entry as the log's own head row names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) serial: u64,
    pub(crate) hash: String,
}

/// Opens a log to be read.
pub(crate) fn open_to_read(
    path: &Path,
    expected: Option<&StackIdentity>,
    keys: &KeySource,
) -> Result<Place, StateError> {
    if !path.exists() {
        return Err(StateError::NotFound {
            path: path.to_owned(),
        });
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // Another process makes the file first and what is in it then.
    if is_empty(&connection).map_err(|source| StateError::database("open the log", path, source))? {
        return Err(StateError::NotFound {
            path: path.to_owned(),
        });
    }
    recognise(&connection, path, expected, keys)
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0)
}

/// What a file is that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileForm {
    Plain,
    /// Encrypted, with keys of its own from the beginning.
    Encrypted,
    /// Encrypted with the keys of the log that it is a copy of, which may not be stored yet.
    EncryptedCopy,
}

/// How long a process waits for another one that has the file.
const BUSY: Duration = Duration::from_secs(30);

/// Opens a log to be written, and makes it if there is none: encrypted where that is asked for and there are keys.
pub(crate) fn open_to_write(
    path: &Path,
    expected: Option<&StackIdentity>,
    keys: &KeySource,
    file: FileForm,
) -> Result<(Connection, Place), StateError> {
    make_file(path)?;
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let failed = |source| StateError::database("open the log", path, source);
    // Creating is one transaction: of two processes that start at once, the second finds what the first made.
    if is_empty(&connection).map_err(failed)? {
        let identity = expected.ok_or_else(|| StateError::NoIdentity {
            path: path.to_owned(),
        })?;
        let keys = keys.of(identity);
        if file == FileForm::Plain {
            create(&connection, identity, None).map_err(failed)?;
        } else {
            if keys.ring_to_write().is_none() {
                keys.stage()?;
            }
            keys.unlock_current()?;
            let index = keys::new_index(&keys)?;
            let ring_of_file = match file {
                FileForm::EncryptedCopy => keys.ring(),
                _ => keys.ring_to_write(),
            };
            create(&connection, identity, Some((&index, ring_of_file.as_ref()))).map_err(failed)?;
            // That of a process that was faster counts.
            if let Some(stored) = ring(&connection, path)? {
                keys.note(&stored)?;
            }
        }
    }
    let place = recognise(&connection, path, expected, keys)?;
    place.prepare(&connection)?;
    connection
        .execute_batch("PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;")
        .map_err(failed)?;
    Ok((connection, place))
}

pub(crate) fn connect(path: &Path, access: OpenFlags) -> Result<Connection, StateError> {
    let failed = |source| StateError::database("open the log", path, source);
    let connection =
        Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(32);
    keys::install_plain(&connection).map_err(failed)?;
    Ok(connection)
}

/// Turns the write-ahead log on and returns the mode there is now. SQLite waits for others with this one pragma only as
/// long as they read; of two that turn it on at once it refuses one at once, which then asks again.
fn write_ahead(connection: &Connection) -> rusqlite::Result<String> {
    let since = Instant::now();
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            Err(rusqlite::Error::SqliteFailure(error, _))
                if error.code == rusqlite::ErrorCode::DatabaseBusy && since.elapsed() < BUSY =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            answer => return answer,
        }
    }
}

fn create(
    connection: &Connection,
    identity: &StackIdentity,
    encrypted: Option<(&str, Option<&KeyRing>)>,
) -> rusqlite::Result<()> {
    let mode = write_ahead(connection)?;
    if mode != "wal" {
        // Some network file systems have no shared memory. The log is as safe without, only slower.
        tracing::warn!(mode, "the file system of the state has no write-ahead log");
    }
    let transaction =
        rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        let origin = chain::origin(&identity.project, &identity.stack);
        let format = if encrypted.is_some() { ENCRYPTED } else { PLAIN };
        for (key, value) in [
            ("format", format.to_string().as_str()),
            ("project", &identity.project),
            ("stack", &identity.stack),
            ("serial", "0"),
            // What stands before the first entry is no secret, and written without a key.
            ("hash", if encrypted.is_some() { "" } else { &origin }),
        ] {
            transaction.execute("INSERT INTO meta (key, value) VALUES (?1, ?2)", (key, value))?;
        }
        match encrypted {
            None => transaction.execute_batch(PLAIN_TABLES)?,
            Some((index, ring)) => {
                transaction.execute_batch(keys::ENCRYPTED_TABLES)?;
                set_meta(&transaction, INDEX, index)?;
                if let Some(ring) = ring {
                    set_meta(
                        &transaction,
                        KEYS,
                        &serde_json::to_string(ring).unwrap_or_default(),
                    )?;
                }
            }
        }
    }
    transaction.commit()
}

/// Checks that the file is a log, that this version reads it, and that it is the expected stack's.
fn recognise(
    connection: &Connection,
    path: &Path,
    expected: Option<&StackIdentity>,
    keys: &KeySource,
) -> Result<Place, StateError> {
    let failed = |source| StateError::database("open the log", path, source);
    let application: i32 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(failed)?;
    if application != APPLICATION_ID {
        return Err(StateError::NotALog {
            path: path.to_owned(),
        });
    }
    let format = required(connection, path, "format")?;
    let found: u32 = format
        .parse()
        .map_err(|_| StateError::damaged(path, format!("its format is `{format}`, expected a number")))?;
    if found > ENCRYPTED {
        return Err(StateError::NewerFormat {
            path: path.to_owned(),
            found,
            supported: ENCRYPTED,
        });
    }
    let identity = StackIdentity {
        project: required(connection, path, "project")?,
        stack: required(connection, path, "stack")?,
    };
    if let Some(expected) = expected
        && *expected != identity
    {
        return Err(StateError::OtherStack {
            path: path.to_owned(),
            found: identity.to_string(),
            expected: expected.to_string(),
        });
    }
    let keys = keys.of(&identity);
    if let Some(ring) = ring(connection, path)? {
        keys.note(&ring)?;
    }
    let encrypted = if found == ENCRYPTED {
        let index = required(connection, path, INDEX)?;
        let file = EncryptedFile::open(&keys, &index)?;
        Some(file.ok_or_else(|| StateError::damaged(path, format!("its `{INDEX}` was changed")))?)
    } else {
        None
    };
    Ok(Place::new(path.to_owned(), identity, keys, encrypted))
}

/// The ring of keys, in clear.
const KEYS: &str = "keys";
/// What the indexes of an encrypted file are made with, sealed.
pub(crate) const INDEX: &str = "index";
/// The outputs of the stack.
pub(crate) const OUTPUTS: &str = "outputs";

/// Reads the ring of keys that a file holds.
pub(crate) fn ring(connection: &Connection, path: &Path) -> Result<Option<KeyRing>, StateError> {
    let text = meta(connection, KEYS).map_err(|source| StateError::database("open the log", path, source))?;
    text.map(|text| {
        serde_json::from_str(&text)
            .map_err(|error| StateError::damaged(path, format!("its `{KEYS}` cannot be read: {error}")))
    })
    .transpose()
}

/// Opens a file as it is, for what needs no key.
pub(crate) fn open_unopened(path: &Path) -> Result<Connection, StateError> {
    if !path.exists() {
        return Err(StateError::NotFound {
            path: path.to_owned(),
        });
    }
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Tells whether a file is an encrypted one.
pub(crate) fn is_encrypted(connection: &Connection, path: &Path) -> Result<bool, StateError> {
    Ok(required(connection, path, "format")? == ENCRYPTED.to_string())
}

/// Returns the serial that the head row names; it is in clear.
pub(crate) fn stored_serial(connection: &Connection, path: &Path) -> Result<u64, StateError> {
    let text = required(connection, path, "serial")?;
    text.parse()
        .map_err(|_| StateError::damaged(path, format!("its head is at `{text}`, expected a number")))
}

/// Writes the ring of keys.
pub(crate) fn set_ring(connection: &Connection, path: &Path, ring: &KeyRing) -> Result<(), StateError> {
    let text = serde_json::to_string(ring).map_err(|source| StateError::Encode {
        source: Arc::new(source),
    })?;
    set_meta(connection, KEYS, &text).map_err(|source| StateError::database("write the keys", path, source))
}

/// Reads a row of `meta` that is encrypted in an encrypted file; an empty one counts as none.
pub(crate) fn sealed_meta(
    connection: &Connection,
    path: &Path,
    key: &str,
) -> Result<Option<String>, StateError> {
    let found: Option<(String, Option<String>)> = connection
        .prepare_cached(
            "SELECT value, iif(value = '', NULL, konductor_open_text('meta ' || key, value)) FROM meta WHERE key = ?1",
        )
        .and_then(|mut statement| statement.query_row([key], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .map_err(|source| StateError::database("read the log", path, source))?;
    match found {
        Some((stored, None)) if !stored.is_empty() => {
            Err(StateError::damaged(path, format!("its `{key}` was changed")))
        }
        found => Ok(found.and_then(|(_, text)| text)),
    }
}

/// Writes a row of `meta` that is encrypted in an encrypted file.
pub(crate) fn set_sealed_meta(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, konductor_seal_text('meta ' || ?1, ?2))
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute((key, value))?;
    Ok(())
}

/// Reads a row of `meta`.
pub(crate) fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Writes a row of `meta`.
pub(crate) fn set_meta(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
        )?
        .execute((key, value))?;
    Ok(())
}

fn required(connection: &Connection, path: &Path, key: &str) -> Result<String, StateError> {
    meta(connection, key)
        .map_err(|source| StateError::database("open the log", path, source))?
        .ok_or_else(|| StateError::damaged(path, format!("its `{key}` is missing")))
}

/// Reads the head row.
pub(crate) fn head(connection: &Connection, path: &Path) -> Result<Head, StateError> {
    let serial = stored_serial(connection, path)?;
    let hash = match sealed_meta(connection, path, "hash")? {
        Some(hash) => hash,
        None if serial == 0 => chain::origin(
            &required(connection, path, "project")?,
            &required(connection, path, "stack")?,
        ),
        None => return Err(StateError::damaged(path, "its `hash` is missing")),
    };
    Ok(Head { serial, hash })
}

/// Writes the head row.
pub(crate) fn set_head(connection: &Connection, head: &Head) -> rusqlite::Result<()> {
    set_meta(connection, "serial", &head.serial.to_string())?;
    set_sealed_meta(connection, "hash", &head.hash)
}

/// Where the log was moved to, if it was.
const MOVED: &str = "moved";

/// What stands in the place of where a log was moved to while a backup is written over it. An older version says that
/// the log was moved there, and leaves it alone too.
const RESTORING: &str = "konductor:restoring:";

/// Returns what says that a log is being restored from a backup.
pub(crate) fn restoring(from: &str) -> String {
    format!("{RESTORING}{from}")
}

/// Tells whether a log that is said to be elsewhere is being restored.
pub(crate) fn is_restoring(moved: &str) -> bool {
    moved.starts_with(RESTORING)
}

/// Says why a log may not be used that is said to be elsewhere.
pub(crate) fn not_here(stack: &StackIdentity, place: &str, to: String) -> StateError {
    match to.strip_prefix(RESTORING) {
        Some(from) => StateError::Restoring {
            stack: stack.to_string(),
            place: place.to_owned(),
            from: from.to_owned(),
        },
        None => StateError::Moved {
            stack: stack.to_string(),
            place: place.to_owned(),
            to,
        },
    }
}

/// Reads where the log is said to be.
pub(crate) fn moved(connection: &Connection, path: &Path) -> Result<Option<String>, StateError> {
    meta(connection, MOVED).map_err(|source| StateError::database("open the log", path, source))
}

/// Fails when the log is said to be elsewhere.
pub(crate) fn check_not_moved(connection: &Connection, place: &Place) -> Result<(), StateError> {
    match moved(connection, place.path())? {
        Some(to) => Err(not_here(
            place.identity(),
            &place.path().display().to_string(),
            to,
        )),
        None => Ok(()),
    }
}

/// Says where the log was moved to, or that it is here.
pub(crate) fn set_moved(connection: &Connection, path: &Path, to: Option<&str>) -> Result<(), StateError> {
    let written = match to {
        Some(to) => set_meta(connection, MOVED, to),
        None => connection
            .execute("DELETE FROM meta WHERE key = ?1", [MOVED])
            .map(drop),
    };
    written.map_err(|source| StateError::database("say where the log is", path, source))
}

/// Removes a file that can be had again, with what SQLite keeps beside it.
pub(crate) fn remove(path: &Path) -> Result<(), StateError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StateError::file("remove", Path::new(&name), error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes the folder, open to its owner alone, and the file, so that SQLite never makes them with wider permissions.
fn make_file(path: &Path) -> Result<(), StateError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(folder)
            .map_err(|source| StateError::file("make the folder", folder, source))?;
    }
    open_private(path).map_err(|source| StateError::file("open", path, source))?;
    Ok(())
}

/// Opens or makes a file that its owner alone may read and write, and takes wider permissions away.
pub(crate) fn open_private(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mut permissions = file.metadata()?.permissions();
        if permissions.mode() & 0o077 != 0 {
            permissions.set_mode(0o600);
            file.set_permissions(permissions)?;
        }
    }
    Ok(file)
}
