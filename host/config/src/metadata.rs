//! What is said of everything in a stack: the section `metadata`.

use std::collections::BTreeMap;

use konductor_model::options::metadata_field;
use konductor_model::value_json::to_plain_json;
use konductor_model::{Diagnostic, Diagnostics, Path, Value};

use crate::configuration::Configuration;
use crate::resolve::Context;

/// The name of the section.
pub(crate) const METADATA: &str = "metadata";

/// The key that says what is written onto resources.
const TAGS: &str = "tags";

/// What is said of everything in a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataSettings {
    /// The fields, such as `owner` or `data_classification`.
    pub fields: BTreeMap<String, String>,
    /// The tags that fields are written as, by the field. Without `tags` in the section it is each field of it, under its
    /// own name.
    pub tags: BTreeMap<String, String>,
}

impl Configuration {
    /// Returns what is said of everything in the stack.
    ///
    /// # Errors
    /// Everything in the section that cannot be a field, or is of another form, each with its place.
    pub fn metadata(&self, context: Context<'_>) -> Result<MetadataSettings, Diagnostics> {
        let section = Path::attribute(METADATA);
        let mut found = MetadataSettings::default();
        let Some(settings) = self.value(&section, context)? else {
            return Ok(found);
        };
        let mut diagnostics = Diagnostics::default();
        let mut wrong = |path: &Path, summary: String, help: &str| {
            let error = Diagnostic::error(summary).help(help.to_owned());
            diagnostics.push(error.origin(self.locate_setting(path)));
        };
        let mut tags = None;
        // That a section is a map is seen to when it is read.
        for (name, value) in settings.as_map().into_iter().flatten() {
            let path = section.child(name);
            if name == TAGS {
                tags = Some(value);
                continue;
            }
            if let Err(error) = metadata_field(name) {
                wrong(&path, error, "give it another name");
                continue;
            }
            match text(value) {
                Some(text) => {
                    found.fields.insert(name.clone(), text);
                }
                None if matches!(value, Value::Secret(_)) => wrong(
                    &path,
                    format!("`{path}` is a secret, and metadata is written onto resources and into reports"),
                    "give it in plain text, or leave it out",
                ),
                None => wrong(
                    &path,
                    format!(
                        "`{path}` is a {}, expected a text, a number or a boolean",
                        value.kind()
                    ),
                    "write for example `owner: shop-team`",
                ),
            }
        }
        match tags.map(|tags| (tags, tags.as_map())) {
            None => {
                let fields = found.fields.keys();
                found.tags = fields.map(|field| (field.clone(), field.clone())).collect();
            }
            Some((_, Some(tags))) => {
                for (field, tag) in tags {
                    let path = section.child(TAGS).child(field);
                    if let Err(error) = metadata_field(field) {
                        wrong(&path, error, "name a field of `metadata`");
                    }
                    match tag {
                        Value::Text(tag) if !tag.trim().is_empty() => {
                            found.tags.insert(field.clone(), tag.clone());
                        }
                        other => wrong(
                            &path,
                            format!("`{path}` is {}, expected the key of a tag", to_plain_json(other)),
                            "write for example `tags: { owner: Owner }`",
                        ),
                    }
                }
            }
            Some((other, None)) => wrong(
                &section.child(TAGS),
                format!("`{METADATA}.{TAGS}` is a {}, expected a map", other.kind()),
                "write for example `tags: { owner: Owner }`, or `tags: {}` where nothing is to be written",
            ),
        }
        if diagnostics.has_errors() {
            Err(diagnostics)
        } else {
            Ok(found)
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Boolean(_) | Value::Integer(_) | Value::Number(_) => Some(to_plain_json(value).to_string()),
        _ => None,
    }
}
