//! What the components share: the inputs that all of them take, and a component that becomes resources of one cloud.

use std::collections::BTreeMap;

use konductor_sdk::component::inputs::{input, known, not_known, own_name};
use konductor_sdk::prelude::*;

use crate::cloud::{Cloud, chosen};

/// Adds the inputs and outputs that every component has.
pub(crate) fn common(schema: SchemaBuilder, carries: [&str; 3]) -> SchemaBuilder {
    let schema = schema
        .attribute(
            "cloud",
            text("The cloud that it is in; `konductor.cloud` where it is not given.")
                .allowed(Cloud::ALL.map(Cloud::word)),
        )
        .tags();
    let hatches = Cloud::ALL.into_iter().zip(carries);
    hatches.fold(schema, |schema, (cloud, carrier)| {
        let about = format!(
            "What is said in {} alone: properties of {carrier}, laid over those that follow from the other inputs. Not used \
             in another cloud.",
            cloud.name()
        );
        schema.attribute(cloud.word(), map(any(""), &about))
    })
}

/// A component that becomes resources of one cloud.
pub(crate) struct Expansion<'r> {
    /// The cloud.
    pub(crate) cloud: Cloud,
    request: &'r ConstructRequest,
    construction: &'r mut Construction,
    over: BTreeMap<String, Value>,
}

impl<'r> Expansion<'r> {
    /// Expands a component in the cloud that is chosen for it. What is not known, or is wrong, is said and ends it.
    pub(crate) fn run(
        request: &'r ConstructRequest,
        construction: &'r mut Construction,
        expand: impl FnOnce(&mut Self) -> Option<()>,
    ) {
        if let Some(mut expansion) = Self::start(request, construction) {
            // What is not known was reported.
            let _ = expand(&mut expansion);
        }
    }

    /// Chooses the cloud, and says which properties of other clouds are not used. There is none when something is wrong,
    /// which is said then.
    fn start(request: &'r ConstructRequest, construction: &'r mut Construction) -> Option<Self> {
        let cloud = match chosen(request) {
            Ok(cloud) => cloud,
            Err(wrong) => {
                construction.diagnose(*wrong);
                return None;
            }
        };
        let over = match request.inputs.attribute(cloud.word()) {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(Value::Map(map)) => map.clone(),
            Some(_) => {
                construction.diagnose(not_known(cloud.word()));
                return None;
            }
        };
        let mut expansion = Self {
            cloud,
            request,
            construction,
            over,
        };
        for other in Cloud::ALL.into_iter().filter(|other| *other != cloud) {
            let given = request.inputs.attribute(other.word()).and_then(Value::as_map);
            for property in given.into_iter().flatten().map(|(name, _)| name) {
                expansion.construction.diagnose(
                    Diagnostic::warning(format!(
                        "`{property}` is for {} and is not used in {}",
                        other.name(),
                        cloud.name()
                    ))
                    .at(Path::attribute(other.word()).child(property)),
                );
            }
        }
        expansion.output("cloud", cloud.word());
        Some(expansion)
    }

    /// Returns what its resources are called.
    pub(crate) fn name(&self) -> String {
        own_name(self.request)
    }

    /// Returns an input as it was given.
    pub(crate) fn input(&self, name: &str) -> Value {
        input(self.request, name)
    }

    /// Tells whether an input is given.
    pub(crate) fn has(&self, name: &str) -> bool {
        !self.input(name).is_null()
    }

    /// Returns a property that is given for the chosen cloud alone.
    pub(crate) fn over(&self, property: &str) -> Option<&Value> {
        self.over.get(property).filter(|value| !value.is_null())
    }

    /// Returns an input that decides what exists; null where it is not given. What is not known is reported.
    pub(crate) fn known(&mut self, name: &str) -> Option<Value> {
        match known(&self.request.inputs, name) {
            Ok(value) => Some(value.cloned().unwrap_or_default()),
            Err(wrong) => {
                self.construction.diagnose(*wrong);
                None
            }
        }
    }

