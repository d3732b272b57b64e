//! Turns what is declared into nodes: components and modules are constructed, options inherited, references bound.

use std::collections::{HashMap, HashSet, VecDeque};

use konductor_model::module::{ConstructRequest, Declaration};
use konductor_model::schema::TypeKind;
use konductor_model::{
    Diagnostic, Diagnostics, Origin, Path, Reference, ResourceName, ResourceOptions, ResourceType, Urn, Value,
};
use konductor_state::record::PluginReference;

use crate::bind::bind;
use crate::desired::{Desired, ModuleDeclaration, Name, Output, Providers};
use crate::graph::Graph;
use crate::instance;
use crate::reference::suggestion;

/// How deep components may stand in components.
const DEPTH: usize = 16;

/// A resource or component that should exist.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its identity.
    pub urn: Urn,
    /// Resource or component.
    pub kind: TypeKind,
    /// The plugin that manages it.
    pub plugin: PluginReference,
    /// The properties; every reference names a resource, never a component.
    pub properties: Value,
    /// The outputs of a component; every reference names a resource.
    pub outputs: Value,
    /// The options, inherited ones included.
    pub options: ResourceOptions,
    /// The component it belongs to.
    pub parent: Option<usize>,
    /// Where it, or the component it came from, was declared.
    pub origin: Option<Origin>,
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
    /// What each node depends on.
    pub graph: Graph,
    /// The stack's outputs; every reference names a resource.
    pub outputs: std::collections::BTreeMap<String, Output>,
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
        let name: ResourceName = name.parse().ok()?;
        self.names.get(&name).copied()
    }
}

struct Pending {
    declaration: Declaration,
    parent: Option<usize>,
    depth: usize,
}

/// Expands what is declared. Everything that is wrong is said at once, in the diagnostics; with an error among
/// them the result is not complete.
pub async fn expand(desired: Desired, plugins: &dyn Providers) -> (Expanded, Diagnostics) {
    let mut expansion = Expansion {
        result: Expanded {
            project: desired.project,
            stack: desired.stack,
            ..Expanded::default()
        },
        diagnostics: Diagnostics::default(),
        plugins,
        configuration: configuration_by_plugin(&desired.modules, plugins),
        metadata: desired.metadata,
        queue: VecDeque::new(),
    };
    expansion.modules(desired.modules).await;
    // What has a declared parent comes after it, so that it can inherit its plugin.
    let (without, with): (Vec<_>, Vec<_>) = desired
        .declarations
        .into_iter()
        .partition(|declaration| declaration.options.parent.is_none());
    for declaration in without.into_iter().chain(with) {
        expansion.queue.push_back(Pending {
            declaration,
            parent: None,
            depth: 0,
        });
    }
    while let Some(pending) = expansion.queue.pop_front() {
        expansion.declare(pending).await;
    }
    let Expansion {
        mut result,
        mut diagnostics,
        ..
    } = expansion;
    result.outputs = desired.outputs;
    refactor(&mut result, desired.moved, desired.removed, &mut diagnostics);
    bind(&mut result, &mut diagnostics);
    (result, diagnostics)
}

/// Lets what is declared take over the names it had before, and keeps the names of what is to be forgotten.
fn refactor(
    result: &mut Expanded,
    moved: Vec<(Name, Name)>,
    removed: Vec<Name>,
    diagnostics: &mut Diagnostics,
) {
    for (old, new) in moved {
        let found = result.named(&new.name);
        match found.and_then(|index| result.nodes.get_mut(index)) {
            Some(node) => node.options.aliases.push(old.name),
            None => {
                let known = result.names.keys().map(ResourceName::as_str);
                diagnostics.push(
                    Diagnostic::error(format!(
                        "`{}` is moved to `{}`, which is not declared",
                        old.name, new.name
                    ))
                    .help(suggestion(&new.name, known, "name something of this stack"))
                    .origin(new.origin),
                );
            }
        }
    }
    for gone in removed {
        if let Some(node) = result.named(&gone.name).and_then(|index| result.nodes.get(index)) {
            let mut diagnostic = Diagnostic::error(format!("`{}` is removed and declared", gone.name))
                .help("take one of the two away")
                .origin(gone.origin);
            if let Some(origin) = &node.origin {
                diagnostic = diagnostic.related(origin.clone(), "declared here");
            }
            diagnostics.push(diagnostic);
        }
        result.removed.insert(gone.name);
    }
}

