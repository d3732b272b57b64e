//! Logs that are encrypted as a whole: what can be read without a key, who can read after a rotation, and what happens to
//! what was changed. Every place is held to the same.

use std::sync::Arc;

use async_trait::async_trait;
use konductor_model::SecretText;
use konductor_state::backup::{Backup, BackupSource, StoredBackup};
use konductor_state::keys::{KeyName, KeyProvider, KeyProviderError, KeyRing, stored_keys, verify_order};
use konductor_state::{Entry, Journal, OpenOptions, StackIdentity, StackKeys, StackLog, StateError};
use serde_json::json;

use crate::fixture::*;
use crate::team::*;

/// Somebody who keeps a key of their own. What is wrapped says whose it is and is hidden from whoever does not know how.
struct Keeper(KeyName);

#[async_trait]
impl KeyProvider for Keeper {
    fn name(&self) -> &KeyName {
        &self.0
    }

    async fn wrap(&self, _: &StackIdentity, plain: &SecretText) -> Result<String, KeyProviderError> {
        let hidden: Vec<u8> = plain.reveal().bytes().map(|byte| byte ^ self.mask()).collect();
        Ok(hidden.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    async fn unwrap(&self, _: &StackIdentity, wrapped: &str) -> Result<SecretText, KeyProviderError> {
        let bytes = (0..wrapped.len()).step_by(2).map(|at| {
            let byte = wrapped
                .get(at..at + 2)
                .and_then(|pair| u8::from_str_radix(pair, 16).ok());
            byte.map(|byte| byte ^ self.mask())
        });
        let text = bytes
            .collect::<Option<Vec<u8>>>()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        text.map(SecretText::new).ok_or_else(|| KeyProviderError {
            reason: "it was not wrapped here".to_owned(),
        })
    }
}

impl Keeper {
    fn mask(&self) -> u8 {
        self.0.name.bytes().fold(0x80, |mask, byte| mask ^ (byte | 0x80)) | 0x80
    }
}

/// Returns the keys of the stack as somebody has them who can use these.
fn keys(names: &[&str]) -> Arc<StackKeys> {
    let providers = names
        .iter()
        .map(|name| Arc::new(Keeper(KeyName::new("test", *name))) as Arc<dyn KeyProvider>);
    StackKeys::new(dev(), None, providers.collect())
}

fn dev() -> StackIdentity {
    StackIdentity {
        project: "shop".to_owned(),
        stack: "dev".to_owned(),
    }
}

fn options(machine: &Machine, names: &[&str]) -> OpenOptions {
    let mut options = machine.options().keys(keys(names));
    options.sealer = None;
    options.encrypted = true;
    options
}

async fn try_open(machine: &Machine, names: &[&str]) -> Result<StackLog, StateError> {
    StackLog::open(&machine.file(), options(machine, names)).await
}

async fn open(machine: &Machine, names: &[&str]) -> StackLog {
    try_open(machine, names).await.unwrap()
}

/// What must not be read by whoever has no key: values, names, attributes, kinds of entries, who did it.
const WORDS: [&str; 12] = [
    PASSWORD,
    "urn:konductor",
    "aws:ec2:Vpc",
    "cidr_block",
    "10.0.0.0/16",
    "run-started",
    "vpc-parent",
    "database",
    "ada on analytical",
    "token-op",
    "idempotency",
    "dependencies",
];

/// Returns every byte that is stored: in the place, and on the machine.
fn stored_bytes(place: &Place, machine: &Machine) -> Vec<u8> {
    let mut bytes = match &place.server {
        Server::None => Vec::new(),
        Server::PostgreSql(server) => server
            .query(
                "SELECT coalesce(string_agg(s::text || encode(s.body, 'escape'), '|'), '')
                    || (SELECT coalesce(string_agg(k::text, '|'), '') FROM konductor_stack AS k)
                 FROM konductor_segment AS s",
            )
            .into_bytes(),
        Server::S3(account) => objects(account),
    };
    let file = machine.file();
    for entry in std::fs::read_dir(file.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            bytes.append(&mut std::fs::read(path).unwrap());
        }
    }
    bytes
}

/// Returns the names and the bytes of all objects.
fn objects(account: &konductor_tests::AwsAccount) -> Vec<u8> {
    let listed = account.call("s3", "list_objects_v2", json!({"Bucket": "states"}));
    let mut bytes = Vec::new();
    for object in listed["Contents"].as_array().unwrap() {
        let key = object["Key"].as_str().unwrap();
        bytes.extend_from_slice(key.as_bytes());
        let body = account.call("s3", "get_object", json!({"Bucket": "states", "Key": key}))["Body"].clone();
        bytes.extend_from_slice(body.as_str().unwrap().as_bytes());
    }
    bytes
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes
        .windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

async fn without_a_key_nothing_can_be_read_but_sizes(place: Place) {
    let machine = place.machine();
    let log = open(&machine, &["ada"]).await;
    let guard = log.lock(owner("eve")).await.unwrap();
    for entry in a_run() {
        log.append(vec![entry]).await.unwrap();
    }
    guard.release().await.unwrap();
    sound(&log.verify().await.unwrap());
    assert_eq!(
        log.runs().await.unwrap().len(),
        1,
        "what is searched for in entries is found"
    );
    let snapshot = log.snapshot().await.unwrap();
    assert!(snapshot.resources.contains_key(&urn("renamed")));
    assert_eq!(snapshot.interrupted.len(), 1);
    let bytes = stored_bytes(&place, &machine);
    assert!(bytes.len() > 5_000, "something is stored");
    for word in WORDS {
        assert!(!holds(&bytes, word), "{word} can be read");
    }
    let hash = log.head().await.unwrap().1;
    assert!(
        !holds(&bytes, &hash),
        "a hash over what is not known confirms a guess"
    );
    drop(log);

    let blind = || {
        let mut options = options(&machine, &[]);
        options.read_only = true;
        options
    };
    let refused = StackLog::open(&place.machine().file(), blind()).await;
    if place.server.is_some() {
        assert!(
            matches!(refused, Err(StateError::KeyMissing { .. })),
            "{refused:?}"
        );
    }
    let refused = StackLog::open(&machine.file(), blind()).await.unwrap_err();
    assert!(matches!(refused, StateError::KeyMissing { .. }), "{refused}");
    assert!(
        refused.to_string().contains("test ada"),
        "it says what opens it: {refused}"
    );
    let stored = stored_keys(&machine.file(), blind()).await.unwrap();
    assert!(stored.whole);
    let ring = stored.ring.unwrap();
    assert_eq!((ring.generation(), ring.older().count()), (1, 0));
    assert_eq!(
        ring.wrapped_for().collect::<Vec<_>>(),
        [&KeyName::new("test", "ada")]
    );
    let order = verify_order(&machine.file(), blind()).await.unwrap();
    assert_eq!(order.problems, []);
    assert!(order.parts >= 16 && order.linked >= order.parts - 1, "{order:?}");
}

/// The search above finds these words where they are.
async fn the_same_words_are_there_where_nothing_is_encrypted(place: Place) {
    let machine = place.machine();
    let log = machine.open().await;
    log.append(a_run()).await.unwrap();
    drop(log);
    let bytes = stored_bytes(&place, &machine);
    for word in WORDS.iter().filter(|word| **word != PASSWORD) {
        assert!(holds(&bytes, word), "{word} should be there");
    }
}

async fn rotate(log: &StackLog) -> String {
    let made = log.rotate_keys(false, |entry| vec![entry]).await.unwrap();
    made.rotated.key
}

async fn after_two_rotations_all_is_read_with_the_new_key_and_nothing_new_with_an_old_one(place: Place) {
    let machine = place.machine();
    let log = open(&machine, &["ada"]).await;
    log.append(a_run()).await.unwrap();
    let before = all(&log).await;
    drop(log);
    // Bob joins, then Ada leaves.
    let both = open(&machine, &["ada", "bob"]).await;
    let first = rotate(&both).await;
    both.append(vec![recorded(with_password(record("second")))])
        .await
        .unwrap();
    drop(both);
    let bob = open(&machine, &["bob"]).await;
    let second = rotate(&bob).await;
    assert_ne!(first, second);
    bob.append(vec![recorded(with_password(record("third")))])
        .await
        .unwrap();
    sound(&bob.verify().await.unwrap());
    let after = all(&bob).await;
    assert_eq!(&after[..before.len()], &before[..], "history is as it was");
    assert_eq!(after.len(), before.len() + 4);
    assert!(matches!(&after[before.len()].entry, Entry::KeysRotated(told) if told.generation == 2));
    assert!(matches!(&after[before.len() + 2].entry, Entry::KeysRotated(told) if told.key == second));
    let ring = bob.keys().ring().unwrap();
    assert_eq!((ring.current(), ring.older().count()), (second.as_str(), 2));
    drop(bob);

    // On a machine that never saw the log, and on this one.
    for name in [&machine, &place.machine()] {
        if name.file() != machine.file() && !place.server.is_some() {
            continue;
        }
        assert_eq!(all(&open(name, &["bob"]).await).await, after);
        let refused = try_open(name, &["ada"]).await;
        assert!(
            matches!(refused, Err(StateError::KeyMissing { .. })),
            "{refused:?}"
        );
    }
    let bytes = stored_bytes(&place, &machine);
    for word in WORDS {
        assert!(!holds(&bytes, word), "{word} can be read");
    }
}

async fn the_first_keys_of_two_machines_are_those_of_the_faster_one(place: Place) {
    let (here, there) = (place.machine(), place.machine());
    let second = if place.server.is_some() { &there } else { &here };
    let (one, two) = (open(&here, &["ada"]).await, open(second, &["ada"]).await);
    one.append(vec![recorded(with_password(record("one")))])
        .await
        .unwrap();
    let late = two.append(vec![recorded(with_password(record("two")))]).await;
    if place.server.is_some() {
        assert!(matches!(late, Err(StateError::KeysRotated { .. })), "{late:?}");
        two.append(vec![recorded(with_password(record("two")))])
            .await
            .unwrap();
    } else {
        late.unwrap();
    }
    let ring = |log: &StackLog| log.keys().ring().unwrap();
    assert_eq!(ring(&one).current(), ring(&two).current());
    drop((one, two));
    let log = open(&here, &["ada"]).await;
    assert_eq!(
        log.snapshot().await.unwrap().resources.len(),
        2,
        "and every secret opens"
    );
    sound(&log.verify().await.unwrap());
    drop(log);
    if place.server.is_some() {
        assert_eq!(
            open(&there, &["ada"])
                .await
                .snapshot()
                .await
                .unwrap()
                .resources
                .len(),
            2
        );
    }
}

of_every_place!(encrypted, File PostgreSql S3:
    without_a_key_nothing_can_be_read_but_sizes
    the_same_words_are_there_where_nothing_is_encrypted
    after_two_rotations_all_is_read_with_the_new_key_and_nothing_new_with_an_old_one
    the_first_keys_of_two_machines_are_those_of_the_faster_one
);

#[tokio::test]
async fn every_changed_byte_of_an_encrypted_file_is_noticed_with_and_without_a_key() {
    let place = Place::open(Kind::File);
    let machine = place.machine();
    let log = open(&machine, &["ada"]).await;
    for entry in a_run() {
        log.append(vec![entry]).await.unwrap();
    }
    drop(log);
    let blind = || {
        let mut options = options(&machine, &[]);
        options.read_only = true;
        options
    };
    let kept = std::fs::read(machine.file()).unwrap();
    let restore = || {
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", machine.file().display()));
        }
        std::fs::write(machine.file(), &kept).unwrap();
    };
    for (column, at) in [("body", 20), ("hash", 3), ("time", 40), ("link", 0), ("body", 0)] {
        let change = format!(
            "UPDATE sealed_log SET {column} = CAST(substr({column}, 1, {at}) || x'00' || substr({column}, {at} + 2) AS BLOB) WHERE serial = 5"
        );
        machine.tamper(&change);
        let order = verify_order(&machine.file(), blind()).await.unwrap();
        assert_eq!(order.problems[0].serial, Some(5), "{column}: {order:?}");
        let log = StackLog::open(&machine.file(), options(&machine, &["ada"]))
            .await
            .unwrap();
        if column != "link" {
            match log.verify().await {
                Ok(found) => assert_eq!(found.first_bad_serial(), Some(5), "{column}: {found:?}"),
                // The name of a data key that there is not.
                Err(error) => assert!(matches!(error, StateError::Database { .. }), "{error}"),
            }
        }
        drop(log);
        restore();
    }
    for (change, what) in [
        ("DELETE FROM sealed_log WHERE serial = 7", "removed"),
        (
            "UPDATE sealed_log SET (time, hash, body) = (SELECT time, hash, body FROM sealed_log WHERE serial = 3) WHERE serial = 7",
            "copied",
        ),
    ] {
        machine.tamper(change);
        let order = verify_order(&machine.file(), blind()).await.unwrap();
        assert!(!order.problems.is_empty(), "{what}");
        let log = open(&machine, &["ada"]).await;
        assert!(!log.verify().await.unwrap().is_sound(), "{what}");
        drop(log);
        restore();
    }
    // A record in the place of another, and outputs that were changed.
    for change in [
        "UPDATE sealed_resource SET body = (SELECT body FROM sealed_resource ORDER BY urn LIMIT 1)",
        "UPDATE meta SET value = substr(value, 1, 30) || 'AAAA' || substr(value, 35) WHERE key = 'outputs'",
        "UPDATE meta SET value = substr(value, 1, 30) || 'AAAA' || substr(value, 35) WHERE key = 'hash'",
    ] {
        machine.tamper(change);
        let log = open(&machine, &["ada"]).await;
        assert!(log.snapshot().await.is_err(), "{change}");
        drop(log);
        restore();
    }
    sound(&open(&machine, &["ada"]).await.verify().await.unwrap());
}

/// The promise of the log, for one that is encrypted, and for who has a copy and no key.
#[tokio::test]
async fn every_entry_of_an_encrypted_file_is_named_when_it_is_removed_moved_or_edited() {
    let place = Place::open(Kind::File);
    let machine = place.machine();
    let log = open(&machine, &["ada"]).await;
    // The log writes entries about its own keys, too.
    let mut written = every_kind();
    written.retain(|entry| !matches!(entry, Entry::KeysRotated(_)));
    log.append(written).await.unwrap();
    rotate(&log).await;
    let entries = log.verify().await.unwrap().entries;
    drop(log);
    let blind = || {
        let mut options = options(&machine, &[]);
        options.read_only = true;
        options
    };
    let kept = std::fs::read(machine.file()).unwrap();
    for serial in 1..=entries {
        let other = if serial == entries { serial - 1 } else { serial + 1 };
        let content = "time, hash, body";
        let changes = [
            (serial, format!("DELETE FROM sealed_log WHERE serial = {serial}")),
            (
                serial,
                format!("UPDATE sealed_log SET body = CAST(body || x'00' AS BLOB) WHERE serial = {serial}"),
            ),
            (
                serial,
                format!(
                    "UPDATE sealed_log SET ({content}) = (SELECT {content} FROM sealed_log WHERE serial = {other})
                     WHERE serial = {serial}"
                ),
            ),
            (
                serial.min(other),
                format!(
                    "UPDATE sealed_log SET ({content}, link) = (SELECT {content}, link FROM sealed_log AS other
                        WHERE other.serial = {serial} + {other} - sealed_log.serial)
                     WHERE serial IN ({serial}, {other})"
                ),
            ),
        ];
        for (named, change) in changes {
            machine.tamper(&change);
            let order = verify_order(&machine.file(), blind()).await.unwrap();
            let first = order.problems.first().unwrap_or_else(|| panic!("{change}"));
            assert_eq!(first.serial, Some(named), "{change}: {order:?}");
            let log = open(&machine, &["ada"]).await;
            if let Ok(found) = log.verify().await {
                assert_eq!(found.first_bad_serial(), Some(named), "{change}: {found:?}");
            }
            drop(log);
            for suffix in ["-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{suffix}", machine.file().display()));
            }
            std::fs::write(machine.file(), &kept).unwrap();
        }
    }
    sound(&open(&machine, &["ada"]).await.verify().await.unwrap());
}

