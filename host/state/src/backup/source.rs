//! Where a backup comes from: the segments of a backend as they are, or the entries of a file.

use std::path::PathBuf;
use std::sync::Arc;

use crate::backend::remote::{PAGE, asked};
use crate::backend::segment::{self, Decoded, StoredEntry, stored_entries};
use crate::backend::{Backend, BackendError, Segment, StoredSegment};
use crate::error::StateError;
use crate::keys::StackKeys;
use crate::schema::{self, Head, StackIdentity};
use crate::sqlite::{OpenOptions, StackLog};

/// At most so many entries of a file are one segment.
const ENTRIES: usize = 512;

/// From so many bytes on a segment gets no more entries.
const BYTES: usize = 1024 * 1024;

/// How far back a segment is looked for first that holds an entry in its middle.
const LOOK_BACK: u64 = 2_048;

/// Where a log is that is backed up.
#[derive(Debug, Clone)]
pub enum BackupSource {
    /// In a file.
    File(PathBuf),
    /// In a backend. Its segments are copied as they are, so no key is needed.
    Backend(Arc<dyn Backend>),
}

impl BackupSource {
    /// Returns the backend as it may be shown; none where it is a file.
    pub fn title(&self) -> Option<&str> {
        match self {
            Self::File(_) => None,
            Self::Backend(backend) => Some(backend.title()),
        }
    }
}

/// A segment on its way into a backup.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) stored: StoredSegment,
    /// What is in it; none where no key opens it.
    pub(crate) decoded: Option<Decoded>,
}

/// What copying goes on from.
#[derive(Debug, Clone)]
pub(crate) enum From {
    Nothing,
    /// The last segment of the backup.
    After(StoredSegment),
}

/// Reads the segments of one log in order and checks that each continues the one before.
pub(crate) struct Reader {
    place: Arc<str>,
    stack: StackIdentity,
    keys: Arc<StackKeys>,
    /// Segments made of a file's entries are encrypted.
    encrypt: bool,
    kind: Kind,
    /// The last entry that was read; none where it could not be opened.
    head: Option<Head>,
    /// What of a segment is not in the backup yet, where its other entries are.
    remainder: Option<Raw>,
}

enum Kind {
    File { log: StackLog, next: u64 },
    Backend { backend: Arc<dyn Backend>, from: u64 },
}

impl Reader {
    /// Opens the source where a backup ends.
    ///
    /// # Errors
    /// When it cannot be read, was moved or is being restored, or is not what the backup is a beginning of.
    pub(crate) async fn open(
        source: &BackupSource,
        stack: &StackIdentity,
        keys: Arc<StackKeys>,
        encrypt: bool,
        from: From,
        backup: &str,
    ) -> Result<Self, StateError> {
        let (place, kind): (Arc<str>, Kind) = match source {
            BackupSource::File(path) => {
                let options = OpenOptions::of_stack(&stack.project, &stack.stack)
                    .keys(Arc::clone(&keys))
                    .read_only();
                let log = StackLog::open(path, options).await?;
                (log.title().into(), Kind::File { log, next: 1 })
            }
            BackupSource::Backend(backend) => {
                let place: Arc<str> = backend.title().into();
                check_in_use(backend, stack).await?;
                let backend = Arc::clone(backend);
                (place, Kind::Backend { backend, from: 1 })
            }
        };
        let mut reader = Self {
            place,
            stack: stack.clone(),
            keys,
            encrypt,
            kind,
            head: Some(Head {
                serial: 0,
                hash: super::part::origin(stack),
            }),
            remainder: None,
        };
        if let From::After(last) = from {
            reader.go_on_after(last, backup).await?;
        }
        Ok(reader)
    }

    /// Returns the next segments; none when there are no more.
    pub(crate) async fn next(&mut self) -> Result<Vec<Raw>, StateError> {
        if let Some(remainder) = self.remainder.take() {
            self.follow(&remainder)?;
            return Ok(vec![remainder]);
        }
        let read = match &mut self.kind {
            Kind::File { log, next } => {
                let from = *next;
                let mut entries = log
                    .read(move |connection, place| stored_entries(connection, place.path(), from, ENTRIES))
                    .await?;
                entries.truncate(enough(&entries));
                *next = entries.last().map_or(from, |entry| entry.serial + 1);
                self.of_entries(entries)?.into_iter().collect()
            }
            Kind::Backend { backend, from } => {
                let (backend, first) = (Arc::clone(backend), *from);
                let stored = read(&backend, &self.stack, first).await?;
                if let Some(last) = stored.last() {
                    *from = last.first + 1;
                }
                self.raw(stored)?
            }
        };
        for raw in &read {
            self.follow(raw)?;
        }
        Ok(read)
    }

