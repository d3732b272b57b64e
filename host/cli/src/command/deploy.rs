//! `konductor run`, `plan`, `apply`, `refresh`, `destroy` and `import`.

use std::collections::BTreeMap;
use std::path::Path;

use konductor_engine::apply::ApplyReport;
use konductor_engine::plan::Drift;
use konductor_engine::stop::{Stop, StopHandle, StopSignal};
use konductor_engine::{ApplySummary, Plan, PlanOptions};
use konductor_model::{ResourceName, ResourceType, Urn};

use crate::arguments::{
    ApplyArguments, DestroyArguments, ExecutionArguments, ImportArguments, PlanArguments, RefreshArguments,
    RunArguments, SelectionArguments,
};
use crate::command::config::digest;
use crate::command::output::show_all;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::{FolderSources, Project};
use crate::prompt::confirm;
use crate::render::json_plan::{drift_event, plan_event};
use crate::render::plan::{render, render_drifts, summary};
use crate::saved_plan;
use crate::session::{Session, SessionOptions};

/// The exit code that says changes are pending.
const PENDING: u8 = 2;
/// The exit code of a run that was interrupted, as shells know it.
const INTERRUPTED: u8 = 130;

/// What a deployment comes from and what is asked.
struct Deployment<'a> {
    command: &'static str,
    selection: &'a SelectionArguments,
    execution: &'a ExecutionArguments,
    destroy: bool,
    yes: bool,
    dry_run: bool,
    detailed_exitcode: bool,
}

/// `konductor run`: plan, show, ask, apply.
pub async fn run(
    arguments: &RunArguments,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let deployment = Deployment {
        command: "run",
        selection: &arguments.selection,
        execution: &arguments.execution,
        destroy: false,
        yes: arguments.yes,
        dry_run: arguments.dry_run,
        detailed_exitcode: arguments.detailed_exitcode,
    };
    deploy(deployment, project, environment, output).await
}

/// `konductor destroy`.
pub async fn destroy(
    arguments: &DestroyArguments,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let deployment = Deployment {
        command: "destroy",
        selection: &arguments.selection,
        execution: &arguments.execution,
        destroy: true,
        yes: arguments.yes,
        dry_run: arguments.dry_run,
        detailed_exitcode: false,
    };
    deploy(deployment, project, environment, output).await
}

/// `konductor apply`, with or without a saved plan.
pub async fn apply(
    arguments: &ApplyArguments,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let Some(file) = &arguments.file else {
        let deployment = Deployment {
            command: "apply",
            selection: &arguments.selection,
            execution: &arguments.execution,
            destroy: false,
            yes: arguments.yes,
            dry_run: false,
            detailed_exitcode: false,
        };
        return deploy(deployment, project, environment, output).await;
    };
    let plan = saved_plan::load(file, project.sealer.as_ref())?;
    let (planned, stack) = (format!("{}/{}", plan.project, plan.stack), project.title());
    if planned != stack {
        return Err(
            CommandError::message(format!("the plan is for {planned}, not for {stack}"))
                .help("choose the stack with --stack, or make a new plan"),
        );
    }
    if plan.configuration_digest != saved_digest(&project) {
        output.line(
            "The configuration has changed since the plan was made; the plan is applied as it was made.",
        );
    }
    let mut options = SessionOptions::to_work("apply", &arguments.execution);
    options.plugins = plan.steps.iter().map(|step| step.plugin.name.clone()).collect();
    let session = Session::open(project, environment, output, options).await?;
    let result = apply_saved(&session, plan, output).await;
    finish(session, result).await
}

async fn apply_saved(session: &Session, plan: Plan, output: &Output) -> Result<Done, CommandError> {
    use konductor_engine::Providers as _;
    for step in &plan.steps {
        let loaded = session.plugins().plugin_reference(&step.plugin.name);
        if loaded.as_ref() != Some(&step.plugin) {
            let version = loaded.map_or_else(|| "missing".to_owned(), |loaded| loaded.version);
            return Err(CommandError::message(format!(
                "the plan was made with plugin {} {}, which is now {version}",
                step.plugin.name, step.plugin.version
            ))
            .help("make a new plan"));
        }
    }
    show_plan(&plan, &session.project().folder, output);
    carry_out(session, plan, output).await
}

