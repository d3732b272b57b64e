//! What one machine appends, all machines see, once and in one order.

use konductor_state::entry::Entry;
use konductor_state::{Journal, StateError};

use crate::fixture::*;
use crate::team::*;

of_every_place!(every, File PostgreSql S3:
    what_one_machine_appends_another_reads_as_it_was
    of_many_writers_each_gets_its_own_place
    a_refused_append_leaves_nothing_anywhere
);

async fn what_one_machine_appends_another_reads_as_it_was(place: Place) {
    let (here, there) = (place.machine(), place.machine());
    let log = here.open().await;
    for entry in a_run() {
        log.append(vec![entry]).await.unwrap();
    }
    let other = there.open().await;
    assert_eq!(all(&other).await, all(&log).await);
    let found: Vec<Entry> = all(&other).await.into_iter().map(|logged| logged.entry).collect();
    assert_eq!(found, a_run());
    assert_eq!(other.snapshot().await.unwrap(), log.snapshot().await.unwrap());
    assert_eq!(other.head().await.unwrap(), log.head().await.unwrap());
    sound(&other.verify().await.unwrap());

    // It goes on from there, and the first learns of it when it opens the log again.
    other.append(vec![recorded(record("later"))]).await.unwrap();
    let again = here.open_to_read().await;
    assert!(
        again
            .snapshot()
            .await
            .unwrap()
            .resources
            .contains_key(&urn("later"))
    );
    sound(&again.verify().await.unwrap());
    let refused = again.append(vec![recorded(record("never"))]).await.unwrap_err();
    assert!(matches!(refused, StateError::ReadOnly { .. }), "{refused}");
}

async fn of_many_writers_each_gets_its_own_place(place: Place) {
    const WRITERS: usize = 6;
    const ENTRIES: usize = 12;
    let machines: Vec<_> = (0..WRITERS).map(|_| place.machine()).collect();
    let writers = machines.iter().enumerate().map(|(writer, machine)| async move {
        let log = machine.open().await;
        for entry in 0..ENTRIES {
            let name = format!("of-{writer}-{entry}");
            log.append(vec![recorded(record(&name))]).await.unwrap();
        }
        log
    });
    futures::future::join_all(writers).await;
    let log = place.machine().open().await;
    let logged = all(&log).await;
    assert_eq!(logged.len(), WRITERS * ENTRIES);
    assert_eq!(log.snapshot().await.unwrap().resources.len(), WRITERS * ENTRIES);
    sound(&log.verify().await.unwrap());
    // Those of one writer stand in the order it wrote them in.
    for writer in 0..WRITERS {
        let own: Vec<_> = logged
            .iter()
            .filter_map(|logged| match &logged.entry {
                Entry::Recorded { record, .. } => {
                    let name = record.urn.name().as_str().to_owned();
                    name.strip_prefix(&format!("of-{writer}-"))?.parse::<usize>().ok()
                }
                _ => None,
            })
            .collect();
        assert_eq!(own, (0..ENTRIES).collect::<Vec<_>>());
    }
    for machine in &machines {
        assert_eq!(
            machine.open().await.head().await.unwrap(),
            log.head().await.unwrap()
        );
    }
}

async fn a_refused_append_leaves_nothing_anywhere(place: Place) {
    let log = place.machine().open().await;
    log.append(vec![recorded(record("a"))]).await.unwrap();
    let (refused, stored) = futures::join!(
        log.append(vec![recorded(record("b")), end("never-begun", record("b"))]),
        log.append(vec![recorded(record("c"))]),
    );
    assert!(matches!(refused, Err(StateError::Invalid(_))), "{refused:?}");
    stored.unwrap();
    let other = place.machine().open().await;
    let resources: Vec<_> = other.snapshot().await.unwrap().resources.into_keys().collect();
    assert_eq!(resources, [urn("a"), urn("c")]);
    sound(&other.verify().await.unwrap());
}
