//! Binds what was expanded: inherits options, leads references through components to resources, builds the graph.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use konductor_model::interpolation::{join_parts, resolve_joins};
use konductor_model::repetition::ALL;
use konductor_model::schema::TypeKind;
use konductor_model::{
    Diagnostic, Diagnostics, Origin, Path, PathStep, Reference, Repetition, ResourceOptions, Value,
};

use crate::graph::Graph;
use crate::node::{Expanded, Group, Node};
use crate::reference::suggestion;

/// How many components a reference may lead through before it is taken for a cycle.
const REFERENCE_DEPTH: usize = 64;
/// How many mistakes of the instances of one declaration are told.
const MISTAKES_OF_INSTANCES: usize = 5;
/// For how many mistakes a name is looked for that may be meant.
const SUGGESTIONS: usize = 50;

/// Completes an expansion in place.
pub(crate) fn bind(expanded: &mut Expanded, diagnostics: &mut Diagnostics) {
    find_parents(expanded, diagnostics);
    inherit_options(expanded, diagnostics);
    let mut dependencies = vec![Vec::new(); expanded.nodes.len()];
    find_declared_dependencies(expanded, &mut dependencies, diagnostics);
    bind_references(expanded, &mut dependencies, diagnostics);
    for (index, node) in expanded.nodes.iter().enumerate() {
        if let Some(needs) = node.parent.and_then(|parent| dependencies.get_mut(parent)) {
            needs.push(index);
        }
    }
    match Graph::new(dependencies) {
        Ok(graph) => expanded.graph = graph,
        Err(cycles) => {
            for cycle in cycles {
                diagnostics.push(describe_cycle(expanded, &cycle));
            }
        }
    }
}

fn name_of(expanded: &Expanded, index: usize) -> &str {
    expanded
        .nodes
        .get(index)
        .map_or("", |node| node.urn.name().as_str())
}

fn about(node: &Node, summary: impl Into<String>) -> Diagnostic {
    Diagnostic::error(summary)
        .resource(node.urn.name())
        .origin(node.origin().cloned())
}

fn describe_cycle(expanded: &Expanded, cycle: &[usize]) -> Diagnostic {
    let mut names: Vec<&str> = cycle.iter().map(|index| name_of(expanded, *index)).collect();
    let first = names.first().copied().unwrap_or_default();
    if names.len() == 1 {
        let mut diagnostic = Diagnostic::error(format!("`{first}` depends on itself")).resource(first);
        diagnostic.origin = cycle
            .first()
            .and_then(|index| expanded.node(*index))
            .and_then(|node| node.origin().cloned());
        return diagnostic;
    }
    names.push(first);
    let mut diagnostic = Diagnostic::error(format!(
        "dependencies go round in a circle: {}",
        names.join(" → ")
    ))
    .resource(first)
    .help("take one of these references or `depends_on` away");
    let mut origins = cycle.iter().filter_map(|index| {
        let node = expanded.node(*index)?;
        Some((node.urn.name().to_string(), node.origin().cloned()?))
    });
    diagnostic.origin = origins.next().map(|(_, origin)| origin);
    for (name, origin) in origins {
        diagnostic = diagnostic.related(origin, format!("`{name}` is declared here"));
    }
    diagnostic
}

fn find_parents(expanded: &mut Expanded, diagnostics: &mut Diagnostics) {
    for index in 0..expanded.nodes.len() {
        let Some(node) = expanded.nodes.get(index) else {
            continue;
        };
        let Some(parent) = node.options.parent.clone() else {
            continue;
        };
        let found = expanded.named(&parent);
        let problem = match found.and_then(|found| expanded.node(found)) {
            None => Some(
                about(node, format!("the parent `{parent}` is not declared")).help(suggestion(
                    &parent,
                    expanded.known_names(),
                    "name a component of this stack",
                )),
            ),
            Some(other) if other.kind != TypeKind::Component => {
                let mut diagnostic = about(node, format!("the parent `{parent}` is not a component"));
                if let Some(origin) = other.origin() {
                    diagnostic = diagnostic.related(origin.clone(), "declared as a resource here");
                }
                Some(diagnostic)
            }
            Some(_) => None,
        };
        match problem {
            Some(problem) => diagnostics.push(problem),
            None => {
                if let Some(node) = expanded.nodes.get_mut(index) {
                    node.parent = found;
                }
            }
        }
    }
}

