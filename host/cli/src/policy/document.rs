//! A plan as the document that policies are shown.

use std::collections::BTreeMap;

use konductor_compliance::{PlanDocument, PlannedResource, ResourceAction};
use konductor_engine::plan::{Drift, PlanMode};
use konductor_engine::{DriftReport, Plan, Providers as _, Step, StepAction};
use konductor_model::provider::ObjectState;
use konductor_model::schema::TypeKind;
use konductor_model::{Path, ResourceOptions, ResourceType, Urn, Value};
use konductor_state::record::ResourceRecord;

use crate::error::CommandError;
use crate::session::Session;

/// The tool whose names of types policies know.
const TOOL: &str = "terraform";

/// Makes the document of a plan, with what is recorded of its resources.
pub async fn plan_document(session: &Session, plan: &Plan) -> Result<PlanDocument, CommandError> {
    let mut objects: BTreeMap<Urn, ObjectState> = BTreeMap::new();
    let mut deposed: BTreeMap<(Urn, String), ObjectState> = BTreeMap::new();
    session
        .journal()
        .read_each(&mut |record| {
            for old in record.deposed {
                deposed.insert((record.urn.clone(), old.key), old.object);
            }
            if let Some(object) = record.object {
                objects.insert(record.urn, object);
            }
        })
        .await?;
    let mut names = TypeNames::new(session);
    let mut drift = Vec::new();
    for found in &plan.drift {
        let before = objects.get(&found.urn).map(|object| object.attributes.clone());
        drift.push(drifted(found, before, names.of(&found.urn, None).await));
        match &found.object {
            Some(object) => objects.insert(found.urn.clone(), object.clone()),
            None => objects.remove(&found.urn),
        };
    }
    let mut resources = Vec::new();
    for step in plan.steps.iter().filter(|step| step.kind == TypeKind::Resource) {
        let recorded = step.moved_from.as_ref().unwrap_or(&step.urn);
        let before = match &step.action {
            StepAction::DeleteDeposed { key } => deposed.get(&(step.urn.clone(), key.clone())),
            _ => objects.get(recorded),
        };
        let before = before.map(|object| object.attributes.clone());
        let known_as = names.of(&step.urn, Some(&step.plugin.name)).await;
        resources.push(planned(step, before, known_as));
    }
    Ok(PlanDocument {
        operation: operation(plan.mode).to_owned(),
        project: plan.project.clone(),
        stack: plan.stack.clone(),
        partial: plan.partial,
        resources,
        drift,
        outputs: plan
            .output_changes
            .iter()
            .map(|change| (change.name.clone(), change.old.clone(), change.new.clone()))
            .collect(),
        ..run_document(session)
    })
}

/// Makes the document of what is recorded of a stack; with drift, of what is not as it was recorded, too.
pub async fn recorded_document(
    session: &Session,
    operation: &str,
    report: Option<&DriftReport>,
) -> Result<PlanDocument, CommandError> {
    let mut records: BTreeMap<Urn, ResourceRecord> = BTreeMap::new();
    session
        .journal()
        .read_each(&mut |record| {
            if record.kind == TypeKind::Resource {
                records.insert(record.urn.clone(), record);
            }
        })
        .await?;
    let mut names = TypeNames::new(session);
    let mut resources = Vec::new();
    for record in records.values() {
        let known_as = names.of(&record.urn, Some(&record.plugin.name)).await;
        resources.extend(recorded(record, known_as));
    }
    let mut drift = Vec::new();
    for found in report.into_iter().flat_map(drifted_objects) {
        let object = records.get(&found.urn).and_then(|record| record.object.as_ref());
        let before = object.map(|object| object.attributes.clone());
        drift.push(drifted(found, before, names.of(&found.urn, None).await));
    }
    let project = session.project();
    Ok(PlanDocument {
        operation: operation.to_owned(),
        project: project.configuration.project_name().to_owned(),
        stack: project.configuration.stack().to_owned(),
        resources,
        drift,
        ..run_document(session)
    })
}

/// Makes the document of the resources as a check for drift found them: what is gone is left out.
pub async fn document_as_it_is(
    session: &Session,
    report: &DriftReport,
) -> Result<PlanDocument, CommandError> {
    let mut document = recorded_document(session, "state", None).await?;
    let found: BTreeMap<&Urn, Option<&ObjectState>> = report
        .actual()
        .iter()
        .map(|drift| (&drift.urn, drift.object.as_ref()))
        .collect();
    let configuration = &session.project().configuration;
    document.resources.retain_mut(|resource| {
        let place = configuration.locate(resource.urn.name().as_str(), &Path::root());
        resource.place = place.map(|origin| origin.to_string());
        match found.get(&resource.urn) {
            None => true,
            Some(None) => false,
            Some(Some(object)) => {
                resource.id = Some(object.id.clone());
                resource.before = Some(object.attributes.clone());
                resource.after.clone_from(&resource.before);
                true
            }
        }
    });
    Ok(document)
}

/// Returns the objects that drifted: not those that are only spelled in another way.
fn drifted_objects(report: &DriftReport) -> impl Iterator<Item = &Drift> {
    report.actual().iter().filter(|object| {
        let mut differences = report.differences.iter();
        differences.any(|found| found.kind.is_drift() && found.urn == object.urn)
    })
}

