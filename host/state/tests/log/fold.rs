//! What entries add up to, in both logs.

use konductor_model::Value;
use konductor_state::validation::NotAllowed;
use konductor_state::{EntryQuery, InvalidEntry, Journal, MemoryLog, Snapshot, StateError};
use proptest::prelude::*;

use crate::fixture::*;

/// What stays the same whatever the clock says.
fn without_hash(snapshot: Snapshot) -> Snapshot {
    Snapshot {
        head: String::new(),
        ..snapshot
    }
}

#[tokio::test]
async fn a_run_adds_up_to_the_same_in_both_logs() {
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(a_run()).await.unwrap();
    let snapshot = log.snapshot().await.unwrap();

    let names: Vec<_> = snapshot.resources.keys().map(|urn| urn.name().as_str()).collect();
    assert_eq!(names, ["child", "database", "renamed"]);
    let child = &snapshot.resources[&urn("child")];
    assert_eq!(
        child.parent,
        Some(urn("renamed")),
        "a move is followed by those below"
    );
    assert_eq!(child.dependencies, [urn("database")]);
    assert_eq!(
        snapshot.resources[&urn("database")],
        with_password(record("database"))
    );
    assert_eq!(snapshot.outputs["password"], Value::from(PASSWORD).into_secret());
    assert_eq!(snapshot.interrupted.len(), 1);
    assert_eq!(snapshot.interrupted[0].begin.operation, "op-4");
    assert_eq!(
        snapshot.interrupted[0].progress.as_ref().unwrap().id.as_deref(),
        Some("vpc-half")
    );
    assert_eq!(
        (snapshot.serial, snapshot.head.clone()),
        log.head().await.unwrap()
    );

    let memory = MemoryLog::with_entries(a_run()).unwrap();
    assert_eq!(
        without_hash(memory.snapshot().await.unwrap()),
        without_hash(snapshot.clone())
    );

    drop(log);
    let reopened = folder.open().await;
    assert_eq!(
        reopened.snapshot().await.unwrap(),
        snapshot,
        "nothing is lost on the way to the disk"
    );
}

#[tokio::test]
async fn an_empty_log_has_an_empty_snapshot() {
    let folder = Folder::new();
    let log = folder.open().await;
    assert_eq!(log.snapshot().await.unwrap(), Snapshot::default());
    assert_eq!(log.head().await.unwrap(), (0, String::new()));
    assert!(log.verify().await.unwrap().is_sound());
}

#[tokio::test]
async fn an_entry_that_does_not_follow_takes_the_whole_append_back() {
    let folder = Folder::new();
    let on_disk = folder.open().await;
    let in_memory = MemoryLog::new();
    let logs: [&dyn Journal; 2] = [&on_disk, &in_memory];
    for log in logs {
        log.append(vec![recorded(record("a")), begin("op-1", record("b"))])
            .await
            .unwrap();
        let before = log.snapshot().await.unwrap();
        let mut other = record("c");
        other.urn = urn("b");
        let mismatched = match begin("op-9", other) {
            konductor_state::Entry::Begin(mut begin) => {
                begin.urn = urn("c");
                konductor_state::Entry::Begin(begin)
            }
            other => other,
        };
        for (entry, expected) in [
            (begin("op-1", record("c")), "operation op-1 has begun already"),
            (end("op-2", record("c")), "operation op-2 has not begun"),
            (progress("op-2", "x"), "operation op-2 has not begun"),
            (end("op-1", record("c")), "operation op-1 is on"),
            (gone("op-1", "c"), "operation op-1 is on"),
            (mismatched, "operation op-9 is on"),
            (forgotten("c"), "Vpc::c is not in the state"),
            (moved("c", "d"), "Vpc::c is not in the state"),
            (moved("a", "b"), "Vpc::b is in the state already"),
        ] {
            let refused = log.append(vec![recorded(record("z")), entry]).await.unwrap_err();
            assert!(matches!(refused, StateError::Invalid(_)), "{refused}");
            assert!(refused.to_string().contains(expected), "{refused}");
            assert_eq!(log.snapshot().await.unwrap(), before);
        }
        log.append(vec![end("op-1", record("b"))]).await.unwrap();
    }
    assert!(on_disk.verify().await.unwrap().is_sound());
}