#[tokio::test]
async fn a_changed_segment_is_noticed_with_and_without_a_key() {
    let place = Place::open(Kind::PostgreSql);
    let machine = place.machine();
    let log = open(&machine, &["ada"]).await;
    for number in 0..6 {
        log.append(vec![recorded(record(&format!("r{number}")))])
            .await
            .unwrap();
    }
    drop(log);
    let Server::PostgreSql(server) = &place.server else {
        panic!("a database was asked for");
    };
    let blind = || options(&machine, &[]);
    let kept = server.query("SELECT encode(body, 'hex') FROM konductor_segment WHERE first = 3");
    for at in [5, 60, kept.len() / 2 - 3] {
        server.query(&format!(
            "UPDATE konductor_segment SET body = set_byte(body, {at}, get_byte(body, {at}) # 1) WHERE first = 3"
        ));
        let refused = try_open(&place.machine(), &["ada"]).await;
        assert!(refused.is_err(), "byte {at}");
        let order = verify_order(&machine.file(), blind()).await.unwrap();
        assert!(
            order
                .problems
                .iter()
                .any(|problem| problem.serial == Some(4) || problem.serial == Some(3)),
            "byte {at}: {order:?}"
        );
        server.query(&format!(
            "UPDATE konductor_segment SET body = decode('{kept}', 'hex') WHERE first = 3"
        ));
    }
    sound(&open(&place.machine(), &["ada"]).await.verify().await.unwrap());
}

