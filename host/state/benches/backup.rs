//! How long a backup, its check and a restore take: `cargo bench -p konductor-state --bench backup`, or with another
//! number of resources behind `--`. The log, the backup and what is restored stand in the folder for temporary files.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and prints"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use konductor_model::provider::ObjectState;
use konductor_model::schema::TypeKind;
use konductor_model::{ResourceOptions, Value};
use konductor_state::backup::{
    Backup, BackupFolder, BackupPlace, BackupProgress, BackupSource, StoredBackup,
};
use konductor_state::entry::{Action, Begin, End, Entry};
use konductor_state::record::{PluginReference, ResourceRecord};
use konductor_state::{Journal, LockOwner, OpenOptions, StackIdentity, StackLog};

/// How many resources, where nobody says.
const RESOURCES: usize = 100_000;

fn record(number: usize) -> ResourceRecord {
    let attributes = |count: usize| {
        let named = |i| (format!("attribute_{i}"), Value::from(format!("value {i}")));
        Value::Map((0..count).map(named).collect())
    };
    ResourceRecord {
        urn: format!("urn:konductor:shop:dev:test:null:Resource::r{number}")
            .parse()
            .unwrap(),
        kind: TypeKind::Resource,
        plugin: PluginReference {
            name: "test".to_owned(),
            version: "0.1.0".to_owned(),
        },
        parent: None,
        dependencies: Vec::new(),
        inputs: attributes(5),
        object: Some(ObjectState {
            id: format!("id-{number}"),
            attributes: attributes(10),
            private: Vec::new(),
            schema_version: 1,
        }),
        outputs: Value::Null,
        options: ResourceOptions::default(),
        tainted: None,
        deposed: Vec::new(),
    }
}

fn created(number: usize) -> [Entry; 2] {
    let record = record(number);
    let begin = Entry::Begin(Begin {
        operation: format!("operation-{number}"),
        run: "run".to_owned(),
        urn: record.urn.clone(),
        action: Action::Create,
        idempotency_token: format!("token-{number}"),
        planned: record.inputs.clone(),
        record: Box::new(ResourceRecord {
            object: None,
            ..record.clone()
        }),
        private: String::new(),
        schema_version: Some(1),
        deposed: None,
    });
    let end = Entry::End(End {
        operation: format!("operation-{number}"),
        urn: record.urn.clone(),
        record: Some(Box::new(record)),
        failure: None,
        milliseconds: 1,
    });
    [begin, end]
}

fn options() -> OpenOptions {
    OpenOptions::of_stack("shop", "dev")
}

async fn open(path: &Path) -> StackLog {
    StackLog::open(path, options()).await.unwrap()
}

fn quiet(_: BackupProgress) {}

fn main() {
    let resources = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .next()
        .unwrap_or(RESOURCES);
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(measure(resources));
}

async fn measure(resources: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.db");
    let log = open(&path).await;
    for start in (0..resources).step_by(1_000) {
        let numbers = start..(start + 1_000).min(resources);
        log.append(numbers.flat_map(created).collect()).await.unwrap();
    }
    let place: Arc<dyn BackupPlace> = Arc::new(BackupFolder::new(folder.path()));
    let stack = StackIdentity {
        project: "shop".to_owned(),
        stack: "dev".to_owned(),
    };
    let backup = Backup::new(
        Arc::clone(&place),
        stack.clone(),
        BackupSource::File(path.clone()),
    );
    let since = Instant::now();
    let made = backup.make(&quiet).await.unwrap();
    println!(
        "{resources} resources, {} entries, {} MB",
        made.copied.entries,
        made.copied.bytes / 1_000_000
    );
    println!("the first backup        {:>8.2} s", since.elapsed().as_secs_f64());
    log.append(created(resources).to_vec()).await.unwrap();
    let since = Instant::now();
    let made = backup.make(&quiet).await.unwrap();
    assert_eq!(made.copied.entries, 2, "only what is new is copied");
    println!("a backup of one change  {:>8.3} s", since.elapsed().as_secs_f64());
    let stored = StoredBackup {
        place,
        keys: konductor_state::StackKeys::new(stack.clone(), None, Vec::new()),
        stack,
    };
    let since = Instant::now();
    let checked = stored.check(&quiet).await.unwrap();
    println!("restore --verify        {:>8.2} s", since.elapsed().as_secs_f64());

    let since = Instant::now();
    let checked_again = stored.check(&quiet).await.unwrap();
    let restored = open(&folder.path().join("restored.db")).await;
    let guard = restored
        .lock(LockOwner::this_process("bench", "restore"))
        .await
        .unwrap();
    let outcome = stored
        .restore_into(&restored, &checked_again, Vec::new(), &quiet)
        .await
        .unwrap();
    guard.release().await.unwrap();
    println!("restore                 {:>8.2} s", since.elapsed().as_secs_f64());
    assert_eq!(
        (&outcome.head, restored.head().await.unwrap()),
        (&checked.head, log.head().await.unwrap())
    );
    assert_eq!(checked.resources, Some(resources as u64 + 1));
}