/// Returns the components a node stands in, from the inside out. Ends also when parents go round in a circle.
pub(crate) fn ancestors(expanded: &Expanded, index: usize) -> Vec<usize> {
    let mut found = Vec::new();
    let mut here = expanded.node(index).and_then(|node| node.parent);
    while let Some(parent) = here {
        if parent == index || found.contains(&parent) {
            break;
        }
        found.push(parent);
        here = expanded.node(parent).and_then(|node| node.parent);
    }
    found
}

fn inherit_options(expanded: &mut Expanded, diagnostics: &mut Diagnostics) {
    // As they were declared: what a component inherits itself is above it too.
    let own: HashMap<usize, Arc<ResourceOptions>> = expanded
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.kind == TypeKind::Component)
        .map(|(index, node)| (index, node.options.clone()))
        .collect();
    for index in 0..expanded.nodes.len() {
        let above = ancestors(expanded, index);
        if above.is_empty() {
            continue;
        }
        for ancestor in above.iter().copied() {
            let Some(ResourceOptions {
                protect,
                retain_on_delete: retain,
                depends_on,
                aliases,
                ..
            }) = own.get(&ancestor).map(Arc::as_ref)
            else {
                continue;
            };
            let prefix = format!("{}/", name_of(expanded, ancestor));
            let Some(node) = expanded.nodes.get_mut(index) else {
                continue;
            };
            let options = Arc::make_mut(&mut node.options);
            options.protect |= protect;
            options.retain_on_delete |= retain;
            for dependency in depends_on {
                if !options.depends_on.contains(dependency) {
                    options.depends_on.push(dependency.clone());
                }
            }
            if let Some(rest) = node.urn.name().as_str().strip_prefix(&prefix) {
                for alias in aliases {
                    let name = alias.rsplit_once("::").map_or(alias.as_str(), |(_, name)| name);
                    options.aliases.push(format!("{name}/{rest}"));
                }
            }
        }
        let Some(node) = expanded.node(index) else {
            continue;
        };
        for ancestor in above {
            let Some(component) = expanded.node(ancestor) else {
                continue;
            };
            let name = component.urn.name().as_str();
            if node
                .options
                .depends_on
                .iter()
                .any(|dependency| dependency == name)
            {
                let mut diagnostic = about(
                    node,
                    format!("`{name}` is both parent and dependency of `{}`", node.urn.name()),
                )
                .detail("a component is finished after its children, so a child cannot wait for it")
                .help(format!(
                    "take `{name}` out of `depends_on`, or give another parent"
                ));
                if let Some(origin) = component.origin() {
                    diagnostic = diagnostic.related(origin.clone(), "the parent is declared here");
                }
                diagnostics.push(diagnostic);
            }
        }
    }
}

fn find_declared_dependencies(
    expanded: &Expanded,
    dependencies: &mut [Vec<usize>],
    diagnostics: &mut Diagnostics,
) {
    for (index, (node, needs)) in expanded.nodes.iter().zip(dependencies).enumerate() {
        let above = ancestors(expanded, index);
        for name in &node.options.depends_on {
            match expanded.all_named(name) {
                // What is above was said already, as "both parent and dependency".
                Some(found) => needs.extend(found.filter(|found| !above.contains(found))),
                None => {
                    // What is inherited is said once, where it was written.
                    let inherited = node
                        .parent
                        .and_then(|parent| expanded.node(parent))
                        .is_some_and(|parent| parent.options.depends_on.contains(name));
                    if !inherited {
                        diagnostics.push(
                            about(node, format!("`{name}` in `depends_on` is not declared")).help(
                                suggestion(
                                    name,
                                    expanded.known_names(),
                                    "name a resource or component of this stack",
                                ),
                            ),
                        );
                    }
                }
            }
        }
    }
}

fn bind_references(expanded: &mut Expanded, dependencies: &mut [Vec<usize>], diagnostics: &mut Diagnostics) {
    let mut outputs = std::mem::take(&mut expanded.outputs);
    let binder = Binder::new(expanded);
    let mut said: HashMap<usize, usize> = HashMap::new();
    for (index, node) in expanded.nodes.iter().enumerate() {
        if !node.refers() {
            continue;
        }
        let mut needs = Vec::new();
        let mut failed = Vec::new();
        binder.value(&node.properties(), &mut needs, &mut failed, 0);
        // A component's own inputs may stand in a cycle with its children only through their outputs.
        binder.value(node.outputs(), &mut needs, &mut failed, 0);
        for (reference, problem) in failed {
            if let Some((position, _)) = node.instance() {
                // All instances have the same text, and mostly the same mistake.
                let said = said.entry(index - position).or_default();
                *said += 1;
                if *said > MISTAKES_OF_INSTANCES {
                    continue;
                }
            }
            diagnostics.push(binder.explain(node.urn.name().as_str(), node.origin(), &reference, &problem));
        }
        if let Some(list) = dependencies.get_mut(index) {
            list.append(&mut needs);
        }
    }
    for (name, output) in &mut outputs {
        let mut failed = Vec::new();
        output.value = binder.value(&output.value, &mut Vec::new(), &mut failed, 0);
        for (reference, problem) in failed {
            diagnostics.push(binder.explain(
                &format!("output {name}"),
                output.origin.as_ref(),
                &reference,
                &problem,
            ));
        }
    }
    expanded.outputs = outputs;
}

