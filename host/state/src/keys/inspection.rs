//! What can be said of a log without any of its keys: which keys protect it, and whether what is stored is in order.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use crate::backend::remote::{PAGE, Remote};
use crate::backend::segment;
use crate::error::StateError;
use crate::keys::{KeyRing, file};
use crate::schema;
use crate::sqlite::{OpenOptions, blocking};
use crate::verify::Problem;

/// Which keys protect a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKeys {
    /// The newest ring; none where there is no data key: secrets are sealed for recipients then.
    pub ring: Option<KeyRing>,
    /// All that is stored last is encrypted, and not secrets alone.
    pub whole: bool,
}

/// What a check without a key found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderVerified {
    /// How many rows of a file, or segments of a backend, there are.
    pub parts: u64,
    /// How many of them are encrypted and name the one before.
    pub linked: u64,
    /// The hash over the last, to be kept elsewhere and compared.
    pub head: String,
    /// What is wrong; empty when nothing is.
    pub problems: Vec<Problem>,
}

/// Returns which keys protect a log. It needs none of them.
///
/// # Errors
/// When there is no log, or it cannot be read.
pub async fn stored_keys(path: &Path, options: OpenOptions) -> Result<StoredKeys, StateError> {
    let path = path.to_owned();
    blocking(move || {
        let Some(remote) = remote(&options)? else {
            let connection = schema::open_unopened(&path)?;
            return Ok(StoredKeys {
                ring: schema::ring(&connection, &path)?,
                whole: schema::is_encrypted(&connection, &path)?,
            });
        };
        let mut from = 1;
        let mut whole = false;
        let mut found = false;
        loop {
            let stored = remote.read_stored(from, PAGE)?;
            for segment in &stored {
                found = true;
                from = segment.first + 1;
                whole = segment::is_sealed(segment);
                if let Some(ring) = segment::ring_of(segment) {
                    remote.keys.note(&ring)?;
                }
            }
            if stored.len() < PAGE {
                break;
            }
        }
        if !found {
            return Err(StateError::NotFound {
                path: remote.title.to_string().into(),
            });
        }
        Ok(StoredKeys {
            ring: remote.keys.ring(),
            whole,
        })
    })
    .await
}

/// Checks that what is stored of an encrypted log is in order, whole and unchanged, as far as that is seen without a key:
/// every part names the bytes of the one before. What is in it, and whether its end was cut off, is not seen.
///
/// # Errors
/// When there is no log, or it cannot be read.
pub async fn verify_order(path: &Path, options: OpenOptions) -> Result<OrderVerified, StateError> {
    let path = path.to_owned();
    blocking(move || match remote(&options)? {
        Some(remote) => of_backend(&remote),
        None => of_file(&schema::open_unopened(&path)?, &path),
    })
    .await
}

fn remote(options: &OpenOptions) -> Result<Option<Remote>, StateError> {
    let Some(backend) = &options.backend else {
        return Ok(None);
    };
    let stack = options.identity.clone().ok_or_else(|| StateError::NoIdentity {
        path: backend.title().into(),
    })?;
    Ok(Some(Remote {
        title: backend.title().into(),
        backend: Arc::clone(backend),
        keys: options.key_source().of(&stack),
        stack,
        times: options.times,
        seals: options.encrypted,
        moved_is_fine: true,
    }))
}

fn of_backend(remote: &Remote) -> Result<OrderVerified, StateError> {
    let mut found = OrderVerified {
        parts: 0,
        linked: 0,
        head: String::new(),
        problems: Vec::new(),
    };
    let mut from = 1;
    loop {
        let stored = remote.read_stored(from, PAGE)?;
        for segment in &stored {
            from = segment.first + 1;
            found.parts += 1;
            if let Some(before) = segment::link_of(segment) {
                found.linked += 1;
                if before != found.head {
                    found.problems.push(Problem {
                        serial: Some(segment.first),
                        what: "what stands before it is not what stood there when it was written: something was \
                               changed, removed or inserted"
                            .to_owned(),
                    });
                }
            }
            found.head = segment::link(&segment.body);
        }
        if stored.len() < PAGE {
            return Ok(found);
        }
    }
}

fn of_file(connection: &Connection, path: &Path) -> Result<OrderVerified, StateError> {
    if !schema::is_encrypted(connection, path)? {
        return Err(StateError::NotEncrypted {
            path: path.to_owned(),
        });
    }
    let failed = |source| StateError::database("read the log", path, source);
    let mut found = OrderVerified {
        parts: 0,
        linked: 0,
        head: String::new(),
        problems: Vec::new(),
    };
    let mut before: Vec<u8> = Vec::new();
    let mut statement = connection
        .prepare("SELECT serial, time, hash, body, link FROM sealed_log ORDER BY serial")
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let serial: i64 = row.get(0).map_err(failed)?;
        let mut columns: [Vec<u8>; 4] = Default::default();
        for (index, column) in columns.iter_mut().enumerate() {
            *column = row.get(index + 1).map_err(failed)?;
        }
        let [time, hash, body, link] = columns;
        found.parts += 1;
        found.linked += 1;
        let number = u64::try_from(serial).unwrap_or_default();
        let computed = file::link(&before, serial, [&time, &hash, &body]);
        if number > found.parts {
            // After a gap the link cannot fit; the gap is what is told.
            found.problems.push(Problem {
                serial: Some(found.parts),
                what: format!("missing: the next one is {number}"),
            });
            found.parts = number;
        } else if number != found.parts || computed != link {
            found.problems.push(Problem {
                serial: Some(number),
                what: "it, its place or what stands before it was changed, removed or inserted".to_owned(),
            });
            found.parts = number;
        }
        before = link;
    }
    let last = schema::stored_serial(connection, path)?;
    if last > found.parts {
        found.problems.push(Problem {
            serial: Some(found.parts + 1),
            what: format!("missing: the log ends before it and its head is entry {last}"),
        });
    } else if last != found.parts {
        found.problems.push(Problem {
            serial: None,
            what: format!(
                "the log ends with entry {}, and its head is entry {last}",
                found.parts
            ),
        });
    }
    found.head = hex::encode(before);
    Ok(found)
}
