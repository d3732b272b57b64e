//! A log moves between places: the same entries with the same hashes, and one of the places is open.

use konductor_state::{Journal, StackLog, StateError};

use crate::fixture::*;
use crate::team::*;

async fn open_moved(machine: &Machine) -> StackLog {
    let mut options = machine.options();
    options.moved_is_fine = true;
    StackLog::open(&machine.file(), options).await.unwrap()
}

#[track_caller]
fn moved(outcome: Result<StackLog, StateError>) {
    assert!(matches!(outcome, Err(StateError::Moved { .. })), "{outcome:?}");
}

#[tokio::test]
async fn between_any_two_places_and_back() {
    for (from, to) in [
        (Kind::File, Kind::PostgreSql),
        (Kind::PostgreSql, Kind::S3),
        (Kind::S3, Kind::File),
    ] {
        let (from, to) = (Place::open(from), Place::open(to));
        let (here, there) = (from.machine(), to.machine());
        let (source, target) = (here.open().await, open_moved(&there).await);
        for entry in a_run() {
            source.append(vec![entry]).await.unwrap();
        }
        // What was done to locks there says nothing of those here.
        let _ = source.lock(owner("ada")).await.unwrap();
        let kept = source.lock(owner("ada")).await;
        let late = from.machine().open().await;
        late.force_unlock(owner("eve")).await.unwrap();
        drop(kept);
        let source_guard = late.lock(owner("eve")).await.unwrap();
        let target_guard = target.lock(owner("eve")).await.unwrap();
        let migrated = late.migrate_to(&target).await.unwrap();
        assert_eq!((migrated.entries, migrated.copied), (17, 17));
        assert_eq!(target.head().await.unwrap(), (17, migrated.head.clone()));
        assert_eq!(all(&target).await, all(&late).await);
        sound(&target.verify().await.unwrap());
        source_guard.release().await.unwrap();
        target_guard.release().await.unwrap();

        // The old place is closed, also to those that have it open and to machines that never saw it.
        moved(here.try_open().await);
        moved(from.machine().try_open().await);
        assert!(matches!(
            source.lock(owner("ada")).await,
            Err(StateError::Moved { .. })
        ));
        let log = there.open().await;
        let guard = log.lock(owner("ada")).await.unwrap();
        log.append(vec![recorded(record("later"))]).await.unwrap();
        guard.release().await.unwrap();

        // Back again: only what is new is copied, and the first place is open and the second closed.
        let back = open_moved(&here).await;
        let guards = (
            log.lock(owner("ada")).await.unwrap(),
            back.lock(owner("ada")).await.unwrap(),
        );
        let migrated = log.migrate_to(&back).await.unwrap();
        assert_eq!((migrated.entries, migrated.copied), (18, 1));
        drop(guards);
        moved(to.machine().try_open().await);
        let again = from.machine().open().await;
        assert!(
            again
                .snapshot()
                .await
                .unwrap()
                .resources
                .contains_key(&urn("later"))
        );
        sound(&again.verify().await.unwrap());
    }
}

#[tokio::test]
async fn a_place_with_another_log_is_refused_and_both_stay_open() {
    let (from, to) = (Place::open(Kind::File), Place::open(Kind::PostgreSql));
    let (source, target) = (from.machine().open().await, to.machine().open().await);
    source.append(a_run()).await.unwrap();
    target.append(vec![recorded(record("other"))]).await.unwrap();
    let refused = source.migrate_to(&target).await.unwrap_err();
    assert!(matches!(refused, StateError::OtherLog { .. }), "{refused}");
    assert_eq!(to.machine().open().await.head().await.unwrap().0, 1);
    assert_eq!(from.machine().open().await.head().await.unwrap().0, 16);
}
