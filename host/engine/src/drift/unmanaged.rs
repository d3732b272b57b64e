//! Objects that nothing manages, as differences.

use konductor_model::{Diagnostic, Urn, Value};
use konductor_state::drift::{Difference, DifferenceKind};

use super::severity::of_unmanaged;
use super::{DriftOptions, DriftReport};
use crate::desired::Desired;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::free_names::FreeNames;
use crate::records::Records;
use crate::unmanaged::Search;

/// Lists the types that are asked for and adds what nothing manages.
pub(crate) async fn find(
    engine: &Engine,
    desired: &Desired,
    records: &Records,
    types: &[String],
    options: &DriftOptions,
    report: &mut DriftReport,
) -> Result<(), EngineError> {
    let recorded = records.urns().map(Urn::name);
    let declared = desired.declarations.iter().map(|declared| &declared.name);
    let repeated = desired.repeated.iter().map(|repeated| &repeated.declaration.name);
    let taken = recorded.chain(declared).chain(repeated);
    let mut names = FreeNames::beside(taken.map(ToString::to_string));
    let search = Search {
        types,
        elsewhere: &options.elsewhere,
    };
    let found = engine.unmanaged_beside(records, &search, &mut names).await?;
    for object in found.objects {
        let Ok(urn) = Urn::new(
            &desired.project,
            &desired.stack,
            object.resource_type.clone(),
            object.name,
        ) else {
            continue;
        };
        report.differences.push(Difference {
            kind: DifferenceKind::Unmanaged,
            severity: options
                .severity
                .of(&object.resource_type, None)
                .unwrap_or_else(|| of_unmanaged(&object.resource_type)),
            id: object.id,
            urn,
            at: None,
            change: None,
            recorded: Value::Null,
            actual: Value::Null,
            desired: None,
            repairable: false,
            obstacle: None,
            requires_replacement: false,
        });
    }
    for (resource_type, failure) in found.failures {
        // What was asked for and cannot be listed must not look like an empty list.
        report.warnings.push(
            Diagnostic::warning(format!("the objects of type `{resource_type}` cannot be listed"))
                .detail(failure.to_string()),
        );
    }
    Ok(())
}
