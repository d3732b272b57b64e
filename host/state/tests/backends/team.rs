//! A place for state, and machines that share it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use konductor_broker::{
    AccessKeys, AuditPermit, AuditSink, AuditUnavailable, Broker, BrokerOptions, CredentialBase,
    CredentialSource, OwnRequestError, OwnRequests,
};
use konductor_model::SecretText;
use konductor_state::backend::{
    NetworkSettings, ObjectRequestError, ObjectRequests, PostgreSql, PostgreSqlSettings, S3, S3Settings,
};
use konductor_state::backup::{BackupFolder, BackupPlace};
use konductor_state::{
    Backend, BackendTimes, EntryQuery, LockOwner, LoggedEntry, OpenOptions, StackLog, StateError,
};
use konductor_tests::{AwsAccount, CuttingProxy, PostgreSqlServer, Target};
use serde_json::json;

use crate::fixture;

/// Which place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    PostgreSql,
    S3,
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
    S3(AwsAccount),
}

/// The bucket of the tests, and what names in it start with.
const BUCKET: &str = "states";
const PREFIX: &str = "teams/platform";

impl Place {
    pub(crate) fn open(kind: Kind) -> Self {
        Self {
            server: match kind {
                Kind::File => Server::None,
                Kind::PostgreSql => Server::PostgreSql(PostgreSqlServer::open()),
                Kind::S3 => {
                    let account = AwsAccount::open();
                    account.call("s3", "create_bucket", json!({
                        "Bucket": BUCKET, "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"},
                    }));
                    Server::S3(account)
                }
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
            Server::S3(account) => s3_address(account, account.url()),
        }
    }

    /// Puts a network that can fail before it.
    pub(crate) fn proxy(&self, seed: u64) -> CuttingProxy {
        match &self.server {
            Server::None => panic!("no network leads to a file"),
            Server::PostgreSql(server) => CuttingProxy::open(Target::Socket(server.socket()), seed),
            Server::S3(account) => {
                let port = account.url().rsplit_once(':').unwrap().1.parse().unwrap();
                CuttingProxy::open(Target::Port(port), seed)
            }
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
            Server::S3(account) => s3_address(account, &format!("http://127.0.0.1:{}", proxy.port())),
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
            Server::S3(account) => segment_keys(account).len(),
        }
    }

    /// Removes what is stored, without Konductor: every segment before a serial.
    pub(crate) fn remove_segments_before(&self, serial: u64) {
        match &self.server {
            Server::None => panic!("a file has no segments"),
            Server::PostgreSql(server) => {
                server.query(&format!("DELETE FROM konductor_segment WHERE first < {serial}"));
            }
            Server::S3(account) => {
                for key in segment_keys(account) {
                    if key.rsplit_once('/').unwrap().1.parse::<u64>().unwrap() < serial {
                        account.call("s3", "delete_object", json!({"Bucket": BUCKET, "Key": key}));
                    }
                }
            }
        }
    }
}

fn s3_address(account: &AwsAccount, url: &str) -> String {
    let (key, secret) = (account.access_key_id(), account.secret_access_key());
    format!("s3 {url} {key} {secret}")
}

fn segment_keys(account: &AwsAccount) -> Vec<String> {
    let listed = account.call(
        "s3",
        "list_objects_v2",
        json!({"Bucket": BUCKET, "Prefix": PREFIX}),
    );
    let objects = listed["Contents"].as_array().cloned().unwrap_or_default();
    let keys = objects
        .iter()
        .map(|object| object["Key"].as_str().unwrap().to_owned());
    keys.filter(|key| key.contains("/log/")).collect()
}

/// Makes the place for backups of an address: a folder, another table of the database, other names in the bucket.
pub(crate) fn backup_place(address: &str) -> Arc<dyn BackupPlace> {
    if let Some(rest) = address.strip_prefix("s3 ") {
        let words: Vec<&str> = rest.split(' ').collect();
        return Arc::new(s3(words[0], words[1], words[2]));
    }
    if address.starts_with("postgresql://") {
        let made = PostgreSql::for_backups(PostgreSqlSettings {
            url: SecretText::new(address),
            password: None,
            user: None,
            network: NetworkSettings::default(),
        });
        return Arc::new(made.unwrap());
    }
    let folder = Path::new(address).with_extension("backups");
    std::fs::create_dir_all(&folder).unwrap();
    Arc::new(BackupFolder::new(folder))
}

/// Makes the backend of an address; none for a file.
pub(crate) fn backend(address: &str) -> Option<Arc<dyn Backend>> {
    if let Some(rest) = address.strip_prefix("s3 ") {
        let words: Vec<&str> = rest.split(' ').collect();
        return Some(Arc::new(s3(words[0], words[1], words[2])));
    }
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

fn s3(endpoint: &str, key: &str, secret: &str) -> S3 {
    let source = CredentialSource {
        base: CredentialBase::Keys(AccessKeys {
            access_key_id: key.to_owned(),
            secret_access_key: SecretText::new(secret),
            session_token: None,
        }),
        ..CredentialSource::default()
    };
    let broker = Broker::new(BrokerOptions::default(), Arc::new(NoPlugins)).unwrap();
    let requests = broker
        .own_requests(&endpoint.parse().unwrap(), "s3", "us-west-2", source)
        .unwrap();
    S3::new(S3Settings {
        address: S3Settings::address(BUCKET, "us-west-2", Some(endpoint)).unwrap(),
        bucket: BUCKET.to_owned(),
        prefix: PREFIX.to_owned(),
        requests: Arc::new(Requests(requests)),
    })
}

struct Requests(OwnRequests);

#[async_trait]
impl ObjectRequests for Requests {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, ObjectRequestError> {
        self.0.send(request).await.map_err(|error| match error {
            OwnRequestError::NoAnswer(reason) => ObjectRequestError::NoAnswer(reason),
            other => ObjectRequestError::NotSent(other.to_string()),
        })
    }
}

struct NoPlugins;

#[async_trait]
impl AuditSink for NoPlugins {
    async fn reserve(&self) -> Result<AuditPermit, AuditUnavailable> {
        unreachable!("there is no plugin")
    }
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
    if backend(address).is_some() {
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
