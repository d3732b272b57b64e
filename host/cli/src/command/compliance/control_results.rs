//! How recorded resources stand to one control.

use std::collections::BTreeSet;

use konductor_model::Urn;
use konductor_model::compliance::{CheckOutcome, ComplianceSettings, PlacedText};
use konductor_model::suggestion::nearest;

use super::{find, open_plugin};
use crate::compliance::{StackCompliance, recorded_document};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::project::Project;

/// What the checks that serve a control say of resources.
pub struct ControlResults {
    failed: BTreeSet<String>,
    passed: BTreeSet<String>,
}

impl ControlResults {
    /// Says why a resource is not shown to satisfy the control; nothing where it is.
    pub fn missing(&self, urn: &Urn) -> Option<&'static str> {
        let urn = urn.to_string();
        if self.failed.contains(&urn) {
            Some("failed")
        } else if self.passed.contains(&urn) {
            None
        } else {
            Some("not checked")
        }
    }
}

/// Judges what is recorded by the checks that serve `FRAMEWORK:CONTROL`. No cloud is called, and waivers change nothing.
///
/// # Errors
/// When there is no such framework or control, or the compliance plugin fails.
pub async fn control_results(
    named: &str,
    project: &Project,
    environment: &Environment,
) -> Result<ControlResults, CommandError> {
    let (framework, control) = named.split_once(':').ok_or_else(|| {
        CommandError::message(format!(
            "`{named}` does not say of which framework the control is"
        ))
        .help("write for example `nist-800-53-moderate:sc-28`; `konductor compliance frameworks` lists them")
    })?;
    let (loaded, catalogue) = open_plugin(project, environment).await?;
    let controls = &find(&catalogue, framework)?.controls;
    let serving = controls
        .iter()
        .find(|found| found.id.eq_ignore_ascii_case(control))
        .ok_or_else(|| {
            let help = match nearest(control, controls.iter().map(|control| control.id.as_str())) {
                Some(nearest) => format!("did you mean `{framework}:{nearest}`?"),
                None => format!("`konductor compliance controls {framework}` lists them"),
            };
            CommandError::message(format!("`{framework}` has no control `{control}`")).help(help)
        })?;
    if serving.checks.is_empty() {
        return Err(
            CommandError::message(format!("no check serves the control `{named}`")).help(format!(
                "`konductor compliance controls {framework} --checked` lists those that can be asked for"
            )),
        );
    }
    let settings = ComplianceSettings {
        frameworks: vec![PlacedText {
            text: framework.to_owned(),
            origin: None,
        }],
        ..ComplianceSettings::default()
    };
    let compliance = StackCompliance::open(&settings, String::new(), &loaded, &catalogue)?;
    let snapshot = project.read_log().await?.snapshot_masked().await?;
    let document = recorded_document(project, snapshot.resources.values(), environment.actor());
    let assessment = compliance.assess(&document.to_json().to_string()).await?;
    let with = |outcome: CheckOutcome| {
        let results = assessment.results.iter();
        let found =
            results.filter(|result| result.outcome == outcome && serving.checks.contains(&result.check));
        found.map(|result| result.urn.clone()).collect()
    };
    Ok(ControlResults {
        failed: with(CheckOutcome::Failed),
        passed: with(CheckOutcome::Passed),
    })
}
