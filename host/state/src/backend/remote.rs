//! A backend as the writer's thread and readers use it: one stack, one call at a time, with patience.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::backend::error::BackendError;
use crate::backend::segment::{self, Decoded};
use crate::backend::{Appended, Backend, Segment, StoredSegment};
use crate::error::StateError;
use crate::keys::StackKeys;
use crate::schema::StackIdentity;

/// How long a command that asks is kept waiting for a backend that cannot be reached.
const ASKING: Duration = Duration::from_secs(5);

/// How many segments are fetched at once.
pub(crate) const PAGE: usize = 16;

/// Where the connections of backends live. A writer's thread may outlive the command's own runtime, and has to get its
/// answers all the same.
pub(crate) fn runtime() -> Result<&'static Runtime, StateError> {
    static RUNTIME: OnceLock<Result<Runtime, Arc<std::io::Error>>> = OnceLock::new();
    RUNTIME
        .get_or_init(|| {
            Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("konductor-backend")
                .enable_all()
                .build()
                .map_err(Arc::new)
        })
        .as_ref()
        .map_err(|source| StateError::File {
            doing: "start a thread for",
            path: "the backend".into(),
            source: Arc::clone(source),
        })
}

/// Returns the stacks of a project that have a log in a backend, in order.
///
/// # Errors
/// When the backend fails.
pub async fn stacks(backend: &Arc<dyn Backend>, project: &str) -> Result<Vec<String>, StateError> {
    let (backend, project) = (Arc::clone(backend), project.to_owned());
    asked(move || {
        let (backend, project) = (Arc::clone(&backend), project.clone());
        async move { backend.stacks(&project).await }
    })
    .await
}

/// Asks where the connections live, and asks again for a while when there is no answer. Only for what may be done twice.
pub(crate) async fn asked<T, F>(question: impl Fn() -> F + Send + 'static) -> Result<T, StateError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, BackendError>> + Send + 'static,
{
    let answer = runtime()?.spawn(patiently(question)).await;
    Ok(answer.map_err(|_| StateError::Closed)??)
}

/// Asks, and asks again for a while when there is no answer. Only for what may be done twice.
async fn patiently<T, F>(question: impl Fn() -> F + Send) -> Result<T, BackendError>
where
    F: Future<Output = Result<T, BackendError>> + Send,
{
    let mut pauses = Pauses::asking();
    loop {
        match question().await {
            Err(error) if error.is_transient() => match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            },
            answer => return answer,
        }
    }
}

/// Times of a backend; tests have shorter ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackendTimes {
    /// How long a lock holds without being renewed. It is renewed three times as often.
    pub lease: Duration,
    /// How long an append is tried again while the backend cannot be reached.
    pub patience: Duration,
}

impl Default for BackendTimes {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(60),
            patience: Duration::from_secs(120),
        }
    }
}

/// One stack's log in a backend.
#[derive(Clone)]
pub(crate) struct Remote {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) title: Arc<str>,
    pub(crate) stack: StackIdentity,
    pub(crate) times: BackendTimes,
    /// Encrypts whole segments.
    pub(crate) seals: bool,
    pub(crate) keys: Arc<StackKeys>,
    /// It may be one that was moved: to move it back.
    pub(crate) moved_is_fine: bool,
}

/// What became of an append in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It is stored.
    Stored,
    /// It is not stored and never will be: another segment stands there.
    HeadMoved,
    /// It is not stored and never will be: the lease has changed hands.
    Fenced,
    /// Nobody knows.
    Unknown(BackendError),
}

