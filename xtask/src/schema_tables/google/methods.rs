//! The collections of a discovery document and their methods.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::{Document, members};

/// What a method is called by.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Method {
    pub id: String,
    pub http_method: String,
    pub path: String,
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    pub request: Option<Reference>,
    pub response: Option<Reference>,
}

/// A parameter of a method.
#[derive(Debug, Clone, Deserialize)]
pub struct Parameter {
    pub location: String,
    #[serde(default)]
    pub required: bool,
}

/// The name of a schema.
#[derive(Debug, Clone, Deserialize)]
pub struct Reference {
    #[serde(rename = "$ref")]
    pub target: String,
}

impl Method {
    /// Returns the query parameters that say how or where something is made or changed; what only shapes answers is
    /// left out.
    pub fn query(&self) -> impl Iterator<Item = &str> {
        const ANSWERS: [&str; 14] = [
            "filter",
            "orderBy",
            "projection",
            "returnPartialSuccess",
            "includeAllScopes",
            "view",
            "fields",
            "showDeleted",
            "validateOnly",
            "userProject",
            "serviceProjectNumber",
            "maxResults",
            "pageSize",
            "views",
        ];
        self.parameters
            .iter()
            .filter(|(name, parameter)| parameter.location == "query" && !ANSWERS.contains(&name.as_str()))
            .map(|(name, _)| name.as_str())
    }
}

/// A collection of objects.
pub struct Collection<'d> {
    /// Its name, with dots: `projects.topics`.
    pub name: String,
    pub methods: BTreeMap<&'d str, Method>,
}

/// Returns all collections of a document.
pub fn collections(document: &Document) -> Vec<Collection<'_>> {
    let mut found = Vec::new();
    walk(&document.resources, "", &mut found);
    found
}

fn walk<'d>(resources: &'d BTreeMap<String, Json>, before: &str, found: &mut Vec<Collection<'d>>) {
    for (name, resource) in resources {
        add(name, resource, before, found);
    }
}

fn add<'d>(name: &str, resource: &'d Json, before: &str, found: &mut Vec<Collection<'d>>) {
    let name = if before.is_empty() {
        name.to_owned()
    } else {
        format!("{before}.{name}")
    };
    let methods = resource.get("methods").and_then(Json::as_object);
    let methods = methods
        .into_iter()
        .flatten()
        .filter_map(|(name, method)| {
            let method = serde_json::from_value(method.clone()).ok()?;
            Some((name.as_str(), method))
        })
        .collect();
    found.push(Collection {
        name: name.clone(),
        methods,
    });
    let inner = resource.get("resources").and_then(Json::as_object);
    for (inner_name, inner) in inner.into_iter().flatten() {
        add(inner_name, inner, &name, found);
    }
}

impl Collection<'_> {
    /// Returns the methods that set single properties of an object: those called `set…` (and the two that only grow
    /// something) whose request is a property, or holds properties only. The flag says which of the two.
    pub fn setters(
        &self,
        document: &Document,
        schema: &str,
        get_path: &str,
    ) -> BTreeMap<String, (&Method, bool)> {
        let properties = members(document, schema);
        let mut found = BTreeMap::new();
        for (name, method) in &self.methods {
            let sets = name.starts_with("set") || ["resize", "expandIpCidrRange"].contains(name);
            let of_item = without_names(&method.path).starts_with(&format!("{}/", without_names(get_path)));
            let Some(request) = method.request.as_ref().filter(|_| sets && of_item) else {
                continue;
            };
            let requires_more = method
                .parameters
                .values()
                .any(|parameter| parameter.location == "query" && parameter.required);
            if requires_more {
                continue;
            }
            let whole = properties
                .iter()
                .find(|(_, reference)| reference.as_deref() == Some(request.target.as_str()));
            if let Some((property, _)) = whole {
                found.insert(property.clone(), (method, true));
                continue;
            }
            let given = members(document, &request.target);
            if !given.is_empty() && given.keys().all(|name| properties.contains_key(name)) {
                for property in given
                    .keys()
                    .filter(|name| !name.to_lowercase().ends_with("fingerprint"))
                {
                    found.entry(property.clone()).or_insert((method, false));
                }
            }
        }
        found
    }
}

/// Returns a path with the names of its parameters taken out: methods of one collection call them differently.
fn without_names(path: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for character in path.chars() {
        match character {
            '{' => inside = true,
            '}' => inside = false,
            _ if inside => continue,
            _ => {}
        }
        text.push(character);
    }
    text
}
