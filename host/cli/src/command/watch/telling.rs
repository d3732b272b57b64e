//! Who is told of drift: once for every change of it, not for every check.

use std::sync::PoisonError;

use futures::future::join_all;
use konductor_alert::Message;
use konductor_config::DriftSettings;
use konductor_config::drift::AlertSettings;
use konductor_engine::DriftReport;
use konductor_engine::drift::digest_of;
use konductor_model::with_causes;
use konductor_registry::Digest;
use konductor_state::drift::{Difference, DriftSeverity, DriftTold};
use konductor_state::{Entry, Journal};

use super::{Watch, Watched};
use crate::command::drift::history;
use crate::error::CommandError;
use crate::render::drift::{counted, difference_json, render};
use crate::session::Session;

/// Something that somebody is to be told.
pub struct Due {
    alert: AlertSettings,
    message: Message,
    digest: String,
    run: String,
}

/// Returns what is to be told: to everybody for whom the drift is another than the one they were told of.
pub async fn due(
    watch: &Watch<'_>,
    watched: &Watched,
    session: &Session,
    settings: &DriftSettings,
    report: &DriftReport,
    findings: &[String],
) -> Result<Vec<Due>, CommandError> {
    let mut due = Vec::new();
    for alert in &settings.alerts {
        let least: DriftSeverity = alert.severity.parse().unwrap_or_default();
        let relevant: Vec<&Difference> = report
            .differences
            .iter()
            .filter(|found| found.kind.is_drift() && found.severity >= least)
            .collect();
        let digest = with_findings(digest_of(relevant.iter().copied()), findings);
        if last_told(watch, watched, session, alert).await? == digest {
            continue;
        }
        due.push(Due {
            message: message(session, &relevant, findings, &digest),
            alert: alert.clone(),
            digest,
            run: session.run().to_owned(),
        });
    }
    Ok(due)
}

/// Tells it, to all at once, and writes it into the log. Who cannot be told is tried again after the next check. The
/// stack's lock is not held meanwhile: a receiver that does not answer keeps nobody from their work.
pub async fn tell(
    watch: &Watch<'_>,
    watched: &Watched,
    journal: &dyn Journal,
    due: Vec<Due>,
) -> Result<Vec<DriftTold>, CommandError> {
    let sent = join_all(
        due.iter()
            .map(|due| konductor_alert::tell(&due.alert.target, &due.message, &watch.network)),
    )
    .await;
    let mut told = Vec::new();
    for (due, sent) in due.into_iter().zip(sent) {
        if sent.is_ok() {
            remember(watch, watched, &due.alert, due.digest.clone());
        }
        told.push(DriftTold {
            run: due.run,
            alert: due.alert.name,
            digest: due.digest,
            error: sent.err().map(|error| with_causes(&error)),
        });
    }
    let entries = told.iter().cloned().map(Entry::DriftTold).collect();
    journal.append(entries).await?;
    Ok(told)
}

/// Returns the digest that was told last; empty when nothing was, or that it is gone.
async fn last_told(
    watch: &Watch<'_>,
    watched: &Watched,
    session: &Session,
    alert: &AlertSettings,
) -> Result<String, CommandError> {
    let key = (watched.folder.clone(), watched.stack.clone(), alert.name.clone());
    let known = watch
        .told
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&key)
        .cloned();
    if let Some(known) = known {
        return Ok(known);
    }
    // The first check of this process: another one may have told it, which the log knows.
    let mine = |entry: &Entry| matches!(entry, Entry::DriftTold(told) if told.alert == alert.name && told.error.is_none());
    let found = history::newest(&session.project().read_log().await?, 1, mine).await?;
    let digest = match found.last().map(|logged| &logged.entry) {
        Some(Entry::DriftTold(told)) => told.digest.clone(),
        _ => String::new(),
    };
    remember(watch, watched, alert, digest.clone());
    Ok(digest)
}

fn remember(watch: &Watch<'_>, watched: &Watched, alert: &AlertSettings, digest: String) {
    let key = (watched.folder.clone(), watched.stack.clone(), alert.name.clone());
    watch
        .told
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(key, digest);
}

/// Tells drift about which policies find something from the same drift about which they find something else.
fn with_findings(digest: String, findings: &[String]) -> String {
    if findings.is_empty() {
        return digest;
    }
    let all: Vec<&String> = std::iter::once(&digest).chain(findings).collect();
    Digest::of(serde_json::json!(all).to_string().as_bytes())
        .hex()
        .to_string()
}

fn message(session: &Session, relevant: &[&Difference], findings: &[String], digest: &str) -> Message {
    let configuration = &session.project().configuration;
    let place = session.project().title();
    let title = if relevant.is_empty() && !findings.is_empty() {
        format!("Policies on {place}: {} findings", findings.len())
    } else if relevant.is_empty() {
        format!("{place}: the drift is gone")
    } else {
        format!("Drift in {place}: {}", counted(relevant.iter().copied()))
    };
    let mut text = render(relevant.iter().copied());
    for finding in findings {
        text.push_str(&format!("policy {finding}\n"));
    }
    Message {
        title: title.clone(),
        text: console::strip_ansi_codes(&text).into_owned(),
        document: serde_json::json!({
            "event": "drift",
            "title": title,
            "project": configuration.project_name(),
            "stack": configuration.stack(),
            "state": if relevant.is_empty() && findings.is_empty() { "gone" } else { "drifted" },
            "digest": digest,
            "policies": findings,
            "differences": relevant.iter().map(|found| difference_json(found)).collect::<Vec<_>>(),
        }),
    }
}
