//! The one thread that writes a log.
//!
//! Appends that wait while a transaction is made durable are gathered into the next one, so that the cost of the
//! disk's flush is shared by all that run at once.

use std::path::Path;
use std::thread::JoinHandle;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::backend::remote::Remote;
use crate::backend::replica;
use crate::backend::segment::StoredEntry;
use crate::backend::writing::{Copy, RemoteWriter};
use crate::chain;
use crate::crash::CrashPoints;
use crate::entry::{Entry, LockTakenAway, TakenBecause};
use crate::error::StateError;
use crate::lock::{self, Held, LockOwner};
use crate::projection;
use crate::rows::Rows;
use crate::schema::{self, Head, Place};
use crate::sealing::{self, SealedEntry};

/// At most so many appends in one transaction: it bounds how long the first of them waits.
const LARGEST_BATCH: usize = 1024;

/// What became of each append of a batch.
pub(crate) type Outcomes = Vec<Result<(), StateError>>;

type Reply<T> = oneshot::Sender<Result<T, StateError>>;

/// Appends wait in the channel until their transaction is durable; backpressure is the callers' own waiting.
pub(crate) enum Request {
    Append(Vec<SealedEntry>, Reply<()>),
    Lock(LockOwner, Reply<(String, Option<LockOwner>)>),
    Release(String, Option<Reply<()>>),
    ForceUnlock(LockOwner, Reply<Option<LockOwner>>),
    Encrypt(Reply<()>),
    Import(Vec<StoredEntry>, Reply<()>),
    SetMoved(Option<String>, Reply<()>),
}

/// The handle of the thread. Dropping it lets the thread finish what was asked and waits for it.
pub(crate) struct Writer {
    sender: Option<mpsc::UnboundedSender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(
        connection: Connection,
        place: Place,
        remote: Option<Remote>,
        moved_is_fine: bool,
    ) -> Result<Self, StateError> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let path = place.path().to_owned();
        let thread = std::thread::Builder::new()
            .name("konductor-log".to_owned())
            .spawn(move || {
                Thread {
                    connection,
                    place,
                    remote: remote.map(RemoteWriter::new),
                    held: None,
                    moved_is_fine,
                    crash: CrashPoints::from_environment(),
                }
                .run(receiver);
            })
            .map_err(|source| StateError::file("start the writer of", &path, source))?;
        Ok(Self {
            sender: Some(sender),
            thread: Some(thread),
        })
    }

    /// Asks and waits for the answer.
    pub(crate) async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, StateError> {
        let (reply, answer) = oneshot::channel();
        self.tell(request(reply))?;
        answer.await.map_err(|_| StateError::Closed)?
    }

    /// Asks and does not wait.
    pub(crate) fn tell(&self, request: Request) -> Result<(), StateError> {
        let sender = self.sender.as_ref().ok_or(StateError::Closed)?;
        sender.send(request).map_err(|_| StateError::Closed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has answered every caller with `Closed` already.
            let _ = thread.join();
        }
    }
}

struct Thread {
    connection: Connection,
    place: Place,
    /// Where the log is, if this file is a copy.
    remote: Option<RemoteWriter>,
    held: Option<Held>,
    /// It may be one that was moved: to move it back.
    moved_is_fine: bool,
    crash: CrashPoints,
}

type Append = (Vec<SealedEntry>, Reply<()>);

