//! Which files are opened, and how they are made.

use konductor_state::{Journal, OpenOptions, StackLog, StateError};

use crate::fixture::*;

#[cfg(unix)]
#[tokio::test]
async fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(a_run()).await.unwrap();
    let guard = log
        .lock(konductor_state::LockOwner::this_process("ada", "run"))
        .await
        .unwrap();
    let state = folder.log().parent().unwrap().to_owned();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    let files: Vec<_> = std::fs::read_dir(&state)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(
        files.len(),
        4,
        "log, write-ahead log, its index and lock: {files:?}"
    );
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    drop((guard, log));
    std::fs::set_permissions(folder.log(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let _log = folder.open().await;
    assert_eq!(mode(&folder.log()), 0o600, "wider permissions are taken away");
}

#[tokio::test]
async fn reading_what_is_not_there_makes_nothing() {
    let folder = Folder::new();
    let refused = StackLog::open(&folder.log(), options().read_only())
        .await
        .unwrap_err();
    assert!(matches!(refused, StateError::NotFound { .. }), "{refused}");
    let refused = StackLog::open(&folder.log(), OpenOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(refused, StateError::NoIdentity { .. }), "{refused}");
}

#[tokio::test]
async fn a_log_that_was_opened_to_be_read_is_not_written() {
    let folder = Folder::new();
    drop(folder.open().await);
    let log = StackLog::open(&folder.log(), options().read_only())
        .await
        .unwrap();
    let refused = log.append(a_run()).await.unwrap_err();
    assert!(matches!(refused, StateError::ReadOnly { .. }), "{refused}");
    let owner = konductor_state::LockOwner::this_process("ada", "run");
    assert!(matches!(
        log.lock(owner).await.unwrap_err(),
        StateError::ReadOnly { .. }
    ));
}

#[tokio::test]
async fn the_log_of_another_stack_is_refused() {
    let folder = Folder::new();
    drop(folder.open().await);
    let refused = StackLog::open(&folder.log(), OpenOptions::of_stack("shop", "prod"))
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("is the log of stack shop/dev, not of shop/prod"),
        "{refused}"
    );
    let any = StackLog::open(&folder.log(), OpenOptions::default())
        .await
        .unwrap();
    assert_eq!(any.identity().to_string(), "shop/dev");
}

#[tokio::test]
async fn a_later_format_is_refused_with_what_to_do() {
    let folder = Folder::new();
    drop(folder.open().await);
    folder
        .stranger()
        .execute("UPDATE meta SET value = '3' WHERE key = 'format'", [])
        .unwrap();
    for options in [options(), options().read_only()] {
        let refused = StackLog::open(&folder.log(), options).await.unwrap_err();
        assert!(
            matches!(
                refused,
                StateError::NewerFormat {
                    found: 3,
                    supported: 2,
                    ..
                }
            ),
            "{refused}"
        );
        assert!(
            refused
                .to_string()
                .contains("use the newer version that wrote it")
        );
    }
}

#[tokio::test]
async fn another_file_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.log().parent().unwrap()).unwrap();
    let text = "config:\n  aws: {}\n".repeat(100);
    std::fs::write(folder.log(), &text).unwrap();
    for options in [options(), options().read_only()] {
        let refused = StackLog::open(&folder.log(), options).await.unwrap_err();
        assert!(matches!(refused, StateError::NotALog { .. }), "{refused}");
    }
    assert_eq!(std::fs::read_to_string(folder.log()).unwrap(), text);

    std::fs::remove_file(folder.log()).unwrap();
    folder.stranger().execute("CREATE TABLE theirs (a)", []).unwrap();
    let refused = StackLog::open(&folder.log(), options()).await.unwrap_err();
    assert!(matches!(refused, StateError::NotALog { .. }), "{refused}");
}

#[tokio::test]
async fn those_who_open_a_new_stack_at_once_make_one_log() {
    let folder = Folder::new();
    let path = folder.log();
    let opened = futures::future::join_all((0..8).map(|_| StackLog::open(&path, options()))).await;
    for (i, log) in opened.into_iter().enumerate() {
        log.unwrap()
            .append(vec![recorded(record(&format!("r{i}")))])
            .await
            .unwrap();
    }
    let log = folder.open().await;
    assert_eq!(log.snapshot().await.unwrap().resources.len(), 8);
    assert!(log.verify().await.unwrap().is_sound());
}

#[tokio::test]
async fn a_log_that_is_just_being_made_reads_as_one_that_is_not_there() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.log().parent().unwrap()).unwrap();
    std::fs::write(folder.log(), "").unwrap();
    let error = StackLog::open(&folder.log(), options().read_only())
        .await
        .unwrap_err();
    assert!(matches!(error, StateError::NotFound { .. }), "{error}");
    folder.open().await;
    StackLog::open(&folder.log(), options().read_only())
        .await
        .unwrap();
}
