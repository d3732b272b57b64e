//! `konductor drift --remediate`: brings back what was deployed, where the rules and somebody agree.

use std::collections::{BTreeMap, BTreeSet};

use konductor_config::DriftSettings;
use konductor_config::drift::ApprovalMode;
use konductor_engine::drift::{Repair, RepairOptions};
use konductor_engine::{DriftReport, StepAction};
use konductor_model::{Path, ResourceType, Urn};
use konductor_state::drift::{DifferenceKind, DriftSeverity};

use crate::command::execution::{Done, carry_out};
use crate::error::CommandError;
use crate::output::Output;
use crate::policy::{JudgedPlan, show_and_judge};
use crate::prompt::{ask, somebody_is_there};
use crate::session::Session;

/// Who agrees to a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Everybody has.
    Given,
    /// A person is asked, where one is there.
    Asked,
    /// Nobody is asked: only what needs no consent is repaired.
    AutoOnly,
}

/// What is to be repaired, by who has to agree.
#[derive(Debug, Default)]
pub struct Approvals {
    /// Nobody has to.
    pub auto: BTreeSet<Urn>,
    /// A person has to.
    pub ask: BTreeSet<Urn>,
    /// It stays as it is.
    pub never: BTreeSet<Urn>,
}

/// Returns who has to agree to a change of an attribute, or, without one, of the object.
fn mode(settings: &DriftSettings, resource_type: &ResourceType, at: Option<&Path>) -> ApprovalMode {
    settings
        .approval
        .iter()
        .find(|rule| rule.scope.fits(resource_type, at))
        .map_or_else(ApprovalMode::default, |rule| rule.mode)
}

/// Sorts what can be repaired by who has to agree. An object is repaired whole: the strictest rule of its differences
/// decides.
pub fn approvals(settings: &DriftSettings, report: &DriftReport, least: DriftSeverity) -> Approvals {
    let mut modes: BTreeMap<&Urn, ApprovalMode> = BTreeMap::new();
    let mut worst: BTreeMap<&Urn, DriftSeverity> = BTreeMap::new();
    for found in &report.differences {
        let repairs = matches!(
            found.kind,
            DifferenceKind::ChangedOutside | DifferenceKind::DeletedOutside
        );
        if !repairs || !found.repairable {
            continue;
        }
        let mode = mode(settings, found.urn.resource_type(), found.at.as_ref());
        let slot = modes.entry(&found.urn).or_insert(ApprovalMode::Auto);
        *slot = mode.max(*slot);
        let slot = worst.entry(&found.urn).or_default();
        *slot = found.severity.max(*slot);
    }
    let mut approvals = Approvals::default();
    for (urn, mode) in modes {
        if worst.get(urn).is_none_or(|worst| *worst < least) {
            continue;
        }
        match mode {
            ApprovalMode::Auto => &mut approvals.auto,
            ApprovalMode::Ask => &mut approvals.ask,
            ApprovalMode::Never => &mut approvals.never,
        }
        .insert(urn.clone());
    }
    approvals
}

/// Plans, asks where it must, and repairs. Nothing that must be asked for is repaired where nobody
/// can be.
pub async fn remediate(
    session: &Session,
    report: &DriftReport,
    least: DriftSeverity,
    consent: Consent,
    output: &Output,
) -> Result<Done, CommandError> {
    let settings = session.drift_settings()?;
    let approvals = approvals(&settings, report, least);
    tell_left(
        &approvals.never,
        "never repaired, by the rules of the configuration",
        output,
    );
    if approvals.auto.is_empty() && approvals.ask.is_empty() {
        output.line("Nothing is to be repaired.");
        return Ok(Done::nothing(0));
    }
    let asked = !approvals.ask.is_empty();
    let given = consent == Consent::Given;
    if asked && (given || consent == Consent::Asked && somebody_is_there(output)) {
        let wanted = approvals.auto.union(&approvals.ask).cloned().collect();
        let repair = plan(session, report, &settings, wanted, ApprovalMode::Ask, &approvals).await?;
        let judged = show(session, repair, output).await?;
        let question = format!("Repair this in {}?", session.project().title());
        if !judged.is_allowed() || given || ask(&question)? {
            return carry_out(session, judged, output).await;
        }
    }
    if asked {
        tell_left(
            &approvals.ask,
            "waiting for a yes: run it with --yes, or on a terminal",
            output,
        );
    }
    if approvals.auto.is_empty() {
        return Ok(Done::nothing(0));
    }
    let repair = plan(
        session,
        report,
        &settings,
        approvals.auto.clone(),
        ApprovalMode::Auto,
        &approvals,
    )
    .await?;
    let judged = show(session, repair, output).await?;
    carry_out(session, judged, output).await
}

/// Plans a repair. What only follows an object that comes back is left out where its own rule does not agree.
async fn plan(
    session: &Session,
    report: &DriftReport,
    settings: &DriftSettings,
    wanted: BTreeSet<Urn>,
    agreed: ApprovalMode,
    approvals: &Approvals,
) -> Result<Repair, CommandError> {
    let mut options = RepairOptions {
        untouchable: approvals.never.clone(),
        resources: wanted,
        ..RepairOptions::default()
    };
    loop {
        let repair = session
            .engine()?
            .plan_repair(session.desired().await?, report, &options)
            .await;
        session.view().close();
        let repair = repair.map_err(|error| {
            let mut error = CommandError::from(error);
            session.project().locate(&mut error.diagnostics);
            error
        })?;
        let disagreed: Vec<Urn> = repair
            .plan
            .steps
            .iter()
            .filter(|step| step.action != StepAction::None && !options.resources.contains(&step.urn))
            .filter(|step| {
                let modes = step.changes.iter().map(|change| {
                    let resource_type = step.urn.resource_type();
                    mode(settings, resource_type, Some(&change.at))
                });
                modes.max().unwrap_or_default() > agreed
            })
            .map(|step| step.urn.clone())
            .collect();
        if disagreed.is_empty() {
            return Ok(repair);
        }
        options.untouchable.extend(disagreed);
    }
}

async fn show(session: &Session, repair: Repair, output: &Output) -> Result<JudgedPlan, CommandError> {
    for (urn, reason) in &repair.left_out {
        let members = serde_json::json!({ "urn": urn, "reason": reason });
        output.fact("drift-left", &members, &format!("{} stays: {reason}", urn.name()));
    }
    show_and_judge(session, repair.plan, output).await
}

fn tell_left(urns: &BTreeSet<Urn>, reason: &str, output: &Output) {
    for urn in urns {
        let members = serde_json::json!({ "urn": urn, "reason": reason });
        output.fact("drift-left", &members, &format!("{} stays: {reason}", urn.name()));
    }
}
