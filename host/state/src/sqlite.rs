//! The log of a stack in one SQLite file, which is the log itself or this machine's copy of one in a backend.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use konductor_model::Sealer;
use rusqlite::Connection;

use crate::backend::Backend;
use crate::backend::remote::{BackendTimes, Remote};
use crate::backend::writing::check_not_moved;
use crate::backend::{lease, replica, segment, verification};
use crate::entry::Entry;
use crate::error::StateError;
use crate::history::{self, EntryQuery, LoggedEntry};
use crate::journal::Journal;
use crate::keys::{KeySource, StackKeys};
use crate::lock::{self, LockOwner};
use crate::record::{ResourceRecord, Snapshot};
use crate::rows;
use crate::schema::{self, FileForm, Head, Place, StackIdentity};
use crate::sealing::{self, Reading};
use crate::streaming;
use crate::verify::{self, Verification};
use crate::writer::{Request, Writer};

/// How a log is opened.
#[derive(Clone, Default)]
pub struct OpenOptions {
    /// The stack. A log that is made takes it over, a log that is there must be its; with none, any log will do
    /// and none is made.
    pub identity: Option<StackIdentity>,
    /// Seals and opens secrets; without one, neither storing nor reading a secret succeeds.
    pub sealer: Option<Arc<dyn Sealer>>,
    /// Never change the log; there must be one.
    pub read_only: bool,
    /// Where the log is, if not in the file: the file is this machine's copy then. It takes an identity.
    pub backend: Option<Arc<dyn Backend>>,
    /// The keys of the stack, where more than the sealer protects it. Logs of one stack that are open at once share them.
    pub keys: Option<Arc<StackKeys>>,
    /// Encrypts all that a backend gets to see of an entry and all rows of the file.
    pub encrypted: bool,
    /// Opens a plain file also where it is to be encrypted: to encrypt it.
    pub plain_is_fine: bool,
    /// The times of the backend.
    pub times: BackendTimes,
    /// Opens a log also when it was moved elsewhere: to move it back.
    pub moved_is_fine: bool,
}

impl OpenOptions {
    /// Makes options for a stack, to write, without a key for secrets.
    pub fn of_stack(project: impl Into<String>, stack: impl Into<String>) -> Self {
        Self {
            identity: Some(StackIdentity {
                project: project.into(),
                stack: stack.into(),
            }),
            ..Self::default()
        }
    }

    /// Sets what seals and opens secrets.
    #[must_use]
    pub fn sealer(mut self, sealer: Arc<dyn Sealer>) -> Self {
        self.sealer = Some(sealer);
        self
    }

    /// Sets the keys of the stack.
    #[must_use]
    pub fn keys(mut self, keys: Arc<StackKeys>) -> Self {
        self.keys = Some(keys);
        self
    }

    pub(crate) fn key_source(&self) -> KeySource {
        let source = KeySource {
            sealer: self.sealer.clone(),
            ..KeySource::default()
        };
        if let Some(keys) = &self.keys {
            source.of_made(Arc::clone(keys));
        }
        source
    }

    /// Returns what a file is that is made.
    pub(crate) fn form(&self) -> FileForm {
        if self.encrypted {
            FileForm::Encrypted
        } else {
            FileForm::Plain
        }
    }

    /// Opens the log in a backend, with the file as this machine's copy.
    #[must_use]
    pub fn backend(mut self, backend: Arc<dyn Backend>) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Opens only to read.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }
}

/// The log of a stack. Clones share one writer; the file is closed when the last one and the last
/// [`LockGuard`] are dropped, which waits for what was asked of the writer.
///
/// Writing appends needs no lock, because a transaction reads the head it continues, but a command that changes
/// the stack should hold [`lock`](Self::lock).
#[derive(Clone)]
pub struct StackLog {
    place: Arc<Place>,
    writer: Option<Arc<Writer>>,
    remote: Option<Copied>,
}

/// That a log is a copy, and how much of it there was when it was opened.
#[derive(Clone)]
struct Copied {
    remote: Remote,
    serial: u64,
}

impl std::fmt::Debug for StackLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StackLog")
            .field("path", &self.place.path())
            .field("stack", self.place.identity())
            .field("read_only", &self.writer.is_none())
            .finish_non_exhaustive()
    }
}

