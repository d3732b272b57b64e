//! `konductor history`, `konductor diff` and `konductor state at`: the stack as it was.

use konductor_engine::Difference;
use konductor_state::{Past, Run, StackLog, StateError};

use crate::arguments::{DiffArguments, HistoryArguments};
use crate::command::state::{find, list_line, show};
use crate::error::CommandError;
use crate::output::Output;
use crate::point::Point;
use crate::project::Project;
use crate::render::difference::{render, summary};
use crate::render::json_plan::difference_event;

/// Lists the runs of the stack.
pub async fn history(
    arguments: &HistoryArguments,
    project: &Project,
    output: &Output,
) -> Result<(), CommandError> {
    let runs = project.read_log().await?.runs().await?;
    let told: Vec<&Run> = runs
        .iter()
        .filter(|run| arguments.all || run.changes > 0)
        .collect();
    let skipped = told.len().saturating_sub(arguments.last);
    for run in told.iter().skip(skipped) {
        tell(run, output);
    }
    if told.is_empty() {
        output.line("No run has changed anything yet.");
    } else if skipped > 0 {
        output.line(&format!("{skipped} earlier ones; `-n {}` shows all.", told.len()));
    }
    Ok(())
}

fn tell(run: &Run, output: &Output) {
    let (result, operations) = match &run.finished {
        Some((finished, _)) => (finished.result.as_str(), finished.operations.clone()),
        None => ("interrupted", Default::default()),
    };
    let members = serde_json::json!({
        "number": run.number, "run": run.started.run, "command": run.started.command, "actor": run.started.actor,
        "konductor": run.started.konductor, "simulated": run.started.simulated, "started": run.time,
        "finished": run.finished.as_ref().map(|(_, time)| time), "result": result, "operations": operations,
        "first_entry": run.first, "last_entry": run.last, "changes": run.changes,
    });
    let counts: Vec<String> = operations
        .iter()
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    let counts = if counts.is_empty() {
        "nothing done".to_owned()
    } else {
        counts.join(", ")
    };
    let text = format!(
        "{:>5}  {}  {:<18} {:<12} {counts}  ({})",
        run.number,
        run.time.strftime("%Y-%m-%d %H:%M:%S"),
        run.started.command,
        result,
        run.started.actor,
    );
    output.fact("run", &members, &text);
}

/// Shows what differs between two points.
pub async fn diff(arguments: &DiffArguments, project: &Project, output: &Output) -> Result<u8, CommandError> {
    let log = project.read_log().await?;
    let (from, to) = (
        arguments.from.serial(&log).await?,
        arguments.to.serial(&log).await?,
    );
    // An answer is always from the earlier to the later.
    let (earlier, later) = (from.min(to), from.max(to));
    let (earlier, later, opened) = both(&log, earlier, later).await?;
    let difference = Difference::between(&earlier, &later);
    let mut members = difference_event(&difference);
    if let Some(object) = members.as_object_mut() {
        object.insert("from_entry".to_owned(), earlier.snapshot.serial.into());
        object.insert("to_entry".to_owned(), later.snapshot.serial.into());
        object.insert("secrets_compared".to_owned(), opened.into());
    }
    output.event("difference", &members);
    output.text(&render(&difference));
    output.line(&summary(&difference));
    if !opened {
        output.line("Secrets were not compared: there is no key here that opens them.");
    }
    Ok(if arguments.detailed_exitcode && !difference.is_empty() {
        crate::command::deploy::PENDING
    } else {
        0
    })
}

/// Reads two states, with secrets where they can be opened.
async fn both(log: &StackLog, earlier: u64, later: u64) -> Result<(Past, Past, bool), CommandError> {
    let opened = async { Ok::<_, StateError>((log.past(earlier).await?, log.past(later).await?)) };
    match opened.await {
        Ok((earlier, later)) => Ok((earlier, later, true)),
        Err(
            StateError::SecretUnreadable { .. } | StateError::Open { .. } | StateError::KeyMissing { .. },
        ) => Ok((
            log.past_masked(earlier).await?,
            log.past_masked(later).await?,
            false,
        )),
        Err(error) => Err(error.into()),
    }
}

/// Lists what was recorded at a point, or shows one resource as it was.
pub async fn state_at(
    point: &Point,
    name: Option<&str>,
    show_secrets: bool,
    project: &Project,
    output: &Output,
) -> Result<(), CommandError> {
    let log = project.read_log().await?;
    let serial = point.serial(&log).await?;
    let past = if show_secrets {
        log.past(serial).await?
    } else {
        log.past_masked(serial).await?
    };
    match name {
        Some(name) => show(find(&past.snapshot, name)?, show_secrets, output),
        None if past.snapshot.resources.is_empty() => output.line("Nothing was recorded then."),
        None => {
            for record in past.snapshot.resources.values() {
                list_line(record, output);
            }
        }
    }
    Ok(())
}
