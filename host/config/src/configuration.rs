//! The configuration of one stack: all layers, merged, with the way back to every place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use konductor_model::{Diagnostic, Diagnostics, Origin, Path, PathStep, ResourceType, SecretText, Value};

use crate::audit::AUDIT;
use crate::compliance::COMPLIANCE;
use crate::declaration::{self, Declared};
use crate::drift::DRIFT;
use crate::inputs::{Inputs, SourceFile};
use crate::keys::KeySettings;
use crate::layer::{self, Layer};
use crate::located::{Located, Node};
use crate::merge::merge;
use crate::metadata::METADATA;
use crate::modules::enabled;
use crate::plugin_requirement::PluginRequirement;
use crate::project::{self, FileContent, LocatedText};
use crate::resolve::{Context, Resolver};
use crate::safeguards::SAFEGUARDS;
use crate::sealer::AgeSealer;
use crate::state::StateSettings;
use crate::suggestion;
use crate::template::{self, Part};
use crate::workers::WorkersSettings;
use crate::yaml;

/// Namespaces that are settings but no modules.
pub const RESERVED_NAMESPACES: [&str; 7] = [
    "project",
    "organization",
    METADATA,
    SAFEGUARDS,
    DRIFT,
    AUDIT,
    COMPLIANCE,
];

/// How a property of a resource is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written<'c> {
    /// The path of the declaration in its file.
    pub declaration: Path,
    /// The place.
    pub origin: Origin,
    /// The text, where it has a `${…}` in it.
    pub expression: Option<&'c str>,
}

/// The configuration of one stack. Its `Debug` form shows no values.
#[derive(Clone)]
pub struct Configuration {
    stack: String,
    project: String,
    description: Option<String>,
    organization: Option<String>,
    plugins: Vec<PluginRequirement>,
    pub(crate) policies: Vec<Located>,
    keys: KeySettings,
    state: Option<StateSettings>,
    workers: Option<WorkersSettings>,
    built_in: Located,
    defaults: BTreeMap<String, Located>,
    pub(crate) layers: Vec<Located>,
    pub(crate) settings: Located,
    resources: Located,
    outputs: Located,
    pub(crate) moved: Vec<(LocatedText, LocatedText)>,
    pub(crate) removed: Vec<LocatedText>,
    sources: BTreeMap<String, String>,
    warnings: Diagnostics,
}

impl std::fmt::Debug for Configuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Configuration")
            .field("project", &self.project)
            .field("stack", &self.stack)
            .finish_non_exhaustive()
    }
}

impl Configuration {
    /// Reads and merges all layers except plugin defaults, which [`Self::add_defaults`] adds once it is known
    /// which plugins there are. Interpolation is not looked at yet: see [`Self::check`].
    ///
    /// # Errors
    /// Every syntax and shape error of every file, variable and argument.
    pub fn load(inputs: Inputs) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let mut sources = BTreeMap::new();
        let mut read = |file: Option<SourceFile>, layer, diagnostics: &mut Diagnostics| {
            let file = file?;
            // Places are counted without a byte order mark, as editors do.
            let text = file
                .text
                .strip_prefix('\u{feff}')
                .unwrap_or(&file.text)
                .to_owned();
            let root = yaml::read(&file.name, &text, layer, diagnostics);
            sources.insert(file.name, text);
            root
        };
        let project_root = read(inputs.project, Layer::Project, &mut diagnostics);
        let stack_root = read(inputs.stack_file, Layer::Stack, &mut diagnostics);
        let organization_root = read(inputs.organization, Layer::Organization, &mut diagnostics);
        let project = project_root
            .map(|root| project::project_file(root, &mut diagnostics))
            .unwrap_or_default();
        let stack = stack_root
            .map(|root| project::stack_file(root, &mut diagnostics))
            .unwrap_or_default();
        let organization = organization_root
            .map(|root| project::organization_file(root, &mut diagnostics))
            .unwrap_or_default();
        let mut environment = layer::environment_layer(&inputs.environment, &mut diagnostics);
        project::check_config(&mut environment, &mut diagnostics);
        let mut command_line = layer::command_line_layer(&inputs.set, &mut diagnostics);
        project::check_config(&mut command_line, &mut diagnostics);

