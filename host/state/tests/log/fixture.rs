//! A stack to write about.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use konductor_model::provider::ObjectState;
use konductor_model::schema::TypeKind;
use konductor_model::secret::SealError;
use konductor_model::{Disposition, Failure, ResourceOptions, Sealer, Urn, Value};
use konductor_state::entry::{Action, Begin, End, Entry, OperationProgress, RunFinished, RunStarted};
use konductor_state::record::{PluginReference, ResourceRecord};
use konductor_state::{OpenOptions, StackLog};

pub(crate) const PASSWORD: &str = "hunter2-is-not-in-the-file";

pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.0.path().join("state/dev.log")
    }

    pub(crate) async fn open(&self) -> StackLog {
        StackLog::open(&self.log(), options()).await.unwrap()
    }

    /// Opens the file behind the log's back.
    pub(crate) fn stranger(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(self.log()).unwrap();
        connection.execute_batch("PRAGMA synchronous = OFF").unwrap();
        connection
    }
}

pub(crate) fn options() -> OpenOptions {
    OpenOptions::of_stack("shop", "dev").sealer(Arc::new(TestSealer::default()))
}

/// Seals differently every time, as a real one does. It hides nothing from those who know it.
#[derive(Default)]
pub(crate) struct TestSealer(AtomicU64);

impl Sealer for TestSealer {
    fn seal(&self, plain: &[u8]) -> Result<String, SealError> {
        let nonce = self.0.fetch_add(1, Ordering::Relaxed);
        let hidden: String = plain.iter().map(|byte| format!("{:02x}", byte ^ 0x5a)).collect();
        Ok(format!("v1:{nonce}:{hidden}"))
    }

    fn open(&self, sealed: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
        let hidden = sealed.strip_prefix("v1:").and_then(|rest| rest.split_once(':'));
        let bytes = hidden.and_then(|(_, text)| {
            (0..text.len())
                .step_by(2)
                .map(|at| {
                    text.get(at..at + 2)
                        .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                })
                .collect::<Option<Vec<u8>>>()
        });
        let bytes = bytes.ok_or_else(|| SealError {
            reason: "no key fits".to_owned(),
        })?;
        Ok(zeroize::Zeroizing::new(
            bytes.into_iter().map(|byte| byte ^ 0x5a).collect(),
        ))
    }
}

pub(crate) fn urn(name: &str) -> Urn {
    format!("urn:konductor:shop:dev:aws:ec2:Vpc::{name}")
        .parse()
        .unwrap()
}

pub(crate) fn record(name: &str) -> ResourceRecord {
    ResourceRecord {
        urn: urn(name),
        kind: TypeKind::Resource,
        plugin: PluginReference {
            name: "aws".to_owned(),
            version: "0.1.0".to_owned(),
        },
        parent: None,
        dependencies: Vec::new(),
        inputs: Value::from([("cidr_block", Value::from("10.0.0.0/16"))]),
        object: Some(ObjectState {
            id: format!("vpc-{name}"),
            attributes: Value::from([("arn", Value::from("arn:aws:ec2")), ("size", Value::from(3))]),
            private: vec![1, 2, 3],
            schema_version: 1,
        }),
        outputs: Value::Null,
        options: ResourceOptions::default(),
        tainted: None,
        deposed: Vec::new(),
    }
}

pub(crate) fn with_password(mut record: ResourceRecord) -> ResourceRecord {
    let password = Value::from(PASSWORD).into_secret();
    record.inputs = Value::from([("password", password), ("user", Value::from("admin"))]);
    record
}

pub(crate) fn begin(operation: &str, record: ResourceRecord) -> Entry {
    Entry::Begin(Begin {
        operation: operation.to_owned(),
        run: "run-1".to_owned(),
        urn: record.urn.clone(),
        action: Action::Create,
        idempotency_token: format!("token-{operation}"),
        planned: record.inputs.clone(),
        record: Box::new(record),
        private: String::new(),
        schema_version: None,
        deposed: None,
    })
}

pub(crate) fn progress(operation: &str, id: &str) -> Entry {
    Entry::Progress(OperationProgress {
        operation: operation.to_owned(),
        handle: "aGFuZGxl".to_owned(),
        id: Some(id.to_owned()),
    })
}

