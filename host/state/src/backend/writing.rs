//! How the writer's thread writes a log that is in a backend.
//!
//! A batch is chained in a transaction on the copy, appended to the backend, and committed when that has it: nobody is
//! told of an entry that the backend has not. An answer that is lost is found out about with the same bytes; until it
//! is certain, nothing else is appended.

use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::backend::error::BackendError;
use crate::backend::lease::{self, Decision, LeaseOwner};
use crate::backend::remote::{Pauses, Remote, Settled};
use crate::backend::renewal::Renewal;
use crate::backend::segment::StoredEntry;
use crate::backend::{Claim, Segment, replica, segment};
use crate::crash::CrashPoints;
use crate::entry::{Entry, LockTakenAway, TakenBecause};
use crate::error::StateError;
use crate::lock::{LockOwner, Locked};
use crate::schema::{self, Head, Place};
use crate::sealing::{self, SealedEntry};
use crate::writer::{Outcomes, write_appends, write_stored};

/// How often a batch is chained anew because somebody else appended first.
const ATTEMPTS: usize = 100;

/// What the writer's thread knows of the backend.
pub(crate) struct RemoteWriter {
    pub(crate) remote: Remote,
    lease: Option<Held>,
    /// Why it is not known what is stored; nothing is appended any more.
    stopped: Option<StateError>,
}

/// A lease, and how far the log was looked at for an entry that takes it away.
struct Held {
    renewal: Renewal,
    checked: u64,
}

/// What the thread works on.
#[derive(Clone, Copy)]
pub(crate) struct Copy<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) place: &'c Place,
}

impl RemoteWriter {
    pub(crate) fn new(remote: Remote) -> Self {
        Self {
            remote,
            lease: None,
            stopped: None,
        }
    }

    /// Writes all appends as one segment. An append that is refused leaves the others as they are.
    pub(crate) fn write(
        &mut self,
        copy: Copy<'_>,
        appends: &[Vec<SealedEntry>],
        crash: &CrashPoints,
    ) -> Result<Outcomes, StateError> {
        self.write_with(copy, crash, |transaction| {
            write_appends(transaction, copy.place, appends)
        })
    }

    /// Takes over entries as they were stored elsewhere, as one segment.
    pub(crate) fn import(
        &mut self,
        copy: Copy<'_>,
        entries: &[StoredEntry],
        crash: &CrashPoints,
    ) -> Result<(), StateError> {
        self.write_with(copy, crash, |transaction| {
            write_stored(transaction, copy.place, entries).map(|head| (head, ()))
        })?;
        // What they say of locks they say of those of the place that they come from.
        if let (Some(held), Some(last)) = (&mut self.lease, entries.last()) {
            held.checked = held.checked.max(last.serial);
        }
        Ok(())
    }

    /// Writes what a function adds to the log as one segment; it is called again where somebody else was faster.
    fn write_with<T>(
        &mut self,
        copy: Copy<'_>,
        crash: &CrashPoints,
        add: impl Fn(&Connection) -> Result<(Head, T), StateError>,
    ) -> Result<T, StateError> {
        if let Some(error) = &self.stopped {
            return Err(error.clone());
        }
        let path = copy.place.path();
        let failed = |source| StateError::database("append to the log", path, source);
        for _ in 0..ATTEMPTS {
            let transaction = Transaction::new_unchecked(copy.connection, TransactionBehavior::Immediate)
                .map_err(failed)?;
            let before = schema::head(&transaction, path)?;
            let number = self.held(&transaction, copy.place, before.serial)?;
            let (head, added) = add(&transaction)?;
            if head == before {
                return Ok(added);
            }
            let entries = segment::stored_entries(&transaction, path, before.serial + 1, usize::MAX)?;
            let keys = &self.remote.keys;
            let segment = if self.remote.seals {
                let plain = segment::encode(&self.remote.stack, &before, &entries, None)?;
                let link = replica::last_link(&transaction, copy.place, &self.remote)?;
                segment::seal(plain, keys, &link)?
            } else {
                segment::encode(&self.remote.stack, &before, &entries, keys.ring_to_write())?
            };
            let segment = Arc::new(segment);
            let first_answer = self.remote.append(&segment, number)?;
            if first_answer == Settled::Stored {
                crash.between_backend_and_copy();
                let kept = schema::set_head(&transaction, &head)
                    .map_err(failed)
                    .and_then(|()| {
                        replica::set_segment(&transaction, path, segment.first, &segment::link(&segment.body))
                    })
                    .and_then(|()| copy.place.keep_keys(&transaction))
                    .and_then(|()| transaction.commit().map_err(failed));
                // It is stored, and this process does not see it: what it would do next could be wrong.
                kept.map_err(|error| self.stop(error))?;
                self.remote.keys.publish();
                return Ok(added);
            }
            drop(transaction);
            match self.settle(&segment, number, first_answer)? {
                Settled::Stored => {
                    crash.between_backend_and_copy();
                    self.remote.keys.publish();
                    self.catch_up(copy).map_err(|error| self.stop(error))?;
                    return Ok(added);
                }
                Settled::HeadMoved => drop(self.catch_up(copy)?),
                Settled::Fenced => return Err(StateError::LockLost),
                Settled::Unknown(error) => return Err(self.stop(StateError::Unsettled(error))),
            }
        }
        Err(StateError::Backend(BackendError::unavailable(
            &self.remote.title,
            format!("others appended {ATTEMPTS} times while these entries waited"),
        )))
    }

