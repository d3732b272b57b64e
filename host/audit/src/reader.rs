//! Reads a log as records, each with the run it belongs to.

use std::collections::BTreeMap;

use konductor_model::Urn;
use konductor_state::entry::{Action, Begin};
use konductor_state::{Entry, EntryQuery, LoggedEntry, Run, StackIdentity, StackLog, StateError};

use crate::description::describe;
use crate::kind::kind;
use crate::record::{AuditRecord, CloudCallMade, FindingMade, Outcome, Subject};

/// How many entries are read at once.
const PAGE: usize = 1_000;

/// Reads a log from an entry on, page by page.
pub struct AuditReader<'l> {
    log: &'l StackLog,
    recorder: Recorder,
    /// The first entry that is told.
    from: u64,
    next: Option<u64>,
}

impl<'l> AuditReader<'l> {
    /// Reads from an entry on; 1 is the first.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn open(log: &'l StackLog, from: u64) -> Result<Self, StateError> {
        let recorder = Recorder::new(log.identity().clone(), log.runs().await?);
        // What began an operation stands before its end: reading begins where the run did.
        let first = recorder.run_at(from).map_or(1, |run| run.first.min(from));
        Ok(Self {
            log,
            recorder,
            from,
            next: Some(first),
        })
    }

    /// Reads the next records; an empty page is no end, none is.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn page(&mut self) -> Result<Option<Vec<AuditRecord>>, StateError> {
        let Some(from) = self.next else { return Ok(None) };
        let query = EntryQuery {
            from,
            limit: PAGE,
            ..EntryQuery::default()
        };
        let entries = self.log.entries(query).await?;
        self.next = match entries.last() {
            Some(last) if entries.len() == PAGE => Some(last.serial + 1),
            _ => None,
        };
        let records = entries.iter().map(|logged| self.recorder.record(logged));
        let told = records.filter(|record| record.serial >= self.from);
        Ok(Some(told.collect()))
    }
}

/// Makes records of entries that come in the order of the log.
struct Recorder {
    identity: StackIdentity,
    runs: Vec<Run>,
    /// The operations that have begun and not ended.
    begun: BTreeMap<String, Operation>,
    /// The last run whose end was seen: what comes after it is not its work.
    ended: Option<String>,
}

struct Operation {
    action: Action,
    urn: Urn,
    plugin: String,
}

impl From<&Begin> for Operation {
    fn from(begin: &Begin) -> Self {
        Self {
            action: begin.action,
            urn: begin.urn.clone(),
            plugin: begin.record.plugin.name.clone(),
        }
    }
}

/// What an entry says of itself, before its place in the log is known.
struct Facts {
    outcome: Outcome,
    actor: Option<String>,
    action: Option<Action>,
    resource: Option<Subject>,
    plugin: Option<String>,
    error: Option<String>,
    milliseconds: Option<u64>,
    call: Option<CloudCallMade>,
    finding: Option<FindingMade>,
    /// The run, where the entry names it.
    run: Option<String>,
}

impl Facts {
    fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            actor: None,
            action: None,
            resource: None,
            plugin: None,
            error: None,
            milliseconds: None,
            call: None,
            finding: None,
            run: None,
        }
    }

    fn failed_with(mut self, error: Option<String>) -> Self {
        if error.is_some() {
            self.outcome = Outcome::Failure;
        }
        self.error = error;
        self
    }

    fn about(mut self, urn: &Urn) -> Self {
        self.resource = Some(urn.into());
        self
    }

    fn of(mut self, operation: Option<&Operation>) -> Self {
        if let Some(operation) = operation {
            self.action = Some(operation.action);
            self.plugin = Some(operation.plugin.clone());
            self.resource = Some((&operation.urn).into());
        }
        self
    }

    fn in_run(mut self, run: &str) -> Self {
        self.run = Some(run.to_owned());
        self
    }
}

impl Recorder {
    fn new(identity: StackIdentity, runs: Vec<Run>) -> Self {
        Self {
            identity,
            runs,
            begun: BTreeMap::new(),
            ended: None,
        }
    }

    /// Returns the last run that began at or before an entry.
    fn run_at(&self, serial: u64) -> Option<&Run> {
        let after = self.runs.partition_point(|run| run.first <= serial);
        self.runs.get(after.checked_sub(1)?)
    }

    fn run_of(&self, serial: u64, named: Option<&str>) -> Option<&Run> {
        let at = self.run_at(serial)?;
        match named {
            Some(named) if at.started.run == named => Some(at),
            Some(named) => self.runs.iter().rev().find(|run| run.started.run == named),
            None if self.ended.as_deref() == Some(at.started.run.as_str()) => None,
            None => Some(at),
        }
    }

