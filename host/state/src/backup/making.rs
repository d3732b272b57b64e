//! Makes a backup: copies what came since the last one, part by part.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::backend::remote::asked;
use crate::backend::{BackendError, StoredSegment};
use crate::backup::part::{self, Part};
use crate::backup::source::{BackupSource, From, Raw, Reader};
use crate::backup::{BackupPlace, checking};
use crate::error::StateError;
use crate::keys::StackKeys;
use crate::schema::StackIdentity;

/// So many bytes are a full part.
const FULL: usize = 4 * 1024 * 1024;

/// How often it is begun again because somebody else added to the same backup.
const ATTEMPTS: usize = 100;

/// How many names of parts are asked for at once.
const NAMES: usize = 1_000;

/// The backup of one stack in one place.
#[derive(Clone)]
pub struct Backup {
    /// Where it is.
    pub place: Arc<dyn BackupPlace>,
    /// Whose it is.
    pub stack: StackIdentity,
    /// Where the log is.
    pub source: BackupSource,
    /// Opens what is encrypted, to check it; not needed to copy what a backend has.
    pub keys: Arc<StackKeys>,
    /// What comes from a file is encrypted.
    pub encrypt: bool,
    end: Arc<Mutex<Option<End>>>,
}

impl std::fmt::Debug for Backup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backup")
            .field("place", &self.place)
            .field("stack", &self.stack)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Where a backup ends.
#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    name: u64,
    link: String,
    segment: StoredSegment,
    last: Option<u64>,
}

/// How far copying is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackupProgress {
    /// How many entries were copied; those that no key opens are not counted.
    pub entries: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupMade {
    /// The last entry of the backup; 0 when there is none, and none where no key opens it.
    pub serial: Option<u64>,
    /// How many segments were copied, each one transaction of the log.
    pub segments: u64,
    /// How many of them no key here opens: their place in the backup is certain, and what is in them was not checked.
    pub unopened: u64,
    /// How much was copied.
    pub copied: BackupProgress,
    /// When the end of the log was read: later changes are not in the backup.
    pub as_of: Timestamp,
}

/// What would be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupPending {
    /// How many segments.
    pub segments: u64,
    /// How much.
    pub copied: BackupProgress,
}

impl Backup {
    /// Names a backup. Nothing is read yet.
    pub fn new(place: Arc<dyn BackupPlace>, stack: StackIdentity, source: BackupSource) -> Self {
        Self {
            place,
            keys: StackKeys::new(stack.clone(), None, Vec::new()),
            stack,
            source,
            encrypt: false,
            end: Arc::default(),
        }
    }

    /// Copies what came since the last backup. Every part that was stored stays, whatever comes after it; one that was
    /// cut off is not seen. Two that make the same backup at once add to it in turns.
    ///
    /// # Errors
    /// When either place fails, the log is damaged, moved or being restored, or the backup is not a beginning of it.
    pub async fn make(
        &self,
        told: &(dyn Fn(BackupProgress) + Send + Sync),
    ) -> Result<BackupMade, StateError> {
        let mut made = BackupMade {
            serial: Some(0),
            segments: 0,
            unopened: 0,
            copied: BackupProgress::default(),
            as_of: Timestamp::now(),
        };
        for _ in 0..ATTEMPTS {
            if self.go_on(&mut made, told).await? {
                return Ok(made);
            }
        }
        Err(StateError::Backend(BackendError::Unavailable {
            place: self.place.title().into(),
            reason: format!("others added to this backup {ATTEMPTS} times meanwhile"),
        }))
    }

    /// Counts what would be copied, and writes nothing.
    ///
    /// # Errors
    /// As [`make`](Self::make).
    pub async fn pending(&self) -> Result<BackupPending, StateError> {
        let end = self.find_end().await?;
        let mut reader = self.reader(end.as_ref()).await?;
        let mut pending = BackupPending {
            segments: 0,
            copied: BackupProgress::default(),
        };
        loop {
            let read = reader.next().await?;
            if read.is_empty() {
                return Ok(pending);
            }
            for raw in &read {
                pending.segments += 1;
                count(&mut pending.copied, raw);
            }
        }
    }

