//! One run at a time, wherever it runs; a lock outlives neither its run nor the patience of the server.

use konductor_state::entry::{Entry, TakenBecause};
use konductor_state::{Journal, LockGuard, LockOwner, StackLog, StateError};

use crate::fixture::*;
use crate::team::*;

of_every_place!(every, File PostgreSql S3:
    a_second_one_is_told_who_holds_the_lock
    after_an_unlock_the_former_owner_writes_nothing_more_and_the_log_says_who_did_it
);

of_every_place!(shared, PostgreSql S3:
    a_lock_that_is_not_renewed_goes_to_the_next_and_its_holder_is_shut_out
    a_lock_that_is_renewed_holds_as_long_as_it_takes
    an_unlock_on_the_holders_own_machine_shuts_it_out_too
    the_clock_of_a_client_decides_nothing
);

async fn locked(log: &StackLog) -> Option<LockOwner> {
    match log.lock(owner("late")).await {
        Err(StateError::Locked(locked)) => locked.owner,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the lock was given twice"),
    }
}

/// Asks for the lock until it is given.
async fn lock_in_the_end(log: &StackLog, who: &LockOwner) -> LockGuard {
    loop {
        match log.lock(who.clone()).await {
            Ok(guard) => return guard,
            Err(StateError::Locked(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

fn taken_away(entries: &[konductor_state::LoggedEntry]) -> Vec<(Option<LockOwner>, LockOwner, TakenBecause)> {
    entries
        .iter()
        .filter_map(|logged| match &logged.entry {
            Entry::LockTakenAway(taken) => Some((taken.from.clone(), taken.by.clone(), taken.because)),
            _ => None,
        })
        .collect()
}

#[track_caller]
fn lost(outcome: Result<(), StateError>) {
    assert!(matches!(outcome, Err(StateError::LockLost)), "{outcome:?}");
}

async fn a_second_one_is_told_who_holds_the_lock(place: Place) {
    let (one, other) = (place.machine().open().await, place.machine().open().await);
    let ada = owner("ada");
    let guard = one.lock(ada.clone()).await.unwrap();
    assert_eq!(guard.taken_over_from(), None);
    assert_eq!(other.lock_owner().await.unwrap(), Some(ada.clone()));
    assert_eq!(locked(&other).await, Some(ada.clone()));
    // The same process does not get it twice either, and keeps the one it has.
    assert_eq!(locked(&one).await, Some(ada));
    one.append(vec![recorded(record("a"))]).await.unwrap();
    guard.release().await.unwrap();
    assert_eq!(other.lock_owner().await.unwrap(), None);

    let guard = other.lock(owner("bob")).await.unwrap();
    assert_eq!(guard.taken_over_from(), None);
    // Who has the lock sees what the one before wrote.
    let snapshot = other.snapshot().await.unwrap();
    assert!(snapshot.resources.contains_key(&urn("a")));
    drop(guard);
    drop(other);
    let guard = one.lock(owner("eve")).await.unwrap();
    guard.release().await.unwrap();
    assert_eq!(taken_away(&all(&one).await), []);
}

async fn after_an_unlock_the_former_owner_writes_nothing_more_and_the_log_says_who_did_it(place: Place) {
    let (one, other) = (place.machine().open().await, place.machine().open().await);
    let (ada, eve) = (owner("ada"), owner("eve"));
    let kept = one.lock(ada.clone()).await.unwrap();
    one.append(vec![recorded(record("a"))]).await.unwrap();
    assert_eq!(other.force_unlock(eve.clone()).await.unwrap(), Some(ada.clone()));
    lost(one.append(vec![recorded(record("b"))]).await);

    let bob = owner("bob");
    let guard = other.lock(bob.clone()).await.unwrap();
    lost(one.append(vec![recorded(record("b"))]).await);
    other.append(vec![recorded(record("c"))]).await.unwrap();
    kept.release().await.unwrap();
    let third = place.machine().open().await;
    assert_eq!(locked(&third).await, Some(bob), "what was lost is not given back");
    guard.release().await.unwrap();
    assert_eq!(
        third.force_unlock(eve.clone()).await.unwrap(),
        None,
        "nobody holds it"
    );

    let log = place.machine().open().await;
    let found = taken_away(&all(&log).await);
    assert_eq!(found, [(Some(ada), eve, TakenBecause::Unlocked)]);
    let resources: Vec<_> = log.snapshot().await.unwrap().resources.into_keys().collect();
    assert_eq!(resources, [urn("a"), urn("c")]);
    sound(&log.verify().await.unwrap());
}

async fn an_unlock_on_the_holders_own_machine_shuts_it_out_too(place: Place) {
    // Both have one copy: what the one fetches, the other has.
    let machine = place.machine();
    let (holder, other) = (machine.open().await, machine.open().await);
    let _guard = holder.lock(owner("ada")).await.unwrap();
    other.force_unlock(owner("eve")).await.unwrap();
    lost(holder.append(vec![recorded(record("a"))]).await);
    assert_eq!(place.machine().open().await.head().await.unwrap().0, 1);
}

async fn a_lock_that_is_not_renewed_goes_to_the_next_and_its_holder_is_shut_out(place: Place) {
    let proxy = place.proxy(1);
    let holder = place.machine_behind(&proxy).impatient();
    let holder = holder.open().await;
    let ada = owner("ada");
    let _guard = holder.lock(ada.clone()).await.unwrap();
    holder.append(vec![recorded(record("a"))]).await.unwrap();
    let other = place.machine().open().await;
    assert_eq!(locked(&other).await, Some(ada.clone()));

    proxy.unplug();
    let bob = owner("bob");
    let guard = lock_in_the_end(&other, &bob).await;
    assert_eq!(guard.taken_over_from(), Some(&ada));
    assert_eq!(
        taken_away(&all(&other).await),
        [(Some(ada), bob, TakenBecause::Expired)]
    );
    proxy.heal();
    lost(holder.append(vec![recorded(record("b"))]).await);
    other.append(vec![recorded(record("c"))]).await.unwrap();
    lost(holder.append(vec![recorded(record("b"))]).await);
    let log = place.machine().open().await;
    let resources: Vec<_> = log.snapshot().await.unwrap().resources.into_keys().collect();
    assert_eq!(resources, [urn("a"), urn("c")]);
    sound(&log.verify().await.unwrap());
}

async fn a_lock_that_is_renewed_holds_as_long_as_it_takes(place: Place) {
    let holder = place.machine().impatient();
    let lease = holder.times.lease;
    let holder = holder.open().await;
    let _guard = holder.lock(owner("ada")).await.unwrap();
    let other = place.machine().open().await;
    let since = std::time::Instant::now();
    while since.elapsed() < lease * 3 {
        assert_eq!(
            locked(&other).await.map(|owner| owner.who),
            Some("ada".to_owned())
        );
    }
    holder.append(vec![recorded(record("a"))]).await.unwrap();
}

async fn the_clock_of_a_client_decides_nothing(place: Place) {
    for year in ["1970", "2999"] {
        let holder = place.machine().open().await;
        let ada = LockOwner {
            time: format!("{year}-01-01T00:00:00Z").parse().unwrap(),
            ..owner("ada")
        };
        let guard = holder.lock(ada.clone()).await.unwrap();
        let other = place.machine().open().await;
        assert_eq!(locked(&other).await, Some(ada));
        guard.release().await.unwrap();
        other.lock(owner("bob")).await.unwrap().release().await.unwrap();
    }
}
