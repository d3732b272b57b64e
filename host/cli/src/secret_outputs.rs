//! Refuses a plan whose objects will have secrets that there is no key for, before anything is made.

use std::collections::BTreeSet;

use konductor_engine::{Plan, Providers as _, StepAction};
use konductor_model::schema::ResourceSchema;
use konductor_model::{Diagnostic, Diagnostics};

use crate::error::CommandError;
use crate::output::Output;
use crate::project::FolderSources;
use crate::session::Session;

/// Checks that what the providers will answer with can be stored. Secrets of the configuration are sealed with the plan
/// already; what only a provider knows is sealed when the object is there, and that is too late to find no key.
///
/// # Errors
/// When there is nobody to encrypt to and an object that is made or changed has a secret of its provider's making.
pub async fn can_be_sealed(session: &Session, plan: &Plan) -> Result<(), CommandError> {
    let unsealed = unsealed(session, plan, Diagnostic::error).await;
    if unsealed.0.is_empty() {
        Ok(())
    } else {
        Err(unsealed.into())
    }
}

/// Warns that a plan, which is only looked at, cannot be carried out for this reason.
pub async fn warn_of_unsealed(session: &Session, plan: &Plan, output: &Output) {
    let unsealed = unsealed(session, plan, Diagnostic::warning).await;
    output.diagnostics(&unsealed, &FolderSources(session.project().folder.clone()));
}

/// Tells the types of objects that are made or changed and have secrets that nobody could read back.
async fn unsealed(session: &Session, plan: &Plan, tell: fn(String) -> Diagnostic) -> Diagnostics {
    let mut told = Diagnostics::default();
    if session.project().sealer.has_recipient() {
        return told;
    }
    let made = plan.steps.iter().filter(|step| {
        matches!(
            step.action,
            StepAction::Create | StepAction::Update | StepAction::Replace { .. } | StepAction::Import { .. }
        )
    });
    let mut asked = BTreeSet::new();
    for step in made {
        let resource_type = step.urn.resource_type();
        // One object of each type is enough to say it.
        if !asked.insert((step.plugin.name.clone(), resource_type.clone())) {
            continue;
        }
        let Some(provider) = session.plugins().provider(&step.plugin.name) else {
            continue;
        };
        let Ok(schema) = provider.schema(resource_type).await else {
            continue;
        };
        let secrets = secret_outputs(&schema);
        if !secrets.is_empty() {
            told.push(
                tell(format!(
                    "{} will have secrets ({}), and there is nobody to encrypt them to",
                    step.urn.name(),
                    secrets.join(", ")
                ))
                .help(
                    "make a key with `konductor config key generate`, or add `secrets: { recipients: [age1…] }` to \
                     konductor.yaml; nothing was done",
                ),
            );
        }
    }
    told
}

/// Returns the secrets that an object gets from its provider whatever it is given.
fn secret_outputs(schema: &ResourceSchema) -> Vec<&str> {
    schema
        .attributes
        .iter()
        .filter(|(_, attribute)| attribute.sensitive && attribute.output_only && !attribute.write_only)
        .map(|(name, _)| name.as_str())
        .collect()
}
