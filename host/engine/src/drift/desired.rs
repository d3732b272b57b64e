//! The third side: what the configuration asks for now.

use std::collections::{HashMap, HashSet};

use konductor_model::{Diagnostic, Urn, Value};
use konductor_state::drift::DifferenceKind;

use super::DriftReport;
use super::repair::Deployed;
use crate::desired::Desired;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::event::Silent;
use crate::expand::expand;
use crate::plan::{self, Drift, PlanOptions, Step, StepAction, Target};
use crate::records::{Recorded, Records};
use crate::reference::resolve;

/// Puts to every difference what is asked for now. What cannot be planned is a warning: what was deployed and what is
/// there can be told without it.
///
/// # Errors
/// When the log cannot be read.
pub(crate) async fn add(
    engine: &Engine,
    desired: Desired,
    recorded: Recorded,
    actual: &[Drift],
    report: &mut DriftReport,
) -> Result<(), EngineError> {
    let options = PlanOptions::default();
    let planned = plan::plan(
        Target::Declared(desired.clone()),
        recorded,
        actual.to_vec(),
        &options,
        engine.plugins.clone(),
        &Silent,
        engine.settings.parallelism,
    );
    let plan = match planned.await {
        Ok(plan) => plan,
        Err(error) => {
            let told_already = |resource: &Option<String>| {
                report.differences.iter().any(|found| {
                    found.obstacle.is_some() && resource.as_deref() == Some(found.urn.name().as_str())
                })
            };
            let reasons: Vec<String> = error
                .diagnostics()
                .into_iter()
                .filter(|diagnostic| !told_already(&diagnostic.resource))
                .map(|diagnostic| diagnostic.to_string())
                .collect();
            if !reasons.is_empty() {
                report.warnings.push(
                    Diagnostic::warning("what the configuration asks for now cannot be planned")
                        .detail(reasons.join("; "))
                        .help("`konductor plan` says what to correct"),
                );
            }
            let recorded = engine.settled().await?;
            declared(engine, desired, &recorded.records, report).await;
            return Ok(());
        }
    };
    let differing: HashSet<Urn> = report.differences.iter().map(|found| found.urn.clone()).collect();
    let steps: HashMap<Urn, Step> = plan
        .steps
        .iter()
        .map(|step| (step.moved_from.clone().unwrap_or_else(|| step.urn.clone()), step))
        .filter(|(urn, _)| differing.contains(urn))
        .collect();
    for found in &mut report.differences {
        let Some(step) = steps.get(&found.urn) else {
            continue;
        };
        let declared = !matches!(
            step.action,
            StepAction::Delete | StepAction::DeleteDeposed { .. } | StepAction::Forget { .. }
        );
        found.desired = match (&found.at, &step.action) {
            _ if !declared || found.kind == DifferenceKind::Unmanaged => None,
            // Nothing is planned: what is there is what is asked for.
            (Some(_), StepAction::None) => Some(found.actual.clone()),
            (Some(at), _) => {
                let value = step
                    .planned
                    .at(at)
                    .map(std::borrow::Cow::into_owned)
                    .unwrap_or_default();
                let secret = found.actual.has_secret() || found.recorded.has_secret();
                Some(if secret && !value.is_null() {
                    value.into_secret()
                } else {
                    value
                })
            }
            (None, _) => Some(Value::from(true)),
        };
    }
    Ok(())
}

/// Puts to every difference what is written in the configuration, with references read from what was deployed.
async fn declared(engine: &Engine, desired: Desired, records: &Records, report: &mut DriftReport) {
    let (expanded, diagnostics) = expand(desired, engine.plugins.as_ref()).await;
    if diagnostics.has_errors() {
        return;
    }
    let reads = Deployed::of(records);
    for found in &mut report.differences {
        let (Some(at), Some(index)) = (&found.at, expanded.named(found.urn.name().as_str())) else {
            continue;
        };
        let Some(node) = expanded.node(index).filter(|node| node.urn == found.urn) else {
            continue;
        };
        let (properties, _) = resolve(&expanded.properties(node), &|reference| reads.read(reference));
        let value = properties.at(at).map(std::borrow::Cow::into_owned);
        let secret = found.actual.has_secret() || found.recorded.has_secret();
        found.desired = value
            .filter(|value| !value.is_null() && value.is_wholly_known())
            .map(|value| if secret { value.into_secret() } else { value });
    }
}