impl StackLog {
    /// Opens the log at a path, and makes it with its folder (for the owner alone) if there is none. One in a backend
    /// is brought up to date first.
    ///
    /// # Errors
    /// When it is to be read and not there, belongs to another stack, is no log, is of a later format, or its backend
    /// cannot be reached.
    pub async fn open(path: &Path, options: OpenOptions) -> Result<Self, StateError> {
        let path: PathBuf = path.to_owned();
        blocking(move || {
            if let Some(backend) = options.backend.clone() {
                return Self::open_copy(&path, &backend, options);
            }
            let expected = options.identity.as_ref();
            let keys = options.key_source();
            let (place, writer) = if options.read_only {
                let place = schema::open_to_read(&path, expected, &keys)?;
                if !options.moved_is_fine {
                    schema::check_not_moved(&place.reader()?, &place)?;
                }
                (place, None)
            } else {
                let (connection, place) = schema::open_to_write(&path, expected, &keys, options.form())?;
                if !options.moved_is_fine {
                    schema::check_not_moved(&connection, &place)?;
                }
                if options.encrypted && !place.is_encrypted() && !options.plain_is_fine {
                    return Err(StateError::NotEncrypted { path });
                }
                place.keys().make_first(options.encrypted)?;
                let writer = Writer::start(connection, place.clone(), None, options.moved_is_fine)?;
                (place, Some(Arc::new(writer)))
            };
            Ok(Self {
                place: Arc::new(place),
                writer,
                remote: None,
            })
        })
        .await
    }

    fn open_copy(path: &Path, backend: &Arc<dyn Backend>, options: OpenOptions) -> Result<Self, StateError> {
        let stack = options.identity.clone().ok_or_else(|| StateError::NoIdentity {
            path: path.to_owned(),
        })?;
        let source = options.key_source();
        let keys = source.of(&stack);
        let remote = Remote {
            title: backend.title().into(),
            backend: Arc::clone(backend),
            stack: stack.clone(),
            times: options.times,
            seals: options.encrypted,
            keys: Arc::clone(&keys),
            moved_is_fine: options.moved_is_fine,
        };
        if !options.moved_is_fine {
            check_not_moved(&remote)?;
        }
        if path.exists() {
            // What this machine has seen counts before what is there now.
            if let Ok(Some(ring)) = schema::open_unopened(path).and_then(|file| schema::ring(&file, path)) {
                keys.note(&ring)?;
            }
        }
        let first = remote.read_stored(1, 1)?;
        if let Some(ring) = first.first().and_then(segment::ring_of) {
            keys.note(&ring).map_err(|error| error.of_copy(path))?;
        }
        if !options.read_only && (first.is_empty() || keys.needs_data_key()) {
            // Of a log that has entries the ring may stand further back.
            if !first.is_empty() && keys.ring().is_none() {
                remote.note_rings_after(1)?;
            }
            keys.make_first(options.encrypted)?;
        }
        let opened = open_and_catch_up(path, &remote, &source, options.encrypted);
        let (connection, place, head) = match opened {
            // Whoever got a key later finds the older ones in a later ring.
            Err(missing @ StateError::KeyMissing { .. }) => {
                if !remote.note_rings_after(0)? {
                    return Err(missing);
                }
                open_and_catch_up(path, &remote, &source, options.encrypted)?
            }
            opened => opened?,
        };
        let writer = if options.read_only {
            None
        } else {
            Some(Arc::new(Writer::start(
                connection,
                place.clone(),
                Some(remote.clone()),
                options.moved_is_fine,
            )?))
        };
        Ok(Self {
            place: Arc::new(place),
            writer,
            remote: Some(Copied {
                remote,
                serial: head.serial,
            }),
        })
    }

    /// Returns where the log is.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Returns the place of the log as it may be shown: the backend, or the file.
    pub fn title(&self) -> String {
        match &self.remote {
            Some(copied) => copied.remote.title.to_string(),
            None => self.path().display().to_string(),
        }
    }

    /// Returns whose log it is.
    pub fn identity(&self) -> &StackIdentity {
        self.place.identity()
    }

