//! Interpolation: texts with `${…}` become values.

use std::collections::BTreeMap;

use konductor_model::interpolation::{join, resolve_joins};
use konductor_model::{Diagnostic, Diagnostics, Origin, Path, PathStep, Reference, Sealer, Value};

use crate::located::{Located, Node, described_kind};
use crate::suggestion;
use crate::template::{self, Part, StackReference, WrittenPart};

/// Reads what other stacks put out.
pub trait StackOutputs: Sync {
    /// Returns the map of a stack's outputs.
    ///
    /// # Errors
    /// When there is no such stack or it cannot be read: one sentence for people, without a full stop.
    fn outputs(&self, organization: &str, project: &str, stack: &str) -> Result<Value, String>;
}

/// What is at hand to turn written values into the ones to use.
#[derive(Clone, Copy, Default)]
pub struct Context<'a> {
    /// Opens `{secure: …}` values. None: they stay the secret of their sealed text.
    pub sealer: Option<&'a dyn Sealer>,
    /// Reads other stacks. None: what they put out is unknown.
    pub stacks: Option<&'a dyn StackOutputs>,
}

/// How many references may lead from one to the next.
const MAX_CHAIN: usize = 64;
/// How many values and bytes of text interpolation may make, against texts that double each other.
const MAX_PRODUCED: usize = 16 * 1024 * 1024;

