//! Carrying out a plan: shown, applied, told, and what follows when it fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use konductor_config::Safeguards;
use konductor_engine::apply::ApplyReport;
use konductor_engine::plan::{Drift, PlanMode, as_it_was};
use konductor_engine::stop::{Stop, StopHandle, StopSignal};
use konductor_engine::{ApplySummary, Plan, PlanOptions, StepAction};
use konductor_model::Urn;

use crate::command::output::show_all;
use crate::error::CommandError;
use crate::output::Output;
use crate::policy::JudgedPlan;
use crate::project::FolderSources;
use crate::render::json_plan::{drift_event, plan_event};
use crate::render::plan::{render, render_drifts, summary};
use crate::secret_outputs::can_be_sealed;
use crate::session::Session;

/// The exit code of a run that was interrupted, as shells know it.
pub const INTERRUPTED: u8 = 130;
/// The shortest and the longest time between two readings of what an apply changed.
const READ_AGAIN: (std::time::Duration, std::time::Duration) = (
    std::time::Duration::from_secs(1),
    std::time::Duration::from_secs(15),
);

/// What a command did, for the log and the exit.
pub struct Done {
    /// The exit code.
    pub exit: u8,
    /// How it ended, as the log's `RunFinished` says it.
    pub result: &'static str,
    /// How many operations there were, by kind.
    pub operations: BTreeMap<String, usize>,
}

impl Done {
    /// Returns that no operation was done.
    pub fn nothing(exit: u8) -> Self {
        Self {
            exit,
            result: "succeeded",
            operations: BTreeMap::new(),
        }
    }
}

/// Ends a session: the log says how, whatever went wrong.
pub async fn finish(session: Session, result: Result<Done, CommandError>) -> Result<u8, CommandError> {
    match result {
        Ok(done) => {
            session.finish(done.result, done.operations).await?;
            Ok(done.exit)
        }
        Err(error) => {
            // What went wrong first is what is told; the log still says how the run ended.
            if let Err(second) = session.finish("failed", BTreeMap::new()).await {
                tracing::error!(%second, "the end of the run could not be recorded");
            }
            Err(error)
        }
    }
}

/// Shows a plan.
pub fn show_plan(plan: &Plan, folder: &Path, output: &Output) {
    if output.is_json() {
        output.event("plan", &plan_event(plan));
    } else {
        let mut shown = false;
        render(plan, &mut |text| {
            if !shown {
                output.text(&format!("{}/{}\n\n", plan.project, plan.stack));
            }
            shown = true;
            output.text(text);
        });
        if shown {
            output.line("");
        }
    }
    output.diagnostics(&plan.warnings, &FolderSources(folder.to_owned()));
    output.line(&summary(&plan.summary()));
}

/// Applies a plan and tells what it came to. When it fails, or what it changed is not as planned after a while, what
/// was there before is brought back where the safeguards say so.
///
/// # Errors
/// When a policy refuses the plan, or there is no key for its secrets: nothing is done then.
pub async fn carry_out(session: &Session, judged: JudgedPlan, output: &Output) -> Result<Done, CommandError> {
    let plan = judged.allowed()?;
    can_be_sealed(session, &plan).await?;
    let safeguards = session.safeguards()?;
    let before = Before::of(&plan, &safeguards);
    let empty = plan.is_empty();
    let report = apply(session, plan, output).await?;
    tell(&report, empty, &session.project().folder, output);
    let operations = counts(&report.summary);
    if report.stopped {
        return Ok(Done {
            exit: INTERRUPTED,
            result: "cancelled",
            operations,
        });
    }
    if report.succeeded() && is_as_planned(session, &safeguards, &before, output).await? {
        show_all(&report.outputs, &konductor_model::Value::clone, output);
        return Ok(Done {
            exit: 0,
            result: "succeeded",
            operations,
        });
    }
    let rolled_back = match before.drift {
        Some(drift) => bring_back(session, before.serial, &drift, output).await?,
        None => false,
    };
    Ok(Done {
        exit: 1,
        result: if rolled_back { "rolled-back" } else { "failed" },
        operations,
    })
}

async fn apply(session: &Session, plan: Plan, output: &Output) -> Result<ApplyReport, CommandError> {
    let (handle, signal) = StopHandle::new();
    let listener = tokio::spawn(listen(handle, output.clone()));
    let report = session.engine()?.apply(plan, signal).await;
    listener.abort();
    session.view().close();
    Ok(report?)
}

/// What the safeguards need of a plan after it was applied; nothing is kept for those that are off.
struct Before {
    serial: u64,
    /// How the cloud differed from the records, to bring that back; none where nothing is brought back.
    drift: Option<Vec<Drift>>,
    /// What is read again; empty where nothing is.
    changed: BTreeSet<Urn>,
}

impl Before {
    fn of(plan: &Plan, safeguards: &Safeguards) -> Self {
        let changes = |action: &StepAction| {
            matches!(
                action,
                StepAction::Create
                    | StepAction::Update
                    | StepAction::Replace { .. }
                    | StepAction::Import { .. }
            )
        };
        let is_brought_back = safeguards.rollback_enabled && plan.mode == PlanMode::Apply;
        let steps = safeguards.validation_timeout.map(|_| plan.steps.iter());
        Self {
            serial: plan.serial,
            drift: is_brought_back.then(|| plan.drift.clone()),
            changed: steps
                .into_iter()
                .flatten()
                .filter(|step| changes(&step.action))
                .map(|step| step.urn)
                .collect(),
        }
    }
}