struct Expansion<'p> {
    result: Expanded,
    diagnostics: Diagnostics,
    plugins: &'p dyn Providers,
    metadata: Value,
    configuration: HashMap<String, Value>,
    queue: VecDeque<Pending>,
}

/// Returns, for each plugin, the configuration of its modules by the names it knows them by.
fn configuration_by_plugin(modules: &[ModuleDeclaration], plugins: &dyn Providers) -> HashMap<String, Value> {
    let mut configuration: HashMap<String, Value> = HashMap::new();
    for module in modules {
        configuration
            .entry(module.plugin.clone())
            .or_insert_with(Value::empty_map)
            .put(
                &Path::attribute(instance::module_of(plugins, &module.plugin, &module.namespace)),
                module.inputs.clone(),
            );
    }
    configuration
}

impl Expansion<'_> {
    /// Returns the run's metadata with the plugin's own configuration, and no other plugin's, as `configuration`:
    /// a component that is declared directly knows the region, or where access logs go.
    fn metadata_for(&self, plugin: &str) -> Value {
        let mut metadata = self.metadata.clone();
        if let Some(configuration) = self.configuration.get(plugin) {
            metadata.put(&Path::attribute("configuration"), configuration.clone());
        }
        metadata
    }

    async fn modules(&mut self, modules: Vec<ModuleDeclaration>) {
        // What a plugin calls a module, and the namespaces that are configured as such.
        let enabled: Vec<(String, String)> = modules
            .iter()
            .map(|module| {
                let known_as = instance::module_of(self.plugins, &module.plugin, &module.namespace);
                (known_as, module.namespace.clone())
            })
            .collect();
        for mut module in modules {
            let wrong = |summary: String| {
                Diagnostic::error(summary)
                    .resource(&module.namespace)
                    .origin(module.origin.clone())
            };
            let own_name =
                instance::own_name(self.plugins, &module.plugin).unwrap_or_else(|| module.plugin.clone());
            let parsed = module.namespace.parse::<ResourceName>().and_then(|name| {
                format!("{own_name}:module:Module")
                    .parse::<ResourceType>()
                    .map(|kind| (name, kind))
            });
            let (name, resource_type) = match parsed {
                Ok(parsed) => parsed,
                Err(error) => {
                    self.diagnostics.push(wrong(error.to_string()));
                    continue;
                }
            };
            let Some(guest) = self.plugins.module(&module.plugin) else {
                let summary = format!("there is no plugin `{}` with modules", module.plugin);
                self.diagnostics
                    .push(wrong(summary).help("name it under `plugins`"));
                continue;
            };
            let target = instance::module_of(self.plugins, &module.plugin, &module.namespace);
            match guest.dependencies(&target).await {
                Ok(needed) => {
                    // A module that is not enabled orders nothing.
                    let needed = enabled.iter().filter(|(known_as, namespace)| {
                        needed.contains(known_as) && *namespace != module.namespace
                    });
                    module
                        .options
                        .depends_on
                        .extend(needed.map(|(_, namespace)| namespace.clone()));
                }
                Err(failure) => self.diagnostics.extend(failure.to_diagnostics(&module.namespace)),
            }
            let declaration = Declaration {
                name,
                resource_type,
                properties: module.inputs,
                options: module.options,
                origin: module.origin,
            };
            let Some(index) = self.add(&declaration, TypeKind::Component, &module.plugin, None) else {
                continue;
            };
            self.construct(index, &target, declaration, &module.plugin, 0)
                .await;
        }
    }

    async fn declare(&mut self, pending: Pending) {
        let Pending {
            declaration,
            parent,
            depth,
        } = pending;
        let plugin = match instance::choose(self.plugins, &declaration, self.around(&declaration, parent)) {
            Ok(plugin) => plugin,
            Err(wrong) => {
                self.diagnostics.push(*wrong);
                return;
            }
        };
        let Some(kind) = self.kind_of(&declaration, &plugin) else {
            return;
        };
        let Some(index) = self.add(&declaration, kind, &plugin, parent) else {
            return;
        };
        if kind == TypeKind::Component {
            let target = declaration.resource_type.to_string();
            self.construct(index, &target, declaration, &plugin, depth).await;
        } else if let Some(node) = self.result.nodes.get_mut(index) {
            node.properties = declaration.properties;
        }
    }

    /// Returns the instances that manage what a declaration stands in, the nearest first.
    fn around(&self, declaration: &Declaration, parent: Option<usize>) -> Vec<&str> {
        // What a component constructs may not be there yet; it has the same plugin as the component at the root.
        let declared = declaration.options.parent.as_deref();
        let root = declared.and_then(|name| name.split('/').next());
        let named = |name: Option<&str>| self.result.named(name?);
        let mut here = parent.or_else(|| named(declared)).or_else(|| named(root));
        let mut found = Vec::new();
        while let Some(node) = here.and_then(|index| self.result.nodes.get(index)) {
            found.push(node.plugin.name.as_str());
            here = node.parent;
        }
        found
    }

    fn kind_of(&mut self, declaration: &Declaration, plugin: &str) -> Option<TypeKind> {
        let wanted = &declaration.resource_type;
        let mut known: Vec<ResourceType> = Vec::new();
        let provider = self.plugins.provider(plugin);
        if let Some(provider) = &provider {
            let manifest = provider.manifest();
            if manifest.resource_types.contains(wanted) {
                return Some(TypeKind::Resource);
            }
            if manifest.component_types.contains(wanted) {
                return Some(TypeKind::Component);
            }
            known.extend(manifest.resource_types.iter().cloned());
            known.extend(manifest.component_types.iter().cloned());
        }
        let mut diagnostic = if provider.is_some() {
            let help = suggestion(
                wanted.as_str(),
                known.iter().map(ResourceType::as_str),
                "`konductor catalog list` shows all types",
            );
            Diagnostic::error(format!("there is no type `{wanted}`")).help(help)
        } else {
            let names = self.plugins.names();
            let help = suggestion(
                wanted.provider(),
                names.iter().map(String::as_str),
                "name it under `plugins`",
            );
            Diagnostic::error(format!(
                "there is no plugin `{}` for the type `{wanted}`",
                wanted.provider()
            ))
            .help(help)
        };
        diagnostic = diagnostic
            .resource(&declaration.name)
            .origin(declaration.origin.clone());
        self.diagnostics.push(diagnostic);
        None
    }

    /// Adds a node without properties; none when the name is taken or cannot be an identity.
    fn add(
        &mut self,
        declaration: &Declaration,
        kind: TypeKind,
        plugin: &str,
        parent: Option<usize>,
    ) -> Option<usize> {
        let wrong = |summary: String| {
            Diagnostic::error(summary)
                .resource(&declaration.name)
                .origin(declaration.origin.clone())
        };
        if let Some(first) = self
            .result
            .names
            .get(&declaration.name)
            .and_then(|index| self.result.nodes.get(*index))
        {
            let mut diagnostic = wrong(format!("`{}` is declared twice", declaration.name))
                .help("give one of them another name");
            if let Some(origin) = &first.origin {
                diagnostic = diagnostic.related(origin.clone(), "first declared here");
            }
            self.diagnostics.push(diagnostic);
            return None;
        }
        let urn = match Urn::new(
            &self.result.project,
            &self.result.stack,
            declaration.resource_type.clone(),
            declaration.name.clone(),
        ) {
            Ok(urn) => urn,
            Err(error) => {
                self.diagnostics.push(wrong(error.to_string()));
                return None;
            }
        };
        let Some(plugin) = self.plugins.plugin_reference(plugin) else {
            self.diagnostics
                .push(wrong(format!("there is no plugin `{plugin}`")).help("name it under `plugins`"));
            return None;
        };
        let index = self.result.nodes.len();
        self.result.names.insert(declaration.name.clone(), index);
        self.result.nodes.push(Node {
            urn,
            kind,
            plugin,
            properties: Value::Null,
            outputs: Value::Null,
            options: declaration.options.clone(),
            parent,
            origin: declaration.origin.clone(),
        });
        Some(index)
    }

    async fn construct(
        &mut self,
        index: usize,
        target: &str,
        declaration: Declaration,
        plugin: &str,
        depth: usize,
    ) {
        let name = declaration.name;
        let wrong = |summary: String| {
            Diagnostic::error(summary)
                .resource(&name)
                .origin(declaration.origin.clone())
        };
        if depth >= DEPTH {
            self.diagnostics.push(
                wrong(format!("components stand more than {DEPTH} deep in each other"))
                    .detail("a component that constructs itself never ends"),
            );
            return;
        }
        let Some(module) = self.plugins.module(plugin) else {
            self.diagnostics
                .push(wrong(format!("the plugin `{plugin}` has no components")));
            return;
        };
        let request = ConstructRequest {
            target: target.to_owned(),
            name: name.clone(),
            inputs: declaration.properties.clone(),
            metadata: self.metadata_for(plugin),
        };
        let response = match module.construct(request).await {
            Ok(response) => response,
            Err(failure) => {
                let found = failure.to_diagnostics(&name).into_iter();
                self.diagnostics
                    .extend(found.map(|d| d.origin(declaration.origin.clone())));
                return;
            }
        };
        self.diagnostics
            .extend(response.diagnostics.into_iter().map(|found| {
                let origin = found.origin.clone().or_else(|| declaration.origin.clone());
                found.resource(&name).origin(origin)
            }));
        if let Some(node) = self.result.nodes.get_mut(index) {
            node.properties = declaration.properties;
            node.outputs = absolute(response.outputs, &name);
        }
        let own_name = instance::own_name(self.plugins, plugin);
        let granted = self.plugins.declares(plugin);
        for child in response.declarations {
            let other = child.resource_type.provider();
            if own_name.as_deref() != Some(other) && !granted.contains(other) {
                self.diagnostics.push(
                    wrong(format!(
                        "the plugin `{plugin}` declares `{}`, a type of the plugin `{other}`, which it was not granted",
                        child.resource_type
                    ))
                    .help(format!(
                        "add `declares: [{other}]` under plugins.{plugin}.grant in konductor.yaml if it may"
                    )),
                );
                continue;
            }
            let child_name = match name.child(&child.name) {
                Ok(child_name) => child_name,
                Err(error) => {
                    self.diagnostics.push(
                        wrong(format!(
                            "the plugin `{plugin}` constructed a resource without a usable name"
                        ))
                        .detail(error.to_string()),
                    );
                    continue;
                }
            };
            let mut options = child.options;
            for dependency in &mut options.depends_on {
                *dependency = absolute_name(dependency, &name);
            }
            if let Some(parent) = &mut options.parent {
                *parent = absolute_name(parent, &name);
            }
            self.queue.push_back(Pending {
                declaration: Declaration {
                    name: child_name,
                    resource_type: child.resource_type,
                    properties: absolute(child.properties, &name),
                    options,
                    origin: declaration.origin.clone(),
                },
                parent: Some(index),
                depth: depth + 1,
            });
        }
    }
}

/// Writes the names of siblings, `./NAME`, out in full.
fn absolute(value: Value, component: &ResourceName) -> Value {
    value.map_leaves(&mut |leaf| match leaf {
        Value::Reference(reference) => Value::Reference(Reference {
            resource: absolute_name(&reference.resource, component),
            path: reference.path,
        }),
        other => other,
    })
}

fn absolute_name(name: &str, component: &ResourceName) -> String {
    match name.strip_prefix("./") {
        Some(sibling) => format!("{component}/{sibling}"),
        None => name.to_owned(),
    }
}
