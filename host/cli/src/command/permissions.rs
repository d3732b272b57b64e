//! `konductor permissions`.

use std::path::Path;

use konductor_model::{Diagnostic, Diagnostics};
use konductor_state::entry::{CloudCall, Entry};
use konductor_state::{EntryQuery, StackLog};

use crate::arguments::PermissionsArguments;
use crate::error::CommandError;
use crate::output::Output;
use crate::permissions::{Policy, PolicyFormat, cloud_of, policy};
use crate::project::Project;
use crate::render::diagnostic::NoSources;

/// How many entries are read at once.
const PAGE: usize = 1_000;

/// Prints the policy that allows what the stack's runs called.
pub async fn permissions(
    arguments: &PermissionsArguments,
    project: &Project,
    output: &Output,
) -> Result<(), CommandError> {
    let log = project.read_log().await?;
    let calls = sent_calls(&log, arguments.runs).await?;
    let format = format(arguments.format, &calls, project)?;
    let name = format!(
        "konductor-{}-{}",
        project.configuration.project_name(),
        project.configuration.stack()
    );
    let policy = policy(format, &name, &calls);
    output.event("permissions", &policy);
    let text = serde_json::to_string_pretty(&policy.policy)
        .map_err(|error| CommandError::message(format!("the policy cannot be written: {error}")))?;
    match &arguments.out {
        Some(file) => {
            write(file, &text)?;
            output.line(&format!("written to {}", file.display()));
        }
        None => output.line(&text),
    }
    if !output.is_json() {
        output.diagnostics(&remarks(&policy), &NoSources);
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<(), CommandError> {
    std::fs::write(file, format!("{text}\n")).map_err(|error| CommandError::file("write", file, error))
}

/// Returns what a person should know who puts the policy to use.
fn remarks(policy: &Policy) -> Diagnostics {
    let mut remarks = Diagnostics::default();
    let list =
        |items: &std::collections::BTreeSet<String>| items.iter().cloned().collect::<Vec<_>>().join("\n");
    if !policy.assumed.is_empty() {
        remarks.push(
            Diagnostic::warning(
                "the record does not show whether these are needed, and a run may fail without them",
            )
            .detail(list(&policy.assumed)),
        );
    }
    if !policy.unknown.is_empty() {
        remarks.push(
            Diagnostic::warning("no permission is known for these calls; the policy does not allow them")
                .detail(list(&policy.unknown))
                .help("add what the cloud's documentation says they need"),
        );
    }
    remarks
}

/// Returns the calls that left the machine in the newest `runs` runs, or in all, the newest first. What was refused
/// here was never the cloud's to allow.
pub async fn sent_calls(log: &StackLog, runs: Option<u64>) -> Result<Vec<CloudCall>, CommandError> {
    let mut calls = Vec::new();
    let mut seen = 0;
    let mut query = EntryQuery {
        newest_first: true,
        limit: PAGE,
        ..EntryQuery::default()
    };
    loop {
        let entries = log.entries(query.clone()).await?;
        let last = entries.last().map(|entry| entry.serial);
        let full = entries.len() == PAGE;
        for entry in entries {
            match entry.entry {
                Entry::CloudCall(call) if call.attempts > 0 => calls.push(call),
                Entry::RunStarted(_) => {
                    seen += 1;
                    if runs == Some(seen) {
                        return Ok(calls);
                    }
                }
                _ => {}
            }
        }
        match last {
            Some(last) if full && last > 1 => query.to = Some(last - 1),
            _ => return Ok(calls),
        }
    }
}

fn format(
    wanted: Option<PolicyFormat>,
    calls: &[CloudCall],
    project: &Project,
) -> Result<PolicyFormat, CommandError> {
    if let Some(wanted) = wanted {
        return Ok(wanted);
    }
    let mut clouds: Vec<PolicyFormat> = calls.iter().filter_map(cloud_of).collect();
    clouds.sort();
    clouds.dedup();
    match clouds.as_slice() {
        [only] => Ok(*only),
        [] => Err(
            CommandError::message(format!("no run of {} called a cloud", project.title()))
                .help("`konductor run` records what it calls; a simulated run calls nothing"),
        ),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|cloud| format!("{cloud:?}").to_lowercase())
                .collect();
            Err(
                CommandError::message(format!("the runs called several clouds: {}", names.join(", ")))
                    .help("choose one with --format"),
            )
        }
    }
}