/// Returns a resource as it is recorded; none where there is no object.
pub fn recorded(record: &ResourceRecord, known_as: Vec<String>) -> Option<PlannedResource> {
    let object = record.object.as_ref()?;
    Some(PlannedResource {
        urn: record.urn.clone(),
        known_as,
        action: ResourceAction::None,
        before: Some(object.attributes.clone()),
        after: Some(object.attributes.clone()),
        id: Some(object.id.clone()),
        plugin: (record.plugin.name.clone(), record.plugin.version.clone()),
        parent: record.parent.clone(),
        dependencies: record.dependencies.clone(),
        reasons: Vec::new(),
        replacing: Vec::new(),
        protect: record.options.protect,
        metadata: owned_metadata(&record.options),
        place: None,
        deposed: None,
    })
}

/// What a document says of the run in which it is made.
fn run_document(session: &Session) -> PlanDocument {
    PlanDocument {
        command: session.command().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        actor: session.actor().to_owned(),
        time: jiff::Timestamp::now().to_string(),
        simulated: session.project().simulated,
        metadata: session.metadata(),
        plugins: session
            .plugins()
            .names()
            .iter()
            .filter_map(|name| session.plugins().plugin_reference(name))
            .map(|plugin| (plugin.name, plugin.version))
            .collect(),
        ..PlanDocument::default()
    }
}

/// Returns the word for what a plan is for.
pub fn operation(mode: PlanMode) -> &'static str {
    match mode {
        PlanMode::Apply => "apply",
        PlanMode::Rollback => "rollback",
        PlanMode::Destroy => "destroy",
    }
}

fn planned(step: Step, before: Option<Value>, known_as: Vec<String>) -> PlannedResource {
    let mut deposed = None;
    let action = match step.action {
        StepAction::None => ResourceAction::None,
        StepAction::Create => ResourceAction::Create,
        StepAction::Update => ResourceAction::Update,
        StepAction::Replace { delete_before } => ResourceAction::Replace { delete_before },
        StepAction::Import { id } => ResourceAction::Import {
            id,
            changes: !step.changes.is_empty(),
        },
        StepAction::Delete => ResourceAction::Delete,
        StepAction::DeleteDeposed { key } => {
            deposed = Some(key);
            ResourceAction::Delete
        }
        StepAction::Forget { .. } => ResourceAction::Forget,
    };
    let after = match action {
        // Nothing is planned for what stays as it is.
        ResourceAction::None => before.clone(),
        ResourceAction::Delete | ResourceAction::Forget => None,
        _ => Some(step.planned.as_ref().clone()),
    };
    PlannedResource {
        known_as,
        action,
        before,
        after,
        id: step.id,
        plugin: (step.plugin.name, step.plugin.version),
        parent: step.parent,
        dependencies: step.dependencies,
        reasons: step.reasons,
        replacing: step
            .changes
            .iter()
            .filter(|change| change.requires_replacement)
            .map(|change| change.at.to_string())
            .collect(),
        protect: step.options.protect,
        metadata: owned_metadata(&step.options),
        place: step.origin.map(|origin| origin.to_string()),
        deposed,
        urn: step.urn,
    }
}

/// Returns what is said of a resource.
fn owned_metadata(options: &ResourceOptions) -> BTreeMap<String, String> {
    let fields = options.metadata_fields();
    fields
        .map(|(field, value)| (field.to_owned(), value.to_owned()))
        .collect()
}

/// An object that is not as it was recorded: `before` as recorded, `after` as it is.
fn drifted(drift: &Drift, before: Option<Value>, known_as: Vec<String>) -> PlannedResource {
    let after = drift.object.as_ref().map(|object| object.attributes.clone());
    PlannedResource {
        urn: drift.urn.clone(),
        known_as,
        action: if after.is_some() {
            ResourceAction::Update
        } else {
            ResourceAction::Delete
        },
        before,
        after,
        id: drift.object.as_ref().map(|object| object.id.clone()),
        plugin: (
            drift.urn.resource_type().provider().to_owned(),
            drift
                .plugin
                .as_ref()
                .map(|plugin| plugin.version.clone())
                .unwrap_or_default(),
        ),
        parent: None,
        dependencies: Vec::new(),
        reasons: Vec::new(),
        replacing: Vec::new(),
        protect: false,
        metadata: BTreeMap::new(),
        place: None,
        deposed: None,
    }
}

/// What another tool calls the types of the plan, asked once for each.
struct TypeNames<'s> {
    session: &'s Session,
    known: BTreeMap<(String, ResourceType), Vec<String>>,
}

impl<'s> TypeNames<'s> {
    fn new(session: &'s Session) -> Self {
        Self {
            session,
            known: BTreeMap::new(),
        }
    }

    async fn of(&mut self, urn: &Urn, plugin: Option<&str>) -> Vec<String> {
        let resource_type = urn.resource_type();
        let plugin = plugin.unwrap_or(resource_type.provider()).to_owned();
        let key = (plugin, resource_type.clone());
        if let Some(names) = self.known.get(&key) {
            return names.clone();
        }
        let schema = match self.session.plugins().provider(&key.0) {
            Some(provider) => provider.schema(resource_type).await.ok(),
            None => None,
        };
        let names: Vec<String> = schema
            .iter()
            .flat_map(|schema| &schema.known_as)
            .filter(|known| known.tool == TOOL)
            .map(|known| known.resource_type.clone())
            .collect();
        self.known.insert(key, names.clone());
        names
    }
}
