//! Signed statements about runs: in-toto statements, each about the entry that a run ended with, and so about the whole log
//! before it.

use jiff::Timestamp;
use konductor_signature::{
    EnvelopeError, PublicKey, SigningError, SigningKey, open_statement, sign_statement,
};
use konductor_state::entry::RunAttested;
use konductor_state::{
    Entry, EntryQuery, LoggedEntry, PolicyDecision, Run, StackIdentity, StackLog, StateError,
};
use serde_json::{Value as Json, json};

/// The type of a statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The type of what is said of a run.
pub const PREDICATE_TYPE: &str = "https://konductor.dev/attestation/run/v1";

/// How many entries are read at once.
const PAGE: usize = 1_000;
/// At most so many problems are told.
const MOST_PROBLEMS: usize = 20;

/// Why a statement could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AttestationError {
    /// The log cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The run has not ended in the log.
    #[error("the log has no end of the run {run}")]
    NoEnd {
        /// The run.
        run: String,
    },
    /// The key did not sign.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

/// Makes and signs the statement about a run that has ended. What it says is read from the log; the digest of the plan is
/// what the run says of itself.
///
/// # Errors
/// When the log has no such run, cannot be read, or the key does not sign.
pub async fn attest(
    log: &StackLog,
    run: &str,
    plan: Option<&str>,
    key: &SigningKey,
) -> Result<RunAttested, AttestationError> {
    let no_end = || AttestationError::NoEnd { run: run.to_owned() };
    let runs = log.runs().await?;
    let found = runs.iter().rev().find(|found| found.started.run == run);
    let found = found.ok_or_else(no_end)?;
    let mut decisions = Vec::new();
    let mut end = None;
    each_entry(log, found.first, |logged| match &logged.entry {
        Entry::PolicyDecided(decision) if decision.run == run => decisions.push(decision.clone()),
        Entry::RunFinished(finished) if finished.run == run => {
            end = Some((logged.serial, logged.hash.clone(), logged.time));
        }
        _ => {}
    })
    .await?;
    let end = end.ok_or_else(no_end)?;
    let statement = statement(log.identity(), found, &end, plan, &decisions);
    Ok(RunAttested {
        run: run.to_owned(),
        envelope: sign_statement(statement.to_string().as_bytes(), key)?,
    })
}

async fn each_entry(log: &StackLog, from: u64, mut tell: impl FnMut(&LoggedEntry)) -> Result<(), StateError> {
    let mut query = EntryQuery {
        from,
        limit: PAGE,
        ..EntryQuery::default()
    };
    loop {
        let entries = log.entries(query.clone()).await?;
        entries.iter().for_each(&mut tell);
        match entries.last() {
            Some(last) if entries.len() == PAGE => query.from = last.serial + 1,
            _ => return Ok(()),
        }
    }
}

fn sha256(digest: &str) -> Json {
    json!({ "sha256": digest.strip_prefix("sha256:").unwrap_or(digest) })
}

fn subject_name(identity: &StackIdentity, serial: u64) -> String {
    format!("{}/{}/log/{serial}", identity.project, identity.stack)
}

fn statement(
    identity: &StackIdentity,
    run: &Run,
    (serial, hash, ended): &(u64, String, Timestamp),
    plan: Option<&str>,
    decisions: &[PolicyDecision],
) -> Json {
    let started = &run.started;
    let finished = run.finished.as_ref().map(|(finished, _)| finished);
    let plugins: Vec<Json> = started
        .plugins
        .iter()
        .map(|plugin| {
            json!({
                "name": plugin.name, "version": plugin.version, "digest": sha256(&plugin.digest),
                "signer": plugin.signer, "source": plugin.source,
            })
        })
        .collect();
    let decisions: Vec<Json> = decisions
        .iter()
        .map(|decision| {
            let packages: Vec<Json> = decision
                .packages
                .iter()
                .map(|package| {
                    json!({
                        "name": package.name, "digest": sha256(&package.digest), "level": package.level,
                        "outcome": package.outcome, "overrideReason": package.override_reason,
                    })
                })
                .collect();
            json!({
                "operation": decision.operation, "input": sha256(&decision.input), "allowed": decision.allowed,
                "packages": packages,
            })
        })
        .collect();
    json!({
        "_type": STATEMENT_TYPE,
        "subject": [{ "name": subject_name(identity, *serial), "digest": sha256(hash) }],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "project": identity.project,
            "stack": identity.stack,
            "run": started.run,
            "deployment": run.number,
            "command": started.command,
            "actor": started.actor,
            "konductor": started.konductor,
            "started": run.time,
            "finished": ended,
            "result": finished.map(|finished| &finished.result),
            "operations": finished.map(|finished| &finished.operations),
            "plan": plan.map(sha256),
            "plugins": plugins,
            "policyDecisions": decisions,
            "log": { "first": run.first, "last": serial, "head": hash },
        },
    })
}

