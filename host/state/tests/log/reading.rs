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