    fn settle(
        &mut self,
        segment: &Arc<Segment>,
        number: Option<u64>,
        first_answer: Settled,
    ) -> Result<Settled, StateError> {
        match first_answer {
            Settled::Unknown(error) => {
                tracing::warn!(%error, "the answer to an append was lost; finding out what became of it");
                let lost = || self.lease.as_ref().is_some_and(|held| held.renewal.is_lost());
                match self.remote.settle(segment, number, error, &lost) {
                    Err(StateError::Backend(error)) => Ok(Settled::Unknown(error)),
                    settled => settled,
                }
            }
            // Something below may have sent the request twice.
            refused if self.remote.stands(segment)? => {
                tracing::debug!(?refused, "an append that was refused is stored all the same");
                Ok(Settled::Stored)
            }
            refused => Ok(refused),
        }
    }

    fn stop(&mut self, error: StateError) -> StateError {
        self.stopped = Some(error.clone());
        error
    }

    fn catch_up(&self, copy: Copy<'_>) -> Result<Head, StateError> {
        replica::catch_up(copy.connection, copy.place, &self.remote)
    }

    /// Returns the number of the lease, if this process has one and has not lost it.
    fn held(
        &mut self,
        transaction: &Connection,
        place: &Place,
        last: u64,
    ) -> Result<Option<u64>, StateError> {
        let Some(held) = &mut self.lease else {
            return Ok(None);
        };
        let number = held.renewal.number;
        // Whoever shares this copy may have fetched the entry that this process then never gets to see as new.
        if held.renewal.is_lost() || replica::is_taken_away(transaction, place, held.checked, number)? {
            return Err(StateError::LockLost);
        }
        held.checked = last;
        Ok(Some(number))
    }

    /// Takes the lock and brings the copy up to date.
    pub(crate) fn lock(
        &mut self,
        copy: Copy<'_>,
        owner: &LockOwner,
        crash: &CrashPoints,
    ) -> Result<(String, Option<LockOwner>), StateError> {
        let text = serde_json::to_string(&LeaseOwner::this_process(owner.clone())).map_err(|source| {
            StateError::Encode {
                source: Arc::new(source),
            }
        })?;
        let claim = Arc::new(Claim {
            token: uuid::Uuid::new_v4().to_string(),
            owner: text,
            duration: self.remote.times.lease,
        });
        // What takes this lease away comes after what there is before it is taken.
        let checked = self.catch_up(copy)?.serial;
        let (number, decision) = self.take(&claim)?;
        let mut renewal = Renewal::start(&self.remote, number, Arc::clone(&claim))?;
        let former = self.lease.take();
        let entered = self.enter(copy).and_then(|_| {
            let Decision::TakeOver(from, because) = &decision else {
                return Ok(None);
            };
            // Before anything else: from here on the former holder can append nothing more.
            let taken = LockTakenAway {
                lease: number.saturating_sub(1),
                from: from.clone(),
                by: owner.clone(),
                because: *because,
            };
            self.write_one(copy, taken, crash).map(|()| from.clone())
        });
        match entered {
            Ok(taken_over_from) => {
                self.lease = Some(Held { renewal, checked });
                Ok((claim.token.clone(), taken_over_from))
            }
            Err(error) => {
                self.lease = former;
                renewal.stop();
                // One that was taken over stays until it expires: it tells the next one to take over again.
                if decision == Decision::Free {
                    let _ = self.give_back(&renewal);
                }
                Err(error)
            }
        }
    }