/// Reads what an apply changed until the cloud has it as it was planned, or the time for that is over.
async fn is_as_planned(
    session: &Session,
    safeguards: &Safeguards,
    before: &Before,
    output: &Output,
) -> Result<bool, CommandError> {
    let Some(timeout) = safeguards
        .validation_timeout
        .filter(|_| !before.changed.is_empty())
    else {
        return Ok(true);
    };
    let since = tokio::time::Instant::now();
    let mut wait = READ_AGAIN.0;
    loop {
        let differs = session.engine()?.read_back(&before.changed).await?;
        session.view().close();
        let validated = serde_json::json!({
            "resources": before.changed.len(), "sound": differs.is_empty(),
            "differs": differs.iter().map(drift_event).collect::<Vec<_>>(),
        });
        if differs.is_empty() {
            output.fact(
                "validated",
                &validated,
                &format!("Validated: {} resources are as planned.", before.changed.len()),
            );
            return Ok(true);
        }
        let left = timeout.saturating_sub(since.elapsed());
        if left.is_zero() {
            output.fact(
                "validated",
                &validated,
                &format!(
                    "{}\nFailed: after {} s these are not as planned.",
                    render_drifts(&differs).trim_end(),
                    timeout.as_secs()
                ),
            );
            return Ok(false);
        }
        tokio::time::sleep(wait.min(left)).await;
        wait = wait.saturating_mul(2).min(READ_AGAIN.1);
    }
}

/// Brings back what was there before a failed apply; tells whether all of it is back. Policies have no say in this: what
/// was there is better than half of what was to come.
async fn bring_back(
    session: &Session,
    serial: u64,
    drift: &[Drift],
    output: &Output,
) -> Result<bool, CommandError> {
    output.line("\nRolling back to what was there before this run.");
    let engine = session.engine()?;
    engine.recover(StopSignal::never()).await?;
    let past = as_it_was(session.past(serial).await?, drift);
    let configuration = &session.project().configuration;
    let (project, stack) = (configuration.project_name(), configuration.stack());
    let plan = engine
        .plan_past(project, stack, past, &PlanOptions::default(), true)
        .await;
    session.view().close();
    let plan = plan?;
    show_plan(&plan, &session.project().folder, output);
    let empty = plan.is_empty();
    let report = apply(session, plan, output).await?;
    let succeeded = report.succeeded();
    tell(&report, empty, &session.project().folder, output);
    let text = if succeeded {
        "Rolled back: the run failed, and what was there before it is there again."
    } else {
        "The rollback did not come to its end; `konductor rollback` tries again, `konductor history` names the runs."
    };
    output.fact(
        "rolled-back",
        &serde_json::json!({ "complete": succeeded, "operations": counts(&report.summary) }),
        text,
    );
    Ok(succeeded)
}

/// Turns Ctrl-C into: finish what is in flight, then cancel, then leave. The log knows what was begun either way.
async fn listen(handle: StopHandle, output: Output) {
    // One listener for the whole run: a Ctrl-C between two waits is not lost.
    #[cfg(unix)]
    let interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt());
    #[cfg(windows)]
    let interrupts = tokio::signal::windows::ctrl_c();
    let Ok(mut interrupts) = interrupts else { return };
    let mut last = Stop::Run;
    while interrupts.recv().await.is_some() {
        let now = handle.escalate();
        match now {
            Stop::Run | Stop::Finish => {
                output.event("stopping", &serde_json::json!({ "level": "finish" }));
                output.line("\nStopping: what is in flight is finished. Ctrl-C again cancels it.");
            }
            Stop::Cancel if last != Stop::Cancel => {
                output.event("stopping", &serde_json::json!({ "level": "cancel" }));
                output
                    .line("\nCancelling: the next run settles what was begun. Ctrl-C again leaves at once.");
            }
            Stop::Cancel => std::process::exit(i32::from(INTERRUPTED)),
        }
        last = now;
    }
}

fn tell(report: &ApplyReport, empty: bool, folder: &Path, output: &Output) {
    for failed in &report.failures {
        output.diagnostics(
            &failed.failure.to_diagnostics(failed.urn.name()),
            &FolderSources(folder.to_owned()),
        );
    }
    if empty && report.succeeded() {
        return;
    }
    let done: Vec<String> = counts(&report.summary)
        .iter()
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    let text = if done.is_empty() {
        "nothing was changed".to_owned()
    } else {
        done.join(", ")
    };
    if report.succeeded() {
        output.line(&format!("\nDone: {text}."));
    } else if report.stopped {
        output.line(&format!("\nStopped: {text}. `konductor run` goes on from here."));
    } else {
        output.line(&format!(
            "\nFailed: {text}. Correct what is named above and run again; what was done is recorded."
        ));
    }
}

fn counts(summary: &ApplySummary) -> BTreeMap<String, usize> {
    [
        ("created", summary.created),
        ("updated", summary.updated),
        ("replaced", summary.replaced),
        ("deleted", summary.deleted),
        ("imported", summary.imported),
        ("failed", summary.failed),
        ("skipped", summary.skipped),
        ("open", summary.open),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(what, count)| (what.to_owned(), count))
    .collect()
}