#[tokio::test]
async fn keys_that_somebody_put_in_the_place_of_the_stacks_are_not_used() {
    let (place, other) = (Place::open(Kind::File), Place::open(Kind::File));
    let (machine, elsewhere) = (place.machine(), other.machine());
    open(&machine, &["ada"]).await.append(a_run()).await.unwrap();
    // A ring with a data key that the attacker knows, wrapped for Ada as anybody can who knows her public key.
    open(&elsewhere, &["ada"]).await.append(a_run()).await.unwrap();
    let forged = stored_keys(&elsewhere.file(), options(&elsewhere, &[]))
        .await
        .unwrap()
        .ring
        .unwrap();
    let own = stored_keys(&machine.file(), options(&machine, &[]))
        .await
        .unwrap()
        .ring
        .unwrap();
    let put = |ring: &serde_json::Value| {
        let text = ring.to_string().replace('\'', "''");
        machine.tamper(&format!("UPDATE meta SET value = '{text}' WHERE key = 'keys'"));
    };
    put(&json!(forged));
    let refused = try_open(&machine, &["ada"]).await.unwrap_err();
    assert!(matches!(refused, StateError::Damaged { .. }), "{refused}");
    // One that says that it is the next one, with an older key that the attacker cannot know.
    let mut next = json!(forged);
    next["generation"] = json!(2);
    next["older"] = json!([{ "key": own.current(), "text": "AAAA" }]);
    put(&next);
    let refused = try_open(&machine, &["ada"]).await.unwrap_err();
    assert!(matches!(refused, StateError::KeyMissing { .. }), "{refused}");
    assert!(refused.to_string().contains("was changed"), "{refused}");
    // A process that knows the stack's keys does not take up others.
    put(&json!(own));
    let log = open(&machine, &["ada"]).await;
    put(&json!(forged));
    let refused = log.append(vec![recorded(record("more"))]).await.unwrap_err();
    assert!(matches!(refused, StateError::KeysReplaced { .. }), "{refused}");
    put(&json!(own));
    log.append(vec![recorded(record("more"))]).await.unwrap();
    let read: KeyRing = serde_json::from_value(json!(own)).unwrap();
    assert_eq!(read, own);
}

