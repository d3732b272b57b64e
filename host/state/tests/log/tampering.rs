//! What somebody changes behind the log's back is found, and the first place named.

use konductor_state::{Entry, Journal, StackLog, Verification};
use rusqlite::Connection;

use crate::fixture::*;

struct Case {
    folder: Folder,
    log: StackLog,
    stranger: Connection,
}

/// A log whose current state has a row of every kind.
async fn case() -> Case {
    case_of(a_run()).await
}

async fn case_of(entries: Vec<Entry>) -> Case {
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(entries).await.unwrap();
    let stranger = folder.stranger();
    Case {
        folder,
        log,
        stranger,
    }
}

impl Case {
    async fn verify(&self) -> Verification {
        self.log.verify().await.unwrap()
    }

    /// Makes a change, verifies, and takes the change back.
    async fn after(&self, change: &str) -> Verification {
        let keep = "CREATE TABLE kept_log AS SELECT * FROM log; CREATE TABLE kept_meta AS SELECT * FROM meta;
            CREATE TABLE kept_resource AS SELECT * FROM resource;
            CREATE TABLE kept_interrupted AS SELECT * FROM interrupted;";
        self.stranger.execute_batch(keep).unwrap();
        self.stranger
            .execute_batch(change)
            .unwrap_or_else(|error| panic!("{change}: {error}"));
        let verification = self.verify().await;
        for table in ["log", "meta", "resource", "interrupted"] {
            let back = format!(
                "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}; DROP TABLE kept_{table};"
            );
            self.stranger.execute_batch(&back).unwrap();
        }
        verification
    }

    fn bytes(&self, table: &str, column: &str, row: i64) -> Vec<u8> {
        let sql = format!("SELECT CAST({column} AS BLOB) FROM {table} WHERE rowid = ?1");
        self.stranger.query_row(&sql, [row], |row| row.get(0)).unwrap()
    }