    /// Copies to the end of the log; false when somebody else stored a part meanwhile.
    async fn go_on(
        &self,
        made: &mut BackupMade,
        told: &(dyn Fn(BackupProgress) + Send + Sync),
    ) -> Result<bool, StateError> {
        let mut end = self.find_end().await?;
        let mut reader = self.reader(end.as_ref()).await?;
        let mut waiting: Vec<Raw> = Vec::new();
        let mut bytes = 0;
        loop {
            let as_of = Timestamp::now();
            let read = reader.next().await?;
            let complete = read.is_empty();
            for raw in read {
                bytes += raw.stored.body.len();
                waiting.push(raw);
                if bytes >= FULL {
                    match self.store(end.as_ref(), &mut waiting, made).await? {
                        Some(stored) => end = Some(stored),
                        None => return Ok(false),
                    }
                    bytes = 0;
                    told(made.copied);
                }
            }
            if complete {
                if !waiting.is_empty() {
                    match self.store(end.as_ref(), &mut waiting, made).await? {
                        Some(stored) => end = Some(stored),
                        None => return Ok(false),
                    }
                    told(made.copied);
                }
                made.as_of = as_of;
                made.serial = end.as_ref().map_or(Some(0), |end| end.last);
                return Ok(true);
            }
        }
    }

    async fn reader(&self, end: Option<&End>) -> Result<Reader, StateError> {
        let from = end.map_or(From::Nothing, |end| From::After(end.segment.clone()));
        Reader::open(
            &self.source,
            &self.stack,
            Arc::clone(&self.keys),
            self.encrypt,
            from,
            self.place.title(),
        )
        .await
    }

    /// Stores what waits as one part; none when there is a part of this name already.
    async fn store(
        &self,
        end: Option<&End>,
        waiting: &mut Vec<Raw>,
        made: &mut BackupMade,
    ) -> Result<Option<End>, StateError> {
        let previous = end.map_or_else(|| part::origin(&self.stack), |end| end.link.clone());
        let raws = std::mem::take(waiting);
        let last = raws
            .last()
            .and_then(|raw| raw.decoded.as_ref())
            .map(|decoded| decoded.last());
        let mut copied = made.copied;
        for raw in &raws {
            count(&mut copied, raw);
        }
        let unopened = raws.iter().filter(|raw| raw.decoded.is_none()).count() as u64;
        let segments: Vec<StoredSegment> = raws.into_iter().map(|raw| raw.stored).collect();
        let (Some(first), Some(segment)) = (segments.first(), segments.last()) else {
            return Ok(None);
        };
        let name = first.first;
        let (body, link) = part::encode(&self.stack, &previous, last, &segments)?;
        let (place, stack, body) = (Arc::clone(&self.place), self.stack.clone(), Arc::new(body));
        let stored = asked(move || {
            let (place, stack, body) = (Arc::clone(&place), stack.clone(), Arc::clone(&body));
            async move { place.put(&stack, name, &body).await }
        })
        .await?;
        if !stored {
            self.forget_end();
            return Ok(None);
        }
        made.copied = copied;
        made.segments += segments.len() as u64;
        made.unopened += unopened;
        let end = End {
            name,
            link,
            segment: segment.clone(),
            last,
        };
        self.keep_end(&end);
        Ok(Some(end))
    }

    /// Returns where the backup ends. What is remembered holds when the last part is still the last.
    async fn find_end(&self) -> Result<Option<End>, StateError> {
        let known = self.end.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known {
            let names = list(&self.place, &self.stack, known.name.saturating_sub(1), 2).await?;
            if names == [known.name] {
                return Ok(Some(known));
            }
        }
        let Some(name) = last_name(&self.place, &self.stack).await? else {
            return Ok(None);
        };
        let Part {
            last,
            link,
            mut segments,
            ..
        } = checking::part(&self.place, &self.stack, name).await?;
        let Some(segment) = segments.pop() else {
            return Ok(None);
        };
        let end = End {
            name,
            link,
            segment,
            last,
        };
        self.keep_end(&end);
        Ok(Some(end))
    }

