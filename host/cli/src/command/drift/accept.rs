//! `konductor drift accept`: takes what is there into the configuration, so that the next plan has nothing to do.

use konductor_engine::{DriftOptions, DriftReport, Plan, PlanOptions, StepAction, StopSignal};
use konductor_model::{Diagnostic, Diagnostics, Path, Value};
use konductor_state::drift::{Difference, DifferenceKind};

use crate::arguments::AcceptArguments;
use crate::command::execution::{Done, finish};
use crate::configuration_edit::{ConfigurationEdit, writable};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::{FolderSources, Project};
use crate::prompt::confirm;
use crate::render::value::one_line;
use crate::session::{Session, SessionOptions};

/// One thing that is written.
struct Written {
    file: String,
    path: Path,
    /// None where it is taken out.
    value: Option<Value>,
}

/// Looks, edits, and makes sure by a plan that what was edited is what is there; else the files are as they were.
pub async fn accept(
    arguments: &AcceptArguments,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let global = project.arguments.clone();
    let folder = project.folder.clone();
    let options = SessionOptions::to_work("drift accept", &arguments.execution);
    let session = Session::open(project, environment, output, options.clone()).await?;
    let looked = look(&session, arguments).await;
    let (looked, done) = match looked {
        Ok(looked) => (Ok(looked), Ok(Done::nothing(0))),
        Err(error) => (Err(()), Err(error)),
    };
    finish(session, done).await?;
    let Ok((edit, written)) = looked else {
        return Err(CommandError::told());
    };
    for written in &written {
        let text = match &written.value {
            Some(value) => format!("  {} {}: {}", written.file, written.path, one_line(value)),
            None => format!("  {} {}: taken out", written.file, written.path),
        };
        output.line(&text);
    }
    confirm("Write this into the configuration?", arguments.yes, output)?;
    edit.write(&folder, "run `konductor drift accept` again")?;
    let result = async {
        let project = Project::open(&global, environment)?;
        let session = Session::open(project, environment, output, options).await?;
        let result = record(&session, &arguments.names).await;
        finish(session, result).await
    }
    .await;
    if let Err(error) = result {
        edit.take_back(&folder)?;
        output.diagnostics(&error.diagnostics, &FolderSources(folder));
        return Err(CommandError::message(
            "the configuration is as it was: with what is there it could not be planned",
        )
        .help("correct what is named above, or edit the configuration by hand"));
    }
    let members = serde_json::json!({
        "names": arguments.names,
        "written": written
            .iter()
            .map(|written| serde_json::json!({ "file": written.file, "path": written.path, "removed": written.value.is_none() }))
            .collect::<Vec<_>>(),
    });
    let text = format!(
        "Accepted: {} as there; the next plan leaves it so.",
        arguments.names.join(", ")
    );
    output.fact("drift-accepted", &members, &text);
    Ok(0)
}

/// Finds what has drifted and what would have to stand in the configuration for it.
async fn look(
    session: &Session,
    arguments: &AcceptArguments,
) -> Result<(ConfigurationEdit, Vec<Written>), CommandError> {
    let options = DriftOptions {
        targets: arguments.names.clone(),
        ..DriftOptions::default()
    };
    let report = session
        .engine()?
        .check_drift(session.desired().await?, &options)
        .await?;
    session.view().close();
    let project = session.project();
    let mut edit = ConfigurationEdit::default();
    let mut written = Vec::new();
    let mut diagnostics = Diagnostics::default();
    for name in &arguments.names {
        let found = drifted(&report, name);
        if found.is_empty() {
            diagnostics.push(
                Diagnostic::error(format!("`{name}` has not drifted"))
                    .help("`konductor drift` shows what has; a component's children are named one by one"),
            );
        }
        for found in found {
            if let Err(problems) = edited(project, found, &mut edit, &mut written) {
                diagnostics.extend(problems);
            }
        }
    }
    if diagnostics.has_errors() {
        return Err(diagnostics.into());
    }
    Ok((edit, written))
}

/// Returns what of a resource is to be taken over: what somebody changed or deleted.
fn drifted<'r>(report: &'r DriftReport, name: &str) -> Vec<&'r Difference> {
    report
        .differences
        .iter()
        .filter(|found| {
            found.urn.name().as_str() == name
                && matches!(
                    found.kind,
                    DifferenceKind::ChangedOutside | DifferenceKind::DeletedOutside
                )
        })
        .collect()
}

/// Edits the text of the file that declares an attribute, or the whole resource.
fn edited(
    project: &Project,
    found: &Difference,
    edit: &mut ConfigurationEdit,
    written: &mut Vec<Written>,
) -> Result<(), Diagnostics> {
    let configuration = &project.configuration;
    let name = found.urn.name().as_str();
    let declared = Path::attribute("resources").child(name);
    let at = found.at.clone().unwrap_or_else(Path::root);
    let origin = configuration.locate(name, &at);
    let file = origin.as_ref().map(|origin| origin.file.to_string());
    let file = file.filter(|file| !name.contains('/') && configuration.source(file).is_some());
    let Some(file) = file else {
        return Err(Diagnostic::error(format!(
            "`{name}` is not declared in a file of its own: a module or a component constructs it"
        ))
        .resource(name)
        .help("change the settings of the module or the component, or give the resource `ignore_changes`")
        .origin(origin)
        .into());
    };
    let (path, value) = match &found.at {
        None => (declared, None),
        // What nobody gave is not written: the record alone follows it.
        Some(_) if !found.repairable && found.obstacle.is_none() => return Ok(()),
        Some(at) => {
            let path = declared.child("properties").join(at);
            let value = Some(&found.actual).filter(|value| !value.is_null());
            (path, value.map(|value| writable(project, value)).transpose()?)
        }
    };
    let origin_of = |mut problems: Diagnostics| {
        for problem in &mut problems.0 {
            problem.resource = Some(name.to_owned());
        }
        problems
    };
    edit.put(project, &file, &path, value.as_ref())
        .map_err(origin_of)?;
    written.push(Written { file, path, value });
    Ok(())
}

/// Plans with the edited configuration, makes sure that nothing is to be done, and brings the records up to date.
async fn record(session: &Session, names: &[String]) -> Result<Done, CommandError> {
    let options = PlanOptions {
        targets: names.to_vec(),
        ..PlanOptions::default()
    };
    let engine = session.engine()?;
    let plan = engine.plan(session.desired().await?, &options, true).await;
    session.view().close();
    let mut plan: Plan = plan?;
    let named = |urn: &konductor_model::Urn| names.iter().any(|name| name == urn.name().as_str());
    plan.steps.retain(|step| named(&step.urn))?;
    plan.drift.retain(|drift| named(&drift.urn));
    plan.outputs.clear();
    plan.output_changes.clear();
    let mut diagnostics = Diagnostics::default();
    for step in &plan.steps {
        if !matches!(step.action, StepAction::None | StepAction::Forget { .. }) {
            let at: Vec<String> = step.changes.iter().map(|change| change.at.to_string()).collect();
            diagnostics.push(
                Diagnostic::error("a plan would still change it")
                    .resource(step.urn.name())
                    .detail(format!("at: {}", at.join(", ")))
                    .help("the value comes from elsewhere, or was edited and not deployed"),
            );
        }
    }
    if diagnostics.has_errors() {
        return Err(diagnostics.into());
    }
    let report = engine.apply(plan, StopSignal::never()).await?;
    session.view().close();
    if report.succeeded() {
        Ok(Done::nothing(0))
    } else {
        Err(CommandError::message(
            "the records could not be brought up to date",
        ))
    }
}
