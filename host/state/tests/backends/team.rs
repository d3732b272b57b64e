//! A place for state, and machines that share it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use konductor_model::SecretText;
use konductor_state::backend::{NetworkSettings, PostgreSql, PostgreSqlSettings};
use konductor_state::{
    Backend, BackendTimes, EntryQuery, LockOwner, LoggedEntry, OpenOptions, StackLog, StateError,
};
use konductor_tests::{CuttingProxy, PostgreSqlServer, Target};

use crate::fixture;

/// Which place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    PostgreSql,
}

/// A place for state and the machines that reach it, gone when this is dropped.
pub(crate) struct Place {
    pub(crate) server: Server,
    folder: tempfile::TempDir,
    machines: AtomicUsize,
}

/// What keeps the state.
pub(crate) enum Server {
    None,
    PostgreSql(PostgreSqlServer),
}

impl Place {
    pub(crate) fn open(kind: Kind) -> Self {
        Self {
            server: match kind {
                Kind::File => Server::None,
                Kind::PostgreSql => Server::PostgreSql(PostgreSqlServer::open()),
            },
            folder: tempfile::tempdir().unwrap(),
            machines: AtomicUsize::new(0),
        }
    }

    /// Returns what another process has to know to find it.
    pub(crate) fn address(&self) -> String {
        match &self.server {
            Server::None => self.folder.path().join("dev.db").display().to_string(),
            Server::PostgreSql(server) => server.url(),
        }
    }

    /// Puts a network that can fail before it.
    pub(crate) fn proxy(&self, seed: u64) -> CuttingProxy {
        match &self.server {
            Server::None => panic!("no network leads to a file"),
            Server::PostgreSql(server) => CuttingProxy::open(Target::Socket(server.socket()), seed),
        }
    }

    /// Makes a machine that reaches the place.
    pub(crate) fn machine(&self) -> Machine {
        self.machine_at(self.address())
    }

    /// Makes a machine that reaches the place through a network that can fail.
    pub(crate) fn machine_behind(&self, proxy: &CuttingProxy) -> Machine {
        self.machine_at(match &self.server {
            Server::None => panic!("no network leads to a file"),
            Server::PostgreSql(server) => server.url_through(proxy.port()),
        })
    }

    fn machine_at(&self, address: String) -> Machine {
        let number = self.machines.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.path().join(number.to_string());
        std::fs::create_dir(&folder).unwrap();
        Machine {
            folder,
            address,
            times: BackendTimes::default(),
        }
    }

    /// Counts what is stored, without Konductor: segments.
    pub(crate) fn segments(&self) -> usize {
        match &self.server {
            Server::None => panic!("a file has no segments"),
            Server::PostgreSql(server) => server
                .query("SELECT count(*) FROM konductor_segment")
                .parse()
                .unwrap(),
        }
    }

    /// Removes what is stored, without Konductor: every segment before a serial.
    pub(crate) fn remove_segments_before(&self, serial: u64) {
        match &self.server {
            Server::None => panic!("a file has no segments"),
            Server::PostgreSql(server) => {
                server.query(&format!("DELETE FROM konductor_segment WHERE first < {serial}"))
            }
        };
    }
}

/// Makes the backend of an address; none for a file.
pub(crate) fn backend(address: &str) -> Option<Arc<dyn Backend>> {
    address.starts_with("postgresql://").then(|| {
        let made = PostgreSql::new(PostgreSqlSettings {
            url: SecretText::new(address),
            password: None,
            user: None,
            network: NetworkSettings::default(),
        });
        Arc::new(made.unwrap()) as Arc<dyn Backend>
    })
}

/// A machine with a copy of the log.
pub(crate) struct Machine {
    folder: PathBuf,
    address: String,
    pub(crate) times: BackendTimes,
}

impl Machine {
    /// Lets locks expire, and appends fail, within a second or two.
    pub(crate) fn impatient(mut self) -> Self {
        self.times = BackendTimes {
            lease: Duration::from_millis(1500),
            patience: Duration::from_millis(500),
        };
        self
    }

    pub(crate) fn options(&self) -> OpenOptions {
        let mut options = fixture::options();
        options.backend = backend(&self.address);
        options.times = self.times;
        options
    }

    /// Returns the file of the log or of its copy.
    pub(crate) fn file(&self) -> PathBuf {
        file(&self.folder, &self.address)
    }

    pub(crate) async fn open(&self) -> StackLog {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<StackLog, StateError> {
        StackLog::open(&self.file(), self.options()).await
    }

    pub(crate) async fn open_to_read(&self) -> StackLog {
        StackLog::open(&self.file(), self.options().read_only())
            .await
            .unwrap()
    }

    /// Changes the file behind the log's back.
    pub(crate) fn tamper(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.file()).unwrap();
        connection.execute_batch(sql).unwrap();
    }
}

pub(crate) fn file(folder: &Path, address: &str) -> PathBuf {
    if address.contains("://") {
        folder.join("copy.db")
    } else {
        address.into()
    }
}

pub(crate) fn owner(who: &str) -> LockOwner {
    LockOwner::this_process(who, "run")
}

pub(crate) async fn all(log: &StackLog) -> Vec<LoggedEntry> {
    log.entries_opened(EntryQuery {
        limit: usize::MAX,
        ..EntryQuery::default()
    })
    .await
    .unwrap()
}

#[track_caller]
pub(crate) fn sound(verification: &konductor_state::Verification) {
    assert_eq!(verification.problems, [], "{verification:?}");
}

/// Makes a test of every place named, from an asynchronous function that takes it.
macro_rules! of_every_place {
    ($group:ident, $($kind:ident)+ : $($test:ident)+) => {
        mod $group {
            crate::team::of_every_place!(@ ($($kind)+) ($($test)+));
        }
    };
    (@ ($kind:ident $($more:ident)*) ($($test:ident)+)) => {
        #[allow(non_snake_case, reason = "named as the kind of place is")]
        mod $kind {
            $(
                #[tokio::test]
                async fn $test() {
                    super::super::$test(crate::team::Place::open(crate::team::Kind::$kind)).await;
                }
            )+
        }
        crate::team::of_every_place!(@ ($($more)*) ($($test)+));
    };
    (@ () ($($test:ident)+)) => {};
}
pub(crate) use of_every_place;