    fn enter(&self, copy: Copy<'_>) -> Result<Head, StateError> {
        if !self.remote.moved_is_fine {
            check_not_moved(&self.remote)?;
        }
        self.catch_up(copy)
    }

    fn write_one(
        &mut self,
        copy: Copy<'_>,
        taken: LockTakenAway,
        crash: &CrashPoints,
    ) -> Result<(), StateError> {
        let sealed = sealing::seal(Entry::LockTakenAway(taken), None)?;
        self.write(copy, &[vec![sealed]], crash)?
            .into_iter()
            .collect::<Result<(), _>>()
    }

    /// Takes the lease where it is free or its holder is gone.
    fn take(&self, claim: &Arc<Claim>) -> Result<(u64, Decision), StateError> {
        let mut asked: Option<Decision> = None;
        let mut pauses = Pauses::asking();
        loop {
            let lease = self
                .remote
                .ask(|backend, stack| async move { backend.lease(&stack).await })?;
            let ours = lease
                .holder
                .as_ref()
                .is_some_and(|holder| holder.token == claim.token);
            if let (true, Some(decision)) = (ours, &asked) {
                return Ok((lease.number, decision.clone()));
            }
            let decision = lease::decide(&lease);
            if let Decision::Held(owner) = decision {
                return Err(StateError::Locked(Box::new(Locked {
                    owner,
                    elsewhere: false,
                })));
            }
            let (backend, stack) = (Arc::clone(&self.remote.backend), self.remote.stack.clone());
            let (seen, wanted) = (lease.number, Arc::clone(claim));
            asked = Some(decision.clone());
            match self
                .remote
                .wait(async move { backend.take(&stack, seen, Some(&wanted)).await })?
            {
                Ok(true) => return Ok((seen + 1, decision)),
                Ok(false) => {}
                Err(error) if error.is_transient() => match pauses.next() {
                    Some(pause) => std::thread::sleep(pause),
                    None => return Err(error.into()),
                },
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives the lock back. One that was taken away meanwhile is left to its new owner.
    pub(crate) fn release(&mut self, token: &str) -> Result<(), StateError> {
        let Some(mut held) = self.lease.take_if(|held| held.renewal.claim.token == token) else {
            return Ok(());
        };
        held.renewal.stop();
        if self.stopped.is_some() {
            // An append may still be under way: the next holder has to take over, and shut it out.
            return Ok(());
        }
        self.give_back(&held.renewal)
    }

    fn give_back(&self, renewal: &Renewal) -> Result<(), StateError> {
        let (number, claim) = (renewal.number, Arc::clone(&renewal.claim));
        self.remote.ask(move |backend, stack| {
            let claim = Arc::clone(&claim);
            async move { backend.release(&stack, number, &claim).await }
        })
    }

    /// Takes the lock away from whoever holds it, and records that.
    pub(crate) fn force(
        &mut self,
        copy: Copy<'_>,
        by: &LockOwner,
        crash: &CrashPoints,
    ) -> Result<Option<LockOwner>, StateError> {
        let lease = self
            .remote
            .ask(|backend, stack| async move { backend.lease(&stack).await })?;
        let Some(holder) = &lease.holder else {
            return Ok(None);
        };
        let from = lease::owner_of(holder).map(|owner| owner.owner);
        self.catch_up(copy)?;
        // The entry comes first: once the lease is free, the former holder must be shut out already.
        let taken = LockTakenAway {
            lease: lease.number,
            from: from.clone(),
            by: by.clone(),
            because: TakenBecause::Unlocked,
        };
        self.write_one(copy, taken, crash)?;
        let seen = lease.number;
        // Done twice it does nothing the second time, because the number has moved on.
        self.remote
            .ask(move |backend, stack| async move { backend.take(&stack, seen, None).await })?;
        Ok(from)
    }
}

impl RemoteWriter {
    /// Says where the log was moved to, or that it is here.
    pub(crate) fn set_moved(&self, to: Option<String>) -> Result<(), StateError> {
        self.remote.ask(move |backend, stack| {
            let to = to.clone();
            async move { backend.set_moved(&stack, to.as_deref()).await }
        })
    }
}

/// Fails when the log is said to be elsewhere.
pub(crate) fn check_not_moved(remote: &Remote) -> Result<(), StateError> {
    match remote.ask(|backend, stack| async move { backend.moved(&stack).await })? {
        Some(to) => Err(schema::not_here(&remote.stack, &remote.title, to)),
        None => Ok(()),
    }
}