/// Why a reference leads nowhere.
pub(crate) enum Problem {
    NotDeclared,
    NoInstance,
    NoOutput,
    Circle,
}

/// Leads references to resources: through the outputs of components, to the instances there are.
pub(crate) struct Binder<'e> {
    expanded: &'e Expanded,
    suggestions: Cell<usize>,
}

impl<'e> Binder<'e> {
    pub(crate) fn new(expanded: &'e Expanded) -> Self {
        Self {
            expanded,
            suggestions: Cell::new(0),
        }
    }
}

impl Binder<'_> {
    /// Returns a value in which every reference names a resource. What it needs is added to `needs`.
    pub(crate) fn value(
        &self,
        value: &Value,
        needs: &mut Vec<usize>,
        failed: &mut Vec<(Reference, Problem)>,
        depth: usize,
    ) -> Value {
        let mut through_component = false;
        let bound = value.clone().map_leaves(&mut |leaf| match leaf {
            Value::Reference(reference) => match self.reference(&reference, needs, failed, depth) {
                Ok(value) => {
                    through_component |= !matches!(value, Value::Reference(_));
                    value
                }
                Err(problem) => {
                    failed.push((reference, problem));
                    Value::Unknown
                }
            },
            other => other,
        });
        // A component's output that is known already may complete a text.
        if through_component {
            resolve_joins(bound)
        } else {
            bound
        }
    }

    fn reference(
        &self,
        reference: &Reference,
        needs: &mut Vec<usize>,
        failed: &mut Vec<(Reference, Problem)>,
        depth: usize,
    ) -> Result<Value, Problem> {
        if depth > REFERENCE_DEPTH {
            return Err(Problem::Circle);
        }
        let Some(index) = self.expanded.named(&reference.resource) else {
            let group = self.expanded.groups.get(reference.resource.as_str());
            return match group {
                Some(group) => self.instances(group, reference, needs, failed, depth),
                None => Err(Problem::NotDeclared),
            };
        };
        let node = self.expanded.node(index).ok_or(Problem::NotDeclared)?;
        if node.kind == TypeKind::Resource {
            needs.push(index);
            return Ok(Value::Reference(reference.clone()));
        }
        let mut here = node.outputs();
        let mut secret = false;
        let mut steps = reference.path.steps().iter();
        let found = loop {
            while let Value::Secret(inner) = here {
                secret = true;
                here = inner;
            }
            if let Value::Reference(inner) = here {
                let rest: Vec<PathStep> = steps.cloned().collect();
                let onward = Reference {
                    resource: inner.resource.clone(),
                    path: inner.path.join(&Path::from(rest)),
                };
                break self.reference(&onward, needs, failed, depth + 1)?;
            }
            let Some(step) = steps.next() else {
                break self.value(here, needs, failed, depth + 1);
            };
            here = match (here, step) {
                (Value::Unknown, _) => break Value::Unknown,
                (Value::Map(map), PathStep::Attribute(name)) if join_parts(here).is_none() => {
                    map.get(name).ok_or(Problem::NoOutput)?
                }
                (Value::List(list), PathStep::Index(position)) => {
                    list.get(*position).ok_or(Problem::NoOutput)?
                }
                _ => return Err(Problem::NoOutput),
            };
        };
        Ok(if secret { found.into_secret() } else { found })
    }

    /// Returns what a reference reads of one instance or of all: a list with `count`, a map with `for_each`.
    fn instances(
        &self,
        group: &Group,
        reference: &Reference,
        needs: &mut Vec<usize>,
        failed: &mut Vec<(Reference, Problem)>,
        depth: usize,
    ) -> Result<Value, Problem> {
        let repetition = group.repetition();
        let of = |key: &str, rest: &[PathStep]| Reference {
            resource: format!("{}/{key}", reference.resource),
            path: Path::from(rest.to_vec()),
        };
        let (first, rest) = match reference.path.steps().split_first() {
            Some((PathStep::Attribute(name), rest)) if name == ALL => (None, rest),
            Some((PathStep::Attribute(key), rest)) => (Some(Cow::Borrowed(key.as_str())), rest),
            Some((PathStep::Index(index), rest)) => (Some(Cow::Owned(index.to_string())), rest),
            None => (None, &[][..]),
        };
        if let Some(key) = first {
            repetition.position(&key).ok_or(Problem::NoInstance)?;
            return self.reference(&of(&key, rest), needs, failed, depth + 1);
        }
        let mut each = |key: &str| self.reference(&of(key, rest), needs, failed, depth + 1);
        Ok(match repetition {
            Repetition::Count(_) => Value::List(
                repetition
                    .keys()
                    .map(|key| each(&key))
                    .collect::<Result<_, _>>()?,
            ),
            Repetition::Each(_) => Value::Map(
                repetition
                    .keys()
                    .map(|key| Ok((key.to_string(), each(&key)?)))
                    .collect::<Result<_, _>>()?,
            ),
        })
    }

    /// Looks for a name that may be meant. With many mistakes among many names that would take longer than anybody
    /// would read them.
    fn suggestion(&self, text: &str, otherwise: &str) -> Cow<'static, str> {
        self.suggestions.set(self.suggestions.get() + 1);
        if self.suggestions.get() > SUGGESTIONS {
            return Cow::Owned(otherwise.to_owned());
        }
        suggestion(text, self.expanded.known_names(), otherwise)
    }

    fn explain(
        &self,
        from: &str,
        origin: Option<&Origin>,
        reference: &Reference,
        problem: &Problem,
    ) -> Diagnostic {
        let diagnostic = match problem {
            Problem::NotDeclared => Diagnostic::error(format!(
                "`${{{reference}}}` names `{}`, which is not declared",
                reference.resource
            ))
            .help(self.suggestion(&reference.resource, "name a resource or component of this stack")),
            Problem::NoInstance => self.no_instance(reference),
            Problem::NoOutput => {
                let node = self
                    .expanded
                    .named(&reference.resource)
                    .and_then(|index| self.expanded.node(index));
                let outputs: Vec<&str> = node
                    .and_then(|node| node.outputs().as_map())
                    .map(|map| map.keys().map(String::as_str).collect())
                    .unwrap_or_default();
                let wanted = reference.path.to_string();
                let otherwise = if outputs.is_empty() {
                    "it has no outputs".to_owned()
                } else {
                    format!("it has {}", outputs.join(", "))
                };
                Diagnostic::error(format!(
                    "the component `{}` has no output `{wanted}`",
                    reference.resource
                ))
                .help(suggestion(&wanted, outputs, &otherwise))
            }
            Problem::Circle => Diagnostic::error(format!(
                "the outputs that `${{{reference}}}` leads to refer to each other in a circle"
            )),
        };
        diagnostic.resource(from).origin(origin.cloned())
    }

    fn no_instance(&self, reference: &Reference) -> Diagnostic {
        let name = &reference.resource;
        let repetition = self.expanded.groups.get(name.as_str()).map(Group::repetition);
        let rest = Path::from(reference.path.steps().get(1..).unwrap_or_default().to_vec());
        let written = match reference.path.steps().first() {
            Some(PathStep::Attribute(key)) => key.clone(),
            Some(PathStep::Index(index)) => index.to_string(),
            None => String::new(),
        };
        let (known, one) = match repetition {
            Some(Repetition::Each(entries)) => {
                let few: Vec<&str> = entries.iter().take(8).map(|(key, _)| key.as_str()).collect();
                let more = if entries.len() > few.len() { ", …" } else { "" };
                let one = few.first().map_or("KEY", |key| *key);
                (
                    format!("its keys are {}{more}", few.join(", ")),
                    format!("[\"{one}\"]"),
                )
            }
            Some(Repetition::Count(count)) if *count > 0 => {
                (format!("its instances are 0 to {}", count - 1), "[0]".to_owned())
            }
            _ => ("it has no instances".to_owned(), "[0]".to_owned()),
        };
        // `web.id` is the one and `web["b"].id` the other mistake; only the person knows which attribute is meant.
        let path = if rest.is_root() {
            Path::attribute(written.as_str())
        } else {
            rest
        };
        Diagnostic::error(format!(
            "`${{{reference}}}` names no instance of `{name}`: there is no `{written}`"
        ))
        .detail(known)
        .help(format!(
            "`${{{name}{one}.{path}}}` is one of them, `${{{name}.*.{path}}}` are all"
        ))
    }
}
