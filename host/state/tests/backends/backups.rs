//! Backups: what every place for them promises, and what comes of one that is cut off, made twice at once, or restored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use konductor_state::backup::{
    Backup, BackupMade, BackupPlace, BackupProgress, BackupSource, Standing, StoredBackup,
};
use konductor_state::{BackendError, Entry, Journal, StackIdentity, StackKeys, StackLog, StateError};

use crate::fixture::*;
use crate::team::*;

of_every_place!(place, File PostgreSql S3:
    of_many_that_store_one_part_one_does_and_parts_are_listed_in_order
    a_backup_that_is_cut_off_is_a_beginning_and_the_next_one_completes_it
    many_that_back_up_the_same_log_at_once_make_one_backup
);

of_every_place!(restored, File PostgreSql S3:
    a_restore_that_is_cut_off_leaves_nothing_that_can_be_used_and_is_done_again
    what_the_backup_has_not_is_never_written_over
);

fn dev() -> StackIdentity {
    StackIdentity {
        project: "shop".to_owned(),
        stack: "dev".to_owned(),
    }
}

fn quiet(_: BackupProgress) {}

fn source(machine: &Machine, place: &Place) -> BackupSource {
    match backend(&place.address()) {
        Some(backend) => BackupSource::Backend(backend),
        None => BackupSource::File(machine.file()),
    }
}

fn backup(place: &Arc<dyn BackupPlace>, source: BackupSource) -> Backup {
    let mut backup = Backup::new(Arc::clone(place), dev(), source);
    backup.keys = keys();
    backup
}

fn keys() -> Arc<StackKeys> {
    StackKeys::new(dev(), Some(Arc::new(TestSealer::default())), Vec::new())
}

fn stored(place: &Arc<dyn BackupPlace>) -> StoredBackup {
    StoredBackup {
        place: Arc::clone(place),
        stack: dev(),
        keys: keys(),
    }
}

/// An entry of some size, so that a few are a full part.
fn large(name: &str) -> Entry {
    let mut record = record(name);
    if let Some(object) = &mut record.object {
        object.id = "x".repeat(700_000);
    }
    recorded(record)
}

/// A place that gives no more answers after so many of a kind.
#[derive(Debug)]
struct Failing {
    place: Arc<dyn BackupPlace>,
    puts: AtomicUsize,
    gets: AtomicUsize,
}

impl Failing {
    fn after(place: &Arc<dyn BackupPlace>, puts: usize, gets: usize) -> Arc<dyn BackupPlace> {
        Arc::new(Self {
            place: Arc::clone(place),
            puts: AtomicUsize::new(puts),
            gets: AtomicUsize::new(gets),
        })
    }

    fn one_more(left: &AtomicUsize) -> Result<(), BackendError> {
        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .map(drop)
            .map_err(|_| BackendError::Refused {
                place: "there".into(),
                reason: "it is switched off".to_owned(),
                advice: "switch it on".to_owned(),
            })
    }
}

#[async_trait]
impl BackupPlace for Failing {
    fn title(&self) -> &str {
        self.place.title()
    }

    async fn stacks(&self, project: &str) -> Result<Vec<String>, BackendError> {
        self.place.stacks(project).await
    }

    async fn list(&self, stack: &StackIdentity, after: u64, most: usize) -> Result<Vec<u64>, BackendError> {
        self.place.list(stack, after, most).await
    }

    async fn get(&self, stack: &StackIdentity, name: u64) -> Result<Option<Vec<u8>>, BackendError> {
        Self::one_more(&self.gets)?;
        self.place.get(stack, name).await
    }

    async fn put(&self, stack: &StackIdentity, name: u64, body: &[u8]) -> Result<bool, BackendError> {
        Self::one_more(&self.puts)?;
        self.place.put(stack, name, body).await
    }
}

async fn of_many_that_store_one_part_one_does_and_parts_are_listed_in_order(place: Place) {
    let places: Vec<_> = (0..8).map(|_| backup_place(&place.address())).collect();
    let stack = dev();
    assert_eq!(places[0].stacks("shop").await.unwrap(), Vec::<String>::new());
    for name in [100, 1, 20] {
        let stores = places.iter().enumerate().map(|(writer, place)| {
            let stack = &stack;
            async move {
                let body = format!("of {writer}\nat {name}");
                place.put(stack, name, body.as_bytes()).await.unwrap()
            }
        });
        let outcomes = futures::future::join_all(stores).await;
        let winners: Vec<_> = (0..8).filter(|at| outcomes[*at]).collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        let kept = places[0].get(&stack, name).await.unwrap().unwrap();
        assert_eq!(kept, format!("of {}\nat {name}", winners[0]).as_bytes());
    }
    assert_eq!(places[0].list(&stack, 0, 10).await.unwrap(), [1, 20, 100]);
    assert_eq!(places[0].list(&stack, 1, 1).await.unwrap(), [20]);
    assert_eq!(places[0].list(&stack, 100, 10).await.unwrap(), Vec::<u64>::new());
    assert_eq!(places[0].get(&stack, 2).await.unwrap(), None);
    assert_eq!(places[0].stacks("shop").await.unwrap(), ["dev"]);
    assert_eq!(places[0].stacks("sho").await.unwrap(), Vec::<String>::new());
}

