//! A module's configuration against its plugin's JSON Schema.

use std::collections::BTreeSet;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{Draft, JsonType, ValidationError};
use konductor_model::interpolation::join_parts;
use konductor_model::value_json::to_plain_json;
use konductor_model::{Diagnostic, Diagnostics, Path, PathStep, Value};
use serde_json::Value as Json;

use crate::configuration::Configuration;
use crate::located::CREDENTIALS;
use crate::suggestion;

impl Configuration {
    /// Checks a module's configuration against a JSON Schema (draft 2020-12) and reports every violation with
    /// its place.
    ///
    /// What is not known yet is not judged: references, what other stacks put out, and secrets, which are
    /// not opened for this. `enabled` and `credentials` are judged only where the schema names them. Errors of
    /// interpolation are left to [`Configuration::check`].
    pub fn validate_module(&self, namespace: &str, schema: &Json) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        let validator = match jsonschema::options().with_draft(Draft::Draft202012).build(schema) {
            Ok(validator) => validator,
            Err(error) => {
                diagnostics.push(
                    Diagnostic::error(format!(
                        "the plugin's schema of `{namespace}` is not a JSON Schema"
                    ))
                    .detail(error.to_string())
                    .help("this is a fault of the plugin, not of the configuration"),
                );
                return diagnostics;
            }
        };
        let path = Path::attribute(namespace);
        let mut value = self.resolved_for_validation(&path);
        let named = |name: &str| schema.pointer(&format!("/properties/{name}")).is_some();
        if let Some(map) = value.as_map_mut() {
            for name in ["enabled", CREDENTIALS] {
                if !named(name) {
                    map.remove(name);
                }
            }
        }
        let mut judged = Judged {
            configuration: self,
            schema,
            root: path,
            unknown: BTreeSet::new(),
            diagnostics,
        };
        let instance = judged.instance(&value, &Path::root());
        for error in validator.iter_errors(&instance) {
            judged.violation(&error);
        }
        let mut found = judged.diagnostics.0;
        found.sort_by_key(|d| {
            d.origin
                .as_ref()
                .map(|origin| (origin.line == 0, origin.file.clone(), origin.offset))
        });
        found.dedup();
        Diagnostics(found)
    }

    fn resolved_for_validation(&self, path: &Path) -> Value {
        // With no sealer and no stacks nothing can fail that `check` does not report.
        self.effective()
            .at(path)
            .map_or_else(Value::empty_map, std::borrow::Cow::into_owned)
    }
}

struct Judged<'c> {
    configuration: &'c Configuration,
    schema: &'c Json,
    root: Path,
    unknown: BTreeSet<Path>,
    diagnostics: Diagnostics,
}

