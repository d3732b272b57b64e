//! Checks a backup: every part, the chain of the log in them, and the state that its entries add up to.

use std::sync::Arc;

use jiff::Timestamp;
use konductor_model::Sealer;

use crate::backend::remote::asked;
use crate::backend::segment::{self, StoredEntry, stored_entries};
use crate::backend::{BackendError, StoredSegment};
use crate::backup::part::{self, Part};
use crate::backup::source::opened;
use crate::backup::{BackupPlace, BackupProgress, making};
use crate::error::StateError;
use crate::keys::StackKeys;
use crate::projection;
use crate::record::Snapshot;
use crate::schema::{Head, StackIdentity};
use crate::sealing::{self, Reading};
use crate::sqlite::StackLog;

/// How many names of parts are asked for at once.
const NAMES: usize = 100;

/// How many entries of a log are compared at once.
const PAGE: usize = 512;

/// What a check of a backup found: nothing is wrong with it as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedBackup {
    /// The last entry; none where the last segment could not be opened.
    pub serial: Option<u64>,
    /// Its hash, where it could be read; empty when there is none.
    pub head: String,
    /// When it was written, where it could be read.
    pub written: Option<Timestamp>,
    /// When the last part was made.
    pub made: Timestamp,
    /// How many parts there are.
    pub parts: u64,
    /// How many segments, and how many of them no key here opens.
    pub segments: u64,
    /// Their chain is that of the parts alone.
    pub unopened: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many resources the entries add up to; none where not all could be read.
    pub resources: Option<u64>,
    /// How many operations had been begun and not ended.
    pub interrupted: u64,
    /// How many sealed secrets stand in that state, and how many the key at hand opens.
    pub secrets: u64,
    /// Where it is less than all, the state can be restored and not used.
    pub secrets_opened: u64,
}

/// How a log stands to a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The log has no entries.
    Empty,
    /// Both end with the same entry.
    Same,
    /// The log is a beginning of the backup.
    Behind {
        /// Its last entry.
        last: u64,
    },
    /// The log has all of the backup, and more.
    Newer {
        /// The first entry that the backup has not.
        first: u64,
        /// The last of them.
        last: u64,
        /// When the first was written: what would be lost goes back to then.
        since: Timestamp,
    },
    /// They are different from some entry on.
    Different {
        /// The first entry of the log that is not that of the backup.
        first: u64,
        /// The last entry of the log.
        last: u64,
    },
}

/// Reads a part.
pub(crate) async fn part(
    place: &Arc<dyn BackupPlace>,
    stack: &StackIdentity,
    name: u64,
) -> Result<Part, StateError> {
    let (asked_of, of) = (Arc::clone(place), stack.clone());
    let body = asked(move || {
        let (place, stack) = (Arc::clone(&asked_of), of.clone());
        async move { place.get(&stack, name).await }
    })
    .await?;
    let body = body.ok_or_else(|| {
        StateError::Backend(BackendError::Damaged {
            place: place.title().into(),
            what: format!("the part of {stack} from entry {name} is listed and not there"),
        })
    })?;
    Ok(part::decode(place.title(), stack, name, &body)?)
}

/// Goes through a backup from its first entry to its last.
pub(crate) struct Walk {
    place: Arc<dyn BackupPlace>,
    stack: StackIdentity,
    keys: Arc<StackKeys>,
    names: std::vec::IntoIter<u64>,
    last_name: u64,
    link: String,
    /// The last entry; none after a segment that could not be opened.
    head: Option<Head>,
    parts: u64,
    segments: u64,
    unopened: u64,
    bytes: u64,
    made: Timestamp,
}

impl Walk {
    pub(crate) fn new(place: &Arc<dyn BackupPlace>, stack: &StackIdentity, keys: &Arc<StackKeys>) -> Self {
        Self {
            place: Arc::clone(place),
            stack: stack.clone(),
            keys: Arc::clone(keys),
            names: Vec::new().into_iter(),
            last_name: 0,
            link: part::origin(stack),
            head: Some(Head {
                serial: 0,
                hash: part::origin(stack),
            }),
            parts: 0,
            segments: 0,
            unopened: 0,
            bytes: 0,
            made: Timestamp::UNIX_EPOCH,
        }
    }

