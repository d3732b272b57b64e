//! What is recorded of a stack, as checks are shown it: a plan that changes nothing.

use konductor_compliance::{PlanDocument, PlannedResource};
use konductor_model::Path;
use konductor_model::schema::TypeKind;
use konductor_state::ResourceRecord;

use crate::policy::recorded;
use crate::project::Project;

/// Makes the document of what is recorded.
pub fn recorded_document<'r>(
    project: &Project,
    records: impl Iterator<Item = &'r ResourceRecord>,
    actor: String,
) -> PlanDocument {
    let configuration = &project.configuration;
    let resources = records
        .filter(|record| record.kind == TypeKind::Resource)
        .filter_map(|record| {
            let place = configuration.locate(record.urn.name().as_str(), &Path::root());
            Some(PlannedResource {
                place: place.map(|origin| origin.to_string()),
                ..recorded(record, Vec::new())?
            })
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