    /// Returns an input that is true, false, or not given. What is not known is reported.
    pub(crate) fn switch(&mut self, name: &str) -> Option<Option<bool>> {
        self.known(name).map(|value| value.as_boolean())
    }

    /// Says what of an input is lost in the chosen cloud.
    pub(crate) fn lose(&mut self, input: &str, why: &str) {
        let diagnostic = Diagnostic::warning(format!("`{input}` is lost in {}", self.cloud.name()));
        self.construction
            .diagnose(diagnostic.detail(why).at(Path::attribute(input)));
    }

    /// Says what keeps it from being made.
    pub(crate) fn refuse(&mut self, diagnostic: Diagnostic) {
        self.construction.diagnose(diagnostic);
    }

    /// Says that the chosen cloud has no type for it yet, and what can be done instead.
    pub(crate) fn is_not_there(&mut self, what: &str, help: &str) {
        self.construction.diagnose(
            Diagnostic::error(format!("there is no {what} in {} yet", self.cloud.name()))
                .detail(format!("the plugin `{}` has no type for it", self.cloud.word()))
                .help(help)
                .at(Path::attribute("cloud")),
        );
    }

    /// Declares what carries the component: the properties that follow from its inputs, and what is given for this cloud
    /// alone laid over them. It is called as the cloud is.
    pub(crate) fn carry<const N: usize>(
        &mut self,
        type_name: &str,
        properties: [(&str, Value); N],
    ) -> Sibling {
        let own = properties
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.to_owned(), value));
        let laid = overlaid(Value::Map(own.collect()), Value::Map(self.over.clone()));
        let mut declared = self.construction.declare(self.cloud.word(), type_name);
        for (name, value) in laid.as_map().into_iter().flatten() {
            declared = declared.set(name, value.clone());
        }
        declared.add()
    }

    /// Declares something beside what carries the component.
    pub(crate) fn declare<'p>(
        &mut self,
        name: &str,
        type_name: &str,
        properties: impl IntoIterator<Item = (&'p str, Value)>,
    ) -> Sibling {
        let name = format!("{}-{name}", self.cloud.word());
        let mut declared = self.construction.declare(name, type_name);
        for (property, value) in properties {
            declared = declared.set(property, value);
        }
        declared.add()
    }

    /// Sets an output.
    pub(crate) fn output(&mut self, name: &str, value: impl Into<Value>) {
        self.construction.output(name, value);
    }

    /// Returns the tags as labels of Google, which are written small; which of them had to change is said.
    pub(crate) fn labels(&mut self) -> Value {
        let Value::Map(tags) = self.input("tags") else {
            return self.input("tags");
        };
        let mut labels = BTreeMap::new();
        for (key, value) in tags {
            let (label, text) = (as_label(&key), value.as_text().map(as_label));
            if label != key || text.as_deref().is_some_and(|text| value.as_text() != Some(text)) {
                self.construction.diagnose(
                    Diagnostic::warning(format!("the tag `{key}` is not written as it is in Google Cloud"))
                        .detail("labels are small letters, digits, `_` and `-`")
                        .at(Path::attribute("tags").child(&key)),
                );
            }
            labels.insert(label, text.map_or(value, Value::from));
        }
        Value::Map(labels)
    }
}

fn as_label(text: &str) -> String {
    let label = |character: char| match character {
        'a'..='z' | '0'..='9' | '_' | '-' => character,
        'A'..='Z' => character.to_ascii_lowercase(),
        _ => '_',
    };
    text.chars().map(label).collect()
}

/// Lays properties over others: maps are merged, everything else is replaced.
fn overlaid(below: Value, above: Value) -> Value {
    match (below, above) {
        (Value::Map(mut below), Value::Map(above)) => {
            for (name, value) in above {
                let under = below.remove(&name).unwrap_or_default();
                below.insert(name, overlaid(under, value));
            }
            Value::Map(below)
        }
        (_, above) => above,
    }
}
