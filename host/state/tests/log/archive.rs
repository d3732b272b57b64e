//! Logs that released versions wrote are read for ever after. The file was written by konductor 0.1.0 with the
//! sealer of these tests; it is copied, because opening a log may change its file.

use konductor_model::Value;
use konductor_state::entry::Entry;
use konductor_state::{EntryQuery, Journal, StackLog};

use crate::fixture::*;

async fn archived(folder: &Folder) -> StackLog {
    std::fs::create_dir_all(folder.log().parent().unwrap()).unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/archive/0.1.0.log");
    std::fs::copy(file, folder.log()).unwrap();
    folder.open().await
}

#[tokio::test]
async fn a_log_of_0_1_0_is_sound_and_has_the_same_state() {
    let folder = Folder::new();
    let log = archived(&folder).await;
    let verification = log.verify().await.unwrap();
    assert_eq!(verification.problems, []);
    assert_eq!(verification.entries, 17);
    let snapshot = log.snapshot().await.unwrap();
    assert_eq!(snapshot.outputs["password"], Value::from(PASSWORD).into_secret());
    let names: Vec<_> = snapshot.resources.keys().map(|urn| urn.name().as_str()).collect();
    assert_eq!(names, ["child", "database", "renamed"]);
    assert_eq!(snapshot.interrupted.len(), 1);
    log.append(vec![run_finished()]).await.unwrap();
    assert!(log.verify().await.unwrap().is_sound(), "it goes on");
}

#[tokio::test]
async fn the_plugins_and_calls_of_a_log_of_0_1_0_are_read() {
    let folder = Folder::new();
    let log = archived(&folder).await;
    let entries = log.entries(EntryQuery::default()).await.unwrap();
    let Entry::RunStarted(run) = &entries[0].entry else {
        panic!("{:?}", entries[0]);
    };
    assert_eq!(run.plugins[0].name, "aws");
    assert_eq!(run.plugins[0].version, "0.1.0");
    assert_eq!(run.plugins[0].digest, "sha256:0123");
    assert_eq!(run.plugins[0].grant(), None);
    let usage = log.usage(1).await.unwrap();
    assert_eq!(usage[0].calls[0].call.operation.as_deref(), Some("CreateVpc"));
    assert_eq!(usage[0].calls[0].count, 1);
}