impl Judged<'_> {
    /// Turns a value into JSON, with null for what is not known, and remembers where.
    fn instance(&mut self, value: &Value, path: &Path) -> Json {
        match value {
            Value::Map(map) if join_parts(value).is_none() => Json::Object(
                map.iter()
                    .map(|(name, below)| (name.clone(), self.instance(below, &path.child(name))))
                    .collect(),
            ),
            Value::List(list) => Json::Array(
                list.iter()
                    .enumerate()
                    .map(|(index, below)| self.instance(below, &path.element(index)))
                    .collect(),
            ),
            Value::Map(_) | Value::Unknown | Value::Secret(_) | Value::Reference(_) => {
                self.unknown.insert(path.clone());
                Json::Null
            }
            known => to_plain_json(known),
        }
    }

    /// Tells whether a violation may be owed to something that is not known yet.
    fn is_excused(&self, error: &ValidationError<'_>, path: &Path) -> bool {
        if self.unknown.iter().any(|unknown| path.starts_with(unknown)) {
            return true;
        }
        if !self.unknown.iter().any(|unknown| unknown.starts_with(path)) {
            return false;
        }
        let conditional = error.evaluation_path().iter().any(|segment| {
            matches!(&segment, LocationSegment::Property(name)
                if matches!(name.as_ref(), "then" | "else" | "dependentSchemas"))
        });
        conditional
            || !matches!(
                error.kind(),
                ValidationErrorKind::Required { .. }
                    | ValidationErrorKind::AdditionalProperties { .. }
                    | ValidationErrorKind::Type { .. }
                    | ValidationErrorKind::AdditionalItems { .. }
                    | ValidationErrorKind::MaxItems { .. }
                    | ValidationErrorKind::MinItems { .. }
                    | ValidationErrorKind::MaxProperties { .. }
                    | ValidationErrorKind::MinProperties { .. }
                    | ValidationErrorKind::PropertyNames { .. }
            )
    }

    fn violation(&mut self, error: &ValidationError<'_>) {
        let path = path_of(error.instance_path());
        if self.is_excused(error, &path) {
            return;
        }
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                for name in unexpected {
                    self.unknown_setting(error, &path, name);
                }
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                if path.is_root() && name == CREDENTIALS {
                    return;
                }
                self.missing(error, &path, name);
            }
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                self.no_form_fits(error, &path, context);
            }
            kind => {
                let summary = self.summary(kind, error);
                let mut diagnostic = Diagnostic::error(summary);
                if let Some(help) = help(kind, error.instance()) {
                    diagnostic = diagnostic.help(help);
                }
                if let Some(description) = self.description(error, None) {
                    diagnostic = diagnostic.detail(description);
                }
                self.report(diagnostic, &path);
            }
        }
    }

    /// Reports at the place of a value.
    fn report(&mut self, diagnostic: Diagnostic, path: &Path) {
        let full = self.root.join(path);
        let origin = self.configuration.locate_setting(&full);
        self.diagnostics.push(diagnostic.at(full).origin(origin));
    }

    fn unknown_setting(&mut self, error: &ValidationError<'_>, path: &Path, name: &str) {
        let full = self.root.join(path);
        let origin = self
            .configuration
            .get(&full.child(name))
            .map(|found| found.key_or_value_origin().clone());
        let known: Vec<String> = self
            .schema_around(error)
            .and_then(|around| around.get("properties")?.as_object())
            .map(|properties| properties.keys().cloned().collect())
            .unwrap_or_default();
        let mut diagnostic = Diagnostic::error(format!("there is no setting `{name}` here"))
            .at(full.child(name))
            .origin(origin);
        if let Some(help) = suggestion::help(name, known.iter().map(String::as_str)) {
            diagnostic = diagnostic.help(help);
        }
        self.diagnostics.push(diagnostic);
    }

    fn missing(&mut self, error: &ValidationError<'_>, path: &Path, name: &str) {
        let full = self.root.join(path);
        let origin = self
            .configuration
            .get(&full)
            .map(|found| found.key_or_value_origin().clone());
        let mut diagnostic = Diagnostic::error(format!("`{name}` is missing"))
            .at(full)
            .origin(origin);
        if let Some(description) = self.description(error, Some(name)) {
            diagnostic = diagnostic.detail(description);
        }
        self.diagnostics.push(diagnostic);
    }

    /// Reports the mistakes of the form that was most likely meant, or what all forms expect.
    fn no_form_fits(
        &mut self,
        error: &ValidationError<'_>,
        path: &Path,
        forms: &[Vec<ValidationError<'static>>],
    ) {
        let wrong_kind = |form: &&Vec<ValidationError<'static>>| {
            form.iter().any(|e| {
                e.instance_path() == error.instance_path()
                    && matches!(
                        e.kind(),
                        ValidationErrorKind::Type { .. } | ValidationErrorKind::Constant { .. }
                    )
            })
        };
        let mut meant: Vec<_> = forms.iter().filter(|form| !wrong_kind(form)).collect();
        meant.sort_by_key(|form| form.len());
        if let [form] = meant.as_slice() {
            for error in *form {
                self.violation(error);
            }
            return;
        }
        let mut expected: Vec<String> = forms
            .iter()
            .filter_map(|form| form.first())
            .map(|error| self.summary(error.kind(), error))
            .collect();
        expected.dedup();
        let diagnostic =
            Diagnostic::error("the value has none of the allowed forms").detail(expected.join("; or: "));
        self.report(diagnostic, path);
    }

    fn summary(&self, kind: &ValidationErrorKind, error: &ValidationError<'_>) -> String {
        let found = || plain_json(error.instance());
        match kind {
            ValidationErrorKind::Type { kind } => {
                let expected = match kind {
                    TypeKind::Single(one) => json_type(*one).to_owned(),
                    TypeKind::Multiple(many) => many.iter().map(json_type).collect::<Vec<_>>().join(" or "),
                };
                format!("expected {expected}, found {}", json_kind(error.instance()))
            }
            ValidationErrorKind::Enum { options } => {
                let options: Vec<_> = options.as_array().into_iter().flatten().map(plain_json).collect();
                format!("expected {}, found {}", options.join(" or "), found())
            }
            ValidationErrorKind::Constant { expected_value } => {
                format!("expected {}, found {}", plain_json(expected_value), found())
            }
            ValidationErrorKind::Minimum { limit } => {
                format!("expected at least {limit}, found {}", found())
            }
            ValidationErrorKind::Maximum { limit } => {
                format!("expected at most {limit}, found {}", found())
            }
            ValidationErrorKind::ExclusiveMinimum { limit } => {
                format!("expected more than {limit}, found {}", found())
            }
            ValidationErrorKind::ExclusiveMaximum { limit } => {
                format!("expected less than {limit}, found {}", found())
            }
            ValidationErrorKind::Pattern { pattern } => {
                format!("expected text of the form `{pattern}`, found {}", found())
            }
            ValidationErrorKind::Format { format } => {
                format!("expected text of the format {format}, found {}", found())
            }
            ValidationErrorKind::MinLength { limit } => {
                format!("expected at least {limit} characters, found {}", found())
            }
            ValidationErrorKind::MaxLength { limit } => {
                format!("expected at most {limit} characters, found {}", found())
            }
            ValidationErrorKind::MinItems { limit } => format!("expected at least {limit} elements"),
            ValidationErrorKind::MaxItems { limit } => format!("expected at most {limit} elements"),
            ValidationErrorKind::UniqueItems => "an element is here more than once".to_owned(),
            ValidationErrorKind::FalseSchema => "nothing may be set here".to_owned(),
            ValidationErrorKind::Custom { message, .. } => message.clone(),
            // The library's sentence without the value, which can be long.
            _ => error.masked_with("the value").to_string(),
        }
    }

    /// Returns the part of the schema that holds the keyword that failed.
    fn schema_around(&self, error: &ValidationError<'_>) -> Option<&Json> {
        let pointer = error.schema_path().as_str();
        let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        self.schema.pointer(parent)
    }

    fn description(&self, error: &ValidationError<'_>, property: Option<&str>) -> Option<String> {
        let mut around = self.schema_around(error)?;
        if let Some(property) = property {
            around = around.get("properties")?.get(property)?;
        }
        Some(
            around
                .get("description")?
                .as_str()?
                .trim_end_matches('.')
                .to_owned(),
        )
    }
}