impl Remote {
    /// Starts something in the background.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<(), StateError> {
        runtime()?.spawn(work);
        Ok(())
    }

    /// Waits for an answer. The caller is a thread that may wait, never one of a runtime.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StateError> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        runtime()?.spawn(async move {
            let _ = sender.send(work.await);
        });
        receiver.blocking_recv().map_err(|_| StateError::Closed)
    }

    /// Asks, and asks again for a while when there is no answer. Only for what may be done twice.
    pub(crate) fn ask<T, F>(
        &self,
        question: impl Fn(Arc<dyn Backend>, StackIdentity) -> F + Send + 'static,
    ) -> Result<T, StateError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, BackendError>> + Send + 'static,
    {
        let (backend, stack) = (Arc::clone(&self.backend), self.stack.clone());
        let answer = self.wait(patiently(move || question(Arc::clone(&backend), stack.clone())))?;
        Ok(answer?)
    }

    /// Reads and checks segments.
    pub(crate) fn read(&self, from: u64, most: usize) -> Result<Vec<Decoded>, StateError> {
        let stored = self.read_stored(from, most)?;
        let mut decoded = Vec::with_capacity(stored.len());
        for stored in stored {
            let link = segment::link(&stored.body);
            let ring = segment::ring_of(&stored);
            let first = stored.first;
            let plain = match segment::open(&self.title, stored.clone(), &self.keys) {
                // Whoever got a key later finds the older ones in a later ring.
                Err(missing @ StateError::KeyMissing { .. }) => {
                    if !self.note_rings_after(first)? {
                        return Err(missing);
                    }
                    segment::open(&self.title, stored, &self.keys)?
                }
                plain => plain?,
            };
            let mut one = segment::decode(&self.title, &self.stack, &plain)?;
            one.link = link;
            one.ring = ring;
            decoded.push(one);
        }
        Ok(decoded)
    }

    /// Reads segments as they are stored.
    pub(crate) fn read_stored(&self, from: u64, most: usize) -> Result<Vec<StoredSegment>, StateError> {
        self.ask(move |backend, stack| async move { backend.read(&stack, from, most).await })
    }

    /// Takes notice of the rings that stand in the log after an entry. Tells whether there was a newer one.
    pub(crate) fn note_rings_after(&self, after: u64) -> Result<bool, StateError> {
        let (mut from, mut newer) = (after, false);
        loop {
            let stored = self.read_stored(from, PAGE)?;
            for segment in &stored {
                from = segment.first + 1;
                if let Some(ring) = segment::ring_of(segment) {
                    newer |= self.keys.note(&ring)?;
                }
            }
            if stored.len() < PAGE {
                return Ok(newer);
            }
        }
    }

    /// Appends once.
    pub(crate) fn append(&self, segment: &Arc<Segment>, lease: Option<u64>) -> Result<Settled, StateError> {
        let (backend, stack, segment) = (Arc::clone(&self.backend), self.stack.clone(), Arc::clone(segment));
        let answer = self.wait(async move { backend.append(&stack, &segment, lease).await })?;
        match answer {
            Ok(Appended::Stored) => Ok(Settled::Stored),
            Ok(Appended::HeadMoved) => Ok(Settled::HeadMoved),
            Ok(Appended::Fenced) => Ok(Settled::Fenced),
            Err(error) if error.is_transient() => Ok(Settled::Unknown(error)),
            Err(error) => Err(error.into()),
        }
    }

    /// Finds out what became of an append whose answer was lost, appending the very same bytes again until that is
    /// certain, or patience ends, or `lost` says that there is no use.
    pub(crate) fn settle(
        &self,
        segment: &Arc<Segment>,
        lease: Option<u64>,
        mut last: BackendError,
        lost: &dyn Fn() -> bool,
    ) -> Result<Settled, StateError> {
        let mut pauses = Pauses::new(self.times.patience);
        loop {
            match pauses.next() {
                Some(pause) if !lost() => std::thread::sleep(pause),
                _ => return Ok(Settled::Unknown(last)),
            }
            match self.append(segment, lease)? {
                Settled::Stored => return Ok(Settled::Stored),
                Settled::Unknown(error) => last = error,
                // It may be ours that stands there, and stood there before the lease changed hands.
                refused => match self.stands(segment) {
                    Ok(true) => return Ok(Settled::Stored),
                    Ok(false) => return Ok(refused),
                    Err(StateError::Backend(error)) if error.is_transient() => last = error,
                    Err(error) => return Err(error),
                },
            }
        }
    }

    /// Tells whether a segment is in the log, byte for byte.
    pub(crate) fn stands(&self, segment: &Segment) -> Result<bool, StateError> {
        let first = segment.first;
        let found = self.ask(move |backend, stack| async move { backend.read(&stack, first, 1).await })?;
        Ok(found
            .first()
            .is_some_and(|found| found.first == first && found.body == segment.body))
    }
}

/// Growing pauses with some chance in them, until a time is up.
pub(crate) struct Pauses {
    until: Instant,
    next: Duration,
}

impl Pauses {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(5);

    /// Returns the pauses of something that a person waits for.
    pub(crate) fn asking() -> Self {
        Self::new(ASKING)
    }

    fn new(patience: Duration) -> Self {
        Self {
            until: Instant::now() + patience,
            next: Self::FIRST,
        }
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let left = self.until.checked_duration_since(Instant::now())?;
        let pause = self.next.mul_f64(rand::random_range(0.5..1.0)).min(left);
        self.next = (self.next * 2).min(Self::LONGEST);
        Some(pause)
    }
}