/// `konductor plan`.
pub async fn plan(
    arguments: &PlanArguments,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let options = SessionOptions::to_work("plan", &arguments.execution);
    let session = Session::open(project, environment, output, options).await?;
    let result = async {
        let plan = make_plan(&session, &arguments.selection, arguments.destroy).await?;
        show_plan(&plan, &session.project().folder, output);
        if let Some(file) = &arguments.out {
            saved_plan::save(&plan, file, session.project().sealer.as_ref())?;
            let text = format!("Saved. `konductor apply {}` does exactly this.", file.display());
            output.fact("plan-saved", &serde_json::json!({ "file": file }), &text);
        }
        let pending = !plan.is_empty() && arguments.detailed_exitcode;
        Ok(Done::nothing(if pending { PENDING } else { 0 }))
    }
    .await;
    finish(session, result).await
}

/// `konductor refresh`: settles what was interrupted and records what the cloud has.
pub async fn refresh(
    arguments: &RefreshArguments,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let session = Session::open(
        project,
        environment,
        output,
        SessionOptions::to_work("refresh", &arguments.execution),
    )
    .await?;
    let result = async {
        let engine = session.engine()?;
        if !arguments.dry_run {
            engine.recover(StopSignal::never()).await?;
        }
        let drift = engine.refresh(!arguments.dry_run).await?;
        session.view().close();
        show_drift(&drift, arguments.dry_run, output);
        let pending = !drift.is_empty() && arguments.detailed_exitcode;
        Ok(Done::nothing(if pending { PENDING } else { 0 }))
    }
    .await;
    finish(session, result).await
}

fn show_drift(drift: &[Drift], dry_run: bool, output: &Output) {
    let members = serde_json::json!({ "drift": drift.iter().map(drift_event).collect::<Vec<_>>(), "recorded": !dry_run });
    output.event("refreshed", &members);
    if drift.is_empty() {
        output.line("The cloud is as recorded.");
        return;
    }
    output.line(render_drifts(drift).trim_end());
    let what = if dry_run {
        "Nothing was recorded."
    } else {
        "Recorded; `konductor run` plans from this."
    };
    output.line(&format!("\n{} resources differ. {what}", drift.len()));
}

/// `konductor import`.
pub async fn import(
    arguments: &ImportArguments,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let bad = |error: konductor_model::name::NameError| CommandError::message(error.to_string());
    let resource_type: ResourceType = arguments.resource_type.parse().map_err(bad)?;
    let name: ResourceName = arguments.name.parse().map_err(bad)?;
    let mut options = SessionOptions::to_work("import", &arguments.execution);
    options.plugins = vec![resource_type.provider().to_owned()];
    let session = Session::open(project, environment, output, options).await?;
    let result = async {
        let engine = session.engine()?;
        engine.recover(StopSignal::never()).await?;
        let urn = {
            let configuration = &session.project().configuration;
            let (project, stack) = (configuration.project_name(), configuration.stack());
            Urn::new(project, stack, resource_type.clone(), name.clone()).map_err(bad)?
        };
        let imported = engine
            .import(urn.clone(), &arguments.id, arguments.provider.as_deref())
            .await?;
        session.view().close();
        let members = serde_json::json!({ "urn": urn, "id": arguments.id });
        output.fact(
            "imported",
            &members,
            &format!("imported {} as {name} ({resource_type})", arguments.id),
        );
        output.line("\nDeclare it so that the next run keeps it:\n");
        output.text(&crate::render::declaration::declaration(&urn, &imported.inputs));
        let mut done = Done::nothing(0);
        done.operations.insert("import".to_owned(), 1);
        Ok(done)
    }
    .await;
    finish(session, result).await
}

