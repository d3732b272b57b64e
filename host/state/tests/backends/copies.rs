//! The copy of a machine: never more than the backend, and of no weight against it.

use konductor_state::{BackendError, Journal, StateError};

use crate::fixture::*;
use crate::team::*;

of_every_place!(shared, PostgreSql S3:
    a_copy_that_is_ahead_or_another_is_fetched_anew_and_never_pushed
    a_copy_that_is_no_log_is_fetched_anew
    an_emptied_backend_is_no_stack_that_was_never_deployed
    a_second_machine_fetches_only_what_is_new
    a_copy_that_is_emptied_under_a_reader_is_told
);

async fn a_copy_that_is_ahead_or_another_is_fetched_anew_and_never_pushed(place: Place) {
    let log = place.machine().open().await;
    log.append(a_run()).await.unwrap();
    let expected = (all(&log).await, log.snapshot().await.unwrap());
    for damage in [
        // Ahead by an entry.
        "INSERT INTO log SELECT 17, time, 'f00', body FROM log WHERE serial = 16;
         UPDATE meta SET value = '17' WHERE key = 'serial'; UPDATE meta SET value = 'f00' WHERE key = 'hash';",
        // Another last entry.
        "UPDATE log SET hash = 'f00' WHERE serial = 16; UPDATE meta SET value = 'f00' WHERE key = 'hash';",
        // Of another place.
        "UPDATE meta SET value = 'postgresql://elsewhere:5432/other' WHERE key = 'copy_of';
         DELETE FROM log WHERE serial = 3;",
    ] {
        let machine = place.machine();
        drop(machine.open().await);
        machine.tamper(damage);
        let again = machine.open().await;
        assert_eq!(
            (all(&again).await, again.snapshot().await.unwrap()),
            expected,
            "{damage}"
        );
        sound(&again.verify().await.unwrap());
    }
    assert_eq!(place.segments(), 1);
}

async fn a_copy_that_is_no_log_is_fetched_anew(place: Place) {
    let log = place.machine().open().await;
    log.append(a_run()).await.unwrap();
    let machine = place.machine();
    std::fs::write(machine.file(), "something else".repeat(1000)).unwrap();
    assert_eq!(all(&machine.open().await).await, all(&log).await);
}

async fn an_emptied_backend_is_no_stack_that_was_never_deployed(place: Place) {
    let machine = place.machine();
    machine.open().await.append(a_run()).await.unwrap();
    place.remove_segments_before(u64::MAX >> 1);
    let refused = machine.try_open().await.unwrap_err();
    assert!(
        matches!(&refused, StateError::Backend(BackendError::Refused { .. })),
        "{refused}"
    );
    for part in ["nothing of shop/dev", "16 entries", "restore it from a backup"] {
        assert!(refused.to_string().contains(part), "{refused}");
    }
}

async fn a_second_machine_fetches_only_what_is_new(place: Place) {
    let log = place.machine().open().await;
    let machine = place.machine();
    log.append(vec![recorded(record("first"))]).await.unwrap();
    drop(machine.open().await);
    for name in ["second", "third"] {
        log.append(vec![recorded(record(name))]).await.unwrap();
    }
    // What the machine has already may be gone from the backend but for the last of it: it is not asked for again.
    drop(machine.open().await);
    place.remove_segments_before(3);
    let again = machine.open().await;
    assert_eq!(all(&again).await, all(&log).await);
    // Who looks at everything sees it.
    let found = again.verify().await.unwrap();
    assert_eq!(found.first_bad_serial(), Some(1), "{found:?}");
    assert!(found.problems[0].what.contains("in the state at"), "{found:?}");
}

async fn a_copy_that_is_emptied_under_a_reader_is_told(place: Place) {
    let machine = place.machine();
    let log = machine.open().await;
    log.append(a_run()).await.unwrap();
    let reader = machine.open_to_read().await;
    machine
        .tamper("DELETE FROM resource; DELETE FROM log; UPDATE meta SET value = '0' WHERE key = 'serial';");
    let refused = reader.snapshot().await.unwrap_err();
    assert!(matches!(refused, StateError::CopyChanged { .. }), "{refused}");
}