/// What a check of the signed statements of a log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttestationsVerified {
    /// How many statements there are.
    pub attestations: u64,
    /// The last entry that a statement is about: it, and all before it, is what was signed.
    pub signed_to: u64,
    /// How many runs have ended without a statement of their own; that of a later run is about them, too.
    pub unsigned_runs: u64,
    /// The end of the first run that no statement is about; none when there is no such run.
    pub unsigned_from: Option<u64>,
    /// What is wrong, in the order of the log; only the first 20 are told.
    pub problems: Vec<String>,
}

/// Checks that every signed statement of a log was signed by one of the keys and says what the log says. It proves
/// something only of a log whose chain is sound.
///
/// # Errors
/// When the log cannot be read.
pub async fn verify_attestations(
    log: &StackLog,
    keys: &[PublicKey],
) -> Result<AttestationsVerified, StateError> {
    let mut verified = AttestationsVerified::default();
    let mut statements = Vec::new();
    let mut ends = std::collections::BTreeMap::new();
    each_entry(log, 1, |logged| match &logged.entry {
        Entry::RunAttested(attested) => statements.push((logged.serial, attested.clone())),
        Entry::RunFinished(finished) => {
            ends.insert(finished.run.clone(), (logged.serial, logged.hash.clone()));
        }
        _ => {}
    })
    .await?;
    let mut signed = std::collections::BTreeSet::new();
    for (serial, attested) in &statements {
        verified.attestations += 1;
        match check(log.identity(), attested, ends.get(&attested.run), keys) {
            Ok(about) => {
                verified.signed_to = verified.signed_to.max(about);
                signed.insert(attested.run.clone());
            }
            Err(problem) if verified.problems.len() < MOST_PROBLEMS => {
                verified
                    .problems
                    .push(format!("the statement in entry {serial}: {problem}"));
            }
            Err(_) => {}
        }
    }
    let unsigned = ends.keys().filter(|run| !signed.contains(*run)).count();
    verified.unsigned_from = ends
        .values()
        .map(|(serial, _)| *serial)
        .filter(|serial| *serial > verified.signed_to)
        .min();
    verified.unsigned_runs = u64::try_from(unsigned).unwrap_or(u64::MAX);
    Ok(verified)
}

/// Checks one statement and returns the entry that it is about.
fn check(
    identity: &StackIdentity,
    attested: &RunAttested,
    end: Option<&(u64, String)>,
    keys: &[PublicKey],
) -> Result<u64, String> {
    let opened =
        open_statement(&attested.envelope, keys).map_err(|error: EnvelopeError| error.to_string())?;
    let statement: Json = serde_json::from_slice(&opened.statement)
        .map_err(|error| format!("what was signed is no JSON: {error}"))?;
    let (serial, hash) = end.ok_or_else(|| format!("the log has no end of the run {}", attested.run))?;
    let name = subject_name(identity, *serial);
    for (place, expected) in [
        ("/_type", STATEMENT_TYPE),
        ("/predicateType", PREDICATE_TYPE),
        ("/subject/0/name", name.as_str()),
        ("/subject/0/digest/sha256", hash.as_str()),
        ("/predicate/run", attested.run.as_str()),
    ] {
        let found = statement
            .pointer(place)
            .and_then(Json::as_str)
            .unwrap_or_default();
        if found != expected {
            return Err(format!(
                "it says `{found}` in {place}, and the log says `{expected}`"
            ));
        }
    }
    Ok(*serial)
}