    /// Checks that a segment continues what was read.
    fn follow(&mut self, raw: &Raw) -> Result<(), StateError> {
        let Some(decoded) = &raw.decoded else {
            self.head = None;
            return Ok(());
        };
        if let Some(head) = &self.head
            && (decoded.first != head.serial + 1 || decoded.previous != head.hash)
        {
            return Err(self.damaged(format!(
                "its entries from {} do not continue entry {}",
                decoded.first, head.serial
            )));
        }
        self.head = head_of(decoded);
        Ok(())
    }

    /// Makes a segment of entries of a file, which were checked when they got there and are checked again here.
    fn of_entries(&self, entries: Vec<StoredEntry>) -> Result<Option<Raw>, StateError> {
        let (Some(head), false) = (&self.head, entries.is_empty()) else {
            return Ok(None);
        };
        self.segment(head, &entries, self.encrypt).map(Some)
    }

    /// Makes a segment of entries that follow one.
    fn segment(&self, before: &Head, entries: &[StoredEntry], encrypt: bool) -> Result<Raw, StateError> {
        let ring = self.keys.ring_to_write().filter(|_| !encrypt);
        let plain = segment::encode(&self.stack, before, entries, ring)?;
        let decoded = segment::decode(&self.place, &self.stack, &stored(&plain))?;
        let made = if encrypt {
            // The parts of a backup are chained by themselves.
            segment::seal(plain, &self.keys, "")?
        } else {
            plain
        };
        Ok(Raw {
            stored: stored(&made),
            decoded: Some(decoded),
        })
    }

    fn raw(&self, stored: Vec<StoredSegment>) -> Result<Vec<Raw>, StateError> {
        stored
            .into_iter()
            .map(|stored| {
                let decoded = self.opened(&stored)?;
                Ok(Raw { stored, decoded })
            })
            .collect()
    }

    /// Opens and checks a segment; none where no key opens it.
    fn opened(&self, stored: &StoredSegment) -> Result<Option<Decoded>, StateError> {
        opened(&self.place, &self.stack, stored, &self.keys)
    }

    fn damaged(&self, what: String) -> StateError {
        StateError::Backend(BackendError::Damaged {
            place: Arc::clone(&self.place),
            what: format!("the log of {}: {what}", self.stack),
        })
    }

    /// Finds the end of the backup in the source, and goes on behind it.
    async fn go_on_after(&mut self, last: StoredSegment, backup: &str) -> Result<(), StateError> {
        let end = opened(&backup.into(), &self.stack, &last, &self.keys)?;
        if let Kind::Backend { backend, from } = &mut self.kind {
            let there = read_some(backend, &self.stack, last.first, 1).await?;
            // The very same segment: what is in it need not be known.
            if there.first() == Some(&last) {
                *from = last.first + 1;
                self.head = end.as_ref().and_then(head_of);
                return Ok(());
            }
        }
        let end = end.as_ref().and_then(head_of).ok_or_else(|| StateError::SecretUnreadable {
            place: format!(
                "the end of the backup at {backup}, which is needed because the state is kept in another form now,"
            ),
        })?;
        let found = match &mut self.kind {
            Kind::File { log, next } => {
                *next = end.serial + 1;
                log.hash_of(end.serial).await?
            }
            Kind::Backend { .. } => self.find(&end).await?,
        };
        match found {
            None => Err(StateError::BackupAhead {
                backup: backup.to_owned(),
                place: self.place.to_string(),
                stack: self.stack.to_string(),
                entry: end.serial,
            }),
            Some(hash) if hash != end.hash => Err(StateError::BackupOfOtherLog {
                backup: backup.to_owned(),
                place: self.place.to_string(),
                stack: self.stack.to_string(),
                entry: end.serial,
            }),
            Some(_) => {
                self.head = Some(end);
                Ok(())
            }
        }
    }

