//! What stands in the file after a process was killed.

use std::process::{Command, Stdio};

use konductor_state::{EntryQuery, Journal};

use crate::fixture::*;

const LOG_OF_CHILD: &str = "KONDUCTOR_TEST_CHILD_LOG";

/// Runs in the process that is killed; in the test run itself it does nothing.
#[tokio::test]
#[allow(
    clippy::disallowed_methods,
    reason = "how the test tells its child what to do"
)]
async fn a_child_appends_a_run_entry_by_entry() {
    let Ok(path) = std::env::var(LOG_OF_CHILD) else {
        return;
    };
    let log = konductor_state::StackLog::open(path.as_ref(), options())
        .await
        .unwrap();
    // At once, so that they would share a transaction if crash points did not keep them apart.
    let appends = a_run().into_iter().map(|entry| log.append(vec![entry]));
    for outcome in futures::future::join_all(appends).await {
        outcome.unwrap();
    }
}

fn run_child(folder: &Folder, point: &str, transaction: usize) -> std::process::ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "death::a_child_appends_a_run_entry_by_entry"])
        .env(LOG_OF_CHILD, folder.log())
        .env(point, transaction.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

#[cfg(all(debug_assertions, unix))]
#[tokio::test]
async fn a_killed_process_leaves_what_was_durable_and_no_more() {
    use std::os::unix::process::ExitStatusExt;
    let run = a_run();
    for transaction in 1..=run.len() {
        for (point, entries) in [
            ("KONDUCTOR_CRASH_BEFORE", transaction - 1),
            ("KONDUCTOR_CRASH_AFTER", transaction),
        ] {
            let folder = Folder::new();
            let status = run_child(&folder, point, transaction);
            assert_eq!(status.signal(), Some(9), "{point}={transaction}: {status}");
            let log = folder.open().await;
            let found = log.entries_opened(EntryQuery::default()).await.unwrap();
            let found: Vec<_> = found.into_iter().map(|logged| logged.entry).collect();
            assert_eq!(found, run[..entries], "{point}={transaction}");
            let verification = log.verify().await.unwrap();
            assert_eq!(verification.problems, [], "{point}={transaction}");
            // It goes on from there.
            log.append(run[entries..].to_vec()).await.unwrap();
            assert_eq!(log.snapshot().await.unwrap().resources.len(), 3);
        }
    }
    let folder = Folder::new();
    assert!(
        run_child(&folder, "KONDUCTOR_CRASH_AFTER", run.len() + 1).success(),
        "a point never reached"
    );
}

#[cfg(not(debug_assertions))]
#[test]
fn a_release_build_has_no_crash_points() {
    let folder = Folder::new();
    assert!(run_child(&folder, "KONDUCTOR_CRASH_AFTER", 1).success());
}
