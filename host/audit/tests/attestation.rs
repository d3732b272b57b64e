//! Signed statements that do not fit the log they stand in.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in the functions that tests share"
)]

use std::collections::BTreeMap;

use konductor_audit::attestation::{attest, verify_attestations};
use konductor_signature::{PublicKey, SigningKey, sign_statement};
use konductor_state::entry::{RunAttested, RunFinished, RunStarted};
use konductor_state::{Entry, Journal as _, OpenOptions, StackLog};

fn key() -> (SigningKey, PublicKey) {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let private = SigningKey::from_pem("audit.key", &pair.serialize_pem()).unwrap();
    let public = PublicKey::from_pem("audit.pem", &private.public_key().to_pem()).unwrap();
    (private, public)
}

/// A log with one run that ended so.
async fn log_of(folder: &tempfile::TempDir, result: &str) -> StackLog {
    let options = OpenOptions::of_stack("shop", "dev");
    let log = StackLog::open(&folder.path().join(format!("{result}.db")), options)
        .await
        .unwrap();
    let started = RunStarted {
        run: "run-1".to_owned(),
        command: "run".to_owned(),
        actor: "ada@analytical".to_owned(),
        konductor: "0.1.0".to_owned(),
        plugins: Vec::new(),
        simulated: false,
        metadata: BTreeMap::new(),
    };
    let finished = RunFinished {
        run: "run-1".to_owned(),
        result: result.to_owned(),
        operations: BTreeMap::new(),
    };
    log.append(vec![Entry::RunStarted(started), Entry::RunFinished(finished)])
        .await
        .unwrap();
    log
}

async fn write(log: &StackLog, attested: RunAttested) {
    log.append(vec![Entry::RunAttested(attested)]).await.unwrap();
}

#[tokio::test]
async fn a_statement_about_another_log_with_the_same_names_proves_nothing_of_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = key();
    let real = log_of(&folder, "failed").await;
    let attested = attest(&real, "run-1", None, &private).await.unwrap();
    // Whoever writes another history, with a chain that is sound, has only the statement about the first.
    let forged = log_of(&folder, "succeeded").await;
    write(&forged, attested.clone()).await;
    assert!(forged.verify().await.unwrap().is_sound());
    let found = verify_attestations(&forged, std::slice::from_ref(&public))
        .await
        .unwrap();
    assert_eq!(
        (found.attestations, found.signed_to, found.unsigned_from),
        (1, 0, Some(2))
    );
    let problem = &found.problems[0];
    assert!(
        problem.starts_with("the statement in entry 3: it says `"),
        "{problem}"
    );
    assert!(problem.contains("/subject/0/digest/sha256"), "{problem}");

    write(&real, attested).await;
    let found = verify_attestations(&real, &[public]).await.unwrap();
    assert_eq!(found.problems, [] as [&str; 0]);
    assert_eq!(
        (found.signed_to, found.unsigned_runs, found.unsigned_from),
        (2, 0, None)
    );
}

#[tokio::test]
async fn a_statement_of_another_kind_or_about_no_run_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = key();
    let log = log_of(&folder, "succeeded").await;
    let envelope = sign_statement(
        br#"{"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1"}"#,
        &private,
    )
    .unwrap();
    for (run, envelope, expected) in [
        (
            "run-1",
            envelope.clone(),
            "it says `https://slsa.dev/provenance/v1` in /predicateType",
        ),
        ("run-2", envelope.clone(), "the log has no end of the run run-2"),
        ("run-1", "{}".to_owned(), "it is no DSSE envelope"),
        (
            "run-1",
            envelope.replace("application/vnd.in-toto+json", "text/plain"),
            "it holds `text/plain`",
        ),
        (
            "run-1",
            envelope.replacen("\"payload\":\"ey", "\"payload\":\"eX", 1),
            "none of the given keys signed it, or it was changed since",
        ),
    ] {
        let run = run.to_owned();
        write(&log, RunAttested { run, envelope }).await;
        let found = verify_attestations(&log, std::slice::from_ref(&public))
            .await
            .unwrap();
        let problem = found.problems.last().unwrap();
        assert!(problem.contains(expected), "{expected}: {problem}");
        assert_eq!(found.signed_to, 0);
    }
    assert!(attest(&log, "run-2", None, &private).await.is_err());
}