async fn a_backup_that_is_cut_off_is_a_beginning_and_the_next_one_completes_it(place: Place) {
    let machine = place.machine();
    let log = machine.open().await;
    log.append(a_run()).await.unwrap();
    for number in 0..16 {
        log.append(vec![large(&format!("r{number}"))]).await.unwrap();
    }
    let target = backup_place(&place.address());
    let cut = Failing::after(&target, 1, usize::MAX);
    let broken = backup(&cut, source(&machine, &place)).make(&quiet).await;
    assert!(matches!(broken, Err(StateError::Backend(_))), "{broken:?}");
    let partly = stored(&target).check(&quiet).await.unwrap();
    assert_eq!(partly.parts, 1);
    let reached = partly.serial.unwrap();
    assert!((17..32).contains(&reached), "{reached}");
    let standing = stored(&target).standing(&partly, &log).await.unwrap();
    assert!(
        matches!(standing, Standing::Newer { first, last: 32, .. } if first == reached + 1),
        "{standing:?}"
    );

    let made = backup(&target, source(&machine, &place))
        .make(&quiet)
        .await
        .unwrap();
    assert_eq!((made.serial, made.copied.entries), (Some(32), 32 - reached));
    let whole = stored(&target).check(&quiet).await.unwrap();
    assert!(whole.parts > 2, "{whole:?}");
    assert_eq!(whole.head, log.head().await.unwrap().1);
    let resources = log.snapshot().await.unwrap().resources.len() as u64;
    assert_eq!(whole.resources, Some(resources));
}

async fn many_that_back_up_the_same_log_at_once_make_one_backup(place: Place) {
    let machine = place.machine();
    let log = machine.open().await;
    log.append(a_run()).await.unwrap();
    let target = backup_place(&place.address());
    let makers = (0..4).map(|_| {
        let maker = backup(&target, source(&machine, &place));
        async move {
            let mut copied = 0;
            for _ in 0..4 {
                copied += maker.make(&quiet).await.unwrap().copied.entries;
            }
            copied
        }
    });
    let writing = async {
        for number in 0..8 {
            log.append(vec![recorded(record(&format!("r{number}")))])
                .await
                .unwrap();
        }
    };
    let (copied, ()) = futures::future::join(futures::future::join_all(makers), writing).await;
    let last = backup(&target, source(&machine, &place))
        .make(&quiet)
        .await
        .unwrap();
    assert_eq!(last.serial, Some(24));
    assert_eq!(
        copied.iter().sum::<u64>() + last.copied.entries,
        24,
        "every entry is in the backup once: {copied:?}"
    );
    let checked = stored(&target).check(&quiet).await.unwrap();
    assert_eq!(
        (checked.serial, checked.head),
        (Some(24), log.head().await.unwrap().1)
    );
}

/// Makes a backup of a file's log, and returns the log and where the backup is.
async fn backed_up() -> (Place, StackLog, Arc<dyn BackupPlace>) {
    let from = Place::open(Kind::File);
    let machine = from.machine();
    let log = machine.open().await;
    log.append(a_run()).await.unwrap();
    for number in 0..16 {
        log.append(vec![large(&format!("r{number}"))]).await.unwrap();
    }
    let target = backup_place(&from.address());
    backup(&target, BackupSource::File(machine.file()))
        .make(&quiet)
        .await
        .unwrap();
    (from, log, target)
}

async fn open_to_restore(machine: &Machine) -> StackLog {
    let mut options = machine.options();
    options.moved_is_fine = true;
    StackLog::open(&machine.file(), options).await.unwrap()
}