#[tokio::test]
async fn a_plain_file_is_encrypted_by_a_rotation_and_none_of_it_is_left() {
    let place = Place::open(Kind::File);
    let machine = place.machine();
    let log = machine.open().await;
    log.append(a_run()).await.unwrap();
    let (before, head) = (log.snapshot_masked().await.unwrap(), log.head().await.unwrap());
    drop(log);
    let refused = try_open(&machine, &["ada"]).await.unwrap_err();
    assert!(matches!(refused, StateError::NotEncrypted { .. }), "{refused}");
    let mut options = options(&machine, &["ada"]);
    options.sealer = machine.options().sealer;
    let with_sealer = || {
        let providers: Vec<Arc<dyn KeyProvider>> = vec![Arc::new(Keeper(KeyName::new("test", "ada")))];
        StackKeys::new(dev(), machine.options().sealer, providers)
    };
    options.keys = Some(with_sealer());
    options.plain_is_fine = true;
    let log = StackLog::open(&machine.file(), options.clone()).await.unwrap();
    let made = log.rotate_keys(true, |entry| vec![entry]).await.unwrap();
    assert!(made.file_encrypted);
    drop(log);
    let bytes = stored_bytes(&place, &machine);
    for word in WORDS {
        assert!(!holds(&bytes, word), "{word} is left");
    }
    options.keys = Some(with_sealer());
    let log = StackLog::open(&machine.file(), options).await.unwrap();
    sound(&log.verify().await.unwrap());
    let after = log.snapshot_masked().await.unwrap();
    assert_eq!(after.resources, before.resources);
    assert_eq!(
        (after.interrupted, after.outputs),
        (before.interrupted, before.outputs)
    );
    assert_eq!(
        log.entries(konductor_state::EntryQuery::default()).await.unwrap()[15].hash,
        head.1
    );
    log.snapshot()
        .await
        .expect("secrets that were sealed before are opened as before");
}

