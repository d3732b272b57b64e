//! One command at a time, also after a `kill -9`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use konductor_state::{Journal, LockOwner, Locked, StackLog, StateError};

use crate::fixture::*;

fn owner(who: &str) -> LockOwner {
    LockOwner::this_process(who, "run")
}

async fn locked(log: &StackLog) -> Box<Locked> {
    match log.lock(owner("late")).await {
        Err(StateError::Locked(locked)) => locked,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the lock was given twice"),
    }
}

#[tokio::test]
async fn a_second_one_is_told_who_holds_the_lock_and_what_to_do() {
    let folder = Folder::new();
    let (one, other) = (folder.open().await, folder.open().await);
    let ada = owner("ada");
    let guard = one.lock(ada.clone()).await.unwrap();
    assert_eq!(guard.taken_over_from(), None);
    assert_eq!(other.lock_owner().await.unwrap(), Some(ada.clone()));
    let refused = locked(&other).await;
    assert_eq!(refused.owner, Some(ada.clone()));
    let message = refused.to_string();
    for part in [
        "`konductor run` of ada on ",
        &format!("process {}", ada.pid),
        "since 20",
        "konductor state unlock",
    ] {
        assert!(message.contains(part), "{message}");
    }
    // The same process does not get it twice either.
    locked(&one).await;

    guard.release().await.unwrap();
    assert_eq!(other.lock_owner().await.unwrap(), None);
    let guard = other.lock(owner("bob")).await.unwrap();
    assert_eq!(guard.taken_over_from(), None);
    drop(guard);
    drop(other);
    one.lock(owner("eve")).await.unwrap().release().await.unwrap();
}

#[tokio::test]
async fn a_guard_outlives_its_log() {
    let folder = Folder::new();
    let log = folder.open().await;
    let guard = log.lock(owner("ada")).await.unwrap();
    drop(log);
    let other = folder.open().await;
    locked(&other).await;
    drop(guard);
    let guard = other.lock(owner("bob")).await.unwrap();
    assert_eq!(
        guard.taken_over_from(),
        None,
        "a dropped guard gives the lock back"
    );
}

#[tokio::test]
async fn after_a_forced_unlock_the_former_owner_writes_nothing_more() {
    let folder = Folder::new();
    let (one, other) = (folder.open().await, folder.open().await);
    let ada = owner("ada");
    let lost = one.lock(ada.clone()).await.unwrap();
    one.append(vec![recorded(record("a"))]).await.unwrap();

    assert_eq!(other.force_unlock(owner("eve")).await.unwrap(), Some(ada));
    let refused = one.append(vec![recorded(record("b"))]).await.unwrap_err();
    assert!(matches!(refused, StateError::LockLost), "{refused}");

    let bob = owner("bob");
    let guard = other.lock(bob.clone()).await.unwrap();
    let refused = one.append(vec![recorded(record("b"))]).await.unwrap_err();
    assert!(matches!(refused, StateError::LockLost), "{refused}");
    other.append(vec![recorded(record("c"))]).await.unwrap();
    lost.release().await.unwrap();
    assert_eq!(
        locked(&folder.open().await).await.owner,
        Some(bob),
        "what was lost is not given back"
    );
    guard.release().await.unwrap();
    assert_eq!(
        folder.open().await.force_unlock(owner("eve")).await.unwrap(),
        None,
        "nobody holds it"
    );
}

fn leave_behind(folder: &Folder, owner: &LockOwner, process_started: Option<i64>) {
    let text = serde_json::to_string(owner).unwrap();
    folder
        .stranger()
        .execute(
            "INSERT INTO holder VALUES (1, 'left', ?1, ?2)",
            (text, process_started),
        )
        .unwrap();
}

#[tokio::test]
async fn a_lock_left_by_another_machine_is_not_taken_over() {
    let folder = Folder::new();
    let log = folder.open().await;
    let far = LockOwner {
        host: "another-machine".to_owned(),
        ..owner("ada")
    };
    leave_behind(&folder, &far, Some(1));
    let refused = locked(&log).await;
    assert_eq!((refused.owner.as_ref(), refused.elsewhere), (Some(&far), true));
    assert!(
        refused.to_string().contains("which this machine cannot check"),
        "{refused}"
    );
    assert_eq!(log.force_unlock(owner("eve")).await.unwrap(), Some(far));
    let _guard = log.lock(owner("bob")).await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_living_process_keeps_its_lock_where_the_file_system_forgets_it() {
    let folder = Folder::new();
    let log = folder.open().await;
    let ada = owner("ada");
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let started: i64 = fields.clone().nth(19).unwrap().parse().unwrap();
    leave_behind(&folder, &ada, Some(started));
    let refused = locked(&log).await;
    assert_eq!((refused.owner, refused.elsewhere), (Some(ada.clone()), false));

    // A later process with the same number is another one.
    log.force_unlock(owner("eve")).await.unwrap();
    leave_behind(&folder, &ada, Some(started - 1));
    let guard = log.lock(owner("bob")).await.unwrap();
    assert_eq!(guard.taken_over_from(), Some(&ada));
}

#[tokio::test]
async fn a_living_process_keeps_its_lock_where_the_system_does_not_tell_when_it_started() {
    let folder = Folder::new();
    let (one, other) = (folder.open().await, folder.open().await);
    let _guard = one.lock(owner("ada")).await.unwrap();
    folder
        .stranger()
        .execute("UPDATE holder SET process_started = NULL", [])
        .unwrap();
    locked(&other).await;
}

const LOG_OF_CHILD: &str = "KONDUCTOR_TEST_LOCKING_CHILD_LOG";

/// Runs in the process that is killed; in the test run itself it does nothing.
#[tokio::test]
#[allow(
    clippy::disallowed_methods,
    reason = "how the test tells its child what to do"
)]
async fn a_child_takes_the_lock_and_holds_it() {
    let Ok(path) = std::env::var(LOG_OF_CHILD) else {
        return;
    };
    let log = StackLog::open(path.as_ref(), options()).await.unwrap();
    let _guard = log.lock(owner("child")).await.unwrap();
    println!("\nlocked");
    // Until it is killed, or its parent is gone.
    let _ = std::io::stdin().read_line(&mut String::new());
}

fn locking_child(folder: &Folder) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "lock::a_child_takes_the_lock_and_holds_it",
            "--nocapture",
        ])
        .env(LOG_OF_CHILD, folder.log())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let told = output.lines().map_while(Result::ok).any(|line| line == "locked");
    assert!(told, "the child ended without the lock");
    child
}

#[tokio::test]
async fn the_lock_of_a_killed_process_is_taken_over_and_told_and_that_of_a_living_one_not() {
    let folder = Folder::new();
    let log = folder.open().await;
    let mut child = locking_child(&folder);
    let refused = locked(&log).await;
    let holder = refused.owner.unwrap();
    assert_eq!((holder.who.as_str(), holder.pid), ("child", child.id()));

    child.kill().unwrap();
    child.wait().unwrap();
    let guard = log.lock(owner("ada")).await.unwrap();
    assert_eq!(guard.taken_over_from(), Some(&holder));
    log.append(vec![recorded(record("a"))]).await.unwrap();
}
