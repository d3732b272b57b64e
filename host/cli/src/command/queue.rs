//! `konductor queue`: sees and manages the work of the workers.

use konductor_queue::{Work, WorkState};

use crate::arguments::{GlobalArguments, QueueCommand};
use crate::command::hand_over::{HandedOver, hand_over};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::queue_place::QueuePlace;

/// Does what is asked.
pub async fn queue(
    command: &QueueCommand,
    global: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let place = || QueuePlace::open(global, environment);
    match command {
        QueueCommand::List { all, last } => list(&place()?, *all, *last, output).await?,
        QueueCommand::Show { work } => {
            let place = place()?;
            let found = place.queue.work(&place.project, *work).await?;
            let found = found.ok_or_else(|| unknown(&place, *work))?;
            let said = place.queue.said(found.id).await?;
            let mut members = serde_json::json!(found);
            if let Some(members) = members.as_object_mut() {
                members.insert("said".to_owned(), said.clone().into());
            }
            output.fact("work", &members, &line(&found));
            if !said.is_empty() {
                output.line(said.trim_end());
            }
        }
        QueueCommand::Submit(submit) => {
            let what = HandedOver::of_submit(submit)?;
            return hand_over(what, global, environment, output).await;
        }
        QueueCommand::Cancel { work } => {
            let place = place()?;
            let cancelled = place.queue.cancel(&place.project, work).await?;
            tell("work-cancelled", "Cancelled", work, &cancelled, output);
            return Ok(u8::from(cancelled.is_empty()));
        }
        QueueCommand::Retry { work } => {
            let place = place()?;
            let configuration = place.configuration()?;
            let retried = place.queue.retry(&place.project, work, &configuration).await?;
            tell("work-retried", "Waits again", work, &retried, output);
            return Ok(u8::from(retried.is_empty()));
        }
    }
    Ok(0)
}

fn unknown(place: &QueuePlace, work: i64) -> CommandError {
    CommandError::message(format!("there is no work {work} in {}", place.queue.title()))
        .help("`konductor queue list --all` names what there is")
}

fn tell(event: &str, verb: &str, asked: &[i64], done: &[i64], output: &Output) {
    let written = |ids: &[i64]| ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let text = if done.is_empty() {
        format!(
            "Nothing was changed: {} ended, or is not there, or goes on.",
            written(asked)
        )
    } else {
        format!("{verb}: {}.", written(done))
    };
    output.fact(event, &serde_json::json!({ "work": done }), &text);
}

async fn list(place: &QueuePlace, all: bool, last: i64, output: &Output) -> Result<(), CommandError> {
    let configuration = place.configuration()?;
    let workers = place.queue.workers(&place.project).await?;
    for worker in &workers {
        let state = match (worker.alive, worker.stopping) {
            (false, _) => "not heard of",
            (true, true) => "stopping",
            (true, false) if worker.configuration != configuration => "another configuration",
            (true, false) => "ready",
        };
        let text = format!(
            "worker {:<32} {:>3} of {:>3} stacks  {state}",
            worker.worker, worker.running, worker.places
        );
        output.fact("worker", worker, &text);
    }
    let work = place.queue.list(&place.project, all, last).await?;
    if work.is_empty() {
        output.line("No work waits or is under way.");
    }
    for work in &work {
        output.fact("work", work, &line(work));
    }
    Ok(())
}

fn line(work: &Work) -> String {
    let mut text = format!(
        "{:>6}  {:<20} {:<8} {:<10}",
        work.id, work.stack, work.command, work.state
    );
    match work.state {
        WorkState::Running => {
            text.push_str(&format!(
                " by {}, attempt {}",
                work.worker.as_deref().unwrap_or_default(),
                work.attempts
            ));
            if work.cancel {
                text.push_str(", is told to stop");
            }
        }
        WorkState::Waiting if work.unmet > 0 => text.push_str(&format!(" for {} others", work.unmet)),
        _ => {}
    }
    if let Some(reason) = &work.reason {
        text.push_str(&format!(" {reason}"));
    }
    text
}