async fn a_restore_that_is_cut_off_leaves_nothing_that_can_be_used_and_is_done_again(place: Place) {
    let (_from, source, target) = backed_up().await;
    let checked = stored(&target).check(&quiet).await.unwrap();
    let parts = usize::try_from(checked.parts).unwrap();
    let machine = place.machine();
    let log = open_to_restore(&machine).await;
    let guard = log.lock(owner("ada")).await.unwrap();
    let cut = stored(&Failing::after(&target, 0, parts - 1));
    let broken = cut
        .restore_into(&log, &checked, vec![recorded(record("told"))], &quiet)
        .await;
    assert!(matches!(broken, Err(StateError::Backend(_))), "{broken:?}");
    guard.release().await.unwrap();
    let reached = log.head().await.unwrap().0;
    assert!(reached > 0 && reached < 32, "{reached}");
    // Neither this machine nor another takes it for the state.
    drop(log);
    for machine in [&machine, &place.machine()] {
        let refused = machine.try_open().await.unwrap_err();
        assert!(matches!(refused, StateError::Restoring { .. }), "{refused}");
        assert!(refused.to_string().contains("is not whole"), "{refused}");
    }

    let other = place.machine();
    let log = open_to_restore(&other).await;
    let guard = log.lock(owner("bob")).await.unwrap();
    let made = stored(&target)
        .restore_into(&log, &checked, vec![recorded(record("told"))], &quiet)
        .await
        .unwrap();
    guard.release().await.unwrap();
    assert_eq!((made.entries, made.head), (32, source.head().await.unwrap().1));
    let restored = machine.open().await;
    let entries = all(&restored).await;
    assert_eq!(entries[..32], all(&source).await[..]);
    assert_eq!(entries.len(), 33, "what tells of it is there once");
    sound(&restored.verify().await.unwrap());
}

async fn what_the_backup_has_not_is_never_written_over(place: Place) {
    let (_from, source, target) = backed_up().await;
    let checked = stored(&target).check(&quiet).await.unwrap();
    let machine = place.machine();
    let log = machine.open().await;
    let guard = log.lock(owner("ada")).await.unwrap();
    log.append(vec![recorded(record("other"))]).await.unwrap();
    let before = all(&log).await;
    let standing = stored(&target).standing(&checked, &log).await.unwrap();
    assert_eq!(standing, Standing::Different { first: 1, last: 1 });
    let refused = stored(&target)
        .restore_into(&log, &checked, Vec::new(), &quiet)
        .await;
    assert!(
        matches!(
            refused,
            Err(StateError::NotInBackup {
                first: 1,
                last: 1,
                ..
            })
        ),
        "{refused:?}"
    );
    assert_eq!(all(&log).await, before);
    guard.release().await.unwrap();
    machine.open().await;

    // And one that has more.
    source.append(vec![recorded(record("newer"))]).await.unwrap();
    let refused = stored(&target)
        .restore_into(&source, &checked, Vec::new(), &quiet)
        .await;
    assert!(
        matches!(
            refused,
            Err(StateError::NotInBackup {
                first: 33,
                last: 33,
                ..
            })
        ),
        "{refused:?}"
    );
    assert_eq!(source.head().await.unwrap().0, 33);
}