#[tokio::test]
async fn a_refused_append_does_not_take_others_of_its_batch_along() {
    let folder = Folder::new();
    let log = folder.open().await;
    let appends = (0..200).map(|i| {
        let entry = if i % 2 == 0 {
            recorded(record(&format!("r{i}")))
        } else {
            forgotten("nothing")
        };
        log.append(vec![entry])
    });
    let outcomes = futures::future::join_all(appends).await;
    for (i, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(outcome.is_ok(), i % 2 == 0, "{i}");
    }
    assert_eq!(log.snapshot().await.unwrap().resources.len(), 100);
    assert!(log.verify().await.unwrap().is_sound());
}

#[tokio::test]
async fn entries_of_one_append_stay_together_however_many_append() {
    let folder = Folder::new();
    let log = folder.open().await;
    let appends = (0..64).map(|task| {
        let log = log.clone();
        tokio::spawn(async move {
            for round in 0..10 {
                let operation = format!("op-{task}-{round}");
                let resource = record(&format!("r{task}"));
                log.append(vec![
                    begin(&operation, resource.clone()),
                    progress(&operation, "id"),
                    end(&operation, resource),
                ])
                .await
                .unwrap();
            }
        })
    });
    futures::future::try_join_all(appends).await.unwrap();
    let entries = log
        .entries(EntryQuery {
            limit: usize::MAX,
            ..EntryQuery::default()
        })
        .await
        .unwrap();
    assert_eq!(entries.len(), 64 * 10 * 3);
    for three in entries.chunks(3) {
        let operations: Vec<_> = three
            .iter()
            .map(|logged| match &logged.entry {
                konductor_state::Entry::Begin(begin) => &begin.operation,
                konductor_state::Entry::Progress(progress) => &progress.operation,
                konductor_state::Entry::End(end) => &end.operation,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(
            operations.iter().all(|operation| *operation == operations[0]),
            "{operations:?}"
        );
    }
    assert!(log.verify().await.unwrap().is_sound());
}

#[tokio::test]
async fn two_that_opened_the_same_file_write_one_chain() {
    let folder = Folder::new();
    let (one, other) = (folder.open().await, folder.open().await);
    for i in 0..10 {
        one.append(vec![recorded(record(&format!("one{i}")))])
            .await
            .unwrap();
        other
            .append(vec![recorded(record(&format!("other{i}")))])
            .await
            .unwrap();
    }
    assert_eq!(one.snapshot().await.unwrap(), other.snapshot().await.unwrap());
    let verification = other.verify().await.unwrap();
    assert!(verification.is_sound(), "{:?}", verification.problems);
    assert_eq!(verification.entries, 20);
}

#[tokio::test]
async fn a_moved_or_forgotten_resource_takes_its_interrupted_operation_along() {
    let memory = MemoryLog::with_entries(vec![begin("op-1", record("a")), moved("a", "b")]).unwrap();
    let snapshot = memory.snapshot().await.unwrap();
    assert_eq!(snapshot.interrupted[0].begin.urn, urn("b"));
    assert_eq!(snapshot.interrupted[0].begin.record.urn, urn("b"));
    memory.append_now(vec![forgotten("b")]).unwrap();
    assert_eq!(memory.snapshot().await.unwrap().interrupted, []);
}

#[tokio::test]
async fn a_memory_log_refuses_from_where_it_is_told_to() {
    let memory = MemoryLog::new();
    memory.refuse_after(1);
    memory.append(vec![recorded(record("a"))]).await.unwrap();
    let refused = memory.append(vec![recorded(record("b"))]).await.unwrap_err();
    assert!(matches!(refused, StateError::Refused));
    assert_eq!(memory.entries().len(), 1);
}

#[test]
fn moving_and_removing_by_hand_is_checked_with_all_reasons() {
    let mut snapshot = Snapshot::default();
    for entry in a_run() {
        konductor_state::apply(&mut snapshot, &entry).unwrap();
    }
    snapshot.check_move(&urn("child"), &urn("kid")).unwrap();
    let against = snapshot
        .check_move(&urn("nobody/child"), &urn("database"))
        .unwrap_err();
    assert_eq!(against.len(), 2);
    assert!(
        against[0]
            .to_string()
            .ends_with("did you mean urn:konductor:shop:dev:aws:ec2:Vpc::child?")
    );
    assert_eq!(against[1], NotAllowed::NameTaken { urn: urn("database") });
    let bucket = "urn:konductor:shop:dev:aws:s3:Bucket::child".parse().unwrap();
    let against = snapshot.check_move(&urn("child"), &bucket).unwrap_err();
    assert!(against[0].to_string().contains("keeps its type"));
    let elsewhere = "urn:konductor:shop:prod:aws:ec2:Vpc::child".parse().unwrap();
    let against = snapshot.check_move(&urn("child"), &elsewhere).unwrap_err();
    assert!(against[0].to_string().contains("another stack"));

    snapshot.check_remove(&urn("child")).unwrap();
    for name in ["database", "renamed"] {
        let against = snapshot.check_remove(&urn(name)).unwrap_err();
        assert!(
            against[0]
                .to_string()
                .contains("is needed by urn:konductor:shop:dev:aws:ec2:Vpc::child")
        );
    }
}

#[derive(Debug, Clone)]
enum Step {
    Begin(u8, u8, u8),
    Progress(u8),
    End(u8, u8, bool),
    Recorded(u8, u8),
    Forgotten(u8),
    Moved(u8, u8),
    Outputs(u8),
    Run,
}

fn step() -> impl Strategy<Value = Step> {
    let few = 0..5u8;
    prop_oneof![
        4 => (0..8u8, few.clone(), few.clone()).prop_map(|(o, r, d)| Step::Begin(o, r, d)),
        2 => (0..8u8).prop_map(Step::Progress),
        4 => (0..8u8, few.clone(), any::<bool>()).prop_map(|(o, r, keep)| Step::End(o, r, keep)),
        3 => (few.clone(), few.clone()).prop_map(|(r, d)| Step::Recorded(r, d)),
        1 => few.clone().prop_map(Step::Forgotten),
        2 => (few.clone(), few.clone()).prop_map(|(from, to)| Step::Moved(from, to)),
        1 => few.prop_map(Step::Outputs),
        1 => Just(Step::Run),
    ]
}

fn entry_of(step: &Step) -> konductor_state::Entry {
    let named = |resource: &u8, of: &u8| {
        let mut record = record(&format!("r{resource}"));
        record.dependencies = vec![urn(&format!("r{of}")), urn("r0")];
        record.parent = (of.is_multiple_of(2)).then(|| urn(&format!("r{of}")));
        if of.is_multiple_of(3) {
            with_password(record)
        } else {
            record
        }
    };
    match step {
        Step::Begin(operation, resource, of) => begin(&format!("op-{operation}"), named(resource, of)),
        Step::Progress(operation) => progress(&format!("op-{operation}"), "id"),
        Step::End(operation, resource, true) => end(&format!("op-{operation}"), named(resource, operation)),
        Step::End(operation, resource, false) => gone(&format!("op-{operation}"), &format!("r{resource}")),
        Step::Recorded(resource, of) => recorded(named(resource, of)),
        Step::Forgotten(resource) => forgotten(&format!("r{resource}")),
        Step::Moved(from, to) => moved(&format!("r{from}"), &format!("r{to}")),
        Step::Outputs(value) => outputs("value", Value::from(i64::from(*value)).into_secret()),
        Step::Run => run_started(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_appends_add_up_to_the_same_on_disk_and_in_memory(
        appends in prop::collection::vec(prop::collection::vec(step(), 1..4), 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = Folder::new();
            let on_disk = folder.open().await;
            let in_memory = MemoryLog::new();
            for steps in &appends {
                let entries: Vec<_> = steps.iter().map(entry_of).collect();
                let (one, other) = (on_disk.append(entries.clone()).await, in_memory.append(entries).await);
                match (one, other) {
                    (Ok(()), Ok(())) => {}
                    (Err(StateError::Invalid(one)), Err(StateError::Invalid(other))) => assert_eq!(one, other),
                    (one, other) => panic!("{one:?} on disk, {other:?} in memory"),
                }
            }
            assert_eq!(
                without_hash(on_disk.snapshot().await.unwrap()),
                without_hash(in_memory.snapshot().await.unwrap())
            );
            let verification = on_disk.verify().await.unwrap();
            assert_eq!(verification.problems, []);
        });
    }
}

#[test]
fn a_refused_entry_leaves_a_snapshot_as_it_was() {
    let mut snapshot = Snapshot::default();
    let refused = konductor_state::apply(&mut snapshot, &forgotten("a")).unwrap_err();
    assert_eq!(refused, InvalidEntry::NotRecorded { urn: urn("a") });
    assert_eq!(snapshot, Snapshot::default());
}
