//! `konductor log`.

use std::path::PathBuf;

use konductor_audit::describe;
use konductor_model::Diagnostic;
use konductor_state::keys::verify_order;
use konductor_state::{EntryQuery, LoggedEntry, OpenOptions, StackLog, StateError};

use crate::arguments::LogCommand;
use crate::command::state::find;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::Project;

/// How many entries are read at once.
const PAGE: usize = 1_000;

/// Shows or checks the log.
pub async fn log(command: &LogCommand, project: &Project, output: &Output) -> Result<(), CommandError> {
    if let LogCommand::Verify { without_key: true } = command {
        return verify_without_key(project.unopened_log()?, &project.title(), output).await;
    }
    let log = project.read_log().await?;
    match command {
        LogCommand::Show { last, all, resource } => {
            let urn = match resource {
                Some(name) => Some(find(&log.snapshot_masked().await?, name)?.urn.clone()),
                None => None,
            };
            let from = if *all || urn.is_some() {
                1
            } else {
                let (head, _) = log.head().await?;
                head.saturating_sub(*last) + 1
            };
            let mut query = EntryQuery {
                from,
                limit: PAGE,
                urn,
                ..EntryQuery::default()
            };
            loop {
                let entries = log.entries(query.clone()).await?;
                for entry in &entries {
                    show(entry, output);
                }
                match entries.last() {
                    Some(last) if entries.len() == PAGE => query.from = last.serial + 1,
                    _ => return Ok(()),
                }
            }
        }
        LogCommand::Verify { .. } => verify_chain(&log, output).await,
    }
}

/// Checks the whole chain of a log and everything derived from it.
///
/// # Errors
/// When something is wrong with it: everything that is, the first first.
pub async fn verify_chain(log: &StackLog, output: &Output) -> Result<(), CommandError> {
    let verification = log.verify().await?;
    let problems: Vec<String> = verification.problems.iter().map(ToString::to_string).collect();
    if problems.is_empty() {
        let members = serde_json::json!({
            "sound": true, "entries": verification.entries, "head": verification.head,
        });
        let text = format!(
            "{} entries, nothing is wrong; head {}",
            verification.entries, verification.head
        );
        output.fact("log-verified", &members, &text);
        return Ok(());
    }
    let members = serde_json::json!({
        "sound": false, "entries": verification.entries, "first_bad_serial": verification.first_bad_serial(),
        "problems": problems,
    });
    output.event("log-verified", &members);
    let stack = log.identity();
    Err(was_changed(
        &format!("{}/{}", stack.project, stack.stack),
        problems,
    ))
}

/// Says what is wrong with a log that somebody changed.
pub fn was_changed(title: &str, problems: Vec<String>) -> CommandError {
    let mut diagnostics = konductor_model::Diagnostics::default();
    diagnostics.extend(
        problems
            .into_iter()
            .map(|problem| Diagnostic::error(format!("the log of {title} was changed: {problem}"))),
    );
    if let Some(last) = diagnostics.0.last_mut() {
        last.help =
            Some("keep this file as it is, and restore the log from a backup taken before".to_owned());
    }
    diagnostics.into()
}

/// Checks what can be checked by a machine that has none of the keys.
///
/// # Errors
/// When something is wrong with it, or it is not encrypted: then no key is needed.
pub async fn verify_without_key(
    (options, file): (OpenOptions, PathBuf),
    title: &str,
    output: &Output,
) -> Result<(), CommandError> {
    let found = match verify_order(&file, options).await {
        Err(StateError::NotEncrypted { path }) => {
            return Err(
                CommandError::message(format!("{} is not encrypted", path.display()))
                    .help("leave out --without-key: checking it needs no key"),
            );
        }
        found => found?,
    };
    let problems: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
    let members = serde_json::json!({
        "sound": problems.is_empty(), "parts": found.parts, "linked": found.linked, "head": found.head,
        "problems": problems,
    });
    if problems.is_empty() {
        let text = format!(
            "{} stored parts, {} of them encrypted and linked, nothing is wrong; head {}\n\
             what is in them was not checked: that needs a key",
            found.parts, found.linked, found.head
        );
        output.fact("log-order-verified", &members, &text);
        return Ok(());
    }
    output.event("log-order-verified", &members);
    Err(was_changed(title, problems))
}

fn show(logged: &LoggedEntry, output: &Output) {
    if output.is_json() {
        output.event(
            "log-entry",
            &serde_json::json!({
                "serial": logged.serial, "written": logged.time, "hash": logged.hash, "content": logged.entry,
            }),
        );
        return;
    }
    let time = logged.time.strftime("%Y-%m-%d %H:%M:%S");
    output.line(&format!(
        "{:>6}  {time}  {}",
        logged.serial,
        describe(&logged.entry)
    ));
}
