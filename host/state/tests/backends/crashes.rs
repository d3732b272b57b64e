//! What stands in the log after a process was killed, and that the next one goes on from there.

use std::process::{Command, Stdio};

use konductor_state::entry::{Entry, TakenBecause};
use konductor_state::{Journal, StackLog};

use crate::fixture::*;
use crate::team::*;

const ADDRESS: &str = "KONDUCTOR_TEST_CHILD_ADDRESS";
const COPY: &str = "KONDUCTOR_TEST_CHILD_COPY";

/// Runs in the process that is killed; in the test run itself it does nothing.
#[tokio::test]
#[allow(
    clippy::disallowed_methods,
    reason = "how the test tells its child what to do"
)]
async fn a_child_appends_a_run_entry_by_entry() {
    let (Ok(address), Ok(copy)) = (std::env::var(ADDRESS), std::env::var(COPY)) else {
        return;
    };
    let mut options = options();
    options.backend = backend(&address);
    let log = StackLog::open(copy.as_ref(), options).await.unwrap();
    let guard = log.lock(owner("child")).await.unwrap();
    let appends = a_run().into_iter().map(|entry| log.append(vec![entry]));
    for outcome in futures::future::join_all(appends).await {
        outcome.unwrap();
    }
    guard.release().await.unwrap();
}

fn run_child(place: &Place, machine: &Machine, point: &str, transaction: usize) -> std::process::ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crashes::a_child_appends_a_run_entry_by_entry"])
        .env(ADDRESS, place.address())
        .env(COPY, machine.file())
        .env(point, transaction.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

fn without_takeovers(entries: Vec<konductor_state::LoggedEntry>) -> Vec<Entry> {
    entries
        .into_iter()
        .map(|logged| logged.entry)
        .filter(|entry| !matches!(entry, Entry::LockTakenAway(_)))
        .collect()
}

#[cfg(all(debug_assertions, unix))]
async fn a_killed_process_leaves_what_was_durable_and_the_next_goes_on(kind: Kind) {
    use std::os::unix::process::ExitStatusExt;
    let run = a_run();
    for transaction in [1, 2, 5, 9, run.len()] {
        for (point, entries) in [
            ("KONDUCTOR_CRASH_BEFORE", transaction - 1),
            ("KONDUCTOR_CRASH_BETWEEN", transaction),
            ("KONDUCTOR_CRASH_AFTER", transaction),
        ] {
            if kind == Kind::File && point == "KONDUCTOR_CRASH_BETWEEN" {
                continue;
            }
            let at = format!("{kind:?} {point}={transaction}");
            let place = Place::open(kind);
            let machine = place.machine();
            let status = run_child(&place, &machine, point, transaction);
            assert_eq!(status.signal(), Some(9), "{at}: {status}");
            // The same machine, whose copy may be behind, and another one.
            for log in [machine.open().await, place.machine().open().await] {
                assert_eq!(without_takeovers(all(&log).await), run[..entries], "{at}");
                sound(&log.verify().await.unwrap());
            }
            let log = machine.open().await;
            let guard = log.lock(owner("next")).await.unwrap();
            assert_eq!(
                guard.taken_over_from().map(|owner| owner.who.as_str()),
                Some("child"),
                "{at}"
            );
            log.append(run[entries..].to_vec()).await.unwrap();
            guard.release().await.unwrap();
            let other = place.machine().open().await;
            assert_eq!(without_takeovers(all(&other).await), run, "{at}");
            assert_eq!(other.snapshot().await.unwrap().resources.len(), 3, "{at}");
            sound(&other.verify().await.unwrap());
            let takeovers = all(&other).await.len() - run.len();
            assert_eq!(takeovers, usize::from(kind != Kind::File), "{at}");
            for logged in all(&other).await {
                if let Entry::LockTakenAway(taken) = logged.entry {
                    assert_eq!(taken.because, TakenBecause::Ended, "{at}");
                }
            }
        }
    }
    let place = Place::open(kind);
    let machine = place.machine();
    assert!(
        run_child(&place, &machine, "KONDUCTOR_CRASH_AFTER", run.len() + 1).success(),
        "a point never reached"
    );
}

#[cfg(all(debug_assertions, unix))]
#[tokio::test]
async fn a_killed_process_leaves_what_was_durable_in_a_file() {
    a_killed_process_leaves_what_was_durable_and_the_next_goes_on(Kind::File).await;
}

#[cfg(all(debug_assertions, unix))]
#[tokio::test]
async fn a_killed_process_leaves_what_was_durable_in_postgresql() {
    a_killed_process_leaves_what_was_durable_and_the_next_goes_on(Kind::PostgreSql).await;
}

#[cfg(all(debug_assertions, unix))]
#[tokio::test]
async fn a_killed_process_leaves_what_was_durable_in_s3() {
    a_killed_process_leaves_what_was_durable_and_the_next_goes_on(Kind::S3).await;
}
