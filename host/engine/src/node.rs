//! What should exist, once everything is expanded: one node a resource or component.
//!
//! A node holds what is its own, which for an instance is its name. The text of its properties stands in a template that
//! all instances share, and what it is for one of them is worked out when it is asked for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use konductor_model::schema::TypeKind;
use konductor_model::{Origin, Repetition, ResourceName, ResourceOptions, Urn, Value};
use konductor_state::record::{PluginReference, ResourceRecord};

use crate::bind::Binder;
use crate::desired::Output;
use crate::graph::Graph;
use crate::reference::has_references;

/// A resource or component that should exist.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its identity.
    pub urn: Urn,
    /// Resource or component.
    pub kind: TypeKind,
    /// The plugin that manages it.
    pub plugin: Arc<PluginReference>,
    /// The options, inherited ones included.
    pub options: Arc<ResourceOptions>,
    /// The component it belongs to.
    pub parent: Option<usize>,
    pub(crate) template: Arc<Template>,
    /// Which instance of the template it is.
    pub(crate) instance: Option<u32>,
}

/// The text of one declaration, for the one or the many nodes that come from it.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) properties: Value,
    pub(crate) outputs: Value,
    pub(crate) origin: Option<Origin>,
    pub(crate) repetition: Option<Repetition>,
    /// Whether a reference to anything stands in it.
    refers: bool,
}

impl Template {
    pub(crate) fn new(properties: Value, outputs: Value, origin: Option<Origin>) -> Self {
        Self {
            refers: has_references(&properties) || has_references(&outputs),
            properties,
            outputs,
            origin,
            repetition: None,
        }
    }

    pub(crate) fn repeated(mut self, repetition: Repetition) -> Self {
        // That an instance refers to what it knows of itself is no reference to a resource.
        self.refers = !repetition.is_empty() && has_references(&repetition.fill(0, self.properties.clone()));
        if let Repetition::Each(entries) = &repetition {
            self.refers |= entries.iter().any(|(_, value)| has_references(value));
        }
        self.repetition = Some(repetition);
        self
    }
}

/// The instances of one declaration: nodes that stand one after the other.
#[derive(Debug, Clone)]
pub struct Group {
    /// The node of the first instance.
    pub(crate) first: usize,
    pub(crate) template: Arc<Template>,
}

impl Group {
    /// Returns which instances there are.
    pub fn repetition(&self) -> &Repetition {
        self.template.repetition.as_ref().unwrap_or(&Repetition::Count(0))
    }

    /// Returns the nodes of all instances.
    pub fn nodes(&self) -> Range<usize> {
        self.first..self.first + self.repetition().len()
    }
}

impl Node {
    /// Makes the node of a record of another time.
    pub(crate) fn recorded(
        record: &ResourceRecord,
        plugin: PluginReference,
        options: ResourceOptions,
        properties: Value,
        outputs: Value,
        parent: Option<usize>,
    ) -> Self {
        Self {
            urn: record.urn.clone(),
            kind: record.kind,
            plugin: Arc::new(plugin),
            options: Arc::new(options),
            parent,
            template: Arc::new(Template::new(properties, outputs, None)),
            instance: None,
        }
    }

    /// Returns where it, or the component it came from, was declared.
    pub fn origin(&self) -> Option<&Origin> {
        self.template.origin.as_ref()
    }

    /// Tells whether its properties or outputs can refer to another resource.
    pub(crate) fn refers(&self) -> bool {
        self.template.refers
    }

    /// Returns which instance it is, with the instances there are.
    pub(crate) fn instance(&self) -> Option<(usize, &Repetition)> {
        Some((
            usize::try_from(self.instance?).ok()?,
            self.template.repetition.as_ref()?,
        ))
    }

    /// Returns the properties as declared: references may name components and instances.
    pub(crate) fn properties(&self) -> Value {
        let properties = self.template.properties.clone();
        match self.instance() {
            Some((position, repetition)) => repetition.fill(position, properties),
            None => properties,
        }
    }

    /// Puts other properties in the place of those that are declared.
    pub(crate) fn set_properties(&mut self, properties: Value) {
        let template = Template::new(properties, self.outputs().clone(), self.origin().cloned());
        self.template = Arc::new(template);
        self.instance = None;
    }

    /// Returns the outputs of a component as the plugin gave them.
    pub(crate) fn outputs(&self) -> &Value {
        &self.template.outputs
    }
}

/// Everything that should exist, with the graph over it.
#[derive(Debug, Default)]
pub struct Expanded {
    /// The project.
    pub project: String,
    /// The stack.
    pub stack: String,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The nodes by name.
    pub names: HashMap<ResourceName, usize>,
    /// What has instances, by the name it was declared with.
    pub groups: HashMap<ResourceName, Group>,
    /// What each node depends on.
    pub graph: Graph,
    /// The stack's outputs; every reference names a resource.
    pub outputs: BTreeMap<String, Output>,
    /// The names of what is to be forgotten and not deleted.
    pub removed: HashSet<String>,
}

impl Expanded {
    /// Returns a node.
    pub fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    /// Returns the node of a name as text.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// Returns the nodes that a name stands for: one, or all instances.
    pub fn all_named(&self, name: &str) -> Option<Range<usize>> {
        match self.named(name) {
            Some(index) => Some(index..index + 1),
            None => self.groups.get(name).map(Group::nodes),
        }
    }

    /// Returns all names that can be written, for suggestions.
    pub(crate) fn known_names(&self) -> impl Iterator<Item = &str> {
        let groups = self.groups.keys().map(ResourceName::as_str);
        groups.chain(self.names.keys().map(ResourceName::as_str))
    }

    /// Returns the properties of a node; every reference names a resource, never a component.
    pub(crate) fn properties(&self, node: &Node) -> Value {
        self.bound(node, node.properties())
    }

    /// Returns the outputs of a component; every reference names a resource.
    pub(crate) fn outputs(&self, node: &Node) -> Value {
        self.bound(node, node.outputs().clone())
    }

    fn bound(&self, node: &Node, value: Value) -> Value {
        if !node.refers() {
            return value;
        }
        // What leads nowhere was reported when the graph was built.
        Binder::new(self).value(&value, &mut Vec::new(), &mut Vec::new(), 0)
    }
}
