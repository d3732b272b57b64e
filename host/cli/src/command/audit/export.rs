//! `konductor audit export`: events for other systems.

use std::ops::ControlFlow;

use konductor_audit::{AuditRecord, cef, ecs};

use super::each_record;
use crate::arguments::{EventFormat, ExportArguments, GlobalArguments};
use crate::atomic_file::Writing;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;

/// Writes events to a file, or prints them.
pub async fn export(
    arguments: &ExportArguments,
    global: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    let Some(file) = &arguments.output else {
        return each_record(&arguments.selection, global, environment, |record| {
            output.raw(&format!("{}\n", written(record, arguments.format)));
            ControlFlow::Continue(())
        })
        .await;
    };
    let mut writing = Writing::open(file)?;
    let mut events = 0_u64;
    let mut failed = None;
    each_record(&arguments.selection, global, environment, |record| {
        events += 1;
        match writing.add(format!("{}\n", written(record, arguments.format)).as_bytes()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })
    .await?;
    if let Some(error) = failed {
        return Err(error);
    }
    writing.finish()?;
    output.fact(
        "audit-exported",
        &serde_json::json!({ "file": file, "events": events }),
        &format!("Wrote {events} events to {}.", file.display()),
    );
    Ok(())
}

fn written(record: &AuditRecord, format: EventFormat) -> String {
    match format {
        EventFormat::Jsonl => serde_json::to_string(record).unwrap_or_default(),
        EventFormat::Cef => cef::line(record),
        EventFormat::Ecs => ecs::document(record).to_string(),
    }
}
