//! The stack as it was.

use konductor_model::Value;
use konductor_state::{Journal, MemoryLog, StateError};

use crate::fixture::*;

#[tokio::test]
async fn the_state_after_any_entry_is_what_the_entries_up_to_it_add_up_to() {
    let folder = Folder::new();
    let log = folder.open().await;
    let entries = a_run();
    // One append an entry, so that every state was once what a reader saw.
    for entry in entries.clone() {
        log.append(vec![entry]).await.unwrap();
    }
    for serial in 0..=entries.len() {
        let past = log.past(serial as u64).await.unwrap().snapshot;
        let folded = MemoryLog::with_entries(entries[..serial].to_vec()).unwrap();
        let expected = Journal::snapshot(&folded).await.unwrap();
        assert_eq!(past.serial, serial as u64);
        assert_eq!(past.resources, expected.resources, "after entry {serial}");
        assert_eq!(past.outputs, expected.outputs);
        assert_eq!(past.interrupted, expected.interrupted);
    }
    let now = log.past(entries.len() as u64).await.unwrap();
    assert_eq!(now.snapshot, log.snapshot().await.unwrap());
}

#[tokio::test]
async fn a_state_that_is_not_reached_yet_is_an_error_that_says_where_the_log_ends() {
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(vec![run_started()]).await.unwrap();
    let error = log.past(2).await.unwrap_err();
    assert!(
        matches!(error, StateError::NoSuchEntry { serial: 2, last: 1 }),
        "{error}"
    );
}

#[tokio::test]
async fn the_past_is_read_without_a_key_and_shows_no_secret() {
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(a_run()).await.unwrap();
    let mut without = options().read_only();
    without.sealer = None;
    let log = konductor_state::StackLog::open(&folder.log(), without)
        .await
        .unwrap();
    let past = log.past_masked(16).await.unwrap();
    assert!(!format!("{past:?}").contains(PASSWORD));
    let hidden = Value::from(konductor_model::value_json::MASK).into_secret();
    assert_eq!(past.snapshot.outputs.get("password"), Some(&hidden));
    assert!(matches!(
        log.past(16).await.unwrap_err(),
        StateError::SecretUnreadable { .. }
    ));
}

#[tokio::test]
async fn names_that_changed_since_lead_from_the_past_to_now() {
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(vec![
        recorded(record("first")),
        recorded(record("stays")),
        moved("first", "second"),
        moved("second", "third"),
    ])
    .await
    .unwrap();
    let past = log.past(2).await.unwrap();
    assert_eq!(past.name_now(&urn("first")), urn("third"));
    assert_eq!(past.name_now(&urn("stays")), urn("stays"));
    assert_eq!(
        past.names_now().into_iter().collect::<Vec<_>>(),
        [(urn("first"), urn("third"))]
    );
    assert!(log.past(4).await.unwrap().renamed.is_empty());
}

#[tokio::test]
async fn runs_are_numbered_and_told_with_how_they_ended_and_what_they_changed() {
    let folder = Folder::new();
    let log = folder.open().await;
    // The second died; the value of the resource only looks like an entry of its own.
    let mut record = record("vpc");
    record.inputs = Value::from([
        ("entry", Value::from("run-started")),
        ("x", Value::from("\"entry\":\"end\"")),
    ]);
    log.append(vec![
        started("a", "run"),
        begin("op-1", record.clone()),
        end("op-1", record),
        finished("a", "succeeded"),
        started("b", "run"),
        started("c", "plan"),
        finished("c", "succeeded"),
    ])
    .await
    .unwrap();
    let runs = log.runs().await.unwrap();
    let told: Vec<_> = runs
        .iter()
        .map(|run| {
            let ended = run
                .finished
                .as_ref()
                .map(|(finished, _)| finished.result.as_str());
            (
                run.number,
                run.started.run.as_str(),
                run.first,
                run.last,
                ended,
                run.changes,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "a", 1, 4, Some("succeeded"), 1),
            (2, "b", 5, 5, None, 0),
            (3, "c", 6, 7, Some("succeeded"), 0),
        ]
    );
}

#[tokio::test]
async fn a_time_leads_to_the_last_entry_written_until_then() {
    let folder = Folder::new();
    let log = folder.open().await;
    assert_eq!(log.serial_at(jiff::Timestamp::now()).await.unwrap(), 0);
    for name in ["a", "b", "c"] {
        log.append(vec![recorded(record(name))]).await.unwrap();
    }
    let entries = log.entries(konductor_state::EntryQuery::default()).await.unwrap();
    let last_at = |time| entries.iter().filter(|logged| logged.time <= time).count() as u64;
    for logged in &entries {
        assert_eq!(log.serial_at(logged.time).await.unwrap(), last_at(logged.time));
    }
    let before = entries[0].time - jiff::SignedDuration::from_secs(1);
    assert_eq!(log.serial_at(before).await.unwrap(), 0);
}
