//! Declarations of objects that exist: read as they are, and linked to each other.

use konductor_model::provider::{Imported, ProviderResult};
use konductor_model::{Diagnostic, Diagnostics, ResourceName, ResourceType, Urn, Value};
use konductor_state::record::Snapshot;
use tokio::task::JoinSet;

use crate::apply::RetryPolicy;
use crate::apply::call::retrying;
use crate::desired::Providers;
use crate::error::EngineError;
use crate::plan::Origins;

/// An object to take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The name it gets.
    pub name: ResourceName,
    /// Its type.
    pub resource_type: ResourceType,
    /// Its identifier.
    pub id: String,
    /// The plugin that manages it, by its name in the project.
    pub plugin: String,
}

/// An object as what to declare.
#[derive(Debug, Clone, PartialEq)]
pub struct Adopted {
    /// What was wanted.
    pub wanted: Wanted,
    /// Properties that plan to no change. What only another of the objects can have set is a reference to it.
    pub properties: Value,
    /// Its identifier as the provider has it; what was wanted may be spelled in another way.
    pub id: String,
    /// The resource of the stack that manages the object already.
    pub managed_as: Option<Urn>,
}

/// Reads objects and returns what to declare, in the order in which they were wanted. Changes nothing.
pub(crate) async fn adopt(
    wanted: Vec<Wanted>,
    snapshot: &Snapshot,
    plugins: &dyn Providers,
    retry: RetryPolicy,
    parallelism: usize,
) -> Result<Vec<Adopted>, EngineError> {
    let mut diagnostics = Diagnostics::default();
    let mut read: Vec<Option<Imported>> = vec![None; wanted.len()];
    let mut running: JoinSet<(usize, ProviderResult<Imported>)> = JoinSet::new();
    let mut waiting = wanted.iter().cloned().enumerate();
    loop {
        while running.len() < parallelism.max(1)
            && let Some((index, object)) = waiting.next()
        {
            let Some(provider) = plugins.provider(&object.plugin) else {
                diagnostics.push(
                    Diagnostic::error(format!("there is no plugin `{}`", object.plugin))
                        .resource(&object.name),
                );
                continue;
            };
            running.spawn(async move {
                let Wanted {
                    name,
                    resource_type,
                    id,
                    ..
                } = &object;
                let call = || provider.import(resource_type, name, id);
                (index, retrying(retry, call).await)
            });
        }
        let Some(done) = running.join_next().await else {
            break;
        };
        match done? {
            (index, Ok(imported)) => {
                if let Some(slot) = read.get_mut(index) {
                    *slot = Some(imported);
                }
            }
            (index, Err(failure)) => {
                if let Some(object) = wanted.get(index) {
                    diagnostics.extend(failure.to_diagnostics(&object.name));
                }
            }
        }
    }
    if diagnostics.has_errors() {
        return Err(diagnostics.into());
    }
    let objects = || {
        wanted
            .iter()
            .zip(&read)
            .filter_map(|(wanted, imported)| Some((wanted, imported.as_ref()?)))
    };
    let origins = Origins::of_identifiers(
        objects().map(|(wanted, imported)| (wanted.name.as_str(), &imported.object, &imported.inputs)),
    );
    let owners = crate::identifiers::Identifiers::of(snapshot.resources.values());
    let mut adopted = Vec::with_capacity(wanted.len());
    for (wanted, imported) in objects() {
        adopted.push(Adopted {
            properties: origins.relink_others(&imported.inputs, wanted.name.as_str()),
            wanted: wanted.clone(),
            id: imported.object.id.clone(),
            managed_as: owners
                .owner(&wanted.plugin, &wanted.resource_type, &imported.object)
                .cloned(),
        });
    }
    Ok(adopted)
}