#[tokio::test]
async fn keys_go_with_the_log_to_every_place_and_into_a_backup() {
    let places = [
        Place::open(Kind::File),
        Place::open(Kind::PostgreSql),
        Place::open(Kind::S3),
    ];
    let machines: Vec<Machine> = places.iter().map(Place::machine).collect();
    let log = open(&machines[0], &["ada"]).await;
    log.append(a_run()).await.unwrap();
    rotate(&log).await;
    log.append(vec![recorded(with_password(record("later")))])
        .await
        .unwrap();
    let (entries, head) = (all(&log).await, log.head().await.unwrap());
    drop(log);
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        let shared = keys(&["ada"]);
        let at = |machine: &Machine| {
            let mut options = options(machine, &["ada"]).keys(Arc::clone(&shared));
            options.moved_is_fine = true;
            options
        };
        let source = StackLog::open(&machines[from].file(), at(&machines[from]))
            .await
            .unwrap();
        let target = StackLog::open(&machines[to].file(), at(&machines[to]))
            .await
            .unwrap();
        source.migrate_to(&target).await.unwrap();
        drop((source, target));
        let log = open(&machines[to], &["ada"]).await;
        assert_eq!(
            (all(&log).await, log.head().await.unwrap()),
            (entries.clone(), head.clone())
        );
        drop(log);
        let bytes = stored_bytes(&places[to], &machines[to]);
        for word in WORDS {
            assert!(!holds(&bytes, word), "{word} can be read at {to}");
        }
        if to == 0 {
            break;
        }
        // A backup by a machine without a key, restored with it to a new file.
        let target = backup_place(&places[to].address());
        let source = BackupSource::Backend(backend(&places[to].address()).unwrap());
        let made = Backup::new(Arc::clone(&target), dev(), source)
            .make(&|_| {})
            .await
            .unwrap();
        assert_eq!(made.unopened, made.segments);
        let stored = StoredBackup {
            place: target,
            stack: dev(),
            keys: keys(&["ada"]),
        };
        let checked = stored.check(&|_| {}).await.unwrap();
        assert_eq!((checked.unopened, checked.head.as_str()), (0, head.1.as_str()));
        assert_eq!(checked.secrets, checked.secrets_opened);
        let restored = Place::open(Kind::File);
        let machine = restored.machine();
        let mut into = options(&machine, &["ada"]).keys(Arc::clone(&stored.keys));
        into.moved_is_fine = true;
        let log = StackLog::open(&machine.file(), into).await.unwrap();
        stored
            .restore_into(&log, &checked, Vec::new(), &|_| {})
            .await
            .unwrap();
        drop(log);
        assert_eq!(all(&open(&machine, &["ada"]).await).await, entries);
        let bytes = stored_bytes(&restored, &machine);
        assert!(WORDS.iter().all(|word| !holds(&bytes, word)));
    }
}

/// Only what the test needs of a server.
trait IsThere {
    fn is_some(&self) -> bool;
}

impl IsThere for Server {
    fn is_some(&self) -> bool {
        !matches!(self, Server::None)
    }
}
