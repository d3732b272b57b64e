//! No secret stands in the file in clear, and none is lost.

use konductor_model::Value;
use konductor_model::value_json::MASK;
use konductor_state::{EntryQuery, Journal, OpenOptions, StackLog, StateError};

use crate::fixture::*;

fn everything_on_disk(folder: &Folder) -> Vec<u8> {
    let files = std::fs::read_dir(folder.log().parent().unwrap()).unwrap();
    files
        .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_secret_is_in_no_file_and_read_back_whole() {
    let folder = Folder::new();
    let log = folder.open().await;
    let nested = Value::from([(
        "a",
        Value::List(vec![Value::from(PASSWORD), Value::from(5).into_secret()]),
    )]);
    let mut deep = record("deep");
    deep.object.as_mut().unwrap().attributes = nested.into_secret();
    log.append(a_run()).await.unwrap();
    log.append(vec![recorded(deep.clone())]).await.unwrap();
    assert_eq!(log.snapshot().await.unwrap().resources[&urn("deep")], deep);
    assert!(
        holds(&everything_on_disk(&folder), "cidr_block"),
        "the search does find what is there"
    );
    assert!(!holds(&everything_on_disk(&folder), PASSWORD));
    drop(log);
    assert!(!holds(&everything_on_disk(&folder), PASSWORD));
    assert_eq!(
        folder.open().await.snapshot().await.unwrap().resources[&urn("deep")],
        deep
    );
}

#[tokio::test]
async fn without_a_key_a_secret_is_not_stored() {
    let folder = Folder::new();
    let log = StackLog::open(&folder.log(), OpenOptions::of_stack("shop", "dev"))
        .await
        .unwrap();
    for entry in [
        recorded(with_password(record("a"))),
        begin("op-1", with_password(record("a"))),
        outputs("password", Value::from(PASSWORD).into_secret()),
    ] {
        let refused = log.append(vec![recorded(record("b")), entry]).await.unwrap_err();
        assert!(
            refused.to_string().contains("konductor config key generate"),
            "{refused}"
        );
    }
    assert_eq!(log.head().await.unwrap().0, 0);
    assert!(!holds(&everything_on_disk(&folder), PASSWORD));
}

#[tokio::test]
async fn without_the_key_the_state_is_read_masked_and_verified_and_never_handed_out_as_something_else() {
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(a_run()).await.unwrap();
    let keyless = StackLog::open(&folder.log(), OpenOptions::default().read_only())
        .await
        .unwrap();
    let refused = keyless.snapshot().await.unwrap_err();
    assert!(
        matches!(&refused, StateError::SecretUnreadable { place } if place.ends_with("::database")),
        "{refused}"
    );
    let refused = keyless.entries_opened(EntryQuery::default()).await.unwrap_err();
    assert!(
        matches!(&refused, StateError::SecretUnreadable { place } if place == "entry 3"),
        "{refused}"
    );

    let masked = keyless.snapshot_masked().await.unwrap();
    let password = masked.resources[&urn("database")]
        .inputs
        .attribute("password")
        .unwrap()
        .clone();
    assert_eq!(password, Value::from(MASK).into_secret());
    assert_eq!(masked.outputs["password"], Value::from(MASK).into_secret());
    assert_eq!(keyless.entries(EntryQuery::default()).await.unwrap().len(), 16);
    assert!(keyless.verify().await.unwrap().is_sound());
}

#[tokio::test]
async fn a_move_carries_sealed_secrets_along_without_opening_them() {
    let folder = Folder::new();
    let log = folder.open().await;
    let mut database = with_password(record("database"));
    database.dependencies = vec![urn("network")];
    log.append(vec![recorded(record("network")), recorded(database.clone())])
        .await
        .unwrap();
    let keyless = StackLog::open(&folder.log(), OpenOptions::default())
        .await
        .unwrap();
    keyless
        .append(vec![moved("network", "net"), moved("database", "db")])
        .await
        .unwrap();
    database.urn = urn("db");
    database.dependencies = vec![urn("net")];
    assert_eq!(log.snapshot().await.unwrap().resources[&urn("db")], database);
    assert!(log.verify().await.unwrap().is_sound());
}

#[tokio::test]
async fn names_that_look_like_marks_are_kept_apart_from_marks() {
    let folder = Folder::new();
    let log = folder.open().await;
    for mark in ["$sealed", "$secret", "$map", "$unknown"] {
        let lookalike = Value::from([(mark, Value::from([("$sealed", Value::from("v1:0:00"))]))]);
        let mut resource = record("lookalike");
        resource.inputs = lookalike.clone();
        let entries = vec![
            recorded(resource.clone()),
            outputs(mark, Value::from("v1:0:00")),
            outputs(mark, Value::from(PASSWORD).into_secret()),
        ];
        log.append(entries.clone()).await.unwrap();
        let snapshot = log.snapshot().await.unwrap();
        assert_eq!(snapshot.resources[&urn("lookalike")].inputs, lookalike);
        assert_eq!(snapshot.outputs[mark], Value::from(PASSWORD).into_secret());
        let read = log
            .entries_opened(EntryQuery {
                from: snapshot.serial - 2,
                ..EntryQuery::default()
            })
            .await
            .unwrap();
        let read: Vec<_> = read.into_iter().map(|logged| logged.entry).collect();
        assert_eq!(read, entries);
    }
    assert!(log.verify().await.unwrap().is_sound());
    assert!(!holds(&everything_on_disk(&folder), PASSWORD));
}

#[tokio::test]
async fn a_sealed_text_that_no_key_fits_is_an_error_with_its_place() {
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(a_run()).await.unwrap();
    folder
        .stranger()
        .execute("UPDATE resource SET body = replace(body, 'v1:', 'v9:')", [])
        .unwrap();
    let refused = log.snapshot().await.unwrap_err();
    assert!(matches!(refused, StateError::Open { .. }), "{refused}");
    assert!(
        refused
            .to_string()
            .contains("::database could not be opened: no key fits")
    );
}

const PRIVATE: &[u8] = b"what the plugin keeps: hunter2-is-not-in-the-file";

/// What stands on the disk, with what is base64 there in clear.
fn base64_on_disk(folder: &Folder) -> bool {
    // The text between two quotes, wherever it begins.
    let bytes = everything_on_disk(folder);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.split('"').any(|part| {
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, part)
            .is_ok_and(|plain| holds(&plain, PASSWORD))
    })
}