    fn rows(&self, table: &str) -> Vec<i64> {
        let mut statement = self
            .stranger
            .prepare(&format!("SELECT rowid FROM {table} ORDER BY 1"))
            .unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

/// Every short text wholly; of a long one the ends and a sample that meets names, marks and contents.
fn places(length: usize) -> impl Iterator<Item = usize> {
    (0..length).filter(move |at| length <= 64 || *at == 0 || at + 1 == length || at % 13 == 0)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn an_untouched_log_is_sound() {
    let case = case().await;
    let verification = case.verify().await;
    assert_eq!(verification.problems, []);
    assert_eq!(verification.entries, 16);
    assert_eq!(verification.head, case.log.head().await.unwrap().1);
    assert_eq!(
        case.after("SELECT 1;").await,
        verification,
        "the test's own keeping changes nothing"
    );
}

#[tokio::test]
async fn every_changed_byte_of_an_entry_is_found_at_that_entry() {
    let case = case().await;
    let mut changed = 0;
    for serial in case.rows("log") {
        for column in ["time", "hash", "body"] {
            let original = case.bytes("log", column, serial);
            for at in places(original.len()) {
                let mut bytes = original.clone();
                bytes[at] ^= if at % 2 == 0 { 1 } else { 0x80 };
                let set = |bytes: &[u8]| {
                    let sql = format!("UPDATE log SET {column} = CAST(?1 AS TEXT) WHERE serial = ?2");
                    case.stranger.execute(&sql, (bytes, serial)).unwrap();
                };
                set(&bytes);
                let verification = case.verify().await;
                set(&original);
                let first = verification.first_bad_serial();
                assert_eq!(
                    first,
                    u64::try_from(serial).ok(),
                    "byte {at} of {column} of entry {serial}"
                );
                changed += 1;
            }
        }
    }
    assert!(changed > 1000, "{changed}");
    assert!(case.verify().await.is_sound());
}

#[tokio::test]
async fn a_changed_serial_is_found() {
    let case = case().await;
    for serial in case.rows("log") {
        for to in [0, -1, 1000, i64::MAX] {
            let verification = case
                .after(&format!("UPDATE log SET serial = {to} WHERE serial = {serial};"))
                .await;
            let first = verification.first_bad_serial().unwrap();
            // Put before the first, it is noticed there already.
            let expected = if to < 1 { 1 } else { u64::try_from(serial).unwrap() };
            assert_eq!(first, expected, "{serial} as {to}: {:?}", verification.problems);
        }
    }
}

#[tokio::test]
async fn a_removed_entry_is_found_also_at_the_end() {
    let case = case().await;
    for serial in 1..=16 {
        let verification = case
            .after(&format!("DELETE FROM log WHERE serial = {serial};"))
            .await;
        assert_eq!(
            verification.first_bad_serial(),
            Some(serial),
            "{:?}",
            verification.problems
        );
        let what = &verification.problems[0].what;
        assert!(what.starts_with("missing"), "{what}");

        let closed_up = format!(
            "DELETE FROM log WHERE serial = {serial};
             UPDATE log SET serial = -serial WHERE serial > {serial}; UPDATE log SET serial = -serial - 1 WHERE serial < 0;"
        );
        let verification = case.after(&closed_up).await;
        assert_eq!(
            verification.first_bad_serial(),
            Some(serial),
            "{:?}",
            verification.problems
        );
    }
    let verification = case.after("DELETE FROM log WHERE serial > 5;").await;
    assert_eq!(
        verification.problems[0].to_string(),
        "entry 6: missing: the log ends before it and its head is entry 16"
    );
    let verification = case.after("DELETE FROM log;").await;
    assert_eq!(verification.first_bad_serial(), Some(1));
}

#[tokio::test]
async fn swapped_and_doubled_entries_are_found() {
    let case = case().await;
    for serial in 1..16 {
        let swap = |columns: &str| {
            format!(
                "CREATE TABLE two AS SELECT * FROM log WHERE serial IN ({serial}, {serial} + 1);
                 UPDATE log SET ({columns}) = (SELECT {columns} FROM two WHERE two.serial = 2 * {serial} + 1 - log.serial)
                 WHERE serial IN ({serial}, {serial} + 1); DROP TABLE two;"
            )
        };
        for columns in ["time, hash, body", "body, time", "hash, hash"] {
            let verification = case.after(&swap(columns)).await;
            assert_eq!(
                verification.first_bad_serial(),
                Some(serial),
                "{columns} {:?}",
                verification.problems
            );
        }
        let doubled = format!(
            "UPDATE log SET serial = -serial WHERE serial > {serial}; UPDATE log SET serial = 1 - serial WHERE serial < 0;
             INSERT INTO log SELECT {serial} + 1, time, hash, body FROM log WHERE serial = {serial};
             UPDATE meta SET value = '17' WHERE key = 'serial';"
        );
        let verification = case.after(&doubled).await;
        assert_eq!(
            verification.first_bad_serial(),
            Some(serial + 1),
            "{:?}",
            verification.problems
        );
        let at_the_end = format!(
            "INSERT INTO log SELECT 17, time, hash, body FROM log WHERE serial = {serial};
             UPDATE meta SET value = '17' WHERE key = 'serial';
             UPDATE meta SET value = (SELECT hash FROM log WHERE serial = 17) WHERE key = 'hash';"
        );
        let verification = case.after(&at_the_end).await;
        assert_eq!(
            verification.first_bad_serial(),
            Some(17),
            "{:?}",
            verification.problems
        );
    }
}

#[tokio::test]
async fn an_entry_that_only_the_log_got_is_found() {
    let case = case().await;
    let behind = "INSERT INTO log SELECT 17, time, hash, body FROM log WHERE serial = 16;";
    let verification = case.after(behind).await;
    assert_eq!(verification.first_bad_serial(), Some(17));
}

#[tokio::test]
async fn a_changed_head_is_found() {
    let case = case().await;
    for change in [
        "UPDATE meta SET value = '15' WHERE key = 'serial';",
        "UPDATE meta SET value = '17' WHERE key = 'serial';",
        "UPDATE meta SET value = 'many' WHERE key = 'serial';",
        "UPDATE meta SET value = replace(value, substr(value, 1, 1), 'x') WHERE key = 'hash';",
        "DELETE FROM meta WHERE key = 'hash';",
        "DELETE FROM meta WHERE key = 'serial';",
    ] {
        let verification = case.after(change).await;
        assert!(!verification.is_sound(), "{change}");
        assert!(
            verification.problems[0].what.contains("head"),
            "{:?}",
            verification.problems
        );
    }
}

#[tokio::test]
async fn a_log_of_another_stack_with_new_names_is_found_at_its_first_entry() {
    let case = case().await;
    case.stranger
        .execute("UPDATE meta SET value = 'prod' WHERE key = 'stack'", [])
        .unwrap();
    let renamed = StackLog::open(
        &case.folder.log(),
        konductor_state::OpenOptions::of_stack("shop", "prod"),
    )
    .await
    .unwrap();
    assert_eq!(renamed.verify().await.unwrap().first_bad_serial(), Some(1));
}

#[tokio::test]
async fn a_current_state_that_is_not_what_the_log_says_is_found() {
    let case = case().await;
    for change in [
        "DELETE FROM resource WHERE urn LIKE '%::child';",
        "INSERT INTO resource SELECT urn || '-two', replace(body, '::child\"', '::child-two\"') FROM resource WHERE urn LIKE '%::child';",
        "UPDATE resource SET urn = urn || 'x' WHERE urn LIKE '%::child';",
        "UPDATE resource SET body = replace(body, '10.0.0.0/16', '10.0.0.0/17') WHERE urn LIKE '%::child';",
        "UPDATE resource SET body = replace(body, 'v1:', 'v2:') WHERE urn LIKE '%::database';",
        "UPDATE resource SET body = '{}' WHERE urn LIKE '%::child';",
        "DELETE FROM interrupted;",
        "INSERT INTO interrupted SELECT 'op-5', 15, urn, replace(body, 'op-4', 'op-5'), NULL FROM interrupted;",
        "UPDATE interrupted SET operation = 'op-5';",
        "UPDATE interrupted SET urn = urn || 'x';",
        "UPDATE interrupted SET body = replace(body, 'token-op-4', 'token-op-5');",
        "UPDATE interrupted SET progress = NULL;",
        "UPDATE interrupted SET progress = replace(progress, 'vpc-half', 'vpc-whole');",
        "UPDATE meta SET value = replace(value, 'v1:', 'v2:') WHERE key = 'outputs';",
        "UPDATE meta SET value = 'x' WHERE key = 'outputs';",
        "DELETE FROM meta WHERE key = 'outputs';",
    ] {
        let verification = case.after(change).await;
        assert!(!verification.is_sound(), "{change}");
        assert_eq!(
            verification.first_bad_serial(),
            None,
            "{change}: the log itself is sound"
        );
    }
    assert!(case.verify().await.is_sound());
}

#[tokio::test]
async fn a_changed_byte_of_a_record_is_found_unless_a_reader_gets_the_same() {
    let case = case().await;
    let before = case.log.snapshot_masked().await.unwrap();
    let mut found = 0;
    for row in case.rows("resource") {
        let original = case.bytes("resource", "body", row);
        for at in 0..original.len() {
            let mut bytes = original.clone();
            bytes[at] ^= 1;
            let set = format!(
                "UPDATE resource SET body = CAST(x'{}' AS TEXT) WHERE rowid = {row}",
                hexadecimal(&bytes)
            );
            case.stranger.execute(&set, []).unwrap();
            if case.verify().await.is_sound() {
                assert_eq!(
                    case.log.snapshot_masked().await.unwrap(),
                    before,
                    "byte {at} of row {row}"
                );
            } else {
                found += 1;
            }
            let back = format!(
                "UPDATE resource SET body = CAST(x'{}' AS TEXT) WHERE rowid = {row}",
                hexadecimal(&original)
            );
            case.stranger.execute(&back, []).unwrap();
        }
    }
    assert!(found > 500, "{found}");
}

/// The promise of the log: whichever entry of whichever kind is removed, moved or edited, that entry is named.
#[tokio::test]
async fn every_entry_of_every_kind_is_named_when_it_is_removed_moved_or_edited() {
    let case = case_of(every_kind()).await;
    let sound = case.verify().await;
    assert!(sound.is_sound(), "{sound:?}");
    let entries = i64::try_from(sound.entries).unwrap();
    for serial in 1..=entries {
        let mut changes = vec![
            (serial, format!("DELETE FROM log WHERE serial = {serial};")),
            (
                serial,
                format!("UPDATE log SET body = json_set(body, '$.added', 1) WHERE serial = {serial};"),
            ),
            (
                serial,
                format!("UPDATE log SET body = json_set(body, '$.entry', 'edited') WHERE serial = {serial};"),
            ),
            (
                serial,
                format!("UPDATE log SET time = replace(time, 'Z', '1Z') WHERE serial = {serial};"),
            ),
            (
                serial,
                format!(
                    "UPDATE log SET hash = (SELECT hash FROM log WHERE serial = {serial} % {entries} + 1) WHERE serial = {serial};"
                ),
            ),
        ];
        // Taken out here and put in at every other place, with all between closed up.
        for to in (1..=entries).filter(|to| *to != serial) {
            let (first, last, step) = if to > serial {
                (serial + 1, to, -1)
            } else {
                (to, serial - 1, 1)
            };
            let moved = format!(
                "UPDATE log SET serial = -{serial} WHERE serial = {serial};
                 UPDATE log SET serial = -(serial + {step}) - 1000 WHERE serial BETWEEN {first} AND {last};
                 UPDATE log SET serial = -serial - 1000 WHERE serial < -1000;
                 UPDATE log SET serial = {to} WHERE serial = -{serial};"
            );
            changes.push((serial.min(to), moved));
        }
        for (named, change) in changes {
            let verification = case.after(&change).await;
            let first = verification.first_bad_serial();
            assert_eq!(
                first,
                u64::try_from(named).ok(),
                "{change} {:?}",
                verification.problems
            );
        }
    }
    assert_eq!(case.verify().await, sound);
}

/// Whoever edits an entry can compute its hash, too; then it no longer is what the next one names.
#[tokio::test]
async fn an_entry_that_is_edited_with_its_hash_is_found_at_the_one_after_it() {
    use sha2::{Digest as _, Sha256};

    let case = case_of(every_kind()).await;
    let rows = case.rows("log");
    let field = |hasher: &mut Sha256, bytes: &[u8]| {
        hasher.update(u64::try_from(bytes.len()).unwrap().to_be_bytes());
        hasher.update(bytes);
    };
    for serial in rows.iter().copied().skip(1) {
        let mut body = case.bytes("log", "body", serial);
        body.push(b' ');
        let mut hasher = Sha256::new();
        field(&mut hasher, &case.bytes("log", "hash", serial - 1));
        hasher.update(serial.to_be_bytes());
        field(&mut hasher, &case.bytes("log", "time", serial));
        field(&mut hasher, &body);
        let change = format!(
            "UPDATE log SET body = body || ' ', hash = '{}' WHERE serial = {serial};",
            hexadecimal(&hasher.finalize())
        );
        let verification = case.after(&change).await;
        let next = rows.last().filter(|last| **last > serial).map(|_| serial + 1);
        let first = verification.first_bad_serial();
        assert_eq!(
            first,
            next.map(|next| u64::try_from(next).unwrap()),
            "{:?}",
            verification.problems
        );
        assert!(!verification.is_sound(), "{serial}");
    }
}

/// What `verify` says it cannot see, so that the documentation stays true.
#[tokio::test]
async fn an_end_cut_off_together_with_its_head_shows_only_by_what_it_changed_or_by_a_head_kept_elsewhere() {
    let case = case().await;
    let cut_to = |serial: i64| {
        format!(
            "DELETE FROM log WHERE serial > {serial};
             UPDATE meta SET value = '{serial}' WHERE key = 'serial';
             UPDATE meta SET value = (SELECT hash FROM log WHERE serial = {serial}) WHERE key = 'hash';"
        )
    };
    let kept_elsewhere = case.verify().await.head;
    let verification = case.after(&cut_to(15)).await;
    assert!(
        verification.is_sound(),
        "the last entry, run-finished, changes no state"
    );
    assert_ne!(verification.head, kept_elsewhere);
    assert!(
        !case.after(&cut_to(14)).await.is_sound(),
        "the progress of an interrupted operation is not in the log"
    );
}
