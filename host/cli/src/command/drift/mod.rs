//! `konductor drift`: what was changed and deleted outside, told and recorded, and nothing else.

mod accept;
pub mod history;
pub mod remediate;
mod report;

use std::collections::BTreeSet;

use konductor_config::DriftSettings;
use konductor_config::drift::Scope;
use konductor_engine::drift::SeverityOverride;
use konductor_engine::{DriftOptions, DriftReport};
use konductor_model::policy::PolicySubject;
use konductor_state::drift::{Difference, DriftSeverity};

use crate::arguments::{DriftArguments, DriftCommand};
use crate::command::deploy::PENDING;
use crate::command::execution::{Done, finish};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::policy::{judge_recorded, refusal};
use crate::project::{FolderSources, Project};
use crate::render::drift::{counted, difference_json, render};
use crate::session::{Session, SessionOptions};

/// `konductor drift` and what stands below it.
pub async fn drift(
    arguments: &DriftArguments,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    match &arguments.command {
        Some(DriftCommand::History { last }) => {
            history::show(&project, *last, output).await?;
            Ok(0)
        }
        Some(DriftCommand::Accept(accepting)) => {
            accept::accept(accepting, project, environment, output).await
        }
        None => check(arguments, project, environment, output).await,
    }
}

async fn check(
    arguments: &DriftArguments,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let form = arguments.report.as_deref().map(report::Form::of).transpose()?;
    let elsewhere = match &arguments.unmanaged {
        Some(_) => project.managed_by_other_stacks().await?,
        None => BTreeSet::new(),
    };
    let options = SessionOptions::to_work("drift", &arguments.execution);
    let session = Session::open(project, environment, output, options).await?;
    let result = async {
        let options = DriftOptions {
            targets: arguments.target.clone(),
            unmanaged: arguments.unmanaged.clone(),
            elsewhere,
            severity: severities(&session.drift_settings()?),
        };
        let found = session
            .engine()?
            .check_drift(session.desired().await?, &options)
            .await?;
        session.view().close();
        let least = DriftSeverity::from(arguments.severity);
        let shown = shown(&found, least, arguments.normalised);
        tell(&session, &found, &shown, output);
        let judged = judge_recorded(&session, PolicySubject::Drift, Some(&found), output).await?;
        if let (Some(file), Some(form)) = (&arguments.report, form) {
            report::write(file, form, session.project(), &found, &shown).await?;
            let text = format!("The report is in {}.", file.display());
            output.fact("report-written", &serde_json::json!({ "file": file }), &text);
        }
        if arguments.remediate {
            let consent = if arguments.yes {
                remediate::Consent::Given
            } else {
                remediate::Consent::Asked
            };
            return remediate::remediate(&session, &found, least, consent, output).await;
        }
        if let Some(refusal) = judged.and_then(|judgement| refusal(&judgement, "the drift")) {
            return Err(refusal);
        }
        let pending = found.has_drift(least) && arguments.detailed_exitcode;
        Ok(Done::nothing(if pending { PENDING } else { 0 }))
    }
    .await;
    finish(session, result).await
}

/// Returns how much differences matter by the rules of the configuration.
pub fn severities(settings: &DriftSettings) -> SeverityOverride {
    let rules: Vec<(Scope, DriftSeverity)> = settings
        .severity
        .iter()
        .filter_map(|rule| Some((rule.scope.clone(), rule.level.parse().ok()?)))
        .collect();
    SeverityOverride::new(move |resource_type, at| {
        rules
            .iter()
            .find(|(scope, _)| scope.fits(resource_type, at))
            .map(|(_, severity)| *severity)
    })
}

/// Returns what is told: what matters enough, and what is only spelled in another way when all is wanted.
fn shown(report: &DriftReport, least: DriftSeverity, all: bool) -> Vec<&Difference> {
    report
        .differences
        .iter()
        .filter(|found| found.severity >= least && (all || found.kind.is_drift()))
        .collect()
}

fn tell(session: &Session, report: &DriftReport, shown: &[&Difference], output: &Output) {
    let configuration = &session.project().configuration;
    output.event(
        "drift",
        &serde_json::json!({
            "project": configuration.project_name(),
            "stack": configuration.stack(),
            "objects": report.objects,
            "counts": report.counts(),
            "ignored": report.ignored,
            "digest": report.digest(),
            "milliseconds": report.milliseconds,
            "differences": shown.iter().map(|found| difference_json(found)).collect::<Vec<_>>(),
        }),
    );
    output.diagnostics(&report.warnings, &FolderSources(session.project().folder.clone()));
    output.text(&render(shown.iter().copied()));
    let hidden = report.differences.len() - shown.len();
    let drifted = shown.iter().filter(|found| found.kind.is_drift()).count();
    let told = if drifted == 0 {
        format!("No drift: {} objects are as they were deployed.", report.objects)
    } else {
        format!(
            "\nDrift: {}; {} objects were compared.",
            counted(shown.iter().copied()),
            report.objects
        )
    };
    output.line(&told);
    if hidden > 0 {
        output.line(&format!(
            "{hidden} more differences are not shown: of less severity, or only written in another way (--normalised)."
        ));
    }
    if report.ignored > 0 {
        output.line(&format!(
            "{} differences are at attributes whose changes are ignored.",
            report.ignored
        ));
    }
}
