//! A file that a disk or a copy has damaged gives errors, never a panic or a wrong answer.

use konductor_state::{Journal, StackLog};

use crate::fixture::*;

#[tokio::test]
async fn a_damaged_file_is_an_error_or_reads_the_same() {
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(a_run()).await.unwrap();
    let (masked, whole) = (log.snapshot_masked().await.unwrap(), log.verify().await.unwrap());
    drop(log);
    let original = std::fs::read(folder.log()).unwrap();
    let mut noticed = 0;
    let cut_and_overwritten = (0..original.len()).step_by(512).flat_map(|at| {
        let mut overwritten = original.clone();
        overwritten[at..(at + 512).min(original.len())].fill(0xa7);
        [original[..at].to_vec(), overwritten]
    });
    for bytes in cut_and_overwritten {
        std::fs::write(folder.log(), bytes).unwrap();
        for options in [options().read_only(), options()] {
            let Ok(log) = StackLog::open(&folder.log(), options).await else {
                noticed += 1;
                continue;
            };
            let (snapshot, verification) = (log.snapshot_masked().await, log.verify().await);
            if verification.is_ok_and(|verification| verification == whole) {
                // What was hit is free space, or something that `PRAGMA integrity_check` is for.
                assert!(snapshot.is_err() || snapshot.unwrap() == masked);
            } else {
                noticed += 1;
            }
            drop(log);
        }
        let _ = std::fs::remove_file(folder.log().with_extension("log-wal"));
        let _ = std::fs::remove_file(folder.log().with_extension("log-shm"));
    }
    assert!(noticed > 20, "{noticed}");
}

#[tokio::test]
async fn an_error_from_a_damaged_row_names_it() {
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(a_run()).await.unwrap();
    let stranger = folder.stranger();
    stranger
        .execute(
            "UPDATE resource SET body = '{\"urn\":1}' WHERE urn LIKE '%::child'",
            [],
        )
        .unwrap();
    let error = log.snapshot().await.unwrap_err().to_string();
    assert!(
        error.contains("::child cannot be read") && error.contains("konductor log verify"),
        "{error}"
    );
    stranger
        .execute("UPDATE log SET body = 'x' WHERE serial = 4", [])
        .unwrap();
    let error = log
        .entries(konductor_state::EntryQuery::default())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("entry 4 cannot be read"), "{error}");
    stranger
        .execute("UPDATE log SET time = 'noon' WHERE serial = 2", [])
        .unwrap();
    let error = log
        .entries(konductor_state::EntryQuery::default())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("the time of entry 2 cannot be read"), "{error}");
}