    /// Takes notice of the ring at the end of the backup: whoever got a key later finds the older ones there.
    async fn note_newest_ring(&self) -> Result<(), StateError> {
        if let Some(name) = making::last_name(&self.place, &self.stack).await? {
            let last = part(&self.place, &self.stack, name).await?;
            if let Some(ring) = last.segments.last().and_then(segment::ring_of) {
                self.keys.note(&ring)?;
            }
        }
        Ok(())
    }

    /// Returns the entries of the next part that could be opened; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<StoredEntry>>, StateError> {
        let name = match self.names.next() {
            Some(name) => name,
            None => {
                let names = making::list(&self.place, &self.stack, self.last_name, NAMES).await?;
                self.names = names.into_iter();
                match self.names.next() {
                    Some(name) => name,
                    None => return Ok(None),
                }
            }
        };
        let part = part(&self.place, &self.stack, name).await?;
        if part.previous != self.link {
            return Err(self.damaged(format!(
                "the part from entry {name} does not follow the one before it: one is missing or was replaced"
            )));
        }
        self.last_name = name;
        self.link = part.link;
        self.made = part.made;
        self.parts += 1;
        let (place, stack, keys) = (
            Arc::from(self.place.title()),
            self.stack.clone(),
            Arc::clone(&self.keys),
        );
        let segments = part.segments;
        let decoded = tokio::task::spawn_blocking(move || {
            let one = |stored: &StoredSegment| {
                let length = stored.body.len() as u64;
                Ok((stored.first, length, opened(&place, &stack, stored, &keys)?))
            };
            segments.iter().map(one).collect::<Result<Vec<_>, StateError>>()
        })
        .await
        .unwrap_or(Err(StateError::Closed))?;
        let mut entries = Vec::new();
        for (first, length, decoded) in decoded {
            self.segments += 1;
            self.bytes += length;
            let Some(decoded) = decoded else {
                self.unopened += 1;
                self.head = None;
                continue;
            };
            let follows = self
                .head
                .as_ref()
                .is_none_or(|head| decoded.first == head.serial + 1 && decoded.previous == head.hash);
            if !follows {
                return Err(self.damaged(format!("its entries from {first} do not continue those before")));
            }
            self.head = decoded.entries.last().map(|entry| Head {
                serial: entry.serial,
                hash: entry.hash.clone(),
            });
            entries.extend(decoded.entries);
        }
        Ok(Some(entries))
    }

    /// Returns the first segment that no key opened, for whoever needs all of them.
    pub(crate) fn is_readable(&self) -> bool {
        self.unopened == 0
    }

    fn damaged(&self, what: String) -> StateError {
        StateError::Backend(BackendError::Damaged {
            place: self.place.title().into(),
            what: format!("the backup of {}: {what}", self.stack),
        })
    }
}

/// Checks all of a backup, and folds its entries to the state they add up to.
pub(crate) async fn check(
    mut walk: Walk,
    told: &(dyn Fn(BackupProgress) + Send + Sync),
) -> Result<CheckedBackup, StateError> {
    walk.note_newest_ring().await?;
    let mut folded = Snapshot::default();
    let mut written = None;
    let mut progress = BackupProgress::default();
    while let Some(entries) = walk.next().await? {
        progress.entries += entries.len() as u64;
        progress.bytes = walk.bytes;
        told(progress);
        written = match entries.last() {
            Some(entry) => entry.time.parse().ok(),
            None => None,
        };
        if !walk.is_readable() {
            // A state without all of its entries is none.
            continue;
        }
        let place = walk.place.title().to_owned();
        folded = tokio::task::spawn_blocking(move || fold(folded, &entries, &place))
            .await
            .unwrap_or(Err(StateError::Closed))?;
    }
    if walk.parts == 0 {
        return Err(StateError::NoBackup {
            stack: walk.stack.to_string(),
            place: walk.place.title().to_owned(),
        });
    }
    let readable = walk.is_readable();
    let interrupted = folded.interrupted.len() as u64;
    let resources = readable.then_some(folded.resources.len() as u64);
    let sealer = walk.keys.sealer();
    let (secrets, secrets_opened) =
        tokio::task::spawn_blocking(move || open_secrets(&folded, sealer.as_deref()))
            .await
            .unwrap_or(Err(StateError::Closed))?;
    Ok(CheckedBackup {
        serial: walk.head.as_ref().map(|head| head.serial),
        head: walk.head.map(|head| head.hash).unwrap_or_default(),
        written,
        made: walk.made,
        parts: walk.parts,
        segments: walk.segments,
        unopened: walk.unopened,
        bytes: walk.bytes,
        resources,
        interrupted,
        secrets,
        secrets_opened,
    })
}