pub(crate) fn end(operation: &str, record: ResourceRecord) -> Entry {
    Entry::End(End {
        operation: operation.to_owned(),
        urn: record.urn.clone(),
        record: Some(Box::new(record)),
        failure: None,
        milliseconds: 7,
    })
}

pub(crate) fn gone(operation: &str, name: &str) -> Entry {
    Entry::End(End {
        operation: operation.to_owned(),
        urn: urn(name),
        record: None,
        failure: Some(Failure::new(Disposition::Other, "it did not work")),
        milliseconds: 7,
    })
}

pub(crate) fn recorded(record: ResourceRecord) -> Entry {
    Entry::Recorded {
        record: Box::new(record),
        reason: "refresh".to_owned(),
    }
}

pub(crate) fn forgotten(name: &str) -> Entry {
    Entry::Forgotten {
        urn: urn(name),
        reason: "state remove".to_owned(),
    }
}

pub(crate) fn moved(from: &str, to: &str) -> Entry {
    Entry::Moved {
        from: urn(from),
        to: urn(to),
    }
}

pub(crate) fn outputs(name: &str, value: Value) -> Entry {
    Entry::Outputs {
        outputs: BTreeMap::from([(name.to_owned(), value)]),
    }
}

pub(crate) fn run_started() -> Entry {
    Entry::RunStarted(RunStarted {
        run: "run-1".to_owned(),
        command: "run".to_owned(),
        actor: "ada on analytical".to_owned(),
        konductor: "0.1.0".to_owned(),
        plugins: Vec::new(),
        simulated: true,
        metadata: [("owner".to_owned(), "shop".to_owned())].into(),
    })
}

pub(crate) fn run_finished() -> Entry {
    Entry::RunFinished(RunFinished {
        run: "run-1".to_owned(),
        result: "succeeded".to_owned(),
        operations: BTreeMap::from([("create".to_owned(), 2)]),
    })
}

/// A run with an entry of every kind that changes the state, and an operation that was interrupted.
pub(crate) fn a_run() -> Vec<Entry> {
    let mut child = record("child");
    child.parent = Some(urn("parent"));
    child.dependencies = vec![urn("database")];
    vec![
        run_started(),
        recorded(record("parent")),
        begin("op-1", with_password(record("database"))),
        progress("op-1", "db-1"),
        end("op-1", with_password(record("database"))),
        begin("op-2", child.clone()),
        end("op-2", child),
        begin("op-3", record("failed")),
        gone("op-3", "failed"),
        moved("parent", "renamed"),
        recorded(record("superfluous")),
        forgotten("superfluous"),
        outputs("password", Value::from(PASSWORD).into_secret()),
        begin("op-4", record("unfinished")),
        progress("op-4", "vpc-half"),
        run_finished(),
    ]
}