    /// Reads the current state with every secret as the text `(secret)`, for people; it needs no key. What was
    /// masked must not be written back.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn snapshot_masked(&self) -> Result<Snapshot, StateError> {
        self.read(|connection, place| rows::snapshot(connection, place, Reading::Masked))
            .await
    }

    /// Reads entries with every secret as the text `(secret)`; it needs no key.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn entries(&self, query: EntryQuery) -> Result<Vec<LoggedEntry>, StateError> {
        self.read(move |connection, place| history::read(connection, place, &query, Reading::Masked))
            .await
    }

    /// Reads entries with secrets opened.
    ///
    /// # Errors
    /// When the log cannot be read, or holds a secret that cannot be opened.
    pub async fn entries_opened(&self, query: EntryQuery) -> Result<Vec<LoggedEntry>, StateError> {
        let sealer = self.sealer();
        self.read(move |connection, place| {
            history::read(connection, place, &query, Reading::Opened(sealer.as_deref()))
        })
        .await
    }

    /// Returns the serial and the hash of the last entry; serial 0 and an empty hash before the first.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn head(&self) -> Result<(u64, String), StateError> {
        self.read(|connection, place| {
            let head = schema::head(connection, place.path())?;
            Ok(if head.serial == 0 {
                (0, String::new())
            } else {
                (head.serial, head.hash)
            })
        })
        .await
    }

    /// Checks every entry, the chain, the head and the current state; it needs no key. Of a log in a backend, all that
    /// the backend has is fetched and compared too.
    ///
    /// What it cannot see: somebody who can write the file can cut off its end together with the head row, or
    /// compute the whole chain anew. To exclude that, keep [`head`](Self::head) elsewhere and compare.
    ///
    /// # Errors
    /// When the file cannot be read at all. What is wrong with what was read stands in the answer.
    pub async fn verify(&self) -> Result<Verification, StateError> {
        let copied = self.remote.clone();
        self.read(move |connection, place| {
            let mut found = verify::verify(connection, place)?;
            if let (Some(copied), true) = (copied, found.is_sound()) {
                verification::compare(connection, place, &copied.remote, &mut found)?;
            }
            Ok(found)
        })
        .await
    }

    /// Takes the lock of the stack. A lock that a process of this machine left when it died is taken over, and
    /// the guard tells whose it was. The documentation of [`LockGuard`] says what a lock does not cover.
    ///
    /// # Errors
    /// [`StateError::Locked`] when somebody holds it.
    pub async fn lock(&self, owner: LockOwner) -> Result<LockGuard, StateError> {
        let writer = self.writer()?;
        let (token, taken_over_from) = writer.ask(|reply| Request::Lock(owner, reply)).await?;
        Ok(LockGuard {
            token: Some(token),
            taken_over_from,
            writer: Arc::clone(writer),
        })
    }

    /// Reads who holds the lock, or held it when it died.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn lock_owner(&self) -> Result<Option<LockOwner>, StateError> {
        if let Some(copied) = self.remote.clone() {
            return blocking(move || {
                let ask = |backend: Arc<dyn Backend>, stack| async move { backend.lease(&stack).await };
                let holder = copied.remote.ask(ask)?.holder;
                Ok(holder
                    .and_then(|holder| lease::owner_of(&holder))
                    .map(|owner| owner.owner))
            })
            .await;
        }
        self.read(|connection, place| lock::read_owner(connection, place.path()))
            .await
    }

    /// Takes the lock away from whoever holds it, and returns who that was. A process that lives on can append
    /// nothing more: its appends fail with [`StateError::LockLost`]. The log tells who did it.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn force_unlock(&self, by: LockOwner) -> Result<Option<LockOwner>, StateError> {
        self.writer()?.ask(|reply| Request::ForceUnlock(by, reply)).await
    }

    /// Returns the backend, if this is a copy of what is in one.
    pub(crate) fn remote(&self) -> Option<Remote> {
        self.remote.as_ref().map(|copied| copied.remote.clone())
    }

    pub(crate) fn sealer(&self) -> Option<Arc<dyn Sealer>> {
        self.place.keys().sealer()
    }

    /// Returns the keys of the stack.
    pub fn keys(&self) -> &Arc<StackKeys> {
        self.place.keys()
    }

    /// Tells whether the file, or what a backend gets to see, is encrypted as a whole.
    pub fn is_encrypted(&self) -> bool {
        match &self.remote {
            Some(copied) => copied.remote.seals,
            None => self.place.is_encrypted(),
        }
    }

    pub(crate) fn writer(&self) -> Result<&Arc<Writer>, StateError> {
        self.writer.as_ref().ok_or_else(|| StateError::ReadOnly {
            path: self.path().to_owned(),
        })
    }

    /// Reads in one transaction: all of it is of one moment, and the writer goes on meanwhile.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, &Place) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let place = Arc::clone(&self.place);
        let least = self.remote.as_ref().map(|copied| copied.serial);
        blocking(move || {
            let connection = place.reader()?;
            let transaction = connection
                .unchecked_transaction()
                .map_err(|source| StateError::database("read the log", place.path(), source))?;
            if let Some(least) = least
                && schema::head(&transaction, place.path())?.serial < least
            {
                return Err(StateError::CopyChanged {
                    path: place.path().to_owned(),
                });
            }
            read(&transaction, &place)
        })
        .await
    }
}