#[tokio::test]
async fn a_backup_goes_on_where_the_log_moved_although_its_segments_have_other_borders() {
    let (from, to) = (Place::open(Kind::File), Place::open(Kind::PostgreSql));
    let (here, there) = (from.machine(), to.machine());
    let source = here.open().await;
    let target = backup_place(&from.address());
    for entry in a_run().into_iter().take(5) {
        source.append(vec![entry]).await.unwrap();
    }
    backup(&target, BackupSource::File(here.file()))
        .make(&quiet)
        .await
        .unwrap();
    for entry in a_run().into_iter().skip(5) {
        source.append(vec![entry]).await.unwrap();
    }
    // There the whole log is one segment, and the backup ends in the middle of it.
    let moved = open_to_restore(&there).await;
    let guards = (
        source.lock(owner("ada")).await.unwrap(),
        moved.lock(owner("ada")).await.unwrap(),
    );
    source.migrate_to(&moved).await.unwrap();
    drop(guards);
    assert_eq!(to.segments(), 1);
    let made = backup(&target, BackupSource::Backend(backend(&to.address()).unwrap()))
        .make(&quiet)
        .await
        .unwrap();
    assert_eq!((made.serial, made.copied.entries), (Some(16), 11));
    moved.append(vec![recorded(record("later"))]).await.unwrap();
    let again = backup(&target, BackupSource::Backend(backend(&to.address()).unwrap()))
        .make(&quiet)
        .await
        .unwrap();
    assert_eq!((again.serial, again.copied.entries), (Some(17), 1));
    let checked = stored(&target).check(&quiet).await.unwrap();
    assert_eq!(checked.head, moved.head().await.unwrap().1);
    // The old place says where the log is, and is not backed up any more.
    let refused = backup(&target, BackupSource::File(here.file()))
        .make(&quiet)
        .await;
    assert!(matches!(refused, Err(StateError::Moved { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_state_that_lost_entries_or_is_another_one_is_not_backed_up_over_the_backup() {
    let (from, other) = (Place::open(Kind::PostgreSql), Place::open(Kind::PostgreSql));
    let log = from.machine().open().await;
    for entry in a_run() {
        log.append(vec![entry]).await.unwrap();
    }
    let target = backup_place(&from.address());
    let source = || BackupSource::Backend(backend(&from.address()).unwrap());
    backup(&target, source()).make(&quiet).await.unwrap();
    let Server::PostgreSql(server) = &from.server else {
        panic!("it is a database");
    };
    server.query("UPDATE konductor_stack SET serial = 9");
    server.query("DELETE FROM konductor_segment WHERE first > 9");
    let refused = backup(&target, source()).make(&quiet).await;
    assert!(
        matches!(refused, Err(StateError::BackupAhead { entry: 16, .. })),
        "{refused:?}"
    );
    let log = other.machine().open().await;
    for number in 0..20 {
        log.append(vec![recorded(record(&format!("r{number}")))])
            .await
            .unwrap();
    }
    let refused = backup(&target, BackupSource::Backend(backend(&other.address()).unwrap()))
        .make(&quiet)
        .await;
    assert!(
        matches!(refused, Err(StateError::BackupOfOtherLog { entry: 16, .. })),
        "{refused:?}"
    );
    let checked = stored(&target).check(&quiet).await.unwrap();
    assert_eq!(checked.serial, Some(16), "the backup is as it was");
}

#[tokio::test]
async fn a_log_that_is_damaged_where_it_was_not_looked_at_is_not_backed_up() {
    let from = Place::open(Kind::PostgreSql);
    let log = from.machine().open().await;
    for entry in a_run() {
        log.append(vec![entry]).await.unwrap();
    }
    let Server::PostgreSql(server) = &from.server else {
        panic!("it is a database");
    };
    server.query("UPDATE konductor_segment SET body = replace(encode(body, 'escape'), 'ada', 'eve')::bytea WHERE first = 1");
    let target = backup_place(&from.address());
    let refused: Result<BackupMade, _> =
        backup(&target, BackupSource::Backend(backend(&from.address()).unwrap()))
            .make(&quiet)
            .await;
    assert!(
        matches!(refused, Err(StateError::Backend(BackendError::Damaged { .. }))),
        "{refused:?}"
    );
    server.query("DELETE FROM konductor_segment WHERE first = 1");
    let refused: Result<BackupMade, _> =
        backup(&target, BackupSource::Backend(backend(&from.address()).unwrap()))
            .make(&quiet)
            .await;
    assert!(
        matches!(refused, Err(StateError::Backend(BackendError::Damaged { .. }))),
        "{refused:?}"
    );
    assert!(matches!(
        stored(&target).check(&quiet).await,
        Err(StateError::NoBackup { .. })
    ));
}

#[tokio::test]
async fn a_machine_without_the_key_notices_a_part_that_is_missing_or_was_put_back() {
    let from = Place::open(Kind::File);
    let machine = from.machine();
    let log = machine.open().await;
    let target = backup_place(&from.address());
    let mut maker = backup(&target, BackupSource::File(machine.file()));
    maker.encrypt = true;
    for number in 0..4 {
        log.append(vec![recorded(record(&format!("r{number}")))])
            .await
            .unwrap();
        maker.make(&quiet).await.unwrap();
    }
    let blind = StoredBackup {
        keys: StackKeys::new(dev(), None, Vec::new()),
        ..stored(&target)
    };
    let seen = blind.check(&quiet).await.unwrap();
    assert_eq!((seen.parts, seen.unopened, seen.serial), (4, 4, None));
    assert_eq!(seen.resources, None, "nothing is said of what was not read");
    let whole = stored(&target).check(&quiet).await.unwrap();
    assert_eq!((whole.serial, whole.head), (Some(4), log.head().await.unwrap().1));

    let part = |serial: u64| {
        std::path::Path::new(&from.address())
            .with_extension("backups")
            .join(format!("shop/dev/{serial:020}.part"))
    };
    let kept = std::fs::read(part(2)).unwrap();
    std::fs::remove_file(part(2)).unwrap();
    let refused = blind.check(&quiet).await.unwrap_err().to_string();
    assert!(refused.contains("one is missing or was replaced"), "{refused}");
    // One that was made at another time for the same place.
    let other = Place::open(Kind::File);
    let elsewhere = backup_place(&other.address());
    let mut maker = backup(&elsewhere, BackupSource::File(machine.file()));
    maker.encrypt = true;
    maker.make(&quiet).await.unwrap();
    std::fs::write(part(2), &kept).unwrap();
    let first = elsewhere.get(&dev(), 1).await.unwrap().unwrap();
    std::fs::write(part(1), first).unwrap();
    let refused = blind.check(&quiet).await.unwrap_err().to_string();
    assert!(refused.contains("one is missing or was replaced"), "{refused}");
    let refused = blind
        .restore_into(&log, &seen, Vec::new(), &quiet)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, StateError::SecretUnreadable { .. }),
        "{refused}"
    );
}
