//! Turns what is declared into nodes: components and modules are constructed, options inherited, references bound.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use konductor_model::module::{ConstructRequest, Declaration, RepeatedDeclaration};
use konductor_model::schema::TypeKind;
use konductor_model::{
    Diagnostic, Diagnostics, Path, Reference, ResourceName, ResourceOptions, ResourceType, Urn, Value,
};
use konductor_state::record::PluginReference;

use crate::bind::bind;
use crate::desired::{Desired, ModuleDeclaration, Providers};
use crate::instance;
use crate::metadata::inherit_metadata;
use crate::node::Template;
pub use crate::node::{Expanded, Group, Node};
use crate::refactor::refactor;
use crate::reference::suggestion;

/// How deep components may stand in components.
const DEPTH: usize = 16;

struct Pending {
    declaration: Declaration,
    parent: Option<usize>,
    depth: usize,
}

/// What waits to be declared. Instances are made when it is their turn, one after the other.
enum Waiting {
    One(Pending),
    Instances(RepeatedDeclaration),
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
        references: HashMap::new(),
    };
    expansion.modules(desired.modules).await;
    // What has a declared parent comes after it, so that it can inherit its plugin.
    let (without, with): (Vec<_>, Vec<_>) = desired
        .declarations
        .into_iter()
        .partition(|declaration| declaration.options.parent.is_none());
    let (repeated, repeated_with): (Vec<_>, Vec<_>) = desired
        .repeated
        .into_iter()
        .partition(|repeated| repeated.declaration.options.parent.is_none());
    let one = |declaration| {
        Waiting::One(Pending {
            declaration,
            parent: None,
            depth: 0,
        })
    };
    let queue = &mut expansion.queue;
    queue.extend(without.into_iter().map(one));
    queue.extend(repeated.into_iter().map(Waiting::Instances));
    queue.extend(with.into_iter().map(one));
    queue.extend(repeated_with.into_iter().map(Waiting::Instances));
    while let Some(waiting) = expansion.queue.pop_front() {
        match waiting {
            Waiting::One(pending) => expansion.declare(pending).await,
            Waiting::Instances(repeated) => expansion.declare_instances(repeated).await,
        }
    }
    let Expansion {
        mut result,
        mut diagnostics,
        ..
    } = expansion;
    result.outputs = desired.outputs;
    refactor(&mut result, desired.moved, desired.removed, &mut diagnostics);
    bind(&mut result, &mut diagnostics);
    inherit_metadata(&mut result, &desired.run_metadata);
    (result, diagnostics)
}

