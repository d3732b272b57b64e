//! One resource in front of its provider: check and plan with what the host adds to them and demands of them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use konductor_model::attribute_diff::differences;
use konductor_model::provider::{CheckRequest, ObjectState, PlanRequest, PlanResponse, Provider};
use konductor_model::schema::{AttributeKind, AttributeSchema};
use konductor_model::{
    Diagnostic, Diagnostics, Failure, Origin, Path, ResourceOptions, ResourceSchema, ResourceType, Severity,
    Urn, Value,
};

use crate::honesty;
use crate::metadata;
use crate::reference::{mark_secret, with_marks_of};

/// Schemas by plugin and type, asked for once. Two versions of a plugin have two schemas of one type.
#[derive(Debug, Default)]
pub(crate) struct SchemaCache(RwLock<HashMap<ResourceType, HashMap<String, Arc<ResourceSchema>>>>);

impl SchemaCache {
    /// Returns the schema that the plugin of a name in the project has of a type.
    pub(crate) async fn get(
        &self,
        instance: &str,
        provider: &dyn Provider,
        resource_type: &ResourceType,
    ) -> Result<Arc<ResourceSchema>, Failure> {
        let known = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(resource_type)
            .and_then(|schemas| schemas.get(instance))
            .cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let schema = provider.schema(resource_type).await?;
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(resource_type.clone())
            .or_default()
            .insert(instance.to_owned(), schema.clone());
        Ok(schema)
    }
}

/// One resource in front of its provider.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) provider: &'a dyn Provider,
    pub(crate) schema: &'a ResourceSchema,
    pub(crate) urn: &'a Urn,
    pub(crate) options: &'a ResourceOptions,
    pub(crate) origin: Option<&'a Origin>,
    pub(crate) verify_determinism: bool,
}

