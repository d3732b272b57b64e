//! `konductor run`, `plan`, `apply`, `refresh` and `destroy`.

use konductor_engine::plan::Drift;
use konductor_engine::stop::StopSignal;
use konductor_engine::{Plan, PlanOptions};

use crate::arguments::{
    ApplyArguments, ComplianceFixArguments, DestroyArguments, ExecutionArguments, PlanArguments,
    RefreshArguments, RunArguments, SelectionArguments,
};
use crate::command::compliance::fix;
use crate::command::config::digest;
use crate::command::execution::{Done, carry_out, finish};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::policy::show_and_judge;
use crate::project::Project;
use crate::prompt::confirm;
use crate::render::json_plan::drift_event;
use crate::render::plan::render_drifts;
use crate::saved_plan;
use crate::secret_outputs::{can_be_sealed, warn_of_unsealed};
use crate::session::{Session, SessionOptions};

/// The exit code that says changes are pending.
pub const PENDING: u8 = 2;

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
    mut project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    if arguments.fix {
        let wanted = ComplianceFixArguments {
            checks: Vec::new(),
            resources: Vec::new(),
            dry_run: false,
            yes: arguments.yes,
            reading: arguments.selection.reading.clone(),
            execution: arguments.execution.clone(),
        };
        fix(&wanted, &project, environment, output).await?;
        project = Project::open(&project.arguments, environment)?;
    }
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
    let plan = saved_plan::load_for(file, &project)?;
    if plan.configuration_digest != saved_digest(&project) {
        output.line(
            "The configuration has changed since the plan was made; the plan is applied as it was made.",
        );
    }
    let mut options = SessionOptions::to_work("apply", &arguments.execution);
    let plugins = plan.steps.plugins().iter();
    options.plugins = plugins.map(|plugin| plugin.name.clone()).collect();
    let session = Session::open(project, environment, output, options).await?;
    let result = apply_saved(&session, plan, output).await;
    finish(session, result).await
}

async fn apply_saved(session: &Session, plan: Plan, output: &Output) -> Result<Done, CommandError> {
    use konductor_engine::Providers as _;
    for planned in plan.steps.plugins() {
        let loaded = session.plugins().plugin_reference(&planned.name);
        if loaded.as_ref() != Some(planned) {
            let version = loaded.map_or_else(|| "missing".to_owned(), |loaded| loaded.version);
            return Err(CommandError::message(format!(
                "the plan was made with plugin {} {}, which is now {version}",
                planned.name, planned.version
            ))
            .help("make a new plan"));
        }
    }
    let plan = show_and_judge(session, plan, output).await?;
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
        session.tell_stacks_read(output);
        let plan = make_plan(&session, &arguments.selection, arguments.destroy).await?;
        let judged = show_and_judge(&session, plan, output).await?;
        if let Some(file) = &arguments.out {
            saved_plan::save(judged.plan(), file, session.project().sealer.as_ref())?;
            // Whoever applies it may give the reason that is missing, or have the policies changed.
            let text = if judged.is_allowed() {
                format!("Saved. `konductor apply {}` does exactly this.", file.display())
            } else {
                format!(
                    "Saved. `konductor apply {}` judges it again before it does this.",
                    file.display()
                )
            };
            output.fact("plan-saved", &serde_json::json!({ "file": file }), &text);
        }
        let plan = judged.allowed()?;
        warn_of_unsealed(&session, &plan, output).await;
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

async fn deploy(
    deployment: Deployment<'_>,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    // What only looks does not make this stack's outputs look confirmed to those who read them.
    let command = match (deployment.dry_run, deployment.destroy) {
        (false, _) => deployment.command,
        (true, false) => "run --dry-run",
        (true, true) => "destroy --dry-run",
    };
    let options = SessionOptions::to_work(command, deployment.execution);
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
    session.tell_stacks_read(output);
    let plan = make_plan(session, deployment.selection, deployment.destroy).await?;
    let judged = show_and_judge(session, plan, output).await?;
    if deployment.dry_run {
        let plan = judged.allowed()?;
        warn_of_unsealed(session, &plan, output).await;
        let pending = !plan.is_empty() && deployment.detailed_exitcode;
        return Ok(Done::nothing(if pending { PENDING } else { 0 }));
    }
    if judged.is_allowed() && !judged.plan().is_empty() {
        can_be_sealed(session, judged.plan()).await?;
        let question = if deployment.destroy {
            format!("Delete all of this from {}?", session.project().title())
        } else {
            format!("Apply this to {}?", session.project().title())
        };
        confirm(&question, deployment.yes, output)?;
    }
    carry_out(session, judged, output).await
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
    let refresh = selection.reading.reading();
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
    match plan {
        Ok(mut plan) => {
            session.project().locate(&mut plan.warnings);
            Ok(plan)
        }
        Err(error) => {
            let mut error = CommandError::from(error);
            session.project().locate(&mut error.diagnostics);
            Err(error)
        }
    }
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
