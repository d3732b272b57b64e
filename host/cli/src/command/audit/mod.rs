//! `konductor audit`: what happened, who did it and what came of it, from the log.

mod archive;
mod export;
mod forward;
mod signing;
mod verify;

pub use forward::Forwarding;
pub use signing::RunSigning;

use std::ops::ControlFlow;

use konductor_audit::{AuditReader, AuditRecord, Filter, Outcome};

use crate::arguments::{AuditArguments, AuditCommand, EventSelection, GlobalArguments};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::{self, Project};

/// Shows events, or does what else is asked.
pub async fn audit(
    arguments: &AuditArguments,
    global: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    match &arguments.command {
        Some(AuditCommand::Export(export)) => export::export(export, global, environment, output).await?,
        Some(AuditCommand::Archive(arguments)) => {
            archive::archive(arguments, global, environment, output).await?;
        }
        Some(AuditCommand::Verify(arguments)) => {
            verify::verify(arguments, global, environment, output).await?;
        }
        Some(AuditCommand::Forward(arguments)) => {
            return forward::forward(arguments, global, environment, output).await;
        }
        None => {
            let mut shown = false;
            each_record(&arguments.selection, global, environment, |record| {
                shown = true;
                output.fact("audit-record", record, &line(record));
                ControlFlow::Continue(())
            })
            .await?;
            if !shown {
                output.line("No event is meant by this.");
            }
        }
    }
    Ok(0)
}

/// Opens the stacks that are asked for: the one that is named, or every one that was deployed.
fn projects(
    all: bool,
    global: &GlobalArguments,
    environment: &Environment,
) -> Result<Vec<Project>, CommandError> {
    let folder = project::folder(global);
    project::require(&folder)?;
    if !all {
        return Ok(vec![Project::open(global, environment)?]);
    }
    project::require_no_stack(global)?;
    project::stack_names(&folder)
        .into_iter()
        .map(|stack| {
            let global = GlobalArguments {
                stack: Some(stack),
                ..global.clone()
            };
            Project::open(&global, environment)
        })
        .collect()
}

/// Goes through the events that are meant, in the order of each log, until it is told to stop.
async fn each_record(
    selection: &EventSelection,
    global: &GlobalArguments,
    environment: &Environment,
    mut tell: impl FnMut(&AuditRecord) -> ControlFlow<()>,
) -> Result<(), CommandError> {
    let filter: Filter = selection.filter();
    for project in projects(selection.all, global, environment)? {
        let log = if selection.all {
            match project.read_log_if_any().await? {
                Some(log) => log,
                None => continue,
            }
        } else {
            project.read_log().await?
        };
        let mut reader = AuditReader::open(&log, 1).await?;
        while let Some(records) = reader.page().await? {
            for record in records.iter().filter(|record| filter.means(record)) {
                if tell(record).is_break() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Returns a line of the table.
fn line(record: &AuditRecord) -> String {
    let outcome = match record.outcome {
        Outcome::Success => "ok",
        Outcome::Failure => "failed",
        Outcome::Unknown => "",
    };
    format!(
        "{}  {:<12} {:>6}  {:<6}  {:<20}  {}",
        record.written.strftime("%Y-%m-%d %H:%M:%S"),
        record.stack,
        record.serial,
        outcome,
        record.actor.as_deref().unwrap_or("-"),
        record.message
    )
}
