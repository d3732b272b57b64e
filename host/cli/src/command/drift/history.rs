//! The checks that were made, from the log.

use konductor_audit::differences;
use konductor_state::{Entry, EntryQuery, LoggedEntry, StackLog, StateError};

use crate::error::CommandError;
use crate::output::Output;
use crate::project::Project;

/// How many entries are read at once.
const PAGE: usize = 1_000;

/// Reads the newest entries that a test fits, and returns them oldest first.
pub async fn newest(
    log: &StackLog,
    most: usize,
    fits: impl Fn(&Entry) -> bool,
) -> Result<Vec<LoggedEntry>, StateError> {
    let mut query = EntryQuery {
        limit: PAGE,
        newest_first: true,
        ..EntryQuery::default()
    };
    let mut found = Vec::new();
    loop {
        let entries = log.entries(query.clone()).await?;
        let (read, last) = (entries.len(), entries.last().map(|entry| entry.serial));
        found.extend(entries.into_iter().filter(|logged| fits(&logged.entry)));
        found.truncate(most);
        match last {
            Some(last) if read == PAGE && found.len() < most && last > 1 => query.to = Some(last - 1),
            _ => break,
        }
    }
    found.reverse();
    Ok(found)
}

/// Reads the newest checks, oldest first.
pub async fn checks(project: &Project, most: usize) -> Result<Vec<LoggedEntry>, CommandError> {
    let log = project.read_log().await?;
    Ok(newest(&log, most, |entry| matches!(entry, Entry::DriftChecked(_))).await?)
}

/// Shows the newest checks.
pub async fn show(project: &Project, last: usize, output: &Output) -> Result<(), CommandError> {
    let checks = checks(project, last).await?;
    if checks.is_empty() {
        output.line("No check for drift is in the log.");
    }
    for logged in &checks {
        let Entry::DriftChecked(checked) = &logged.entry else {
            continue;
        };
        let members = serde_json::json!({
            "serial": logged.serial, "written": logged.time, "run": checked.run, "objects": checked.objects,
            "counts": checked.counts, "digest": checked.digest, "milliseconds": checked.milliseconds,
        });
        let found = differences(checked).unwrap_or_else(|| "nothing".to_owned());
        let time = logged.time.strftime("%Y-%m-%d %H:%M:%S");
        output.fact(
            "drift-check",
            &members,
            &format!("{time}  {} objects: {found}", checked.objects),
        );
    }
    Ok(())
}
