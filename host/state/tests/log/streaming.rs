//! The current state, read one record after the other.

use std::collections::BTreeMap;

use konductor_state::{Journal as _, OpenOptions, StackLog, StateError};

use crate::fixture::*;

#[tokio::test]
async fn records_come_one_by_one_and_are_those_of_the_snapshot() {
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(a_run()).await.unwrap();
    // More than are handed over together.
    let many = (0..700)
        .map(|index| recorded(record(&format!("many-{index}"))))
        .collect();
    log.append(many).await.unwrap();
    let whole = log.snapshot().await.unwrap();
    let mut taken = BTreeMap::new();
    let rest = log
        .read_each(&mut |record| {
            assert!(taken.insert(record.urn.clone(), record).is_none());
        })
        .await
        .unwrap();
    assert!(rest.resources.is_empty());
    assert_eq!(taken, whole.resources);
    assert_eq!((rest.serial, &rest.head), (whole.serial, &whole.head));
    assert_eq!(rest.outputs, whole.outputs);
    assert_eq!(rest.interrupted, whole.interrupted);
}

#[tokio::test]
async fn a_record_that_cannot_be_opened_ends_the_reading() {
    let folder = Folder::new();
    folder.open().await.append(a_run()).await.unwrap();
    let keyless = StackLog::open(&folder.log(), OpenOptions::default().read_only())
        .await
        .unwrap();
    let refused = keyless.read_each(&mut drop).await.unwrap_err();
    assert!(
        matches!(&refused, StateError::SecretUnreadable { place } if place.ends_with("::database")),
        "{refused}"
    );
}