fn help(kind: &ValidationErrorKind, instance: &Json) -> Option<String> {
    match kind {
        ValidationErrorKind::Type {
            kind: TypeKind::Single(JsonType::String),
        } if instance.is_number() || instance.is_boolean() => {
            Some("write it in quotes if it is text".to_owned())
        }
        ValidationErrorKind::Type {
            kind: TypeKind::Single(JsonType::Integer | JsonType::Number | JsonType::Boolean),
        } if instance.is_string() => Some("remove the quotes".to_owned()),
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array()?;
            let near = konductor_model::suggestion::nearest(
                instance.as_str()?,
                options.iter().filter_map(Json::as_str),
            )?;
            Some(format!("did you mean `{near}`?"))
        }
        _ => None,
    }
}

fn path_of(location: &Location) -> Path {
    location
        .iter()
        .map(|segment| match segment {
            LocationSegment::Property(name) => PathStep::Attribute(name.into_owned()),
            LocationSegment::Index(index) => PathStep::Index(index),
        })
        .collect::<Vec<_>>()
        .into()
}

fn plain_json(value: &Json) -> String {
    let mut text = match value {
        Json::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    };
    if text.chars().count() > 80 {
        text = format!("{}…`", text.chars().take(79).collect::<String>());
    }
    text
}

fn json_type(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "a map",
        JsonType::String => "text",
    }
}

fn json_kind(value: &Json) -> &'static str {
    match value {
        Json::Array(_) => "a list",
        Json::Bool(_) => "true or false",
        Json::Null => "null",
        Json::Number(_) => "a number",
        Json::Object(_) => "a map",
        Json::String(_) => "text",
    }
}
