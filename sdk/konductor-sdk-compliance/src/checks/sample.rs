//! Documents for tests.

use serde_json::{Value, json};

use super::document::{Document, DocumentError};

/// A document for a test, made resource by resource.
///
/// ```
/// use konductor_sdk_compliance::checks::Sample;
/// use serde_json::json;
///
/// let plan = Sample::plan()
///     .create("aws:s3:Bucket", "logs", json!({ "bucket": "logs" }))
///     .metadata("owner", "platform")
///     .document()
///     .unwrap();
/// assert_eq!(plan.resources().count(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct Sample {
    operation: &'static str,
    changes: Vec<Value>,
    drift: Vec<Value>,
    /// The last one that was added is drift.
    drifts: bool,
}

impl Sample {
    /// Starts a plan.
    pub fn plan() -> Self {
        Self {
            operation: "apply",
            changes: Vec::new(),
            drift: Vec::new(),
            drifts: false,
        }
    }

    /// Adds a resource that is created.
    #[must_use]
    pub fn create(self, type_name: &str, name: &str, after: Value) -> Self {
        self.change(type_name, name, &["create"], Value::Null, after)
    }

    /// Adds a resource that is changed.
    #[must_use]
    pub fn update(self, type_name: &str, name: &str, before: Value, after: Value) -> Self {
        self.change(type_name, name, &["update"], before, after)
    }

    /// Adds a resource that stays as it is.
    #[must_use]
    pub fn keep(self, type_name: &str, name: &str, attributes: Value) -> Self {
        self.change(type_name, name, &["no-op"], attributes.clone(), attributes)
    }

    /// Adds a resource that is deleted.
    #[must_use]
    pub fn delete(self, type_name: &str, name: &str, before: Value) -> Self {
        self.change(type_name, name, &["delete"], before, Value::Null)
    }

    /// Adds an object that is not as it was recorded.
    #[must_use]
    pub fn drifted(mut self, type_name: &str, name: &str, before: Value, after: Value) -> Self {
        let actions = if after.is_null() { "delete" } else { "update" };
        self.operation = "drift";
        self.drifts = true;
        self.drift.push(entry(type_name, name, &[actions], before, after));
        self
    }

    /// Says something of the resource that was added last: `owner`.
    #[must_use]
    pub fn metadata(mut self, field: &str, value: &str) -> Self {
        self.mark("/konductor/metadata", field, json!(value));
        self
    }

    /// Says that an attribute of the resource that was added last is known only after the apply.
    #[must_use]
    pub fn unknown(mut self, attribute: &str) -> Self {
        self.mark("/change/after_unknown", attribute, json!(true));
        self
    }

    /// Returns the document.
    ///
    /// # Errors
    /// Never, as it is made here; [`Document::new`] says when.
    pub fn document(self) -> Result<Document, DocumentError> {
        Document::new(json!({
            "format_version": "1.2",
            "resource_changes": self.changes,
            "resource_drift": self.drift,
            "konductor": { "format": 1, "operation": self.operation, "project": "sample", "stack": "dev" },
        }))
    }

    fn change(mut self, type_name: &str, name: &str, actions: &[&str], before: Value, after: Value) -> Self {
        self.drifts = false;
        self.changes.push(entry(type_name, name, actions, before, after));
        self
    }

    /// Sets a member of an object in the resource that was added last.
    fn mark(&mut self, object: &str, member: &str, value: Value) {
        let entries = if self.drifts {
            &mut self.drift
        } else {
            &mut self.changes
        };
        let object = entries.last_mut().and_then(|last| last.pointer_mut(object));
        if let Some(members) = object.and_then(Value::as_object_mut) {
            members.insert(member.to_owned(), value);
        }
    }
}

fn entry(type_name: &str, name: &str, actions: &[&str], before: Value, after: Value) -> Value {
    json!({
        "address": format!("{type_name}.{name}"),
        "mode": "managed",
        "type": type_name,
        "name": name,
        "change": {
            "actions": actions,
            "before": before,
            "after": after,
            "after_unknown": {},
            "before_sensitive": false,
            "after_sensitive": false,
        },
        "konductor": {
            "urn": format!("urn:konductor:sample:dev:{type_name}::{name}"),
            "name": name,
            "type": type_name,
            "metadata": {},
            "place": null,
        },
    })
}