/// What a command did, for the log and the exit.
struct Done {
    exit: u8,
    result: &'static str,
    operations: BTreeMap<String, usize>,
}

impl Done {
    fn nothing(exit: u8) -> Self {
        Self {
            exit,
            result: "succeeded",
            operations: BTreeMap::new(),
        }
    }
}

async fn finish(session: Session, result: Result<Done, CommandError>) -> Result<u8, CommandError> {
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

async fn deploy(
    deployment: Deployment<'_>,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let options = SessionOptions::to_work(deployment.command, deployment.execution);
    let session = Session::open(project, environment, output, options).await?;
    let result = deploy_in(&session, &deployment, output).await;
    finish(session, result).await
}

async fn deploy_in(
    session: &Session,
    deployment: &Deployment<'_>,
    output: &Output,
) -> Result<Done, CommandError> {
    if !deployment.dry_run {
        session.engine()?.recover(StopSignal::never()).await?;
    }
    let plan = make_plan(session, deployment.selection, deployment.destroy).await?;
    show_plan(&plan, &session.project().folder, output);
    if deployment.dry_run {
        let pending = !plan.is_empty() && deployment.detailed_exitcode;
        return Ok(Done::nothing(if pending { PENDING } else { 0 }));
    }
    if !plan.is_empty() {
        let question = if deployment.destroy {
            format!("Delete all of this from {}?", session.project().title())
        } else {
            format!("Apply this to {}?", session.project().title())
        };
        confirm(&question, deployment.yes, output)?;
    }
    carry_out(session, plan, output).await
}

async fn make_plan(
    session: &Session,
    selection: &SelectionArguments,
    destroy: bool,
) -> Result<Plan, CommandError> {
    let options = PlanOptions {
        targets: selection.target.clone(),
        excludes: selection.exclude.clone(),
        replace: selection.replace.clone(),
        verify_determinism: true,
        configuration_digest: saved_digest(session.project()),
    };
    let engine = session.engine()?;
    let refresh = !selection.no_refresh;
    let plan = if destroy {
        let configuration = &session.project().configuration;
        engine
            .plan_destroy(
                configuration.project_name(),
                configuration.stack(),
                &options,
                refresh,
            )
            .await
    } else {
        engine.plan(session.desired().await?, &options, refresh).await
    };
    session.view().close();
    plan.map_err(|error| {
        let mut error = CommandError::from(error);
        session.project().locate(&mut error.diagnostics);
        error
    })
}

/// The digest kept in a plan says which configuration it was made from, and whether against the simulated cloud.
fn saved_digest(project: &Project) -> String {
    let digest = digest(&project.configuration);
    if project.simulated {
        format!("simulated:{digest}")
    } else {
        digest
    }
}

fn show_plan(plan: &Plan, folder: &Path, output: &Output) {
    output.event("plan", &plan_event(plan));
    let text = render(plan);
    if !text.is_empty() {
        output.line(&format!("{}/{}\n\n{text}", plan.project, plan.stack));
    }
    output.diagnostics(&plan.warnings, &FolderSources(folder.to_owned()));
    output.line(&summary(&plan.summary()));
}

async fn carry_out(session: &Session, plan: Plan, output: &Output) -> Result<Done, CommandError> {
    let empty = plan.is_empty();
    let (handle, signal) = StopHandle::new();
    let listener = tokio::spawn(listen(handle, output.clone()));
    let report = session.engine()?.apply(plan, signal).await;
    listener.abort();
    session.view().close();
    let report = report?;
    tell(&report, empty, &session.project().folder, output);
    let operations = counts(&report.summary);
    Ok(if report.succeeded() {
        show_all(&report.outputs, &konductor_model::Value::clone, output);
        Done {
            exit: 0,
            result: "succeeded",
            operations,
        }
    } else if report.stopped {
        Done {
            exit: INTERRUPTED,
            result: "cancelled",
            operations,
        }
    } else {
        Done {
            exit: 1,
            result: "failed",
            operations,
        }
    })
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