#[tokio::test]
async fn bytes_that_only_a_plugin_reads_are_sealed_where_there_are_secrets() {
    let folder = Folder::new();
    let log = folder.open().await;
    let mut kept = with_password(record("database"));
    kept.object.as_mut().unwrap().private = PRIVATE.to_vec();
    let object = kept.object.clone().unwrap();
    kept.deposed = vec![konductor_state::record::Deposed {
        key: "k".to_owned(),
        object,
    }];
    let mut begun = begin("op-1", with_password(record("other")));
    if let konductor_state::Entry::Begin(begin) = &mut begun {
        begin.private = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, PRIVATE);
    }
    log.append(vec![recorded(kept.clone()), begun.clone()])
        .await
        .unwrap();
    assert!(!base64_on_disk(&folder));
    let snapshot = log.snapshot().await.unwrap();
    assert_eq!(snapshot.resources[&urn("database")], kept);
    let konductor_state::Entry::Begin(begun) = begun else {
        unreachable!()
    };
    assert_eq!(snapshot.interrupted[0].begin, begun);
    assert!(log.verify().await.unwrap().is_sound());
    let masked = log.snapshot_masked().await.unwrap();
    let object = masked.resources[&urn("database")].object.clone().unwrap();
    assert_eq!(object.private, Vec::<u8>::new());
    // Renaming writes the records anew, without a key.
    log.append(vec![moved("database", "renamed")]).await.unwrap();
    let snapshot = log.snapshot().await.unwrap();
    assert_eq!(snapshot.resources[&urn("renamed")].object, kept.object);
    // The search does find what is there.
    let mut open = record("open");
    open.object.as_mut().unwrap().private = PRIVATE.to_vec();
    log.append(vec![recorded(open)]).await.unwrap();
    assert!(base64_on_disk(&folder));
}

#[tokio::test]
async fn a_plugin_cannot_have_bytes_of_its_choice_opened() {
    let folder = Folder::new();
    let log = folder.open().await;
    let mut liar = record("liar");
    liar.object.as_mut().unwrap().private = b"$sealed::v1:0:00".to_vec();
    log.append(vec![recorded(liar.clone())]).await.unwrap();
    assert_eq!(
        log.snapshot().await.unwrap().resources[&urn("liar")],
        liar,
        "the bytes come back as they were given"
    );
    let folder = Folder::new();
    let keyless = StackLog::open(&folder.log(), OpenOptions::of_stack("shop", "dev"))
        .await
        .unwrap();
    keyless.append(vec![recorded(liar.clone())]).await.unwrap();
    let found = keyless.snapshot().await.unwrap().resources[&urn("liar")].clone();
    assert_eq!(found.object.unwrap().private, Vec::<u8>::new());
    assert!(keyless.verify().await.unwrap().is_sound());
}