/// Opens the file of a copy and brings it up to date: encrypted as soon as there are keys.
fn open_and_catch_up(
    path: &Path,
    remote: &Remote,
    source: &KeySource,
    encrypted: bool,
) -> Result<(Connection, Place, Head), StateError> {
    let form = || {
        if encrypted && remote.keys.ring_to_write().is_some() {
            FileForm::EncryptedCopy
        } else {
            FileForm::Plain
        }
    };
    let open = |form| -> Result<_, StateError> {
        let (connection, place) = open_copy_file(path, &remote.stack, source, form)?;
        replica::adopt(&connection, &place, remote)?;
        let head = replica::catch_up(&connection, &place, remote)?;
        Ok((connection, place, head))
    };
    let opened = open(form())?;
    if form() == FileForm::Plain || opened.1.is_encrypted() {
        return Ok(opened);
    }
    // The keys stand further back than where the log begins.
    drop(opened);
    open(form())
}

/// Opens the file of a copy; one that cannot be used is thrown away, because it can be had again.
fn open_copy_file(
    path: &Path,
    stack: &StackIdentity,
    keys: &KeySource,
    form: FileForm,
) -> Result<(Connection, Place), StateError> {
    match schema::open_to_write(path, Some(stack), keys, form) {
        Err(StateError::NotALog { .. } | StateError::Damaged { .. } | StateError::OtherStack { .. }) => {}
        // From before the state was encrypted.
        Ok((_, place)) if form != FileForm::Plain && !place.is_encrypted() => {}
        opened => return opened,
    }
    schema::remove(path)?;
    schema::open_to_write(path, Some(stack), keys, form)
}

#[async_trait]
impl Journal for StackLog {
    async fn append(&self, entries: Vec<Entry>) -> Result<(), StateError> {
        let writer = self.writer()?;
        if entries.is_empty() {
            return Ok(());
        }
        let keys = Arc::clone(self.keys());
        if !keys.is_ready() {
            let unlocking = Arc::clone(&keys);
            // Only a secret needs it, and says so then.
            let _ = blocking(move || unlocking.unlock_current()).await;
        }
        let sealer = keys.sealer();
        let sealed = entries
            .into_iter()
            .map(|entry| {
                let mut sealed = sealing::seal(entry, sealer.as_ref())?;
                if sealing::holds_secrets(&sealed.body) {
                    sealed.key = keys.current().map(|key| key.name().to_owned());
                }
                Ok(sealed)
            })
            .collect::<Result<Vec<_>, StateError>>()?;
        writer.ask(|reply| Request::Append(sealed, reply)).await
    }

    async fn snapshot(&self) -> Result<Snapshot, StateError> {
        let sealer = self.sealer();
        self.read(move |connection, place| {
            rows::snapshot(connection, place, Reading::Opened(sealer.as_deref()))
        })
        .await
    }

    async fn read_each(&self, take: &mut (dyn FnMut(ResourceRecord) + Send)) -> Result<Snapshot, StateError> {
        let sealer = self.sealer();
        let (sender, receiver) = streaming::channel();
        let reading = self.read(move |connection, place| {
            streaming::read(connection, place, Reading::Opened(sealer.as_deref()), &sender)
        });
        let (rest, ()) = tokio::join!(reading, streaming::take(receiver, take));
        rest
    }
}

/// Runs what waits for a disk where it may. A panic below is a stopped log, not a second panic.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StateError> + Send + 'static,
) -> Result<T, StateError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(StateError::Closed))
}

/// The lock of a stack, given back when it is dropped.
///
/// It excludes every other process of this machine, and those of other machines where the file system passes
/// advisory locks between them: NFS version 4 does; NFS version 3 without its lock service and some FUSE file
/// systems do not. A lock left by a process of another machine is never taken over without being asked.
#[must_use = "the lock is given back when the guard is dropped"]
pub struct LockGuard {
    token: Option<String>,
    taken_over_from: Option<LockOwner>,
    writer: Arc<Writer>,
}

impl std::fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LockGuard")
            .field("taken_over_from", &self.taken_over_from)
            .finish_non_exhaustive()
    }
}

impl LockGuard {
    /// Returns the owner that died without giving the lock back, to be told.
    pub fn taken_over_from(&self) -> Option<&LockOwner> {
        self.taken_over_from.as_ref()
    }

    /// Gives the lock back and waits until it is free.
    ///
    /// # Errors
    /// When the log cannot be written; the lock is free all the same once this process has ended.
    pub async fn release(mut self) -> Result<(), StateError> {
        match self.token.take() {
            Some(token) => {
                self.writer
                    .ask(|reply| Request::Release(token, Some(reply)))
                    .await
            }
            None => Ok(()),
        }
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            // A writer that is gone has let go of the kernel's lock; the row is then taken over by the next owner.
            let _ = self.writer.tell(Request::Release(token, None));
        }
    }
}