/// Resolves values against one configuration tree. Every error is reported once.
pub(crate) struct Resolver<'a> {
    configuration: &'a Located,
    context: Context<'a>,
    organization: &'a str,
    project: &'a str,
    sources: &'a BTreeMap<String, String>,
    done: BTreeMap<Path, Value>,
    underway: Vec<(Path, Origin)>,
    produced: usize,
    diagnostics: Diagnostics,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(
        configuration: &'a Located,
        context: Context<'a>,
        organization: &'a str,
        project: &'a str,
        sources: &'a BTreeMap<String, String>,
    ) -> Self {
        Self {
            configuration,
            context,
            organization,
            project,
            sources,
            done: BTreeMap::new(),
            underway: Vec::new(),
            produced: 0,
            diagnostics: Diagnostics::default(),
        }
    }

    /// Returns how many errors were found so far.
    pub(crate) fn errors(&self) -> usize {
        self.diagnostics.0.len()
    }

    /// Tells whether what other stacks put out is read.
    pub(crate) fn reads_stacks(&self) -> bool {
        self.context.stacks.is_some()
    }

    /// Returns what was found, errors and all.
    pub(crate) fn finish(self) -> Diagnostics {
        self.diagnostics
    }

    /// Resolves a tree. `path` is where it stands in the configuration; none for resources and outputs.
    pub(crate) fn resolve(&mut self, located: &Located, path: Option<&Path>) -> Value {
        match &located.node {
            Node::Leaf(leaf) => match leaf.reveal() {
                Value::Text(text) if text.contains('$') => {
                    let value = self.leaf(text, located, path);
                    if matches!(leaf, Value::Secret(_)) {
                        value.into_secret()
                    } else {
                        value
                    }
                }
                _ => leaf.clone(),
            },
            Node::Sealed(text) => self.open(text, located),
            Node::List(list) => Value::List(
                list.iter()
                    .enumerate()
                    .map(|(index, below)| self.resolve(below, path.map(|p| p.element(index)).as_ref()))
                    .collect(),
            ),
            Node::Map(map) => Value::Map(
                map.iter()
                    .filter(|(_, below)| !below.is_removed())
                    .map(|(name, below)| {
                        let value = self.resolve(below, path.map(|p| p.child(name)).as_ref());
                        (name.clone(), value)
                    })
                    .collect(),
            ),
        }
    }

    fn open(&mut self, text: &str, located: &Located) -> Value {
        let Some(sealer) = self.context.sealer else {
            return Value::from(text).into_secret();
        };
        match sealer.open(text) {
            Ok(plain) => match std::str::from_utf8(&plain) {
                Ok(text) => Value::from(text).into_secret(),
                Err(_) => Value::Bytes(plain.to_vec()).into_secret(),
            },
            Err(error) => {
                self.diagnostics.push(
                    Diagnostic::error("this secret cannot be opened")
                        .detail(error.reason)
                        .origin(Some(located.origin.clone())),
                );
                Value::Unknown.into_secret()
            }
        }
    }

    fn leaf(&mut self, text: &str, located: &Located, path: Option<&Path>) -> Value {
        if let Some(value) = path.and_then(|path| self.done.get(path)) {
            return value.clone();
        }
        if let Some(path) = path {
            if self.is_cycle(path, &located.origin) {
                return Value::Unknown;
            }
            self.underway.push((path.clone(), located.origin.clone()));
        }
        let value = self.text(text, located);
        if let Some(path) = path {
            self.underway.pop();
            self.done.insert(path.clone(), value.clone());
        }
        value
    }

    fn is_cycle(&mut self, path: &Path, origin: &Origin) -> bool {
        if let Some(first) = self.underway.iter().position(|(other, _)| other == path) {
            let circle = self.underway.get(first..).unwrap_or_default();
            let chain: Vec<_> = circle.iter().map(|(path, _)| format!("`{path}`")).collect();
            let mut diagnostic = Diagnostic::error(format!("`{path}` refers to itself"))
                .detail(format!("{} → `{path}`", chain.join(" → ")))
                .help("give one of them a value of its own")
                .origin(Some(origin.clone()));
            for (path, origin) in circle.iter().skip(1) {
                diagnostic = diagnostic.related(origin.clone(), format!("by way of `{path}`"));
            }
            self.diagnostics.push(diagnostic);
            return true;
        }
        if self.underway.len() >= MAX_CHAIN {
            self.diagnostics.push(
                Diagnostic::error(format!(
                    "more than {MAX_CHAIN} references lead from one to the next"
                ))
                .origin(Some(origin.clone())),
            );
            return true;
        }
        false
    }

    fn text(&mut self, text: &str, located: &Located) -> Value {
        let parts = match template::parse(text) {
            Ok(parts) => parts,
            Err(error) => {
                let origin = self
                    .exact_place(located, &error.written, 0)
                    .unwrap_or_else(|| located.origin.clone());
                self.diagnostics.push(
                    Diagnostic::error(error.reason)
                        .help("write `$$` for a dollar sign")
                        .origin(Some(origin)),
                );
                return Value::Unknown;
            }
        };
        let mut from = 0;
        let mut values = Vec::with_capacity(parts.len());
        let whole = parts.len() == 1;
        for part in &parts {
            let origin = if matches!(part.part, Part::Literal(_)) {
                located.origin.clone()
            } else if let Some(exact) = self.exact_place(located, &part.written, from) {
                from = exact.offset + exact.length - located.origin.offset;
                exact
            } else {
                located.origin.clone()
            };
            values.push(self.part(part, &origin, whole));
        }
        let value = match <[Value; 1]>::try_from(values) {
            Ok([value]) => value,
            Err(values) if values.is_empty() => Value::from(""),
            Err(values) => resolve_joins(join(values)),
        };
        self.produced = self.produced.saturating_add(size(&value));
        if self.produced > MAX_PRODUCED {
            // Said once; afterwards everything is unknown and costs nothing.
            if self.produced < usize::MAX {
                self.diagnostics.push(
                    Diagnostic::error("interpolation makes too much text")
                        .detail("references that repeat each other double with every step")
                        .origin(Some(located.origin.clone())),
                );
                self.produced = usize::MAX;
            }
            return Value::Unknown;
        }
        value
    }

    fn part(&mut self, part: &WrittenPart, origin: &Origin, whole: bool) -> Value {
        let value = match &part.part {
            Part::Literal(text) => return Value::from(text.as_str()),
            Part::Resource(reference) => return Value::Reference(reference.clone()),
            Part::Configuration(path) => self.configured(path, &part.written, origin),
            Part::Stack(reference) => self.stack(reference, &part.written, origin),
        };
        let fits = !matches!(
            value.reveal(),
            Value::List(_) | Value::Map(_) | Value::Bytes(_) | Value::Null
        ) || konductor_model::interpolation::join_parts(value.reveal()).is_some();
        if whole || fits {
            return value;
        }
        self.diagnostics.push(
            Diagnostic::error(format!(
                "`{}` is {} and cannot stand inside a text",
                part.written,
                described_kind(value.reveal())
            ))
            .help("refer to one value in it, or make the reference the whole text")
            .origin(Some(origin.clone())),
        );
        Value::Unknown
    }

    fn configured(&mut self, path: &Path, written: &str, origin: &Origin) -> Value {
        let (found, rest) = self.configuration.descend(path.steps());
        let reached = path.steps().len() - rest.len();
        let here = Path::from(path.steps().get(..reached).unwrap_or_default().to_vec());
        if !found.is_removed() {
            if rest.is_empty() {
                return self.resolve(found, Some(&here));
            }
            // A leaf can itself be a reference to a map; a map cannot grow by being resolved.
            if let Node::Leaf(leaf) = &found.node
                && matches!(leaf.reveal(), Value::Text(_))
            {
                let value = self.resolve(found, Some(&here));
                match below(&value, rest) {
                    Some(value) => return value,
                    None if value.is_unknown() => return Value::Unknown,
                    None => {}
                }
            }
        }
        self.unresolved(found, rest, path, written, origin);
        Value::Unknown
    }

    fn unresolved(
        &mut self,
        found: &Located,
        rest: &[PathStep],
        path: &Path,
        written: &str,
        origin: &Origin,
    ) {
        let mut diagnostic = Diagnostic::error(format!("`{written}` refers to a setting that is not there"))
            .origin(Some(origin.clone()));
        if found.is_removed() {
            diagnostic = diagnostic
                .detail(format!(
                    "`{path}` was removed by null in the {} layer",
                    found.layer
                ))
                .related(found.origin.clone(), "removed here");
        } else if let (Some(PathStep::Attribute(name)), Some(map)) = (rest.first(), found.as_map()) {
            let known = map
                .iter()
                .filter(|(_, v)| !v.is_removed())
                .map(|(k, _)| k.as_str());
            diagnostic = diagnostic.detail(format!("there is no `{name}`"));
            if let Some(help) = suggestion::help(name, known) {
                diagnostic = diagnostic.help(help);
            }
        }
        self.diagnostics.push(diagnostic);
    }

    fn stack(&mut self, reference: &StackReference, written: &str, origin: &Origin) -> Value {
        let Some(stacks) = self.context.stacks else {
            return Value::Unknown;
        };
        let organization = reference.organization.as_deref().unwrap_or(self.organization);
        let project = reference.project.as_deref().unwrap_or(self.project);
        let mut diagnostic = match stacks.outputs(organization, project, &reference.stack) {
            Ok(outputs) => {
                if let Some(value) = below(&outputs, reference.output.steps()) {
                    return value;
                }
                let diagnostic = Diagnostic::error(format!(
                    "the stack `{}` puts out no `{}`",
                    reference.stack, reference.output
                ));
                let known = outputs.as_map();
                let given = reference.output.first_attribute().unwrap_or_default();
                match known.and_then(|known| suggestion::help(given, known.keys().map(String::as_str))) {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                }
            }
            Err(reason) => Diagnostic::error(format!("`{written}` cannot be read")).detail(reason),
        };
        diagnostic.origin = Some(origin.clone());
        self.diagnostics.push(diagnostic);
        Value::Unknown
    }

    /// Finds the place of a piece of a text, when it stands literally in the file.
    fn exact_place(&self, located: &Located, written: &str, from: usize) -> Option<Origin> {
        let origin = &located.origin;
        if origin.line == 0 {
            return None;
        }
        let source = self.sources.get(&*origin.file)?;
        let start = origin.offset + from;
        let at = start + source.get(start..origin.offset + origin.length)?.find(written)?;
        let before = source.get(origin.offset..at)?;
        let (line, column) = match before.rsplit_once('\n') {
            Some((lines, last)) => (
                origin.line + lines.matches('\n').count() + 1,
                last.chars().count() + 1,
            ),
            None => (origin.line, origin.column + before.chars().count()),
        };
        Some(Origin {
            file: origin.file.clone(),
            line,
            column,
            offset: at,
            length: written.len(),
        })
    }
}

fn below(value: &Value, steps: &[PathStep]) -> Option<Value> {
    if let Value::Reference(reference) = value {
        return Some(Value::Reference(Reference {
            resource: reference.resource.clone(),
            path: reference.path.join(&Path::from(steps.to_vec())),
        }));
    }
    value.at(&Path::from(steps.to_vec())).map(|v| v.into_owned())
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.iter().map(size).sum(),
        Value::Map(map) => map.iter().map(|(k, v)| k.len() + size(v)).sum(),
        Value::Secret(inner) => size(inner),
        _ => 0,
    }
}