    /// Looks for an entry in a backend whose segments have other borders than the backup's, keeps what comes after it in
    /// its segment, and returns its hash.
    async fn find(&mut self, end: &Head) -> Result<Option<String>, StateError> {
        let Kind::Backend { backend, .. } = &self.kind else {
            return Ok(None);
        };
        let backend = Arc::clone(backend);
        let mut back = LOOK_BACK;
        let mut from = (end.serial + 1).saturating_sub(back).max(1);
        // A segment before the entry was found; from there on it is only looked forwards.
        let mut is_before = false;
        loop {
            let page = read(&backend, &self.stack, from).await?;
            let first = page.first().map_or(u64::MAX, |segment| segment.first);
            if first > end.serial {
                if is_before || from == 1 {
                    return Ok(None);
                }
                back = back.saturating_mul(16);
                from = (end.serial + 1).saturating_sub(back).max(1);
                continue;
            }
            is_before = true;
            for stored in page {
                if stored.first > end.serial {
                    return Ok(None);
                }
                from = stored.first + 1;
                let sealed = segment::is_sealed(&stored);
                let decoded = self
                    .opened(&stored)?
                    .ok_or_else(|| StateError::SecretUnreadable {
                        place: format!("the log at {}, from entry {}", self.place, stored.first),
                    })?;
                let Some(position) = decoded
                    .entries
                    .iter()
                    .position(|entry| entry.serial == end.serial)
                else {
                    continue;
                };
                let mut entries = decoded.entries;
                let rest = entries.split_off(position + 1);
                let hash = entries.pop().map(|entry| entry.hash);
                if !rest.is_empty() {
                    let before = Head {
                        serial: end.serial,
                        hash: hash.clone().unwrap_or_default(),
                    };
                    self.remainder = Some(self.segment(&before, &rest, sealed)?);
                }
                if let Kind::Backend { from: next, .. } = &mut self.kind {
                    *next = from;
                }
                return Ok(hash);
            }
        }
    }
}

/// Returns how many of these entries are one segment.
fn enough(entries: &[StoredEntry]) -> usize {
    let mut bytes = 0;
    let full = entries.iter().position(|entry| {
        bytes += entry.body.len();
        bytes >= BYTES
    });
    full.map_or(entries.len(), |last| last + 1)
}

/// Opens a segment and checks its chain; none where no key opens it.
pub(crate) fn opened(
    place: &Arc<str>,
    stack: &StackIdentity,
    stored: &StoredSegment,
    keys: &StackKeys,
) -> Result<Option<Decoded>, StateError> {
    match segment::open(place, stored.clone(), keys) {
        Ok(plain) => Ok(Some(segment::decode(place, stack, &plain)?)),
        Err(
            StateError::SecretUnreadable { .. } | StateError::Open { .. } | StateError::KeyMissing { .. },
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

fn head_of(decoded: &Decoded) -> Option<Head> {
    decoded.entries.last().map(|entry| Head {
        serial: entry.serial,
        hash: entry.hash.clone(),
    })
}

fn stored(segment: &Segment) -> StoredSegment {
    StoredSegment {
        first: segment.first,
        body: segment.body.clone(),
    }
}

async fn read(
    backend: &Arc<dyn Backend>,
    stack: &StackIdentity,
    from: u64,
) -> Result<Vec<StoredSegment>, StateError> {
    read_some(backend, stack, from, PAGE).await
}

async fn read_some(
    backend: &Arc<dyn Backend>,
    stack: &StackIdentity,
    from: u64,
    most: usize,
) -> Result<Vec<StoredSegment>, StateError> {
    let (backend, stack) = (Arc::clone(backend), stack.clone());
    asked(move || {
        let (backend, stack) = (Arc::clone(&backend), stack.clone());
        async move { backend.read(&stack, from, most).await }
    })
    .await
}

async fn check_in_use(backend: &Arc<dyn Backend>, stack: &StackIdentity) -> Result<(), StateError> {
    let (asked_of, of) = (Arc::clone(backend), stack.clone());
    let moved = asked(move || {
        let (backend, stack) = (Arc::clone(&asked_of), of.clone());
        async move { backend.moved(&stack).await }
    })
    .await?;
    match moved {
        Some(to) => Err(schema::not_here(stack, backend.title(), to)),
        None => Ok(()),
    }
}