impl Thread {
    fn run(mut self, mut receiver: mpsc::UnboundedReceiver<Request>) {
        let mut next = receiver.blocking_recv();
        while let Some(request) = next.take() {
            match request {
                Request::Append(entries, reply) => {
                    let mut batch = vec![(entries, reply)];
                    while batch.len() < self.crash.largest_batch(LARGEST_BATCH) {
                        match receiver.try_recv() {
                            Ok(Request::Append(entries, reply)) => batch.push((entries, reply)),
                            Ok(other) => {
                                next = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.append(batch);
                }
                Request::Lock(owner, reply) => {
                    let _ = reply.send(self.lock(&owner));
                }
                Request::Release(token, reply) => {
                    let outcome = self.release(&token);
                    match (reply, outcome) {
                        (Some(reply), outcome) => drop(reply.send(outcome)),
                        (None, Err(error)) => tracing::warn!(%error, "the lock could not be given back"),
                        (None, Ok(())) => {}
                    }
                }
                Request::Import(entries, reply) => {
                    let _ = reply.send(self.import(&entries));
                }
                Request::Encrypt(reply) => {
                    let _ = reply.send(self.place.encrypt(&self.connection));
                }
                Request::SetMoved(to, reply) => {
                    let _ = reply.send(self.set_moved(to));
                }
                Request::ForceUnlock(by, reply) => {
                    let _ = reply.send(self.force(&by));
                }
            }
            if next.is_none() {
                next = receiver.blocking_recv();
            }
        }
    }

    fn append(&mut self, batch: Vec<Append>) {
        self.crash.before_transaction();
        let (appends, replies): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let outcomes = match self.write(&appends) {
            Ok(outcomes) => outcomes,
            // Nothing of the batch is stored.
            Err(error) => appends.iter().map(|_| Err(error.clone())).collect(),
        };
        self.crash.after_transaction();
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            // Nobody waits any more when the caller was cancelled.
            let _ = reply.send(outcome);
        }
    }

    /// Writes all appends in one transaction. An append that is refused leaves the others as they are.
    fn write(&mut self, appends: &[Vec<SealedEntry>]) -> Result<Outcomes, StateError> {
        let (connection, place) = (&self.connection, &self.place);
        if let Some(remote) = &mut self.remote {
            return remote.write(Copy { connection, place }, appends, &self.crash);
        }
        let failed = |source| StateError::database("append to the log", place.path(), source);
        let transaction =
            Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(failed)?;
        if let Some(held) = &self.held
            && !lock::is_held(&transaction, &held.token).map_err(failed)?
        {
            return Err(StateError::LockLost);
        }
        place.refresh_keys(&transaction)?;
        let (head, outcomes) = write_appends(&transaction, place, appends)?;
        schema::set_head(&transaction, &head).map_err(failed)?;
        place.keep_keys(&transaction)?;
        transaction.commit().map_err(failed)?;
        place.keys().publish();
        Ok(outcomes)
    }

    /// Takes over entries as they were stored elsewhere.
    fn import(&mut self, entries: &[StoredEntry]) -> Result<(), StateError> {
        let (connection, place) = (&self.connection, &self.place);
        if let Some(remote) = &mut self.remote {
            return remote.import(Copy { connection, place }, entries, &self.crash);
        }
        let failed = |source| StateError::database("append to the log", place.path(), source);
        let transaction =
            Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(failed)?;
        place.refresh_keys(&transaction)?;
        let head = write_stored(&transaction, place, entries)?;
        schema::set_head(&transaction, &head).map_err(failed)?;
        place.keep_keys(&transaction)?;
        transaction.commit().map_err(failed)?;
        place.keys().publish();
        Ok(())
    }

    fn set_moved(&mut self, to: Option<String>) -> Result<(), StateError> {
        match &self.remote {
            Some(remote) => remote.set_moved(to),
            None => schema::set_moved(&self.connection, self.place.path(), to.as_deref()),
        }
    }

    fn lock(&mut self, owner: &LockOwner) -> Result<(String, Option<LockOwner>), StateError> {
        let (connection, place) = (&self.connection, &self.place);
        if let Some(remote) = &mut self.remote {
            return remote.lock(Copy { connection, place }, owner, &self.crash);
        }
        let taken = lock::take(connection, place.path(), owner)?;
        // It may have been moved while it was open here.
        if !self.moved_is_fine
            && let Err(error) = schema::check_not_moved(connection, place)
        {
            lock::release(connection, place.path(), taken.held)?;
            return Err(error);
        }
        let token = taken.held.token.clone();
        self.held = Some(taken.held);
        Ok((token, taken.taken_over_from))
    }

    fn release(&mut self, token: &str) -> Result<(), StateError> {
        if let Some(remote) = &mut self.remote {
            return remote.release(token);
        }
        match self.held.take_if(|held| held.token == token) {
            Some(held) => lock::release(&self.connection, self.place.path(), held),
            None => Ok(()),
        }
    }

    fn force(&mut self, by: &LockOwner) -> Result<Option<LockOwner>, StateError> {
        let (connection, place) = (&self.connection, &self.place);
        if let Some(remote) = &mut self.remote {
            return remote.force(Copy { connection, place }, by, &self.crash);
        }
        let failed = |source| StateError::database("remove the lock", place.path(), source);
        let transaction =
            Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(failed)?;
        let owner = lock::remove(&transaction, place.path())?;
        if owner.is_some() {
            let taken = Entry::LockTakenAway(LockTakenAway {
                lease: 0,
                from: owner.clone(),
                by: by.clone(),
                because: TakenBecause::Unlocked,
            });
            let (head, _) = write_appends(&transaction, place, &[vec![sealing::seal(taken, None)?]])?;
            schema::set_head(&transaction, &head).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        lock::remove_file(place.path())?;
        Ok(owner)
    }
}

/// Writes all appends after the head there is and returns the one there then is, which is not written yet. An append
/// that is refused leaves the others as they are.
pub(crate) fn write_appends(
    transaction: &Connection,
    place: &Place,
    appends: &[Vec<SealedEntry>],
) -> Result<(Head, Outcomes), StateError> {
    // The head is read and not remembered: whoever else wrote meanwhile, the chain stays one.
    let mut head = schema::head(transaction, place.path())?;
    let mut outcomes = Vec::with_capacity(appends.len());
    for entries in appends {
        match write_one_append(transaction, place, &head, entries) {
            Ok(new_head) => {
                head = new_head;
                outcomes.push(Ok(()));
            }
            Err(
                error @ (StateError::Invalid(_)
                | StateError::Encode { .. }
                | StateError::Damaged { .. }
                | StateError::KeysRotated { .. }),
            ) => {
                outcomes.push(Err(error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((head, outcomes))
}

/// Writes entries as they were stored elsewhere after the head there is, and returns the one there then is. Each must
/// continue the chain.
pub(crate) fn write_stored(
    transaction: &Connection,
    place: &Place,
    entries: &[StoredEntry],
) -> Result<Head, StateError> {
    let damaged = |what: String| StateError::damaged(place.path(), what);
    let mut head = schema::head(transaction, place.path())?;
    let before = head.serial;
    for entry in entries.iter().filter(|entry| entry.serial > before) {
        let hash = chain::hash(
            &head.hash,
            head.serial + 1,
            entry.time.as_bytes(),
            entry.body.as_bytes(),
        );
        if entry.serial != head.serial + 1 || entry.hash != hash {
            return Err(damaged(format!(
                "entry {} does not continue entry {}",
                entry.serial, head.serial
            )));
        }
        replica::write(transaction, place, entry, &damaged)?;
        head = Head {
            serial: entry.serial,
            hash,
        };
    }
    Ok(head)
}

/// Writes the entries of one append, all or none, and returns the head after them.
fn write_one_append(
    transaction: &Connection,
    place: &Place,
    head: &Head,
    entries: &[SealedEntry],
) -> Result<Head, StateError> {
    let path: &Path = place.path();
    let run = |sql: &str| -> Result<(), StateError> {
        let failed = |source| StateError::database("append to the log", path, source);
        let mut statement = transaction.prepare_cached(sql).map_err(failed)?;
        statement.execute([]).map_err(failed)?;
        Ok(())
    };
    run("SAVEPOINT append")?;
    match write_entries(transaction, place, head, entries) {
        Ok(head) => {
            run("RELEASE append")?;
            Ok(head)
        }
        Err(error) => {
            run("ROLLBACK TO append")?;
            run("RELEASE append")?;
            Err(error)
        }
    }
}

fn write_entries(
    transaction: &Connection,
    place: &Place,
    head: &Head,
    entries: &[SealedEntry],
) -> Result<Head, StateError> {
    let failed = |source| StateError::database("append to the log", place.path(), source);
    let mut head = head.clone();
    let mut statement = transaction
        .prepare_cached("INSERT INTO log (serial, time, hash, body) VALUES (?1, ?2, ?3, ?4)")
        .map_err(failed)?;
    for applied in entries {
        let SealedEntry { entry, body, key, .. } = applied;
        if let Some(key) = key
            && !place.keys().stands(key)
        {
            // Nobody could open its secrets: somebody else made other keys for the stack in the meantime.
            return Err(StateError::KeysRotated {
                stack: place.identity().to_string(),
            });
        }
        let serial = head.serial + 1;
        let mut rows = Rows {
            connection: transaction,
            place,
            serial,
            applied,
        };
        projection::fold(&mut rows, entry)??;
        let time = Timestamp::now().to_string();
        let hash = chain::hash(&head.hash, serial, time.as_bytes(), body.as_bytes());
        statement
            .execute((i64::try_from(serial).unwrap_or(i64::MAX), time, &hash, body))
            .map_err(failed)?;
        head = Head { serial, hash };
    }
    Ok(head)
}