fn fold(mut folded: Snapshot, entries: &[StoredEntry], place: &str) -> Result<Snapshot, StateError> {
    for stored in entries {
        let damaged = |what: String| {
            StateError::Backend(BackendError::Damaged {
                place: place.into(),
                what: format!("entry {} cannot be used: {what}", stored.serial),
            })
        };
        let entry = sealing::read(&stored.body, Reading::Sealed).map_err(|failure| match failure {
            sealing::ReadFailure::Json(error) => damaged(format!(
                "{error}; a newer version of Konductor may have written it"
            )),
            sealing::ReadFailure::NoKey | sealing::ReadFailure::Open(_) => damaged("it is sealed".to_owned()),
        })?;
        projection::apply(&mut folded, &entry).map_err(|invalid| damaged(invalid.to_string()))?;
        folded.serial = stored.serial;
        folded.head.clone_from(&stored.hash);
    }
    Ok(folded)
}

/// Counts the records whose secrets are sealed, and those of them that the key at hand opens.
fn open_secrets(folded: &Snapshot, sealer: Option<&dyn Sealer>) -> Result<(u64, u64), StateError> {
    let (mut sealed, mut opened) = (0, 0);
    for record in folded.resources.values() {
        let text = sealing::write_sealed(record)?;
        if sealing::holds_secrets(&text) {
            sealed += 1;
            let read: Result<crate::record::ResourceRecord, _> =
                sealing::read(&text, Reading::Opened(sealer));
            opened += u64::from(read.is_ok());
        }
    }
    Ok((sealed, opened))
}

/// Compares a log with a backup that was checked.
pub(crate) async fn standing(
    walk: impl FnOnce() -> Walk,
    checked: &CheckedBackup,
    log: &StackLog,
) -> Result<Standing, StateError> {
    let (last, head) = log.head().await?;
    if last == 0 {
        return Ok(Standing::Empty);
    }
    let Some(end) = checked.serial else {
        return Err(StateError::SecretUnreadable {
            place: "the backup".to_owned(),
        });
    };
    if last == end && head == checked.head {
        return Ok(Standing::Same);
    }
    if last > end && log.hash_of(end).await?.as_deref() == Some(checked.head.as_str()) {
        let next = end + 1;
        let since = log
            .read(move |connection, place| stored_entries(connection, place.path(), next, 1))
            .await?;
        let since = since.first().and_then(|entry| entry.time.parse().ok());
        return Ok(Standing::Newer {
            first: next,
            last,
            since: since.unwrap_or(Timestamp::UNIX_EPOCH),
        });
    }
    match first_difference(walk(), log).await? {
        Some(first) => Ok(Standing::Different { first, last }),
        None => Ok(Standing::Behind { last }),
    }
}

/// Returns the first entry of a log that is not that of the backup; none when all are.
async fn first_difference(mut walk: Walk, log: &StackLog) -> Result<Option<u64>, StateError> {
    while let Some(entries) = walk.next().await? {
        for page in entries.chunks(PAGE) {
            let Some(first) = page.first().map(|entry| entry.serial) else {
                continue;
            };
            let kept = log
                .read(move |connection, place| stored_entries(connection, place.path(), first, PAGE))
                .await?;
            for (entry, kept) in page.iter().zip(&kept) {
                if entry.serial != kept.serial || entry.hash != kept.hash {
                    return Ok(Some(entry.serial));
                }
            }
            if kept.len() < page.len() {
                return Ok(None);
            }
        }
    }
    Ok(None)
}
