//! What differs between two states of a stack.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::attribute_diff::differences;
use konductor_model::schema::TypeKind;
use konductor_model::{Urn, Value};
use konductor_state::Past;
use konductor_state::record::ResourceRecord;
use serde::Serialize;

use crate::plan::{OutputChange, PlannedChange};

/// What differs between two states.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Difference {
    /// The resources and components that differ, by name.
    pub resources: Vec<ResourceDifference>,
    /// The outputs that differ.
    pub outputs: Vec<OutputChange>,
}

/// What differs between two records of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceDifference {
    /// Which; of a resource that was renamed the later name.
    pub urn: Urn,
    /// The name it had before, where it was renamed.
    pub renamed_from: Option<Urn>,
    /// What became of it.
    pub what: Became,
    /// The identifier of the object before.
    pub old_id: Option<String>,
    /// The identifier of the object after.
    pub new_id: Option<String>,
    /// The attributes that differ; of a component the outputs. Empty for what came or went.
    pub changes: Vec<PlannedChange>,
}

/// What became of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Became {
    /// It came.
    Added,
    /// It went.
    Removed,
    /// Another object took its place.
    Replaced,
    /// It is the same object with other attributes, or under another name.
    Changed,
}

impl Difference {
    /// Compares two states of one log. Of the later one nothing else is needed than that it is later.
    pub fn between(earlier: &Past, later: &Past) -> Self {
        let kept = earlier.renamed.len().saturating_sub(later.renamed.len());
        let between = Past {
            snapshot: Default::default(),
            renamed: earlier.renamed.iter().take(kept).cloned().collect(),
        };
        let before: BTreeMap<Urn, &ResourceRecord> = earlier
            .snapshot
            .resources
            .values()
            .map(|record| (between.name_now(&record.urn), record))
            .collect();
        let after = &later.snapshot.resources;
        let urns: BTreeSet<&Urn> = before.keys().chain(after.keys()).collect();
        let resources = urns
            .into_iter()
            .filter_map(|urn| compare(urn, before.get(urn).copied(), after.get(urn)))
            .collect();
        let (old, new) = (&earlier.snapshot.outputs, &later.snapshot.outputs);
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let outputs = names
            .into_iter()
            .filter(|name| match (old.get(*name), new.get(*name)) {
                (Some(old), Some(new)) => !old.same_as(new),
                _ => true,
            })
            .map(|name| OutputChange {
                name: name.clone(),
                old: old.get(name).cloned(),
                new: new.get(name).cloned(),
            })
            .collect();
        Self { resources, outputs }
    }

    /// Tells whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.outputs.is_empty()
    }
}

/// Returns what a person can see of a record: the attributes of the object, the outputs of a component.
fn visible(record: &ResourceRecord) -> &Value {
    match (&record.object, record.kind) {
        (_, TypeKind::Component) => &record.outputs,
        (Some(object), TypeKind::Resource) => &object.attributes,
        (None, TypeKind::Resource) => &record.inputs,
    }
}

fn compare(
    urn: &Urn,
    before: Option<&ResourceRecord>,
    after: Option<&ResourceRecord>,
) -> Option<ResourceDifference> {
    let id = |record: Option<&ResourceRecord>| Some(record?.object.as_ref()?.id.clone());
    let (old_id, new_id) = (id(before), id(after));
    let (what, changes) = match (before, after) {
        (None, _) => (Became::Added, Vec::new()),
        (_, None) => (Became::Removed, Vec::new()),
        (Some(before), Some(after)) => {
            let (old, new) = (visible(before), visible(after));
            let changes: Vec<PlannedChange> = differences(old, new)
                .into_iter()
                .map(|change| PlannedChange::new(change, old, new))
                .collect();
            if old_id != new_id {
                (Became::Replaced, changes)
            } else if changes.is_empty() && before.urn == *urn {
                return None;
            } else {
                (Became::Changed, changes)
            }
        }
    };
    Some(ResourceDifference {
        urn: urn.clone(),
        renamed_from: before
            .filter(|before| before.urn != *urn)
            .map(|before| before.urn.clone()),
        what,
        old_id,
        new_id,
        changes,
    })
}