impl Subject<'_> {
    /// Makes a diagnostic about this resource.
    pub(crate) fn error(&self, summary: impl Into<String>) -> Diagnostic {
        Diagnostic::error(summary)
            .resource(self.urn.name())
            .origin(self.origin.cloned())
    }

    /// Says what a failed call means for this resource.
    pub(crate) fn failed(&self, failure: &Failure) -> Diagnostics {
        self.placed(failure.to_diagnostics(self.urn.name()))
    }

    fn placed(&self, diagnostics: Diagnostics) -> Diagnostics {
        Diagnostics(
            diagnostics
                .into_iter()
                .map(|found| {
                    let origin = found.origin.clone().or_else(|| self.origin.cloned());
                    found.resource(self.urn.name()).origin(origin)
                })
                .collect(),
        )
    }

    /// Puts back what `ignore_changes` names, as it is in the existing object.
    pub(crate) fn keep_ignored(&self, inputs: &mut Value, prior: Option<(&ObjectState, &Value)>) {
        let Some((object, prior_inputs)) = prior else {
            return;
        };
        for path in &self.options.ignore_changes {
            if inputs.at(path).is_none() && prior_inputs.at(path).is_none() {
                continue;
            }
            let kept = object
                .attributes
                .at(path)
                .filter(|value| !value.is_null())
                .or_else(|| prior_inputs.at(path))
                .map(std::borrow::Cow::into_owned);
            match kept {
                Some(value) => {
                    inputs.put(path, value);
                }
                None => {
                    inputs.remove(path);
                }
            }
        }
    }

    /// Marks what the schema and the options call sensitive.
    pub(crate) fn mark(&self, value: &mut Value) {
        if let Value::Map(map) = value {
            mark_attributes(map, |name| self.schema.attributes.get(name));
        }
        for path in &self.options.sensitive {
            mark_secret(value, path);
        }
    }

    /// Returns the object with marks: those of the schema, the options and what was asked for.
    pub(crate) fn marked(&self, mut object: ObjectState, planned: &Value) -> ObjectState {
        object.attributes = with_marks_of(object.attributes, planned);
        self.mark(&mut object.attributes);
        object.schema_version = self.schema.version;
        object
    }

    /// Validates inputs and applies defaults. Returns warnings beside the inputs.
    pub(crate) async fn check(
        &self,
        mut inputs: Value,
        prior_inputs: Option<&Value>,
    ) -> Result<(Value, Diagnostics), Diagnostics> {
        self.write_metadata(&mut inputs, prior_inputs.is_some())?;
        let request = CheckRequest {
            resource_type: self.urn.resource_type().clone(),
            name: self.urn.name().clone(),
            inputs: inputs.clone(),
            prior_inputs: prior_inputs.cloned(),
        };
        let again = self.verify_determinism.then(|| request.clone());
        let response = self.provider.check(request).await.map_err(|f| self.failed(&f))?;
        if let Some(request) = again
            && self.provider.check(request).await.map_err(|f| self.failed(&f))? != response
        {
            return Err(self.not_deterministic("check").into());
        }
        let diagnostics = self.placed(response.diagnostics);
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        let mut checked = with_marks_of(response.inputs, &inputs);
        self.mark(&mut checked);
        Ok((checked, diagnostics))
    }

    /// Writes what is said of the resource into its tags. What `ignore_changes` names is left as it is, once there is an
    /// object.
    fn write_metadata(&self, inputs: &mut Value, exists: bool) -> Result<(), Diagnostics> {
        let (Some(attribute), Some(rules)) = (&self.schema.tags, &self.provider.manifest().tag_rules) else {
            return Ok(());
        };
        let place = Path::attribute(attribute.as_str());
        let ignored = |path: &Path| exists && self.options.ignore_changes.contains(path);
        if ignored(&place) {
            return Ok(());
        }
        let is_kept = |tag: &str| ignored(&place.child(tag));
        metadata::write(inputs, attribute, rules, self.options, is_kept)
            .map_err(|error| self.error(error).at(place).into())
    }

    fn not_deterministic(&self, function: &str) -> Diagnostic {
        self.error(format!(
            "the plugin `{}` answers `{function}` differently when it is asked twice",
            self.provider.manifest().name
        ))
        .help("report this to the plugin's author: a plan that depends on chance cannot be kept")
    }

    /// Works out what would change. The answer carries marks, replacement by option, and was held against the inputs.
    pub(crate) async fn plan(
        &self,
        prior: Option<(&ObjectState, &Value)>,
        inputs: &Value,
    ) -> Result<PlanResponse, Diagnostics> {
        let request = PlanRequest {
            resource_type: self.urn.resource_type().clone(),
            name: self.urn.name().clone(),
            prior: prior.map(|(object, _)| object.clone()),
            prior_inputs: prior.map(|(_, inputs)| inputs.clone()),
            inputs: inputs.clone(),
        };
        let again = self.verify_determinism.then(|| request.clone());
        let mut response = self.provider.plan(request).await.map_err(|f| self.failed(&f))?;
        if let Some(request) = again
            && self.provider.plan(request).await.map_err(|f| self.failed(&f))? != response
        {
            return Err(self.not_deterministic("plan").into());
        }
        response.diagnostics = self.placed(response.diagnostics);
        if response.diagnostics.has_errors() {
            return Err(response.diagnostics);
        }
        let broken = honesty::planned_against_inputs(
            &response.planned,
            inputs,
            prior.map(|(object, _)| &object.attributes),
            self.schema,
        );
        if !broken.is_empty() {
            let plugin = &self.provider.manifest().name;
            return Err(Diagnostics(
                broken
                    .into_iter()
                    .map(|path| {
                        self.error(format!("the plugin `{plugin}` plans another value than the one that was given"))
                            .at(path)
                            .detail("a known input must come through into the plan, unless its schema says the provider sets it")
                            .help("report this to the plugin's author")
                    })
                    .collect(),
            ));
        }
        response.planned = with_marks_of(response.planned, inputs);
        if let Some((object, _)) = prior {
            response.planned = with_marks_of(response.planned, &object.attributes);
        }
        self.mark(&mut response.planned);
        if prior.is_none() && response.changes.is_empty() {
            response.changes = differences(&Value::empty_map(), &response.planned);
        }
        for change in &mut response.changes {
            let named = |path: &Path| change.at.starts_with(path) || path.starts_with(&change.at);
            change.requires_replacement |= self.options.replace_on_changes.iter().any(named);
            change.requires_replacement &= prior.is_some();
        }
        Ok(response)
    }
}

/// Returns the warnings among diagnostics.
pub(crate) fn warnings(diagnostics: Diagnostics) -> impl Iterator<Item = Diagnostic> {
    diagnostics
        .into_iter()
        .filter(|found| found.severity != Severity::Error)
}

fn mark_attributes<'s>(
    map: &mut std::collections::BTreeMap<String, Value>,
    schema_of: impl Fn(&str) -> Option<&'s AttributeSchema>,
) {
    for (name, value) in map {
        if let Some(schema) = schema_of(name) {
            mark_attribute(value, schema);
        }
    }
}

fn mark_attribute(value: &mut Value, schema: &AttributeSchema) {
    if value.is_null() {
        return;
    }
    if schema.sensitive {
        let inner = std::mem::take(value);
        *value = inner.into_secret();
        return;
    }
    match (&schema.kind, value) {
        (AttributeKind::Object { attributes }, Value::Map(map)) => {
            mark_attributes(map, |name| attributes.get(name));
        }
        (AttributeKind::Map { values }, Value::Map(map)) => mark_attributes(map, |_| Some(values.as_ref())),
        (AttributeKind::List { items, .. }, Value::List(list)) => {
            list.iter_mut().for_each(|value| mark_attribute(value, items));
        }
        _ => {}
    }
}
