//! Moves a log from one place to another: the same entries with the same hashes.

use crate::backend::segment::stored_entries;
use crate::error::StateError;
use crate::sqlite::StackLog;
use crate::verify::Verification;
use crate::writer::Request;

/// How many entries are copied at once.
const PAGE: usize = 512;

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// How many entries there are in both places.
    pub entries: u64,
    /// How many of them had to be copied.
    pub copied: u64,
    /// The hash of the last.
    pub head: String,
}

impl StackLog {
    /// Copies this log to another place, compares both in full, and marks this one as moved, so that nobody writes
    /// here by accident. The caller holds the locks of both.
    ///
    /// The other place has nothing, or a beginning of this log: a migration that was cut off goes on, and a log that
    /// comes back to where it was is completed.
    ///
    /// # Errors
    /// When either place fails, either log is damaged, or the other place has another log. This log is as it was then.
    pub async fn migrate_to(&self, other: &Self) -> Result<Migrated, StateError> {
        let (last, _) = self.head().await?;
        let (there, _) = other.head().await?;
        let common = there.min(last);
        let same = common == 0 || self.hash_of(common).await? == other.hash_of(common).await?;
        if there > last || !same {
            return Err(StateError::OtherLog {
                from: self.title(),
                to: other.title(),
                entries: there,
            });
        }
        if let Some(ring) = self.keys().ring() {
            other.keys().note(&ring)?;
        }
        let mut next = there + 1;
        while next <= last {
            let page = self
                .read(move |connection, place| stored_entries(connection, place.path(), next, PAGE))
                .await?;
            let Some(end) = page.last().map(|entry| entry.serial) else {
                break;
            };
            other.writer()?.ask(|reply| Request::Import(page, reply)).await?;
            next = end + 1;
        }
        let (here, there_now) = (sound(self).await?, sound(other).await?);
        if here != there_now {
            return Err(StateError::OtherLog {
                from: self.title(),
                to: other.title(),
                entries: there_now.entries,
            });
        }
        other
            .writer()?
            .ask(|reply| Request::SetMoved(None, reply))
            .await?;
        let to = other.title();
        self.writer()?
            .ask(|reply| Request::SetMoved(Some(to), reply))
            .await?;
        Ok(Migrated {
            entries: here.entries,
            copied: here.entries - there,
            head: here.head,
        })
    }

    /// Returns the hash of an entry; none when the log ends before it.
    pub(crate) async fn hash_of(&self, serial: u64) -> Result<Option<String>, StateError> {
        self.read(move |connection, place| {
            let found = stored_entries(connection, place.path(), serial, 1)?;
            Ok(found.into_iter().next().map(|entry| entry.hash))
        })
        .await
    }
}

/// Checks a log in full, and takes the first problem for an error.
pub(crate) async fn sound(log: &StackLog) -> Result<Verification, StateError> {
    let found = log.verify().await?;
    match found.problems.first() {
        None => Ok(found),
        Some(problem) => Err(StateError::damaged(log.path(), problem.to_string())),
    }
}