        let built_in = built_in(&project, &inputs.stack);
        let both = |below: Option<Located>, above: Option<Located>| match (below, above) {
            (Some(below), Some(above)) => merge(below, above),
            (below, above) => below
                .or(above)
                .unwrap_or_else(|| Located::empty_map(Origin::described("no file"), Layer::Project)),
        };
        let mut configuration = Self {
            stack: inputs.stack,
            project: project.name.map(|name| name.text).unwrap_or_default(),
            description: project.description.map(|text| text.text),
            organization: project.organization.map(|text| text.text),
            plugins: project.plugins,
            policies: [organization.policy, project.policy]
                .into_iter()
                .flatten()
                .collect(),
            keys: project.keys,
            state: project.state,
            workers: project.workers,
            built_in,
            defaults: BTreeMap::new(),
            layers: [organization.config, project.config, stack.config]
                .into_iter()
                .flatten()
                .chain([environment, command_line])
                .collect(),
            settings: Located::empty_map(Origin::described("configuration"), Layer::BuiltIn),
            resources: both(project.resources, stack.resources),
            outputs: both(project.outputs, stack.outputs),
            moved: [project.moved, stack.moved].concat(),
            removed: [project.removed, stack.removed].concat(),
            sources,
            warnings: Diagnostics::default(),
        };
        configuration.merge_layers();
        // Declarations have shape errors of their own, reported together with the files'.
        let mut resolver = configuration.resolver(Context::default());
        declaration::declarations(&configuration.resources, &mut resolver, &mut diagnostics);
        if diagnostics.has_errors() {
            return Err(sorted(diagnostics));
        }
        configuration.warnings = sorted(diagnostics);
        Ok(configuration)
    }

    /// Lays a plugin's defaults for its module below every other layer. `described_by` names the place, for
    /// example `plugin aws 1.2.0`. Adding them again for the same namespace replaces the earlier ones.
    pub fn add_defaults(&mut self, namespace: &str, defaults: &Value, described_by: impl Into<Arc<str>>) {
        let mut layer = layer::defaults_layer(namespace, defaults, described_by);
        layer.mark_credentials();
        self.defaults.insert(namespace.to_owned(), layer);
        self.merge_layers();
    }

    fn merge_layers(&mut self) {
        let all = self.defaults.values().chain(&self.layers).cloned();
        self.settings = all.fold(self.built_in.clone(), merge);
    }

    /// Returns everything that interpolation is done in.
    pub(crate) fn trees(&self) -> [&Located; 3] {
        [&self.settings, &self.resources, &self.outputs]
    }

    pub(crate) fn resolver<'s>(&'s self, context: Context<'s>) -> Resolver<'s> {
        Resolver::new(
            &self.settings,
            context,
            self.organization.as_deref().unwrap_or_default(),
            &self.project,
            &self.sources,
        )
    }

    /// Returns the project's name.
    pub fn project_name(&self) -> &str {
        &self.project
    }

    /// Returns the project's description.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Returns the organization the project belongs to.
    pub fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    /// Returns the stack's name.
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// Returns the plugins the project asks for, by name.
    pub fn plugins(&self) -> &[PluginRequirement] {
        &self.plugins
    }

    /// Returns the name that the manifest of the plugin behind a namespace gives: the namespace itself unless
    /// `plugins.NAMESPACE.plugin` says otherwise.
    pub fn plugin_of<'s>(&'s self, namespace: &'s str) -> &'s str {
        self.plugins
            .iter()
            .find(|plugin| plugin.name == namespace)
            .map_or(namespace, |plugin| plugin.plugin.as_str())
    }

    /// Returns where the state is kept; none when the project does not say.
    pub fn state(&self) -> Option<&StateSettings> {
        self.state.as_ref()
    }

    /// Returns where workers find their work; none when the project has no workers.
    pub fn workers(&self) -> Option<&WorkersSettings> {
        self.workers.as_ref()
    }

    /// Returns the age recipients secrets are sealed to.
    pub fn recipients(&self) -> &[LocatedText] {
        &self.keys.recipients
    }

    /// Returns what protects secrets and encrypted state.
    pub fn keys(&self) -> &KeySettings {
        &self.keys
    }

    /// Returns what should be looked at though nothing is wrong.
    pub fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }

    /// Returns the text of a file by the name that places give, to underline in it.
    pub fn source(&self, file: &str) -> Option<&str> {
        self.sources.get(file).map(String::as_str)
    }

    /// Returns every file read, by name.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sources
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Makes a sealer of the project's recipients and the text of an identity file.
    ///
    /// # Errors
    /// When the identity file holds a line that is no identity.
    pub fn sealer(&self, identity_file: Option<&SecretText>) -> Result<AgeSealer, Diagnostics> {
        AgeSealer::new(
            self.keys.recipients.iter().map(|r| r.text.as_str()),
            identity_file,
        )
        .map_err(|error| Diagnostic::error(error.reason).into())
    }

    /// Returns a setting as written, also one that null removed.
    pub fn get(&self, path: &Path) -> Option<&Located> {
        self.settings.get(path)
    }

    /// Returns the merged settings as written.
    pub fn settings(&self) -> &Located {
        &self.settings
    }

    /// Resolves one setting; none when it is not there or removed.
    ///
    /// # Errors
    /// What is wrong with its interpolation or its secrets.
    pub fn value(&self, path: &Path, context: Context<'_>) -> Result<Option<Value>, Diagnostics> {
        let Some(located) = self.settings.get(path).filter(|found| !found.is_removed()) else {
            return Ok(None);
        };
        let mut resolver = self.resolver(context);
        let value = resolver.resolve(located, Some(path));
        finish(resolver.finish(), Some(value))
    }

    /// Returns all settings with interpolation done as far as it can be without opening secrets or reading
    /// other stacks: sealed values are the secret of their sealed text, so a digest of this changes with them
    /// and shows nothing. Errors are left to [`Self::check`].
    pub fn effective(&self) -> Value {
        self.resolver(Context::default())
            .resolve(&self.settings, Some(&Path::root()))
    }

    /// Reports every error of interpolation in enabled modules, other settings, resources and outputs.
    pub fn check(&self) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        let mut resolver = self.resolver(Context::default());
        for (namespace, section) in self.settings.as_map().into_iter().flatten() {
            let path = Path::attribute(namespace.as_str());
            let module = !RESERVED_NAMESPACES.contains(&namespace.as_str());
            if module && !enabled(section, &path, &mut resolver, &mut diagnostics) {
                continue;
            }
            resolver.resolve(section, Some(&path));
        }
        // Shape errors were reported by `load`.
        declaration::declarations(&self.resources, &mut resolver, &mut Diagnostics::default());
        declaration::outputs(&self.outputs, &mut resolver);
        diagnostics.extend(resolver.finish());
        sorted(diagnostics)
    }

    /// Returns the declarations under `resources:`, by name.
    ///
    /// # Errors
    /// What is wrong with their interpolation or their secrets, and keys of instances that are not known.
    pub fn declared(&self, context: Context<'_>) -> Result<Declared, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let mut resolver = self.resolver(context);
        let found = declaration::declarations(&self.resources, &mut resolver, &mut diagnostics);
        diagnostics.extend(resolver.finish());
        finish(diagnostics, found)
    }

    /// Returns the types of what is declared under `resources:`, each once. Nothing else of a declaration is looked at.
    pub fn declared_types(&self) -> BTreeSet<ResourceType> {
        declaration::types(&self.resources).collect()
    }

    /// Returns the outputs by name; references in them are read after the deployment.
    ///
    /// # Errors
    /// What is wrong with their interpolation or their secrets.
    pub fn outputs(&self, context: Context<'_>) -> Result<BTreeMap<String, Value>, Diagnostics> {
        let mut resolver = self.resolver(context);
        let found = declaration::outputs(&self.outputs, &mut resolver);
        finish(resolver.finish(), found)
    }

    /// Reports every `${name.attribute}` and `depends_on` in resources, outputs and enabled modules whose name is
    /// not known. `known` holds the names of all declarations, also those that modules construct, and of
    /// the modules themselves.
    pub fn unresolved_references(&self, known: &BTreeSet<String>) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        let mut resolver = self.resolver(Context::default());
        let mut trees: Vec<(&Located, Value)> = Vec::new();
        for tree in [&self.resources, &self.outputs] {
            trees.push((tree, resolver.resolve(tree, None)));
        }
        for (namespace, section) in self.settings.as_map().into_iter().flatten() {
            let path = Path::attribute(namespace.as_str());
            let reserved = RESERVED_NAMESPACES.contains(&namespace.as_str());
            if reserved || enabled(section, &path, &mut resolver, &mut Diagnostics::default()) {
                trees.push((section, resolver.resolve(section, Some(&path))));
            }
        }
        let namespaces: Vec<&str> = self
            .settings
            .as_map()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        declaration::unresolved(&trees, known, &namespaces, &mut diagnostics);
        declaration::unresolved_options(&self.resources, known, &mut resolver, &mut diagnostics);
        sorted(diagnostics)
    }

    /// Returns the place of a resource's property, or of the nearest thing around it. What a module or component
    /// constructs has the place of that module's section or that component.
    pub fn locate(&self, resource: &str, path: &Path) -> Option<Origin> {
        if let Some(origin) = declaration::locate(&self.resources, resource, path) {
            return Some(origin);
        }
        let mut name = resource;
        while let Some((parent, _)) = name.rsplit_once('/') {
            // An instance is written where its declaration is; what a component constructs is not written at all.
            let root = Path::root();
            let within = if declaration::is_repeated(&self.resources, parent) && name == resource {
                path
            } else {
                &root
            };
            if let Some(origin) = declaration::locate(&self.resources, parent, within) {
                return Some(origin);
            }
            name = parent;
        }
        self.settings
            .get(&Path::attribute(name))
            .map(|section| section.key_or_value_origin().clone())
    }

    /// Returns how a property of a resource is written, or the nearest thing around it: an instance is written where
    /// its declaration is. None for what a module or a component constructs.
    pub fn written(&self, resource: &str, path: &Path) -> Option<Written<'_>> {
        let declared = self.resources.as_map()?;
        let name = match resource.rsplit_once('/') {
            Some((declaration, _)) if declaration::is_repeated(&self.resources, declaration) => declaration,
            _ => resource,
        };
        let entry = declared.get(name)?;
        let at = Path::attribute("properties").join(path);
        let (found, _) = entry.descend(at.steps());
        let text = match &found.node {
            Node::Leaf(Value::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        let is_expression = text.is_some_and(|text| {
            let parts = template::parse(text).unwrap_or_default();
            parts.iter().any(|part| !matches!(part.part, Part::Literal(_)))
        });
        Some(Written {
            declaration: Path::attribute("resources").child(name),
            origin: found.key_or_value_origin().clone(),
            expression: text.filter(|_| is_expression),
        })
    }

    /// Returns the place of an output.
    pub fn locate_output(&self, name: &str) -> Option<Origin> {
        self.outputs
            .get(&Path::attribute(name))
            .map(|found| found.origin.clone())
    }

    /// Returns the place of a setting, or of the nearest thing around it.
    pub fn locate_setting(&self, path: &Path) -> Option<Origin> {
        let (found, rest) = self.settings.descend(path.steps());
        if rest.len() == path.steps().len() && !rest.is_empty() {
            return None;
        }
        Some(if rest.is_empty() {
            found.origin.clone()
        } else {
            found.key_or_value_origin().clone()
        })
    }

    /// Returns an error for a path that leads to no setting, with the one that may be meant.
    pub(crate) fn no_such_setting(&self, path: &Path) -> Diagnostic {
        let (found, rest) = self.settings.descend(path.steps());
        let diagnostic = Diagnostic::error(format!("there is no setting `{path}`"));
        if let (Some(PathStep::Attribute(name)), Some(map)) = (rest.first(), found.as_map()) {
            let known = map
                .iter()
                .filter(|(_, v)| !v.is_removed())
                .map(|(k, _)| k.as_str());
            if let Some(help) = suggestion::help(name, known) {
                return diagnostic.help(help);
            }
        }
        diagnostic
    }
}