    fn keep_end(&self, end: &End) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end.clone());
    }

    fn forget_end(&self) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn count(progress: &mut BackupProgress, raw: &Raw) {
    progress.bytes += raw.stored.body.len() as u64;
    progress.entries += raw
        .decoded
        .as_ref()
        .map_or(0, |decoded| decoded.entries.len() as u64);
}

/// Asks for the names of parts.
pub(crate) async fn list(
    place: &Arc<dyn BackupPlace>,
    stack: &StackIdentity,
    after: u64,
    most: usize,
) -> Result<Vec<u64>, StateError> {
    let (place, stack) = (Arc::clone(place), stack.clone());
    asked(move || {
        let (place, stack) = (Arc::clone(&place), stack.clone());
        async move { place.list(&stack, after, most).await }
    })
    .await
}

/// Returns the name of the last part. Of a long backup only a few names are asked for: half of what may still be there
/// is left out again and again.
pub(crate) async fn last_name(
    place: &Arc<dyn BackupPlace>,
    stack: &StackIdentity,
) -> Result<Option<u64>, StateError> {
    // Positions fit into a signed number everywhere.
    let (mut low, mut high) = (0_u64, i64::MAX.unsigned_abs());
    let mut found = None;
    loop {
        let names = list(place, stack, low, NAMES).await?;
        let Some(last) = names.last().copied() else {
            return Ok(found);
        };
        found = Some(last);
        if names.len() < NAMES {
            return Ok(found);
        }
        low = last;
        // Steps that grow, then halves: serials are far fewer than there could be.
        let mut step = low.max(1);
        while low < high {
            let probe = low.saturating_add(step).min(high);
            match list(place, stack, probe.saturating_sub(1), 1).await?.first() {
                Some(there) => {
                    low = *there;
                    step = step.saturating_mul(2);
                }
                None => {
                    high = probe;
                    break;
                }
            }
        }
        while high.saturating_sub(low) > NAMES as u64 {
            let probe = low + (high - low) / 2;
            match list(place, stack, probe, 1).await?.first() {
                Some(there) => low = *there,
                None => high = probe,
            }
        }
        found = Some(low);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;

    /// Names without parts, as a bucket lists them.
    #[derive(Debug)]
    struct Names(BTreeSet<u64>, AtomicUsize);

    #[async_trait]
    impl BackupPlace for Names {
        fn title(&self) -> &str {
            "names"
        }

        async fn stacks(&self, _: &str) -> Result<Vec<String>, BackendError> {
            Ok(Vec::new())
        }

        async fn list(&self, _: &StackIdentity, after: u64, most: usize) -> Result<Vec<u64>, BackendError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Ok(self.0.range(after + 1..).take(most).copied().collect())
        }

        async fn get(&self, _: &StackIdentity, _: u64) -> Result<Option<Vec<u8>>, BackendError> {
            Ok(None)
        }

        async fn put(&self, _: &StackIdentity, _: u64, _: &[u8]) -> Result<bool, BackendError> {
            Ok(false)
        }
    }

    #[tokio::test]
    async fn the_last_of_many_parts_is_found_with_few_questions() {
        let stack = StackIdentity {
            project: "shop".to_owned(),
            stack: "dev".to_owned(),
        };
        for (count, step) in [
            (0_u64, 1_u64),
            (1, 1),
            (999, 3),
            (1_000, 1),
            (1_001, 1),
            (5_000, 7),
            (300_000, 11),
        ] {
            let names: BTreeSet<u64> = (0..count).map(|number| 1 + number * step).collect();
            let last = names.last().copied();
            let place = Arc::new(Names(names, AtomicUsize::new(0)));
            let asked: Arc<dyn BackupPlace> = place.clone();
            assert_eq!(last_name(&asked, &stack).await.unwrap(), last, "{count}");
            let questions = place.1.load(Ordering::Relaxed);
            assert!(questions < 40, "{count} parts took {questions} questions");
        }
    }
}
