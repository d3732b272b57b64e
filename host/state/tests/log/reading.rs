//! Reading the log back.

use konductor_state::{EntryQuery, Journal};

use crate::fixture::*;

fn serials(entries: &[konductor_state::LoggedEntry]) -> Vec<u64> {
    entries.iter().map(|logged| logged.serial).collect()
}

#[tokio::test]
async fn the_log_is_read_in_pages_both_ways() {
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(a_run()).await.unwrap();
    let page = EntryQuery {
        from: 3,
        to: Some(8),
        limit: 4,
        ..EntryQuery::default()
    };
    assert_eq!(serials(&log.entries(page.clone()).await.unwrap()), [3, 4, 5, 6]);
    let newest_first = EntryQuery {
        newest_first: true,
        ..page
    };
    assert_eq!(serials(&log.entries(newest_first).await.unwrap()), [8, 7, 6, 5]);
    let all = log.entries_opened(EntryQuery::default()).await.unwrap();
    let written: Vec<_> = all.iter().map(|logged| logged.entry.clone()).collect();
    assert_eq!(written, a_run());
    let (serial, head) = log.head().await.unwrap();
    assert_eq!((all[15].serial, &all[15].hash), (serial, &head));
}

#[tokio::test]
async fn the_history_of_one_resource_is_what_names_it() {
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(a_run()).await.unwrap();
    let query = EntryQuery {
        urn: Some(urn("parent")),
        ..EntryQuery::default()
    };
    assert_eq!(serials(&log.entries(query).await.unwrap()), [2, 10]);
    let query = EntryQuery {
        urn: Some(urn("database")),
        ..EntryQuery::default()
    };
    assert_eq!(serials(&log.entries(query).await.unwrap()), [3, 5]);
}

#[tokio::test]
async fn a_reader_sees_what_was_acknowledged_while_the_writer_goes_on() {
    let folder = Folder::new();
    let log = folder.open().await;
    let reader = konductor_state::StackLog::open(&folder.log(), options().read_only())
        .await
        .unwrap();
    for i in 0..20 {
        log.append(vec![recorded(record(&format!("r{i}")))])
            .await
            .unwrap();
        assert_eq!(reader.snapshot().await.unwrap().resources.len(), i + 1);
    }
}

#[tokio::test]
async fn checks_for_drift_and_who_was_told_are_history_and_change_no_state() {
    use konductor_state::drift::{Difference, DifferenceKind, DriftChecked, DriftSeverity, DriftTold};
    use konductor_state::{Entry, Snapshot};

    let folder = Folder::new();
    let log = folder.open().await;
    log.append(a_run()).await.unwrap();
    let before = log.snapshot().await.unwrap();
    let urn = before.resources.keys().next().unwrap().clone();
    let checked = Entry::DriftChecked(DriftChecked {
        run: "run".to_owned(),
        objects: 3,
        counts: [(DifferenceKind::ChangedOutside, 1)].into(),
        differences: vec![Difference {
            urn: urn.clone(),
            id: "object".to_owned(),
            kind: DifferenceKind::ChangedOutside,
            severity: DriftSeverity::Critical,
            at: Some("ports[0].from".parse().unwrap()),
            change: Some(konductor_model::ChangeKind::Update),
            recorded: 1.into(),
            actual: 2.into(),
            desired: Some(1.into()),
            repairable: false,
            obstacle: Some("it cannot shrink".to_owned()),
            requires_replacement: true,
        }],
        digest: "0123".to_owned(),
        milliseconds: 4,
    });
    let told = Entry::DriftTold(DriftTold {
        run: "run".to_owned(),
        alert: "operations".to_owned(),
        digest: "0123".to_owned(),
        error: None,
    });
    log.append(vec![checked.clone(), told.clone()]).await.unwrap();
    let after = log.snapshot().await.unwrap();
    let same = |snapshot: Snapshot| (snapshot.resources, snapshot.outputs, snapshot.interrupted);
    assert_eq!(same(after), same(before));
    let newest = EntryQuery {
        newest_first: true,
        limit: 2,
        ..EntryQuery::default()
    };
    let read: Vec<Entry> = log
        .entries(newest)
        .await
        .unwrap()
        .into_iter()
        .map(|logged| logged.entry)
        .collect();
    assert_eq!(read, [told, checked.clone()]);
    let about = EntryQuery {
        urn: Some(urn),
        ..EntryQuery::default()
    };
    let about = log.entries(about).await.unwrap();
    assert!(about.iter().any(|logged| logged.entry == checked));
    assert!(log.verify().await.unwrap().is_sound());
}