struct Expansion<'p> {
    result: Expanded,
    diagnostics: Diagnostics,
    plugins: &'p dyn Providers,
    metadata: Value,
    configuration: HashMap<String, Value>,
    queue: VecDeque<Waiting>,
    /// Each plugin by its name in the project, kept once for all that it manages.
    references: HashMap<String, Arc<PluginReference>>,
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
        let Some((plugin, kind)) = self.chosen(&declaration, parent) else {
            return;
        };
        let Some(index) = self.add(&declaration, kind, &plugin, parent) else {
            return;
        };
        if kind == TypeKind::Component {
            let target = declaration.resource_type.to_string();
            self.construct(index, &target, declaration, &plugin, depth).await;
        } else if let Some(node) = self.result.nodes.get_mut(index) {
            node.template = Arc::new(Template::new(
                declaration.properties,
                Value::Null,
                declaration.origin,
            ));
        }
    }

    /// Chooses the plugin of a declaration and finds out what it declares. What is wrong is reported.
    fn chosen(&mut self, declaration: &Declaration, parent: Option<usize>) -> Option<(String, TypeKind)> {
        let plugin = match instance::choose(self.plugins, declaration, self.around(declaration, parent)) {
            Ok(plugin) => plugin,
            Err(wrong) => {
                self.diagnostics.push(*wrong);
                return None;
            }
        };
        let kind = self.kind_of(declaration, &plugin)?;
        Some((plugin, kind))
    }

    /// Adds a node for every instance. They share what they have in common: an instance by itself is its name.
    async fn declare_instances(&mut self, repeated: RepeatedDeclaration) {
        let RepeatedDeclaration {
            mut declaration,
            options: own_options,
            repetition,
        } = repeated;
        if let Some(first) = self.declared_at(declaration.name.as_str()) {
            self.diagnostics.push(declared_twice(&declaration, first));
            return;
        }
        let Some((plugin, kind)) = self.chosen(&declaration, None) else {
            return;
        };
        let name = declaration.name.clone();
        let properties = std::mem::take(&mut declaration.properties);
        let template = Arc::new(
            Template::new(properties, Value::Null, declaration.origin.clone()).repeated(repetition.clone()),
        );
        self.result.groups.insert(
            name.clone(),
            Group {
                first: self.result.nodes.len(),
                template: template.clone(),
            },
        );
        let common = Arc::new(declaration.options.clone());
        let repeated = RepeatedDeclaration {
            declaration,
            options: own_options,
            repetition: repetition.clone(),
        };
        for position in 0..repetition.len() {
            let Some(key) = repetition.key(position) else {
                break;
            };
            let mut instance = Declaration {
                properties: Value::Null,
                options: ResourceOptions::default(),
                ..repeated.declaration.clone()
            };
            match name.child(&key) {
                Ok(name) => instance.name = name,
                Err(error) => {
                    self.diagnostics.push(wrong(&instance, error.to_string()));
                    return;
                }
            }
            let (options, plugin) = if repeated.options.is_null() {
                (common.clone(), plugin.clone())
            } else {
                match repeated.options_of(position) {
                    Ok(options) => instance.options = options,
                    Err(error) => {
                        self.diagnostics
                            .push(wrong(&instance, "its options cannot be read").detail(error));
                        continue;
                    }
                }
                let Some((plugin, _)) = self.chosen(&instance, None) else {
                    continue;
                };
                (Arc::new(instance.options.clone()), plugin)
            };
            let Some(index) = self.add_with(&instance, kind, &plugin, None, options) else {
                return;
            };
            if let Some(node) = self.result.nodes.get_mut(index) {
                node.template = template.clone();
                node.instance = u32::try_from(position).ok();
            }
            if kind == TypeKind::Component {
                let target = instance.resource_type.to_string();
                instance.properties = repetition.fill(position, template.properties.clone());
                self.construct(index, &target, instance, &plugin, 0).await;
            }
        }
    }

    /// Returns what has a name already.
    fn declared_at(&self, name: &str) -> Option<&Node> {
        let group = || self.result.groups.get(name).map(|group| group.first);
        let index = self.result.named(name).or_else(group)?;
        self.result.nodes.get(index)
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
        let options = Arc::new(declaration.options.clone());
        self.add_with(declaration, kind, plugin, parent, options)
    }

    fn add_with(
        &mut self,
        declaration: &Declaration,
        kind: TypeKind,
        plugin: &str,
        parent: Option<usize>,
        options: Arc<ResourceOptions>,
    ) -> Option<usize> {
        if let Some(first) = self.declared_at(declaration.name.as_str()) {
            self.diagnostics.push(declared_twice(declaration, first));
            return None;
        }
        // What is of one type differs in its name alone and shares the rest.
        let like = self
            .result
            .nodes
            .last()
            .map(|node| &node.urn)
            .filter(|urn| *urn.resource_type() == declaration.resource_type);
        let urn = match like {
            Some(like) => like.with_name(declaration.name.clone()),
            None => match Urn::new(
                &self.result.project,
                &self.result.stack,
                declaration.resource_type.clone(),
                declaration.name.clone(),
            ) {
                Ok(urn) => urn,
                Err(error) => {
                    self.diagnostics.push(wrong(declaration, error.to_string()));
                    return None;
                }
            },
        };
        let plugin = match self.references.get(plugin) {
            Some(known) => known.clone(),
            None => {
                let Some(reference) = self.plugins.plugin_reference(plugin) else {
                    let summary = format!("there is no plugin `{plugin}`");
                    self.diagnostics
                        .push(wrong(declaration, summary).help("name it under `plugins`"));
                    return None;
                };
                let reference = Arc::new(reference);
                self.references.insert(plugin.to_owned(), reference.clone());
                reference
            }
        };
        let index = self.result.nodes.len();
        self.result.names.insert(declaration.name.clone(), index);
        self.result.nodes.push(Node {
            urn,
            kind,
            plugin,
            options,
            parent,
            template: Arc::new(Template::new(
                Value::Null,
                Value::Null,
                declaration.origin.clone(),
            )),
            instance: None,
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
            let outputs = absolute(response.outputs, &name);
            node.instance = None;
            node.template = Arc::new(Template::new(
                declaration.properties,
                outputs,
                declaration.origin.clone(),
            ));
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
            self.queue.push_back(Waiting::One(Pending {
                declaration: Declaration {
                    name: child_name,
                    resource_type: child.resource_type,
                    properties: absolute(child.properties, &name),
                    options,
                    origin: declaration.origin.clone(),
                },
                parent: Some(index),
                depth: depth + 1,
            }));
        }
    }
}

fn wrong(declaration: &Declaration, summary: impl Into<String>) -> Diagnostic {
    Diagnostic::error(summary)
        .resource(&declaration.name)
        .origin(declaration.origin.clone())
}

fn declared_twice(declaration: &Declaration, first: &Node) -> Diagnostic {
    let diagnostic = wrong(declaration, format!("`{}` is declared twice", declaration.name))
        .help("give one of them another name");
    match first.origin() {
        Some(origin) => diagnostic.related(origin.clone(), "first declared here"),
        None => diagnostic,
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