/// Returns what Konductor knows by itself, as the lowest layer of the namespace `project`.
fn built_in(project: &FileContent, stack: &str) -> Located {
    let here = Origin::described("built in");
    let leaf = |text: &str, origin: &Origin| {
        Box::new(Located::new(
            Node::Leaf(Value::from(text)),
            origin.clone(),
            Layer::BuiltIn,
        ))
    };
    let mut settings = BTreeMap::from([
        ("stack".to_owned(), leaf(stack, &here)),
        ("environment".to_owned(), leaf(stack, &here)),
    ]);
    for (name, text) in [
        ("name", &project.name),
        ("description", &project.description),
        ("organization", &project.organization),
    ] {
        if let Some(text) = text {
            settings.insert(name.to_owned(), leaf(&text.text, &text.origin));
        }
    }
    let mut root = Located::empty_map(here.clone(), Layer::BuiltIn);
    root.node = Node::Map(BTreeMap::from([(
        "project".to_owned(),
        Box::new(Located::new(Node::Map(settings), here, Layer::BuiltIn)),
    )]));
    root
}

pub(crate) fn finish<T>(diagnostics: Diagnostics, value: T) -> Result<T, Diagnostics> {
    if diagnostics.has_errors() {
        Err(sorted(diagnostics))
    } else {
        Ok(value)
    }
}

/// Sorts by file and place, as a reader goes through them; what has no place comes last.
fn sorted(diagnostics: Diagnostics) -> Diagnostics {
    let mut all = diagnostics.0;
    all.sort_by_key(|d| match &d.origin {
        Some(origin) => (origin.line == 0, Some(origin.file.clone()), origin.offset),
        None => (true, None, 0),
    });
    all.dedup();
    Diagnostics(all)
}