/// A log with an entry of every kind there is: who adds one has to add it here.
pub(crate) fn every_kind() -> Vec<Entry> {
    use konductor_model::compliance::CheckSeverity;
    use konductor_state::compliance::{ComplianceChecked, ComplianceTold, ControlFinding, FindingState};
    use konductor_state::drift::{DriftChecked, DriftTold};
    use konductor_state::entry::{
        CloudCall, LockTakenAway, Restored, RevealedSecret, RunAttested, TakenBecause,
    };
    use konductor_state::keys::{KeyName, KeysRotated};
    use konductor_state::{AuditForwarded, LockOwner, LogArchived, PolicyDecision};

    let mut entries = a_run();
    entries.extend([
        Entry::CloudCall(CloudCall {
            plugin: "aws".to_owned(),
            resource: urn("database").to_string(),
            method: "POST".to_owned(),
            status: Some(200),
            ..CloudCall::default()
        }),
        Entry::SecretRevealed(RevealedSecret {
            plugin: "aws".to_owned(),
            resource: "database".to_owned(),
            attribute: "aws:ec2:Vpc.password".to_owned(),
        }),
        Entry::DriftChecked(DriftChecked {
            run: "run-1".to_owned(),
            objects: 3,
            counts: BTreeMap::new(),
            differences: Vec::new(),
            digest: String::new(),
            milliseconds: 4,
        }),
        Entry::DriftTold(DriftTold {
            run: "run-1".to_owned(),
            alert: "operations".to_owned(),
            digest: "0123".to_owned(),
            error: None,
        }),
        Entry::PolicyDecided(PolicyDecision {
            run: "run-1".to_owned(),
            operation: "apply".to_owned(),
            input: "00".to_owned(),
            allowed: true,
            milliseconds: 1,
            packages: Vec::new(),
        }),
        Entry::LockTakenAway(LockTakenAway {
            lease: 0,
            from: None,
            by: LockOwner::this_process("ada@analytical", "state unlock"),
            because: TakenBecause::Unlocked,
        }),
        Entry::Restored(Restored {
            from: "s3://backups".to_owned(),
            serial: 1,
            head: "00".to_owned(),
            given_up: None,
        }),
        Entry::KeysRotated(KeysRotated {
            key: "5c1f".to_owned(),
            generation: 2,
            wrapped_for: vec![KeyName::new("test", "ada")],
        }),
        Entry::AuditForwarded(AuditForwarded {
            target: "siem".to_owned(),
            serial: 3,
            hash: "00".to_owned(),
        }),
        Entry::RunAttested(RunAttested {
            run: "run-1".to_owned(),
            envelope: "{}".to_owned(),
        }),
        Entry::ControlFinding(ControlFinding {
            run: "run-1".to_owned(),
            check: "aws-s3-bucket-versioned".to_owned(),
            urn: urn("database").to_string(),
            severity: CheckSeverity::High,
            state: FindingState::Gone,
            controls: Vec::new(),
            since: jiff::Timestamp::UNIX_EPOCH,
        }),
        Entry::ComplianceChecked(ComplianceChecked::default()),
        Entry::ComplianceTold(ComplianceTold::default()),
        Entry::LogArchived(LogArchived::default()),
    ]);
    let kinds: std::collections::BTreeSet<u8> = entries.iter().map(kind_number).collect();
    assert_eq!(kinds.len(), usize::from(KINDS));
    entries
}

/// How many kinds of entries there are.
const KINDS: u8 = 23;

/// Numbers the kinds: a new one does not compile until it is here and in [`every_kind`].
fn kind_number(entry: &Entry) -> u8 {
    match entry {
        Entry::RunStarted(_) => 0,
        Entry::Begin(_) => 1,
        Entry::Progress(_) => 2,
        Entry::End(_) => 3,
        Entry::Recorded { .. } => 4,
        Entry::Forgotten { .. } => 5,
        Entry::Moved { .. } => 6,
        Entry::Outputs { .. } => 7,
        Entry::CloudCall(_) => 8,
        Entry::SecretRevealed(_) => 9,
        Entry::DriftChecked(_) => 10,
        Entry::DriftTold(_) => 11,
        Entry::PolicyDecided(_) => 12,
        Entry::RunFinished(_) => 13,
        Entry::LockTakenAway(_) => 14,
        Entry::Restored(_) => 15,
        Entry::KeysRotated(_) => 16,
        Entry::AuditForwarded(_) => 17,
        Entry::RunAttested(_) => 18,
        Entry::ControlFinding(_) => 19,
        Entry::ComplianceChecked(_) => 20,
        Entry::ComplianceTold(_) => 21,
        Entry::LogArchived(_) => KINDS - 1,
    }
}

/// The beginning of a run of a command.
pub(crate) fn started(run: &str, command: &str) -> Entry {
    match run_started() {
        Entry::RunStarted(usual) => Entry::RunStarted(RunStarted {
            run: run.to_owned(),
            command: command.to_owned(),
            ..usual
        }),
        other => other,
    }
}

/// The end of a run.
pub(crate) fn finished(run: &str, result: &str) -> Entry {
    match run_finished() {
        Entry::RunFinished(usual) => Entry::RunFinished(RunFinished {
            run: run.to_owned(),
            result: result.to_owned(),
            ..usual
        }),
        other => other,
    }
}
