//! What is recorded of a stack, as checks are shown it: a plan that changes nothing.

use konductor_compliance::{PlanDocument, PlannedResource, ResourceAction};
use konductor_model::Path;
use konductor_model::schema::TypeKind;
use konductor_state::ResourceRecord;

use crate::policy::owned_metadata;
use crate::project::Project;

/// Makes the document of what is recorded.
pub fn recorded_document<'r>(
    project: &Project,
    records: impl Iterator<Item = &'r ResourceRecord>,
    actor: String,
) -> PlanDocument {
    let configuration = &project.configuration;
    let resources = records
        .filter(|record| record.kind == TypeKind::Resource && record.object.is_some())
        .map(|record| {
            let place = configuration.locate(record.urn.name().as_str(), &Path::root());
            recorded(record, place.map(|origin| origin.to_string()))
        });
    PlanDocument {
        operation: "report".to_owned(),
        command: "compliance report".to_owned(),
        project: configuration.project_name().to_owned(),
        stack: configuration.stack().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        actor,
        time: jiff::Timestamp::now().to_string(),
        simulated: project.simulated,
        resources: resources.collect(),
        ..PlanDocument::default()
    }
}

fn recorded(record: &ResourceRecord, place: Option<String>) -> PlannedResource {
    let attributes = record.object.as_ref().map(|object| object.attributes.clone());
    PlannedResource {
        urn: record.urn.clone(),
        known_as: Vec::new(),
        action: ResourceAction::None,
        before: attributes.clone(),
        after: attributes,
        id: record.object.as_ref().map(|object| object.id.clone()),
        plugin: (record.plugin.name.clone(), record.plugin.version.clone()),
        parent: record.parent.clone(),
        dependencies: record.dependencies.clone(),
        reasons: Vec::new(),
        replacing: Vec::new(),
        protect: record.options.protect,
        metadata: owned_metadata(&record.options),
        place,
        deposed: None,
    }
}
