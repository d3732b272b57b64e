//! The resources of a document, each in the form in which checks look at it.
//!
//! Azure and Google have a resource for every type of theirs beside types with attributes of their own. Checks are
//! written once: in the spelling of Azure's resource manager, and for Google in that of attributes.

use serde_json::{Map, Value as Json};

use crate::attributes::{set, with_unknown};
use crate::azure_attributes;
use crate::google_attributes;

/// A resource.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// Its URN.
    pub(crate) urn: String,
    /// Its name in the stack.
    pub(crate) name: String,
    /// Its type, as Konductor calls it.
    pub(crate) resource_type: String,
    /// Where it is declared.
    pub(crate) place: Option<String>,
    /// What it directly depends on, by name.
    pub(crate) dependencies: Vec<String>,
    /// What checks call its type: `aws:s3:Bucket`, `Microsoft.Storage/storageAccounts`, `storage/v1/buckets`.
    pub(crate) kind: String,
    /// Its attributes, in the spelling of checks.
    pub(crate) attributes: Json,
    /// How its attributes are declared.
    form: Form,
}

/// How the attributes of a resource are declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As checks spell them.
    Same,
    /// As the body of a generic resource of Azure.
    AzureBody,
    /// By names that stand for paths.
    AzureNames(&'static azure_attributes::Names),
    /// As the body of a generic resource of Google.
    GoogleBody,
}

const AZURE_RESOURCE: &str = "azure:arm:Resource";
const GOOGLE_RESOURCE: &str = "gcp:rest:Resource";
/// Members of an Azure resource that stand beside the body.
const BESIDE_BODY: [&str; 3] = ["name", "location", "tags"];

impl Subject {
    /// Returns the resources of a document that there are, or will be.
    pub(crate) fn all(document: &Json) -> Vec<Self> {
        let changes = document.get("resource_changes").and_then(Json::as_array);
        changes.into_iter().flatten().filter_map(Self::read).collect()
    }

    fn read(entry: &Json) -> Option<Self> {
        if entry.get("deposed").is_some() {
            return None;
        }
        let change = entry.get("change")?;
        // What is deleted or forgotten has none.
        let after = change.get("after").filter(|after| after.is_object())?;
        let attributes = match change.get("after_unknown") {
            Some(unknown) => with_unknown(after, unknown),
            None => after.clone(),
        };
        let own = entry.get("konductor")?;
        let text = |name: &str| own.get(name).and_then(Json::as_str).map(str::to_owned);
        let dependencies = own.get("depends_on").and_then(Json::as_array);
        Some(Self::new(
            text("urn")?,
            text("name")?,
            text("type")?,
            text("place"),
            dependencies
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
            attributes,
        ))
    }

    fn new(
        urn: String,
        name: String,
        resource_type: String,
        place: Option<String>,
        dependencies: Vec<String>,
        attributes: Json,
    ) -> Self {
        let (kind, attributes, form) = normalized(&resource_type, attributes);
        Self {
            urn,
            name,
            resource_type,
            place,
            dependencies,
            kind,
            attributes,
            form,
        }
    }

    /// Returns how the path of a check is declared in this resource; none where it cannot be.
    pub(crate) fn declared(&self, path: &str) -> Option<String> {
        match self.form {
            Form::Same => Some(path.to_owned()),
            Form::AzureBody if BESIDE_BODY.contains(&path) => Some(path.to_owned()),
            Form::AzureBody => Some(format!("body.{path}")),
            Form::AzureNames(names) => azure_attributes::declared(names, path),
            Form::GoogleBody => Some(format!("body.{}", google_attributes::property_path(path))),
        }
    }
}

fn normalized(resource_type: &str, attributes: Json) -> (String, Json, Form) {
    let type_of_body = |attributes: &Json| {
        let named = attributes.get("type").and_then(Json::as_str);
        named.unwrap_or_default().to_owned()
    };
    if resource_type == AZURE_RESOURCE {
        let kind = type_of_body(&attributes);
        let mut body = attributes.get("body").cloned().unwrap_or(Json::Null);
        if body.is_null() {
            body = Json::Object(Map::new());
        }
        if let (Some(members), Some(all)) = (body.as_object_mut(), attributes.as_object()) {
            for name in BESIDE_BODY {
                if let Some(value) = all.get(name) {
                    members.insert(name.to_owned(), value.clone());
                }
            }
        }
        return (kind, body, Form::AzureBody);
    }
    if let Some(names) = azure_attributes::names(resource_type) {
        let mut body = Json::Object(Map::new());
        for (name, value) in attributes.as_object().into_iter().flatten() {
            let path = names.paths.iter().find(|(known, _)| known == name);
            set(
                &mut body,
                path.map_or(name.as_str(), |(_, path)| path),
                value.clone(),
            );
        }
        return (names.kind.to_owned(), body, Form::AzureNames(names));
    }
    if resource_type == GOOGLE_RESOURCE {
        let kind = type_of_body(&attributes);
        let mut body = google_attributes::spelled(attributes.get("body").unwrap_or(&Json::Null));
        if let (Some(members), Some(labels)) = (body.as_object_mut(), attributes.get("labels")) {
            members.insert("labels".to_owned(), labels.clone());
        }
        return (kind, body, Form::GoogleBody);
    }
    let kind = google_attributes::kind(resource_type).unwrap_or(resource_type);
    (kind.to_owned(), attributes, Form::Same)
}

/// Returns the types of resources, as Konductor calls them, that a kind is of.
pub(crate) fn resource_types(kind: &str) -> Vec<String> {
    if kind.starts_with("aws:") {
        return vec![kind.to_owned()];
    }
    let (generic, own): (&str, Option<&str>) = if kind.starts_with("Microsoft.") {
        (AZURE_RESOURCE, azure_attributes::type_of(kind))
    } else {
        (GOOGLE_RESOURCE, google_attributes::type_of(kind))
    };
    let own = own.map(str::to_owned).into_iter();
    own.chain([format!("{generic} {kind}")]).collect()
}

/// Tells whether a resource of a type can be of a kind.
pub(crate) fn may_be(resource_type: &str, kind: &str) -> bool {
    match resource_type {
        AZURE_RESOURCE => kind.starts_with("Microsoft."),
        GOOGLE_RESOURCE => !kind.starts_with("Microsoft.") && !kind.starts_with("aws:"),
        other => {
            other == kind
                || azure_attributes::type_of(kind) == Some(other)
                || google_attributes::type_of(kind) == Some(other)
        }
    }
}