    fn record(&mut self, logged: &LoggedEntry) -> AuditRecord {
        let facts = self.facts(&logged.entry);
        let run = self.run_of(logged.serial, facts.run.as_deref());
        let message: Vec<String> = describe(&logged.entry)
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let record = AuditRecord {
            written: logged.time,
            project: self.identity.project.clone(),
            stack: self.identity.stack.clone(),
            serial: logged.serial,
            hash: logged.hash.clone(),
            kind: kind(&logged.entry),
            outcome: facts.outcome,
            message: message.join(" "),
            actor: facts.actor.or_else(|| run.map(|run| run.started.actor.clone())),
            deployment: run.map(|run| run.number),
            run: run.map(|run| run.started.run.clone()),
            command: run.map(|run| run.started.command.clone()),
            action: facts.action,
            resource: facts.resource,
            plugin: facts.plugin,
            error: facts.error,
            milliseconds: facts.milliseconds,
            call: facts.call,
            finding: facts.finding,
        };
        match &logged.entry {
            Entry::Begin(begin) => {
                self.begun.insert(begin.operation.clone(), begin.into());
            }
            Entry::End(end) => {
                self.begun.remove(&end.operation);
            }
            Entry::RunFinished(finished) => self.ended = Some(finished.run.clone()),
            _ => {}
        }
        record
    }

    fn facts(&self, entry: &Entry) -> Facts {
        let done = || Facts::new(Outcome::Success);
        let open = || Facts::new(Outcome::Unknown);
        match entry {
            Entry::RunStarted(run) => open().in_run(&run.run),
            Entry::Begin(begin) => open().of(Some(&begin.into())).in_run(&begin.run),
            Entry::Progress(progress) => open().of(self.begun.get(&progress.operation)),
            Entry::End(end) => {
                let error = end.failure.as_ref().map(ToString::to_string);
                let facts = done()
                    .of(self.begun.get(&end.operation))
                    .about(&end.urn)
                    .failed_with(error);
                Facts {
                    milliseconds: Some(end.milliseconds),
                    ..facts
                }
            }
            Entry::Recorded { record, .. } => Facts {
                plugin: Some(record.plugin.name.clone()),
                ..done().about(&record.urn)
            },
            Entry::Forgotten { urn, .. } => done().about(urn),
            Entry::Moved { from, .. } => done().about(from),
            Entry::Outputs { .. }
            | Entry::Restored(_)
            | Entry::KeysRotated(_)
            | Entry::AuditForwarded(_)
            | Entry::LogArchived(_) => done(),
            Entry::CloudCall(call) => {
                // An answer with a status that refuses is a failure although the call was made.
                let refused = call.status.filter(|status| *status >= 400);
                let error = call.error.clone();
                let error = error.or_else(|| refused.map(|status| format!("answered with {status}")));
                Facts {
                    resource: Subject::of_text(&call.resource),
                    plugin: Some(call.plugin.clone()),
                    milliseconds: Some(call.milliseconds),
                    call: Some(call.into()),
                    ..done().failed_with(error)
                }
            }
            Entry::RunAttested(attested) => done().in_run(&attested.run),
            Entry::SecretRevealed(revealed) => Facts {
                resource: Subject::of_text(&revealed.resource),
                plugin: Some(revealed.plugin.clone()),
                ..done()
            },
            Entry::DriftChecked(checked) => Facts {
                milliseconds: Some(checked.milliseconds),
                ..done().in_run(&checked.run)
            },
            Entry::DriftTold(told) => done().failed_with(told.error.clone()).in_run(&told.run),
            Entry::ControlFinding(found) => {
                let open = found.level().map(|_| format!("{} fails", found.check));
                Facts {
                    resource: Subject::of_text(&found.urn),
                    finding: Some(found.into()),
                    ..done().failed_with(open).in_run(&found.run)
                }
            }
            Entry::ComplianceChecked(checked) => Facts {
                milliseconds: Some(checked.milliseconds),
                ..done().in_run(&checked.run)
            },
            Entry::ComplianceTold(told) => done().failed_with(told.error.clone()).in_run(&told.run),
            Entry::PolicyDecided(decision) => {
                let refused = (!decision.allowed).then(|| "the policies refuse the plan".to_owned());
                Facts {
                    milliseconds: Some(decision.milliseconds),
                    ..done().failed_with(refused).in_run(&decision.run)
                }
            }
            Entry::RunFinished(finished) => {
                let failed = (finished.result != "succeeded").then(|| finished.result.clone());
                done().failed_with(failed).in_run(&finished.run)
            }
            Entry::LockTakenAway(taken) => Facts {
                actor: Some(taken.by.who.clone()),
                ..done()
            },
        }
    }
}
